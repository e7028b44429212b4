"""Reads a file that runs what it holds, but only if its sha256 was named: the bytes that were hashed are the bytes that are given out."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from audit.errors import ConfigError, ModelError, UntrustedFileError

ALGORITHM = "sha256"
DIGITS = 64
OPTION = "--trust"


@dataclass(frozen=True)
class TrustedBytes:
    """Content of a file with its sha256, hexadecimal in small letters."""

    content: bytes
    sha256: str


def trusted_digests(given: Iterable[str]) -> frozenset[str]:
    """Hexadecimal digests of ``sha256:<64 digits>``, in small letters; raises ConfigError naming what is wrong with one."""
    return frozenset(_digest(text) for text in given)


def read_trusted(path: Path, trusted: Collection[str], *, kind: str) -> TrustedBytes:
    """Read a file once and give its bytes out if `trusted` holds their sha256.

    Raises UntrustedFileError in one line, with the digest and the option that trusts it, when it does not; ModelError when the file cannot
    be read. `kind` says in words what the file is.
    """
    try:
        with path.open("rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise ModelError(f"{path} is no ordinary file")
            found = hashlib.file_digest(file, ALGORITHM).hexdigest()  # a large file without trust never fills the memory
            if found not in trusted:
                raise UntrustedFileError(refusal(path, kind, found, others=bool(trusted)))
            file.seek(0)
            content = file.read()
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}") from error
    if hashlib.sha256(content).hexdigest() != found:
        raise UntrustedFileError(f"{path} changed while it was read; nothing of it was run")
    return TrustedBytes(content, found)


def refusal(path: Path, kind: str, found: str, *, others: bool) -> str:
    """Why a file is not loaded, with the option that trusts it; `others` says that other files are trusted."""
    known = "it is none of the files trusted" if others else "nothing of it was run"
    return (
        f"{path} is a {kind}, and loading it may run any code it holds; {known}: "
        f"if you know where it comes from, repeat with {OPTION} {ALGORITHM}:{found}"
    )


def _digest(text: str) -> str:
    algorithm, colon, digits = text.strip().partition(":")
    if not colon or algorithm.lower() != ALGORITHM:
        raise ConfigError(f"{OPTION} {text}: expected {ALGORITHM}: and the {DIGITS} hexadecimal digits of the file's sha256")
    if not re.fullmatch(rf"[0-9a-fA-F]{{{DIGITS}}}", digits):
        raise ConfigError(f"{OPTION} {text}: found {len(digits)} characters after {ALGORITHM}:; expected {DIGITS} hexadecimal digits")
    return digits.lower()

"""Reads a model file once: the bytes that are hashed are the bytes that are loaded."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from audit.errors import ModelError, nearest

LARGEST = 2**31
"""Bytes of the largest file that is read whole."""


@dataclass(frozen=True)
class ModelFile:
    """Content of a file with its name and its sha256, hexadecimal."""

    name: str
    content: bytes
    sha256: str


def read_model_file(path: Path, *, ending: str, key: str) -> ModelFile:
    """The content of a model file that nothing is run of.

    Raises ModelError in one line: another ending, no such file (with the nearest name), no ordinary file, more than `LARGEST` bytes.
    """
    if path.suffix.lower() != ending:
        raise ModelError(f"model.{key} names {path.name}, which has ending {path.suffix!r}; expected {ending!r}")
    if not path.exists():
        beside = [found.name for found in path.parent.glob("*")] if path.parent.is_dir() else []
        raise ModelError(f"{path}: there is no such file: {nearest(path.name, beside)}")
    if not path.is_file():
        raise ModelError(f"{path} is no ordinary file")
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size > LARGEST:
                raise ModelError(f"{path} has {size} bytes; at most {LARGEST} are read")
            content = file.read(LARGEST)
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}") from error
    return ModelFile(path.name, content, hashlib.sha256(content).hexdigest())

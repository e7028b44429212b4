"""What a file that holds a network with its code says without being loaded: its kind, size and sha256, and the option that trusts it."""

from __future__ import annotations

import hashlib
import re
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from audit.errors import ModelError
from audit.models.exported_signature import read_signature
from audit.models.file_kind import PROGRAMS, WORDS, file_kind
from audit.models.ports import Signature
from audit.models.trusted_file import ALGORITHM, OPTION

CODE = re.compile(r"[^/]+/code/__torch__/([\w/]{1,200})\.py", re.ASCII)
MANGLED = re.compile(r"(/___torch_mangle_\d+)+")
"""What torch adds to the names of modules that it has seen before."""
MOST = 100


@dataclass(frozen=True, kw_only=True)
class ProgramListing:
    """A file of torch.export or TorchScript, as its directory lists it."""

    path: Path
    kind: str
    sha256: str
    size: int
    """Bytes."""
    unpacked: int
    """Bytes of all parts once they are unpacked, as the file claims."""
    entries: int
    """Number of parts."""
    signature: Signature | None
    """What a file of torch.export says it takes and gives."""
    code: tuple[str, ...] = ()
    """Modules that the code of a TorchScript file is of, such as ``torch.nn.modules.linear``."""

    @property
    def trust(self) -> str:
        """The option of ``netassay run`` that lets this very file be loaded."""
        return f"{OPTION} {ALGORITHM}:{self.sha256}"


def list_program(path: Path) -> ProgramListing | None:
    """The listing of a network with its code; None for any other file, or none.

    Raises UntrustedFileError for an archive that is no plain description of a network, ModelError for one that is damaged.
    """
    if not path.is_file():
        return None
    try:
        kind = file_kind(path)
    except ModelError:
        return None
    if kind not in PROGRAMS:
        return None
    with zipfile.ZipFile(path) as archive:
        sizes = {entry.filename: entry.file_size for entry in archive.infolist()}
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, ALGORITHM).hexdigest()
    return ProgramListing(
        path=path,
        kind=WORDS[kind],
        sha256=digest,
        size=path.stat().st_size,
        unpacked=sum(sizes.values()),
        entries=len(sizes),
        signature=read_signature(path) if kind == "export" else None,
        code=_code(sizes) if kind == "script" else (),
    )


def _code(names: Iterable[str]) -> tuple[str, ...]:
    found = (CODE.fullmatch(name) for name in names)
    return tuple(sorted({MANGLED.sub("", one[1]).replace("/", ".") for one in found if one is not None}))[:MOST]

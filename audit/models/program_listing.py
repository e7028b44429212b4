"""What a file that holds a network with its code says without being loaded: its kind, size and sha256, and the option that trusts it."""

from __future__ import annotations

import hashlib
import zipfile
from dataclasses import dataclass
from pathlib import Path

from audit.errors import ModelError
from audit.models.file_kind import PROGRAMS, WORDS, file_kind
from audit.models.trusted_file import ALGORITHM, OPTION


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

    @property
    def trust(self) -> str:
        """The option of ``netassay run`` that lets this very file be loaded."""
        return f"{OPTION} {ALGORITHM}:{self.sha256}"


def list_program(path: Path) -> ProgramListing | None:
    """The listing of a network with its code; None for any other file, or none."""
    if not path.is_file():
        return None
    try:
        kind = file_kind(path)
    except ModelError:
        return None
    if kind not in PROGRAMS:
        return None
    with zipfile.ZipFile(path) as archive:
        sizes = [entry.file_size for entry in archive.infolist()]
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, ALGORITHM).hexdigest()
    return ProgramListing(path=path, kind=WORDS[kind], sha256=digest, size=path.stat().st_size, unpacked=sum(sizes), entries=len(sizes))

"""Tells by its content what a model file is. Reads names of entries and a few bytes, and loads nothing."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Literal

from audit.errors import ModelError, UntrustedFileError

FileKind = Literal["export", "script", "torch", "pickle", "safetensors", "unknown"]
ENDINGS = (".pt2", ".pt", ".ts", ".pth", ".safetensors")
WORDS: dict[FileKind, str] = {
    "export": "network exported by torch.export",
    "script": "TorchScript network",
    "torch": "file of torch.save: weights or pickled objects",
    "pickle": "pickle: weights of an old torch.save or any other objects",
    "safetensors": "safetensors file: weights",
    "unknown": "file of no kind that is known here",
}
PROGRAMS: tuple[FileKind, ...] = ("export", "script")
"""Kinds that hold a network with its code, which loading or calling runs."""


def file_kind(path: Path) -> FileKind:
    """The kind of a file, whatever its name; raises ModelError when there is no such file or it cannot be read."""
    if not path.is_file():
        raise ModelError(f"{path}: there is no such file")
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                return _archive_kind(archive.namelist())
        with path.open("rb") as file:
            return _plain_kind(file.read(9))
    except (OSError, ValueError, NotImplementedError, zipfile.BadZipFile) as error:
        raise ModelError(f"{path} cannot be read: {type(error).__name__}") from error


def refuse_program(path: Path) -> None:
    """Raise UntrustedFileError, naming the key it belongs to, when a file given as weights holds a network with its code."""
    kind = file_kind(path)
    if kind in PROGRAMS:
        raise UntrustedFileError(f"{path} is a {WORDS[kind]}, found under weights = …: it belongs to file = …, without architecture")


def _archive_kind(names: list[str]) -> FileKind:
    inner = {name.partition("/")[2] or name for name in names}
    if any(name.startswith("models/") and name.endswith(".json") for name in inner) or "serialized_exported_program.json" in inner:
        return "export"
    if "constants.pkl" in inner and any(name.startswith("code/") for name in inner):
        return "script"
    return "torch" if "data.pkl" in inner else "unknown"


def _plain_kind(start: bytes) -> FileKind:
    if start[:1] == b"\x80" and start[1:2] in {b"\x02", b"\x03", b"\x04", b"\x05"}:
        return "pickle"
    # A safetensors file begins with the length of its header, eight bytes, and the header's brace.
    return "safetensors" if start[8:9] == b"{" else "unknown"

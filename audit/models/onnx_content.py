"""What an ONNX file refers to: files beside it, and operators of others. Walks the bytes and loads nothing.

An ONNX file is a protocol-buffers message: fields of a number and a kind, of which only the nested messages that can hold tensors or nodes
are looked into (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from audit.errors import ModelError, UntrustedFileError, nearest

INNER: Mapping[str, Mapping[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {},
}
"""Fields that hold messages, by message."""
EXTERNAL, NODE_DOMAIN, FUNCTION_DOMAIN = 13, 7, 10
KNOWN = frozenset({"", "ai.onnx", "ai.onnx.ml", "com.microsoft"})
"""Domains of the operators that onnxruntime brings itself."""
DEEPEST = 64
"""Messages within messages; graphs of real networks nest a few."""


@dataclass
class OnnxContent:
    """Places of tensors outside the file, and domains of operators that are neither known nor defined in it."""

    places: set[str] = field(default_factory=set)
    domains: set[str] = field(default_factory=set)
    defined: set[str] = field(default_factory=set)

    @property
    def foreign(self) -> list[str]:
        """Domains of custom operators."""
        return sorted(self.domains - self.defined - KNOWN)


def onnx_content(content: bytes, path: Path) -> OnnxContent:
    """What the bytes of `path` refer to; raises ModelError when they are no protocol buffers."""
    found = OnnxContent()
    try:
        _walk(memoryview(content), "model", found, 0)
    except (ValueError, IndexError) as error:
        raise ModelError(f"{path} cannot be read as ONNX, it may be damaged: {error}") from error
    return found


def external_files(places: set[str], path: Path) -> list[Path]:
    """The files that tensors of the model at `path` lie in, which must be in its folder or below.

    Raises UntrustedFileError for a place outside, also through a link; ModelError for a file that is not there.
    """
    folder, found = path.parent.resolve(), []
    for place in sorted(places):
        file = (folder / place).resolve()
        if not file.is_relative_to(folder):
            raise UntrustedFileError(f"{path} reads weights from {place!r}, which lies outside its folder; nothing of it was read")
        if not file.is_file():
            beside = [beside.name for beside in folder.glob("*")]
            raise ModelError(f"{path} reads weights from {place!r}, and there is no such file: {nearest(place, beside)}")
        found.append(file)
    return found


def _walk(message: memoryview, kind: str, found: OnnxContent, depth: int) -> None:
    if depth > DEEPEST:
        raise ValueError(f"messages are nested more than {DEEPEST} deep")
    for number, value in _fields(message):
        if kind == "tensor" and number == EXTERNAL:
            found.places |= _place(value)
        elif kind == "node" and number == NODE_DOMAIN:
            found.domains.add(_text(value))
        elif kind == "function" and number == FUNCTION_DOMAIN:
            found.defined.add(_text(value))
        elif number in INNER[kind]:
            _walk(value, INNER[kind][number], found, depth + 1)


def _place(entry: memoryview) -> set[str]:
    """The value of an entry whose key is ``location``; of repeated fields each counts, whichever a reader would take."""
    pairs = list(_fields(entry))
    keys = {_text(value) for number, value in pairs if number == 1}
    return {_text(value) for number, value in pairs if number == 2} if "location" in keys else set()


def _text(value: memoryview) -> str:
    return bytes(value).decode("utf-8")


def _fields(message: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Number and content of the fields that hold text, bytes or messages."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        wire = tag & 7
        if wire == 2:
            size, at = _varint(message, at)
            if at + size > len(message):
                raise ValueError("a field is longer than the file")
            yield tag >> 3, message[at : at + size]
            at += size
        elif wire == 0:
            _, at = _varint(message, at)
        elif wire in {1, 5}:
            at += 8 if wire == 1 else 4
        else:
            raise ValueError("a field is of no kind that ONNX has")
    if at > len(message):
        raise ValueError("the last field is cut off")


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    value, shift = 0, 0
    while True:
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:
            return value, at
        shift += 7
        if shift > 63:
            raise ValueError("a number is too long")

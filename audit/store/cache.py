"""`BlockCache`: measured blocks by their address. A damaged file is removed and measured again; several processes may write at once."""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import secrets
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit.errors import StoreError
from audit.store.disk import private_folder, writing

MAGIC = b"netassay block 1\n"
KEY = re.compile(r"[0-9a-f]{64}")
PLAIN = "biufcUSmM"
"""Kinds of numpy dtypes whose bytes are their value."""
LEFTOVER = 3600.0
"""Seconds after which an unfinished file was left by a killed process."""


class BlockCache:
    """Columns of measured blocks under `folder`; `damaged` counts the files that were found damaged and removed."""

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        self.damaged = 0

    def get(self, key: str) -> dict[str, NDArray[Any]] | None:
        """The columns under `key`, exactly as they were put, or None when they are not there or were damaged."""
        path = self._path(key)
        try:
            data = path.read_bytes()
            os.utime(path)
        except OSError:
            return None
        try:
            return _decoded(key, data)
        except (ValueError, KeyError, TypeError, AttributeError):
            self.damaged += 1
            path.unlink(missing_ok=True)
            return None

    def put(self, key: str, columns: Mapping[str, NDArray[Any]]) -> None:
        """Keep the columns: numbers, booleans, or text that may be None. Raises StoreError for other objects and when the disk is full."""
        path = self._path(key)
        data = _encoded(key, columns)
        unfinished = path.with_name(f".unfinished-{os.getpid()}-{secrets.token_hex(8)}")
        try:
            with writing(path, len(data)):
                private_folder(path.parent)
                # No fsync: after a power cut the checksum finds a torn file, and the block is measured again.
                unfinished.write_bytes(data)
                unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)

    def size(self) -> int:
        """Bytes held."""
        return sum(size for _, size, _ in self._files())

    def prune(self, max_bytes: int) -> int:
        """Remove the blocks that were used longest ago until at most `max_bytes` are held; returns the bytes removed."""
        files = sorted(self._files())
        held = sum(size for _, size, _ in files)
        excess = max(held - max_bytes, 0)
        removed = 0
        for used, size, path in files:
            abandoned = path.name.startswith(".") and time.time() - used > LEFTOVER
            if abandoned or (removed < excess and not path.name.startswith(".")):
                path.unlink(missing_ok=True)
                removed += size
        return removed

    def _path(self, key: str) -> Path:
        if not KEY.fullmatch(key):
            raise StoreError(f"cache key {key!r}: expected 64 hexadecimal digits")
        return self.folder / key[:2] / f"{key}.block"

    def _files(self) -> list[tuple[float, int, Path]]:
        found = []
        for pattern in ("??/*.block", "??/.unfinished-*"):
            for path in self.folder.glob(pattern):
                try:
                    state = path.stat()
                except FileNotFoundError:
                    continue
                found.append((state.st_mtime, state.st_size, path))
        return found


def _encoded(key: str, columns: Mapping[str, NDArray[Any]]) -> bytes:
    header, chunks = [], []
    for name, values in columns.items():
        held = np.asarray(values)
        data = _text(name, held) if held.dtype.kind not in PLAIN else np.ascontiguousarray(held).tobytes()
        header.append({"name": name, "dtype": held.dtype.str if held.dtype.kind in PLAIN else "text", "shape": held.shape, "bytes": len(data)})
        chunks.append(data)
    body = json.dumps({"key": key, "columns": header}).encode() + b"\n" + b"".join(chunks)
    return MAGIC + hashlib.sha256(body).digest() + body


def _text(name: str, values: NDArray[Any]) -> bytes:
    flat = values.reshape(-1).tolist()
    if values.dtype.kind != "O" or not all(item is None or isinstance(item, str) for item in flat):
        raise StoreError(f"column {name!r} holds {values.dtype}; the cache keeps numbers, booleans, and text that may be None")
    return json.dumps(flat).encode()


def _decoded(key: str, data: bytes) -> dict[str, NDArray[Any]]:
    start = len(MAGIC) + 32
    body = memoryview(data)[start:]
    if data[: len(MAGIC)] != MAGIC or hashlib.sha256(body).digest() != data[len(MAGIC) : start]:
        raise ValueError("the checksum differs")
    end = data.index(b"\n", start)
    header = json.loads(data[start:end])
    if header["key"] != key:
        raise ValueError("the block was kept under another key")
    columns, at = {}, end + 1
    for item in header["columns"]:
        columns[item["name"]] = _column(item, data[at : at + item["bytes"]])
        at += item["bytes"]
    return columns


def _column(item: Mapping[str, Any], data: bytes) -> NDArray[Any]:
    shape = tuple(item["shape"])
    if item["dtype"] == "text":
        values = np.empty(math.prod(shape), dtype=object)
        values[:] = json.loads(data)
        return values.reshape(shape)
    dtype = np.dtype(item["dtype"])
    if dtype.kind not in PLAIN:
        raise ValueError(f"dtype {dtype} is not plain")
    return np.frombuffer(data, dtype=dtype).reshape(shape).copy() if data else np.zeros(shape, dtype=dtype)

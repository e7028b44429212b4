"""`digest`: one address for nested plain data. Every value is tagged with its type and length, so that no two meanings share an address."""

from __future__ import annotations

import dataclasses
import hashlib
import math
import operator
import struct
from collections.abc import Callable, Mapping, Sequence, Set
from datetime import date
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import Any

import numpy as np
from numpy.typing import NDArray

Update = Callable[[Any], None]


def digest(*parts: Any) -> str:
    """Canonical SHA-256 of nested data, 64 hexadecimal digits.

    Takes None, bool, int, float, complex, str, bytes, Decimal, dates, paths, enums, dataclasses, mappings (in any order), sets, sequences (a
    list equals a tuple), numpy arrays and scalars (dtype, shape, bytes), tensors (through ``.detach().cpu().numpy()``), and objects with a
    text attribute ``digest``. Raises TypeError for anything else.
    """
    hasher = hashlib.sha256()
    _sequence(parts, hasher.update)
    return hasher.hexdigest()


def _add(value: Any, update: Update) -> None:
    if isinstance(value, (np.ndarray, np.generic)):
        _array(np.asarray(value), update)
    elif value is None or isinstance(value, (bool, int, float, complex, str, bytes, Decimal, date, PurePath, Enum)):
        _scalar(value, update)
    elif isinstance(value, Mapping):
        _mapping(value, update)
    elif isinstance(value, Set):
        _tagged("set", b"".join(sorted(_alone(item) for item in value)), update)
    elif isinstance(value, Sequence):
        _sequence(value, update)
    elif hasattr(value, "detach") and hasattr(value, "cpu"):
        _tensor(value, update)
    else:
        _object(value, update)


def _scalar(value: Any, update: Update) -> None:
    if isinstance(value, Enum):
        _tagged("enum", f"{_name(value)}.{value.name}".encode(), update)
    elif isinstance(value, float):
        # Every NaN is one value here, whatever its sign and payload.
        _tagged("float", b"nan" if math.isnan(value) else struct.pack(">d", value), update)
    elif isinstance(value, complex):
        _tagged("complex", struct.pack(">dd", value.real, value.imag), update)
    elif isinstance(value, (str, bytes)):
        _tagged(*(("bytes", value) if isinstance(value, bytes) else ("str", value.encode("utf-8", "surrogatepass"))), update)
    else:
        kind = "path" if isinstance(value, PurePath) else type(value).__name__
        _tagged(kind, str(value).encode("utf-8", "surrogatepass"), update)


def _mapping(value: Mapping[Any, Any], update: Update) -> None:
    entries = {_alone(key): item for key, item in value.items()}
    if len(entries) != len(value):
        raise TypeError("a mapping with two keys of one meaning has no digest")
    _tagged("mapping", struct.pack(">Q", len(entries)), update)
    for address, item in sorted(entries.items(), key=operator.itemgetter(0)):
        update(address)
        _add(item, update)


def _sequence(value: Sequence[Any], update: Update) -> None:
    _tagged("sequence", struct.pack(">Q", len(value)), update)
    for item in value:
        _add(item, update)


def _array(value: NDArray[Any], update: Update) -> None:
    if value.dtype.hasobject or value.dtype.kind == "T":
        _tagged("objects", repr(value.shape).encode(), update)
        _sequence(value.reshape(-1).tolist(), update)
        return
    _tagged("array", f"{np.lib.format.dtype_to_descr(value.dtype)} {value.shape}".encode(), update)
    data = np.ascontiguousarray(value).reshape(-1)
    _tagged("data", data.view(np.uint8).data if data.nbytes else b"", update)


def _tensor(value: Any, update: Update) -> None:
    held = value.detach().cpu()
    _tagged("tensor", str(held.dtype).encode(), update)
    # numpy has no bfloat16; float32 holds every one of its values, and the tag above keeps the two apart.
    _array(np.asarray((held.float() if "bfloat16" in str(held.dtype) else held).numpy()), update)


def _object(value: Any, update: Update) -> None:
    address = getattr(value, "digest", None)
    if isinstance(address, str):
        _tagged("addressed", f"{_name(value)} {address}".encode(), update)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        _tagged("dataclass", _name(value).encode(), update)
        _mapping({field.name: getattr(value, field.name) for field in dataclasses.fields(value)}, update)
    else:
        raise TypeError(f"{_name(value)} has no digest; give arrays, plain values, dataclasses or an object with a digest")


def _alone(value: Any) -> bytes:
    hasher = hashlib.sha256()
    _add(value, hasher.update)
    return hasher.digest()


def _tagged(tag: str, data: Any, update: Update) -> None:
    update(f"{tag}:{len(data)}:".encode())
    update(data)


def _name(value: Any) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}"

"""Which input of an ONNX network is given what: the whole leaf, one column, or one of the arguments made of the leaf."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from audit.data.leaf import PLAIN, Argument, Arguments
from audit.errors import ModelError
from audit.models.ports import Port, refuse_other_inputs
from audit.models.raw_frame import RawFrame

FLOATS = {"tensor(float)": "float32", "tensor(double)": "float64", "tensor(float16)": "float16"}
BESIDE: Mapping[Argument, str] = {"mask": "mask", "lengths": "len"}
"""What stands in the names of inputs that are given it."""
WHOLE = {"tensor(int64)": np.int64, "tensor(int32)": np.int32, "tensor(bool)": np.bool_}


@dataclass(frozen=True)
class Bound:
    """An input of the network: its name, type and rank, and the position of the column, or of the argument, it is given; None for the whole leaf."""

    name: str
    kind: str
    rank: int
    column: int | None


def by_column(inputs: Sequence[Any], names: Sequence[str], path: Path, *, raw: bool, shape: tuple[int, ...], dtype: str) -> tuple[Bound, ...]:
    """Which input is given what."""
    for one in inputs:
        _refuse_unreadable(one, path, dtype)
    if len(inputs) == 1 and not (raw and len(names) > 1 and not _holds(inputs[0], len(names))):
        whole = None if not raw or len(names) > 1 else 0
        _fits(inputs[0], (len(names),) if raw else shape, path)
        return (Bound(inputs[0].name, inputs[0].type, len(inputs[0].shape), whole),)
    if len(inputs) != len(names) or len(shape) != 1:
        what = "raw columns" if raw else "entries of the encoded row"
        raise ModelError(f"{path} takes {len(inputs)} inputs ({listed(inputs)}); expected one, or one for each of the {len(names)} {what}")
    named = {name: place for place, name in enumerate(names)}
    by_name = all(one.name in named for one in inputs)
    return tuple(Bound(one.name, one.type, len(one.shape), named[one.name] if by_name else place) for place, one in enumerate(inputs))


def by_argument(inputs: Sequence[Any], arguments: Arguments, path: Path, *, shape: tuple[int, ...], dtype: str) -> tuple[Bound, ...]:
    """Which input is given which of the arguments."""
    for one in inputs:
        _refuse_unreadable(one, path, dtype)
    refuse_other_inputs(path, ports(inputs), arguments)
    parts = _parts(np.zeros((1, *shape), dtype=dtype), arguments)
    placed = [inputs[place] for place in _places(inputs, arguments.names)]
    for given, part, name in zip(placed, parts, arguments.names, strict=True):
        _fits(given, part.shape[1:], path)
        _refuse_type(given, name, path)
    return tuple(Bound(given.name, given.type, len(given.shape), at) for at, given in enumerate(placed))


def given_inputs(leaf: NDArray[Any], raw: RawFrame | None, arguments: Arguments, bound: Sequence[Bound]) -> dict[str, NDArray[Any]]:
    """What each input is given for some rows."""
    if arguments != PLAIN:
        parts = _parts(leaf, arguments)
        return {one.name: _numbers(parts[one.column or 0], one) for one in bound}
    given: NDArray[Any] | pd.DataFrame = leaf if raw is None else raw(leaf)
    return {one.name: _given(given, one) for one in bound}


def _places(inputs: Sequence[Any], names: Sequence[Argument]) -> list[int]:
    """The place among `inputs` of each argument: of a mask and of lengths by name where one input is named so, else all in order."""
    called = {name: [place for place, one in enumerate(inputs) if word in one.name.lower()] for name, word in BESIDE.items()}
    beside = [called[name] for name in names if name in called]
    if len(set(names)) < len(names) or any(len(found) != 1 for found in beside) or len({found[0] for found in beside}) < len(beside):
        return list(range(len(names)))
    rest = iter(sorted(set(range(len(inputs))) - {found[0] for found in beside}))
    return [called[name][0] if name in called else next(rest) for name in names]


def _refuse_type(given: Any, name: Argument, path: Path) -> None:
    whole, floats = given.type in ("tensor(int64)", "tensor(int32)"), given.type in FLOATS
    legal = floats if name == "values" else whole if name != "mask" else given.type in {*FLOATS, *WHOLE}
    if not legal:
        expected = {"values": "floats", "mask": "bool"}.get(name, "int64")
        raise ModelError(f"{path} takes {given.type} in its input {given.name!r}, which is given {name}; expected {expected}")


def _parts(leaf: NDArray[Any], arguments: Arguments) -> list[NDArray[Any]]:
    import torch  # noqa: PLC0415  only for a network that is not given the leaf itself

    return [part.numpy() for part in arguments.of(torch.from_numpy(np.ascontiguousarray(leaf)))]


def _holds(given: Any, columns: int) -> bool:
    return len(given.shape) == 2 and (not isinstance(given.shape[1], int) or given.shape[1] == columns)


def _fits(given: Any, shape: tuple[int, ...], path: Path) -> None:
    declared = tuple(given.shape)[1:]
    wrong = len(declared) != len(shape) or any(isinstance(size, int) and size != have for size, have in zip(declared, shape, strict=True))
    if wrong and given.shape:
        raise ModelError(f"{path} takes rows of shape {declared} in its input {given.name!r}; the encoded rows have {shape}")


def _refuse_unreadable(given: Any, path: Path, dtype: str) -> None:
    if given.type not in FLOATS and given.type not in WHOLE and given.type != "tensor(string)":
        raise ModelError(f"{path} takes {given.type} in its input {given.name!r}; expected numbers or text")
    if given.type == "tensor(double)" and dtype != "float64":
        raise ModelError(f"{path} takes float64 inputs; found model.dtype = {dtype!r}, expected 'float64'")


def _given(rows: NDArray[Any] | pd.DataFrame, bound: Bound) -> NDArray[Any]:
    """What one input is given, in its type and rank."""
    values: NDArray[Any] = np.asarray(rows) if bound.column is None else _column(rows, bound.column)
    if bound.kind == "tensor(string)":
        if pd.isna(values).any():
            raise ModelError(f"input {bound.name!r} takes text, and some is missing; declare a level for what is missing")
        values = np.array([str(value) for value in values.flat], dtype=object).reshape(values.shape)
    else:
        values = _numbers(values, bound)
    return values[:, None] if bound.column is not None and bound.rank == 2 else values


def _numbers(values: NDArray[Any], bound: Bound) -> NDArray[Any]:
    try:
        numbers: NDArray[Any] = values.astype(np.float64) if values.dtype.kind == "O" else values
    except (TypeError, ValueError) as error:
        raise ModelError(f"input {bound.name!r} takes {bound.kind}, and its column holds text: {error}") from error
    if bound.kind in WHOLE:
        rounded = np.rint(numbers)
        if not np.array_equal(rounded, numbers):
            raise ModelError(f"input {bound.name!r} takes {bound.kind}, and its column holds fractions or missing values")
        return np.asarray(rounded, dtype=WHOLE[bound.kind])
    return np.asarray(numbers, dtype=FLOATS[bound.kind])


def _column(rows: NDArray[Any] | pd.DataFrame, place: int) -> NDArray[Any]:
    return rows.iloc[:, place].to_numpy() if isinstance(rows, pd.DataFrame) else rows[:, place]


def ports(found: Sequence[Any]) -> tuple[Port, ...]:
    """Inputs or outputs of a session of onnxruntime."""
    return tuple(Port(one.name, one.type, tuple(one.shape)) for one in found)


def listed(found: Sequence[Any]) -> str:
    names = [f"{one.name} {one.type}" for one in found]
    return ", ".join(names[:8]) + (" …" if len(names) > 8 else "")

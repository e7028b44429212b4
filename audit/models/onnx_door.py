"""Networks in ONNX (.onnx), run by onnxruntime on the CPU: outputs only."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from audit.errors import ModelError, nearest
from audit.models.function_model import FunctionModel
from audit.models.model_file import read_model_file
from audit.models.onnx_content import external_files, onnx_content
from audit.models.optional_package import optional_package, version_of
from audit.models.raw_frame import RawFrame

FLOATS = {"tensor(float)": "float32", "tensor(double)": "float64", "tensor(float16)": "float16"}
WHOLE = {"tensor(int64)": np.int64, "tensor(int32)": np.int32, "tensor(bool)": np.bool_}
DYNAMIC = "dynamic_axes={'inputs': {0: 'rows'}} or dynamic_shapes of torch.onnx.export"


@dataclass(frozen=True)
class Bound:
    """An input of the network: its name, type and rank, and the position of the column it is given; None for the whole leaf."""

    name: str
    kind: str
    rank: int
    column: int | None


def open_onnx(
    path: Path, *, output: str | None, raw: RawFrame | None, entries: Sequence[str], shape: tuple[int, ...], dtype: str, micro_batch: int
) -> FunctionModel:
    """The network of an ONNX file.

    One input is given the whole leaf, whose `shape` is that of a row; several are given one column each, by their names where all are
    names of columns, else in order: raw columns with `raw`, else `entries` of the leaf. `output` names the output that is read; by default
    the only one of floats. Raises UntrustedFileError for weights outside the folder, ModelError for a damaged file, custom operators, a
    fixed number of rows other than 1, and inputs and outputs that do not fit.
    """
    onnxruntime = optional_package("onnxruntime", extra="onnx")
    held = read_model_file(path, ending=".onnx", key="onnx")
    content = onnx_content(held.content, path)
    if content.foreign:
        raise ModelError(f"{path} uses custom operators of {', '.join(map(repr, content.foreign))}; libraries of operators are not loaded")
    beside = external_files(content.places, path)
    session = _session(onnxruntime, held.content, path)
    names = raw.columns if raw is not None else tuple(entries)
    bound = _bound(session.get_inputs(), names, path, raw=raw is not None, shape=shape, dtype=dtype)
    fixed = _fixed_rows(session.get_inputs(), path)
    chosen = _output(session.get_outputs(), output, path)

    def answer(leaf: NDArray[Any]) -> Any:
        given: NDArray[Any] | pd.DataFrame = leaf if raw is None else raw(leaf)
        try:
            return session.run([chosen], {one.name: _given(given, one) for one in bound})[0]
        except ModelError:
            raise
        except Exception as error:  # onnxruntime has errors of its own, without a common class
            raise ModelError(f"{path.name} failed on inputs of shape {leaf.shape}: {_last_words(error)}") from error

    description: dict[str, Any] = {
        "door": "onnx",
        "file": {"name": held.name, "sha256": held.sha256},
        "onnxruntime": version_of("onnxruntime"),
        "output": chosen,
        "inputs": {one.name: "all" if one.column is None else names[one.column] for one in bound},
        "takes": "encoded" if raw is None else "raw",
    }
    if beside:
        description["external"] = {str(file.relative_to(path.parent.resolve())): _sha256(file) for file in beside}
    return FunctionModel(answer, dtype=dtype, micro_batch=1 if fixed else micro_batch, description=description)


@dataclass(frozen=True)
class Port:
    """An input or output of a network: name, type as onnxruntime calls it, and shape, with None or a name for a side that varies."""

    name: str
    kind: str
    shape: tuple[int | str | None, ...]

    def __str__(self) -> str:
        sides = " × ".join("any" if side is None else str(side) for side in self.shape) or "one number"
        return f"{self.name!r} {self.kind.removeprefix('tensor(').removesuffix(')')} {sides}"


def onnx_ports(path: Path) -> tuple[tuple[Port, ...], tuple[Port, ...]]:
    """Inputs and outputs of the network of an ONNX file, refused as `open_onnx` refuses it."""
    onnxruntime = optional_package("onnxruntime", extra="onnx")
    held = read_model_file(path, ending=".onnx", key="onnx")
    content = onnx_content(held.content, path)
    if content.foreign:
        raise ModelError(f"{path} uses custom operators of {', '.join(map(repr, content.foreign))}; libraries of operators are not loaded")
    external_files(content.places, path)
    session = _session(onnxruntime, held.content, path)
    inputs, outputs = (tuple(Port(one.name, one.type, tuple(one.shape)) for one in found) for found in (session.get_inputs(), session.get_outputs()))
    return inputs, outputs


def _session(onnxruntime: Any, content: bytes, path: Path) -> Any:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    # One thread, so that workers do not crowd each other and every run adds in the same order.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.add_session_config_entry("session.load_model_format", "ONNX")
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", str(path.parent.resolve()))
    try:
        return onnxruntime.InferenceSession(content, sess_options=options, providers=["CPUExecutionProvider"])
    except Exception as error:  # a hostile file may make the reader raise anything
        raise ModelError(f"{path} cannot be read as ONNX, it may be damaged or of another version: {_last_words(error)}") from error


def _bound(inputs: Sequence[Any], names: Sequence[str], path: Path, *, raw: bool, shape: tuple[int, ...], dtype: str) -> tuple[Bound, ...]:
    """Which input is given what."""
    for one in inputs:
        _readable(one, path, dtype)
    if len(inputs) == 1 and not (raw and len(names) > 1 and not _holds(inputs[0], len(names))):
        whole = None if not raw or len(names) > 1 else 0
        _fits(inputs[0], (len(names),) if raw else shape, path)
        return (Bound(inputs[0].name, inputs[0].type, len(inputs[0].shape), whole),)
    if len(inputs) != len(names) or len(shape) != 1:
        what = "raw columns" if raw else "entries of the encoded row"
        raise ModelError(f"{path} takes {len(inputs)} inputs ({_listed(inputs)}); expected one, or one for each of the {len(names)} {what}")
    named = {name: place for place, name in enumerate(names)}
    by_name = all(one.name in named for one in inputs)
    return tuple(Bound(one.name, one.type, len(one.shape), named[one.name] if by_name else place) for place, one in enumerate(inputs))


def _holds(given: Any, columns: int) -> bool:
    return len(given.shape) == 2 and (not isinstance(given.shape[1], int) or given.shape[1] == columns)


def _fits(given: Any, shape: tuple[int, ...], path: Path) -> None:
    declared = tuple(given.shape)[1:]
    wrong = len(declared) != len(shape) or any(isinstance(size, int) and size != have for size, have in zip(declared, shape, strict=True))
    if wrong and given.shape:
        raise ModelError(f"{path} takes rows of shape {declared} in its input {given.name!r}; the encoded rows have {shape}")


def _readable(given: Any, path: Path, dtype: str) -> None:
    if given.type not in FLOATS and given.type not in WHOLE and given.type != "tensor(string)":
        raise ModelError(f"{path} takes {given.type} in its input {given.name!r}; expected numbers or text")
    if given.type == "tensor(double)" and dtype != "float64":
        raise ModelError(f"{path} takes float64 inputs; found model.dtype = {dtype!r}, expected 'float64'")


def _fixed_rows(inputs: Sequence[Any], path: Path) -> bool:
    """Whether rows must be given one at a time; refuses another fixed number."""
    rows = {one.shape[0] for one in inputs if one.shape and isinstance(one.shape[0], int)}
    if rows - {1}:
        raise ModelError(f"{path} was exported for {max(rows)} rows at a time only; export it with any number of rows ({DYNAMIC}), or with one")
    return bool(rows)


def _output(outputs: Sequence[Any], wanted: str | None, path: Path) -> str:
    by_name = {one.name: one.type for one in outputs}
    if wanted is not None and wanted not in by_name:
        raise ModelError(f"{path} has no output {wanted!r} (model.onnx_output): {nearest(wanted, by_name)}")
    floats = [name for name, kind in by_name.items() if kind in FLOATS]
    maps = [name for name, kind in by_name.items() if "map(" in kind]
    if maps and (wanted in maps or not floats):
        raise ModelError(
            f"{path} gives {maps[0]!r} as a list of dictionaries (zipmap); convert it with options={{'zipmap': False}}, so that it is one tensor"
        )
    if wanted is not None and wanted not in floats:
        raise ModelError(f"{path}: output {wanted!r} is {by_name[wanted]}; expected floats" + (f", as {', '.join(floats)}" if floats else ""))
    if wanted is None and len(floats) != 1:
        found = f"has {len(floats)} outputs of floats ({', '.join(floats) or _listed(outputs)})"
        raise ModelError(f"{path} {found}; " + ("name one with model.onnx_output" if floats else "expected one (n, k)"))
    return wanted if wanted is not None else floats[0]


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


def _listed(found: Sequence[Any]) -> str:
    names = [f"{one.name} {one.type}" for one in found]
    return ", ".join(names[:8]) + (" …" if len(names) > 8 else "")


def _last_words(error: Exception) -> str:
    """onnxruntime puts its own source places before what was wrong."""
    words = " ".join(str(error).split())
    return words if len(words) <= 200 else "…" + words[-200:]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

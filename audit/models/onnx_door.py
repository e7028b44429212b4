"""Networks in ONNX (.onnx), run by onnxruntime on the CPU: outputs only."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from audit.data.leaf import PLAIN, Arguments
from audit.errors import ModelError, nearest
from audit.models.function_model import FunctionModel
from audit.models.model_file import read_model_file
from audit.models.onnx_content import external_files, onnx_content
from audit.models.onnx_inputs import FLOATS, by_argument, by_column, given_inputs, listed, ports
from audit.models.optional_package import optional_package, version_of
from audit.models.ports import Port
from audit.models.raw_frame import RawFrame

DYNAMIC = "dynamic_axes={'inputs': {0: 'rows'}} or dynamic_shapes of torch.onnx.export"


def open_onnx(
    path: Path,
    *,
    output: str | None,
    raw: RawFrame | None,
    entries: Sequence[str],
    shape: tuple[int, ...],
    dtype: str,
    micro_batch: int,
    arguments: Arguments = PLAIN,
) -> FunctionModel:
    """The network of an ONNX file.

    One input is given the whole leaf, whose `shape` is that of a row; several are given one column each, by their names where all are
    names of columns, else in order: raw columns with `raw`, else `entries` of the leaf. Other `arguments` than the leaf itself are given
    each to one input: mask and lengths to those named so, else all in order. `output` names the output that is read; by default
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
    if arguments == PLAIN:
        bound = by_column(session.get_inputs(), names, path, raw=raw is not None, shape=shape, dtype=dtype)
    else:
        bound = by_argument(session.get_inputs(), arguments, path, shape=shape, dtype=dtype)
    fixed = _fixed_rows(session.get_inputs(), path)
    chosen = _output(session.get_outputs(), output, path)

    def answer(leaf: NDArray[Any]) -> Any:
        try:
            return session.run([chosen], given_inputs(leaf, raw, arguments, bound))[0]
        except ModelError:
            raise
        except Exception as error:  # onnxruntime has errors of its own, without a common class
            raise ModelError(f"{path.name} failed on inputs of shape {leaf.shape}: {_last_words(error)}") from error

    description: dict[str, Any] = {
        "door": "onnx",
        "file": {"name": held.name, "sha256": held.sha256},
        "onnxruntime": version_of("onnxruntime"),
        "output": chosen,
        "inputs": {one.name: "all" if one.column is None else (names if arguments == PLAIN else arguments.names)[one.column] for one in bound},
        "takes": "encoded" if raw is None else "raw",
    }
    if beside:
        description["external"] = {str(file.relative_to(path.parent.resolve())): _sha256(file) for file in beside}
    return FunctionModel(answer, dtype=dtype, micro_batch=1 if fixed else micro_batch, description=description)


def onnx_ports(path: Path) -> tuple[tuple[Port, ...], tuple[Port, ...]]:
    """Inputs and outputs of the network of an ONNX file, refused as `open_onnx` refuses it."""
    onnxruntime = optional_package("onnxruntime", extra="onnx")
    held = read_model_file(path, ending=".onnx", key="onnx")
    content = onnx_content(held.content, path)
    if content.foreign:
        raise ModelError(f"{path} uses custom operators of {', '.join(map(repr, content.foreign))}; libraries of operators are not loaded")
    external_files(content.places, path)
    session = _session(onnxruntime, held.content, path)
    return ports(session.get_inputs()), ports(session.get_outputs())


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
        found = f"has {len(floats)} outputs of floats ({', '.join(floats) or listed(outputs)})"
        raise ModelError(f"{path} {found}; " + ("name one with model.onnx_output" if floats else "expected one (n, k)"))
    return wanted if wanted is not None else floats[0]


def _last_words(error: Exception) -> str:
    """onnxruntime puts its own source places before what was wrong."""
    words = " ".join(str(error).split())
    return words if len(words) <= 200 else "…" + words[-200:]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

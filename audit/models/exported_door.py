"""Networks from torch.export (.pt2): checked before they are loaded, then taken apart into layers that can be looked into."""

from __future__ import annotations

import io
import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import fx, nn
from torch.export import ExportedProgram

from audit.data.leaf import PLAIN, Argument, Arguments
from audit.errors import ModelError, UntrustedFileError
from audit.models.device import available, resolve
from audit.models.exported_content import refuse_content, written_devices
from audit.models.exported_layers import ExportedPart, Taken, layered, training_operation
from audit.models.exported_model import ExportedModel
from audit.models.ports import Port, refuse_other_inputs
from audit.models.state_dict_door import forbid_pickles
from audit.models.torch_model import DTYPES
from audit.models.trusted_file import TrustedBytes

HOW = 'torch.export.export(module.eval(), (inputs,), dynamic_shapes=({0: torch.export.Dim("rows")},))'
"""The call that exports a network with any number of rows."""


def open_exported(path: Path, held: TrustedBytes, *, device: str, dtype: str, micro_batch: int, arguments: Arguments = PLAIN) -> ExportedModel:
    """The network that the bytes of `path` hold, called with the `arguments` of a leaf.

    Raises UntrustedFileError for a file that holds more than tensor operations; ModelError for a damaged file, a fixed number of rows,
    training mode, other inputs than the rows give, several outputs, and another floating type than the graph was exported with.
    """
    forbid_pickles()
    refuse_content(held.content, path)
    place = resolve(device, dtype=dtype)
    program = _load(held.content, path)
    operation = training_operation(program.graph_module)
    if operation is not None:
        raise ModelError(f"{path} was exported in training mode ({operation} acts as in training); call eval() and export anew: {HOW}")
    given = _inputs(program, path, dtype, arguments)
    most = _most_rows(program, given, path)
    return ExportedModel(
        _layered(_moved(program, place), given, path).to(device=place),
        device=str(place),
        dtype=dtype,
        micro_batch=micro_batch if most is None else min(micro_batch, most),
        description={"door": "exported", "file": {"name": path.name, "sha256": held.sha256}, "modules": {"exported graph": held.sha256}},
        arguments=arguments,
    )


def _load(content: bytes, path: Path) -> ExportedProgram:
    try:
        with _quiet():
            program = torch.export.load(io.BytesIO(content))
    except Exception as error:  # a hostile file may make the reader raise anything
        if type(error).__name__ == "UnpicklingError" or "weights_only" in str(error):
            raise UntrustedFileError(f"{path} holds pickled objects other than tensors; nothing of them was run, and the file is refused") from error
        absent = written_devices(content) - {name.partition(":")[0] for name in available()}
        if absent:
            raise ModelError(f"{path} was exported on {', '.join(sorted(absent))}, which this machine has not; export it on the cpu") from error
        raise ModelError(f"{path} cannot be read as an exported network, it may be damaged or of another torch: {type(error).__name__}") from error
    if not isinstance(program, ExportedProgram):
        raise ModelError(f"{path} holds a {type(program).__name__}; expected an exported network")
    return program


def _inputs(program: ExportedProgram, path: Path, dtype: str, arguments: Arguments) -> list[torch.Tensor]:
    """The traced tensors of the inputs."""
    signature = program.graph_signature
    nodes = [node for node in program.graph.nodes if node.op == "placeholder" and node.name in signature.user_inputs]
    refuse_other_inputs(path, [_port(node) for node in nodes], arguments)
    given = [node.meta.get("val") for node in nodes]
    changed = [spec.kind.name for spec in signature.output_specs if spec.kind.name != "USER_OUTPUT"]
    if changed or len(signature.user_outputs) != 1:
        found = f"changes its own state ({changed[0]})" if changed else f"returns {len(signature.user_outputs)} values"
        raise ModelError(f"{path} {found}; expected a network in evaluation mode that returns one tensor (n, k)")
    for node, traced, name in zip(nodes, given, arguments.names, strict=True):
        _refuse_type(path, _port(node), traced, name, dtype)
    weights = next((str(held.dtype).removeprefix("torch.") for held in program.parameters() if held.is_floating_point()), dtype)
    if weights != dtype and "values" not in arguments.names:
        raise ModelError(f"{path} was exported with {weights} weights, which its graph holds fast; {_remedy(weights, dtype)}")
    return given


def _port(node: fx.Node) -> Port:
    traced = node.meta.get("val")
    if not isinstance(traced, torch.Tensor):
        return Port(node.name, type(traced).__name__, None)
    return Port(node.name, str(traced.dtype).removeprefix("torch."), tuple(size if isinstance(size, int) else None for size in traced.shape))


def _refuse_type(path: Path, port: Port, traced: Any, name: Argument, dtype: str) -> None:
    """Values are held to the type of the graph; ids and lengths to whole numbers, which are then converted, as is a mask to any type."""
    if not isinstance(traced, torch.Tensor) or traced.ndim == 0:
        raise ModelError(f"{path} takes {port}; expected tensors, rows first")
    if name == "values" and traced.dtype != DTYPES[dtype]:
        raise ModelError(f"{path} was exported for {port.kind} inputs, which its graph holds fast; {_remedy(port.kind, dtype)}")
    if name in ("token ids", "lengths") and traced.dtype not in (torch.int64, torch.int32):
        raise ModelError(f"{path} takes {port} where the rows give {name}; expected int64")


def _remedy(found: str, dtype: str) -> str:
    if found in DTYPES:
        return f"found model.dtype = {dtype!r}, expected {found!r}"
    return f"expected one of {', '.join(DTYPES)}: convert the network and export anew"


def _most_rows(program: ExportedProgram, given: list[torch.Tensor], path: Path) -> int | None:
    """The largest number of rows at a time, None for any."""
    bounds = [found for one in given if (found := _rows(program, one, path)) is not None]
    return min(bounds, default=None)


def _rows(program: ExportedProgram, given: torch.Tensor, path: Path) -> int | None:
    """The largest number of rows that one input is given at a time, None for any; refuses a fixed number."""
    rows: Any = given.shape[0]
    if isinstance(rows, int):
        raise ModelError(f"{path} was exported for {rows} rows at a time only; export it with dynamic_shapes: {HOW}")
    bounds = program.range_constraints.get(rows.node.expr)
    if bounds is None:
        raise ModelError(f"{path} ties its number of rows to other sizes ({rows}); export it with dynamic_shapes: {HOW}")
    return int(bounds.upper) if bounds.upper < sys.maxsize - 1 else None


def _moved(program: ExportedProgram, place: torch.device) -> ExportedProgram:
    """The network with the devices written in its graph, the one it was exported on, replaced by `place`."""
    from torch.export.passes import move_to_device_pass  # noqa: PLC0415  loads a compiler, which the CPU does not need

    fixed = {str(tensor.device) for tensor in [*program.state_dict.values(), *program.constants.values()] if isinstance(tensor, torch.Tensor)}
    written = {str(value.device) for node in program.graph.nodes if isinstance(value := node.meta.get("val"), torch.Tensor)}
    return program if fixed | written <= {str(place)} else move_to_device_pass(program, str(place))


def _layered(program: ExportedProgram, given: list[torch.Tensor], path: Path) -> nn.Module:
    try:
        with _quiet():
            network = torch.export.unflatten(program)
            _unwrap(network.graph)
            root = layered(network)
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from error
    except Exception as error:  # what a graph of another making raises is not known
        raise ModelError(f"{path} cannot be taken apart into layers: {type(error).__name__}: {_first_line(error)}") from error
    if isinstance(root, ExportedPart):
        root.takes_ = tuple(Taken(one.dtype, tuple(size if isinstance(size, int) else None for size in one.shape)) for one in given)
    return root


def _unwrap(graph: fx.Graph) -> None:
    """Let the graph return its one output itself, not a tuple of one."""
    node = graph.output_node()
    found: Any = node.args[0]
    if isinstance(found, (tuple, list)) and len(found) == 1:
        node.args = (found[0],)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [""])[0]


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep torch's own deprecations, and its log of an error that is raised as well, from standard error."""
    logs = {log: log.level for log in map(logging.getLogger, ("torch.export", "torch._export"))}
    for log in logs:
        log.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            for kind in (FutureWarning, DeprecationWarning, UserWarning):
                warnings.simplefilter("ignore", kind)
            yield
    finally:
        for log, level in logs.items():
            log.setLevel(level)

"""Networks in TorchScript (.pt, .ts): outputs and gradients; their layers cannot be looked into."""

from __future__ import annotations

import io
import warnings
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import nn

from audit.data.leaf import PLAIN, Arguments
from audit.errors import ModelError
from audit.models.device import is_out_of_memory, resolve
from audit.models.file_kind import WORDS
from audit.models.ports import Port, Signature, refuse_other_inputs
from audit.models.state_dict_door import forbid_pickles
from audit.models.torch_model import DTYPES, TorchModel
from audit.models.trusted_file import TrustedBytes, read_trusted
from audit.models.unpacked_size import refuse_bomb

MODES = {"aten::dropout": 2, "aten::feature_dropout": 2, "aten::alpha_dropout": 2, "aten::batch_norm": 5}
"""Operations that act in another way in training, and the place of the argument that says so."""
RECURRENT = ("aten::lstm", "aten::gru", "aten::rnn_tanh", "aten::rnn_relu")


class Script(nn.Module):
    """A script, as a module that says in one line why a call failed."""

    def __init__(self, script: torch.jit.ScriptModule) -> None:
        super().__init__()
        self.script = script
        self.holds_recurrent_ = any(next(_nodes(script, kind), None) is not None for kind in RECURRENT)

    def forward(self, *inputs: torch.Tensor) -> Any:
        """What the script answers; the last line of an error says what was wrong, those before it where."""
        try:
            return self.script(*inputs)
        except RuntimeError as error:
            if is_out_of_memory(error):
                raise
            raise RuntimeError((str(error).strip().splitlines() or [type(error).__name__])[-1]) from error


def open_script(path: Path, held: TrustedBytes, *, device: str, dtype: str, micro_batch: int, arguments: Arguments = PLAIN) -> TorchModel:
    """The network that the bytes of `path` hold, called with the `arguments` of a leaf.

    Raises ModelError for a damaged file, a script traced in training mode, one with fixed numbers of another floating type, and one that
    takes other inputs than the rows give.
    """
    forbid_pickles()
    place = resolve(device, dtype=dtype)
    script = _load(held.content, path, place)
    inputs, optional = _inputs(script)
    refuse_other_inputs(path, inputs, arguments, optional=optional)
    _refuse_training(script, path)
    _refuse_fixed(script, path, place, dtype)
    return TorchModel(
        Script(script).to(device=place, dtype=DTYPES[dtype]),
        device=str(place),
        dtype=dtype,
        micro_batch=micro_batch,
        description={"door": "torchscript", "file": {"name": path.name, "sha256": held.sha256}, "modules": {"script": held.sha256}},
        arguments=arguments,
    )


def script_signature(path: Path, trusted: Collection[str]) -> Signature:
    """Inputs, by name alone, and weights of a TorchScript file; raises UntrustedFileError unless its sha256 is among `trusted`."""
    refuse_bomb(path)
    held = read_trusted(path, trusted, kind=WORDS["script"])
    forbid_pickles()
    script = _load(held.content, path, torch.device("cpu"))
    inputs, optional = _inputs(script)
    needed = len(inputs) - optional
    return Signature(
        inputs=inputs[:needed],
        further=inputs[needed:],
        weights={name: tuple(tensor.shape) for name, tensor in script.state_dict().items()},
        recurrent=any(next(_nodes(script, kind), None) is not None for kind in RECURRENT),
    )


def _load(content: bytes, path: Path, place: torch.device) -> torch.jit.ScriptModule:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # TorchScript is deprecated, and files of it are still about
            loaded = torch.jit.load(io.BytesIO(content), map_location=place)  # type: ignore[no-untyped-call]
    except Exception as error:  # a hostile file may make the reader raise anything
        raise ModelError(f"{path} cannot be read as TorchScript, it may be damaged or of another torch: {type(error).__name__}") from error
    if not isinstance(loaded, torch.jit.ScriptModule) or not hasattr(loaded, "forward"):
        raise ModelError(f"{path} holds TorchScript without a method forward")
    return loaded


def _inputs(script: torch.jit.ScriptModule) -> tuple[tuple[Port, ...], int]:
    """What the script takes, in order, and how many of the last it can do without."""
    forward: Any = script.forward
    held = forward.schema.arguments[1:]
    return tuple(Port(one.name, str(one.type), None) for one in held), sum(one.has_default_value() for one in held)


def _refuse_training(script: torch.jit.ScriptModule, path: Path) -> None:
    """A traced script has the mode it was traced in written in it, which evaluation mode does not change."""
    for kind, at in MODES.items():
        for node in _nodes(script, kind):
            given = list(node.inputs())
            constant = given[at].node().kind() == "prim::Constant" and given[at].toIValue() is True
            # Normalisation without running statistics uses those of the batch in either mode.
            if constant and not (kind == "aten::batch_norm" and given[3].node().mustBeNone()):
                raise ModelError(f"{path} was traced in training mode ({kind} acts as in training); call eval() and trace anew")


def _refuse_fixed(script: torch.jit.ScriptModule, path: Path, place: torch.device, dtype: str) -> None:
    """A frozen script holds its weights as fixed numbers, which can be neither converted nor moved."""
    for node in _nodes(script, "prim::Constant"):
        value = node.output().toIValue() if node.hasAttribute("value") and node.kindOf("value") == "t" else None
        if not isinstance(value, torch.Tensor) or value.ndim == 0:
            continue
        if value.is_floating_point() and value.dtype != DTYPES[dtype]:
            found = str(value.dtype).removeprefix("torch.")
            raise ModelError(f"{path} is frozen in {found}; found model.dtype = {dtype!r}, and its numbers cannot be converted")
        if value.device.type != place.type:
            raise ModelError(f"{path} is frozen on {value.device}, found device {str(place)!r}: set model.device, or save it without freezing")


def _nodes(script: torch.jit.ScriptModule, kind: str) -> Iterator[Any]:
    graph: Any = script.inlined_graph
    yield from graph.findAllNodes(kind)

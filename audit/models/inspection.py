"""What a weights file says when nothing of it is run: its tensors, their shapes, what wraps them, and what looks wrong with them."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from audit.errors import ModelError, WeightsError, nearest
from audit.models.factory import Built, build
from audit.models.file_kind import refuse_program
from audit.models.layers import Stack, find_stack
from audit.models.network import DOORS, Door, weights_door
from audit.models.safetensors_door import load_safetensors, load_sharded
from audit.models.state_dict_door import NESTS, forbid_pickles, load_state_dict
from audit.models.weights import PREFIXES, fit_weights

KINDS: Mapping[Door, str] = {load_safetensors: "safetensors", load_sharded: "index of safetensors", load_state_dict: "PyTorch state dict"}
LAST = {nn.Sigmoid: "sigmoid", nn.Softmax: "softmax", nn.LogSoftmax: "log_softmax", nn.LogSigmoid: "log_sigmoid"}
"""Modules at the end of a network that say what its outputs are."""


@dataclass(frozen=True, kw_only=True)
class TensorNote:
    """One tensor of the file."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    finite: bool | None
    """Whether every entry is finite; None where the entries were not read (see `unread`)."""
    constant: float | None
    """The one value that all of several entries have; None when they differ."""
    unread: str = ""
    """Why the entries were not read."""

    @property
    def size(self) -> int:
        """Number of entries."""
        count = 1
        for side in self.shape:
            count *= side
        return count


@dataclass(frozen=True, kw_only=True)
class WeightsFile:
    """A weights file as found."""

    path: Path
    kind: str
    sha256: str
    size: int
    """Bytes."""
    tensors: tuple[TensorNote, ...]
    """In the order of the file; by name for safetensors, which keeps no order."""
    wrapping: tuple[str, ...]
    """Keys the tensors are nested under, then prefixes that every name has."""
    prefix: str
    """The prefixes joined; the architecture's names come after it."""
    stack: Stack

    @property
    def parameters(self) -> int:
        """Number of entries of all tensors."""
        return sum(tensor.size for tensor in self.tensors)


@dataclass(frozen=True, kw_only=True)
class ModulePart:
    """One module of a built network that holds no other module."""

    name: str
    kind: str
    parameters: int


@dataclass(frozen=True, kw_only=True)
class Fit:
    """A built network and whether the weights of a file fit into it."""

    architecture: str
    modules: tuple[ModulePart, ...]
    parameters: int
    problem: str
    """Missing, unexpected and mis-shaped tensors by name; empty when the weights fit."""
    last: str
    """``sigmoid``, ``softmax``, ``log_softmax`` or ``log_sigmoid`` when the network's last module is one; else empty."""
    takes: tuple[str, ...] = ()
    """Names of what the network must be called with, in order; empty where its signature does not say."""
    may_take: tuple[str, ...] = ()
    """Names of what may follow them."""


def inspect_weights(path: Path) -> WeightsFile:
    """Read a ``.safetensors`` file or a state dict.

    Raises ModelError for a folder, a missing or damaged file or another ending, UntrustedFileError for a file that would run code.
    """
    if path.is_dir():
        raise ModelError(f"{path} is a folder; expected a weights file ending in {', '.join(DOORS)}")
    if not path.is_file():
        beside = [str(found) for found in sorted(path.parent.glob("*")) if found.suffix.lower() in DOORS] if path.parent.is_dir() else []
        raise ModelError(f"weights file {path} does not exist" + (f": {nearest(str(path), beside)}" if beside else ""))
    door = weights_door(path)
    if door is None:
        refuse_program(path)
        raise ModelError(f"{path} has ending {path.suffix!r}: {nearest(path.suffix, DOORS)}")
    state = door(path)
    kind = KINDS[door]
    nests = _nests(path) if door is load_state_dict else ()
    prefixes = _prefixes(state)
    named = {name.removeprefix("".join(prefixes)): tuple(tensor.shape) for name, tensor in state.items()}
    return WeightsFile(
        path=path,
        kind=kind,
        sha256=_sha256(path),
        size=path.stat().st_size,
        tensors=tuple(_note(name, tensor) for name, tensor in state.items()),
        wrapping=(*nests, *prefixes),
        prefix="".join(prefixes),
        stack=find_stack(named),
    )


def inspect_fit(path: Path, architecture: str, *, code: Sequence[Path] = ()) -> Fit:
    """Build a network, which runs the code it is made of, and try the weights of a file in it.

    Raises ModelError when the network cannot be built; see `audit.models.factory.build`.
    """
    forbid_pickles()
    built: Built = build(architecture, {}, code=code)
    try:
        door = weights_door(path)
        fit_weights(built.module, door(path) if door is not None else {}, source=path)
        problem = ""
    except WeightsError as error:
        problem = str(error)
    leaves = [(name, part) for name, part in built.module.named_modules() if next(part.children(), None) is None]
    return Fit(
        architecture=architecture,
        modules=tuple(ModulePart(name=name, kind=type(part).__name__, parameters=_count(part)) for name, part in leaves),
        parameters=_count(built.module),
        problem=problem,
        last=next((word for kind, word in LAST.items() if leaves and isinstance(leaves[-1][1], kind)), ""),
        takes=_takes(built.module, optional=False),
        may_take=_takes(built.module, optional=True),
    )


def _takes(module: nn.Module, *, optional: bool) -> tuple[str, ...]:
    try:
        parameters = list(inspect.signature(module.forward).parameters.values())
    except (TypeError, ValueError):
        return ()
    if any(one.kind is one.VAR_POSITIONAL for one in parameters):
        return ()
    placed = [one for one in parameters if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)]
    return tuple(one.name for one in placed if (one.default is not one.empty) == optional)


def _count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def _nests(path: Path) -> tuple[str, ...]:
    """Keys between the top of the file and its tensors; the entries themselves are not read again."""
    content: Any = torch.load(path, map_location="meta", weights_only=True)
    found: list[str] = []
    while True:
        if isinstance(content, (list, tuple)) and len(content) == 1:
            content = content[0]
        elif isinstance(content, Mapping) and not all(isinstance(value, torch.Tensor) for value in content.values()):
            key = next(key for key in NESTS if isinstance(content.get(key), (Mapping, list, tuple)))
            found.append(key)
            content = content[key]
        else:
            return tuple(found)


def _prefixes(names: Mapping[str, Any]) -> tuple[str, ...]:
    found: list[str] = []
    rest = list(names)
    while rest and (prefix := next((p for p in PREFIXES if all(name.startswith(p) for name in rest)), None)):
        found.append(prefix)
        rest = [name.removeprefix(prefix) for name in rest]
    return tuple(found)


def _note(name: str, tensor: torch.Tensor) -> TensorNote:
    finite, constant, unread = _entries(tensor)
    dtype = str(tensor.dtype).removeprefix("torch.")
    return TensorNote(name=name, shape=tuple(tensor.shape), dtype=dtype, finite=finite, constant=constant, unread=unread)


def _entries(tensor: torch.Tensor) -> tuple[bool | None, float | None, str]:
    """Whether all are finite, the one value all have, and why they were not read."""
    if tensor.layout != torch.strided or tensor.is_quantized:
        return None, None, "sparse or quantised"
    if tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
        # A file of a few bytes may claim a view of any size; reading its entries would fill the memory.
        return None, None, "its shape claims more entries than the file holds"
    if not tensor.numel() or tensor.is_complex():
        return None, None, "complex" if tensor.numel() else "empty"
    values = tensor.to(torch.float32) if tensor.is_floating_point() and tensor.element_size() < 4 else tensor
    finite = bool(torch.isfinite(values).all())
    same = finite and values.numel() > 1 and bool((values == values.flatten()[0]).all())
    return finite, float(values.flatten()[0]) if same else None, ""


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

"""`TorchModel`: an nn.Module as a `Model`. Hides device, floating type, micro-batches, evaluation mode and running out of memory."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from audit.data.batch import Batch
from audit.data.leaf import PLAIN, Arguments, entries_of
from audit.errors import ModelError
from audit.models.architecture_digest import network_digest
from audit.models.device import is_out_of_memory, release_memory, resolve
from audit.models.frozen import frozen, full_precision
from audit.models.hooks import answering, capture
from audit.models.model import SmoothEntries, micro_batches
from audit.models.readings import Reading
from audit.models.smooth_leaf import SmoothLeaf, find_smooth_leaf

Call = Callable[[torch.Tensor], torch.Tensor]
LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
DTYPES = {"float32": torch.float32, "float64": torch.float64}
FAILURES = (RuntimeError, TypeError, ValueError, IndexError, KeyError, AttributeError)
"""What a network raises when it is called with inputs it was not made for."""


class TorchModel:
    """A network on a device. The caller's module is copied when it must be moved or converted, and never changed.

    Rows go through the network `micro_batch` at a time, counted from the first row of each call; a batch that does not fit into memory is
    halved, which `description` then notes.
    """

    def __init__(
        self,
        module: nn.Module,
        *,
        device: str = "auto",
        dtype: str = "float32",
        micro_batch: int = 4096,
        description: Mapping[str, Any] | None = None,
        arguments: Arguments = PLAIN,
    ) -> None:
        if dtype not in DTYPES:
            raise ModelError(f"dtype {dtype!r} is not one of {', '.join(DTYPES)}")
        self._device = resolve(device, dtype=dtype)
        self._dtype = DTYPES[dtype]
        self._module = _placed(module, self._device, self._dtype)
        self._micro_batch = micro_batch
        self._about = dict(description or {})
        self._notes: list[str] = []
        self._lacks: dict[str, str] = {}
        self._arguments = arguments
        self._reading: Reading | None = None
        self._smooth: SmoothLeaf | None = None
        self._digest: str | None = None

    # ---- what it is -------------------------------------------------------------------------------------------------------------

    @property
    def capabilities(self) -> frozenset[str]:
        """``outputs``; ``gradients`` unless `trial` found none; ``embeddings`` with a linear layer; ``modules`` with a layer to look at."""
        found = {"outputs": True, "gradients": "gradients" not in self._lacks, "embeddings": self._last_linear is not None}
        found["modules"] = any(isinstance(part, LAYERS) for part in self._module.modules())
        return frozenset(name for name, present in found.items() if present)

    @property
    def lacks(self) -> Mapping[str, str]:
        """Why there are no gradients, once `trial` found none."""
        return self._lacks

    @property
    def digest(self) -> str:
        """sha256 of weights, architecture and the sources named in the description; hexadecimal."""
        if self._digest is None:
            self._digest = network_digest(self._module, self._about)
        return self._digest

    @property
    def description(self) -> dict[str, Any]:
        """What was given on making it, and parameters, device, floating type and micro-batch as used."""
        used = {
            "network": type(self._module).__qualname__,
            "parameters": sum(parameter.numel() for parameter in self._module.parameters()),
            "device": self.device,
            "dtype": self.dtype,
            "micro_batch": self._micro_batch,
        }
        notes = [*self._notes, *self._lacks.values()]
        return self._about | used | ({"notes": notes} if notes else {})

    @property
    def device(self) -> str:
        """Name of the device, such as ``"cpu"``."""
        return str(self._device)

    @property
    def dtype(self) -> str:
        """Name of the floating type of parameters and leaf."""
        return str(self._dtype).removeprefix("torch.")

    @property
    def module(self) -> nn.Module:
        """The network itself, where it runs; change it only inside `session`, or in a copy."""
        return self._module

    # ---- what it answers --------------------------------------------------------------------------------------------------------

    def outputs(self, batch: Batch) -> NDArray[np.float64]:
        """Raw outputs (n, k) in evaluation mode; raises ModelError when the network does not return one number, or k, per row."""
        with self.session(gradients=False) as network:
            return _numpy(network(self.tensor(_leaf(batch))))

    def read_by(self, reading: Reading) -> None:
        """Take what the network returns by `reading` from now on, wherever outputs are asked for; layers are what they were."""
        self._reading = reading
        self._about["reading"] = reading.words

    def embeddings(self, batch: Batch) -> NDArray[np.float64]:
        """What the last linear layer receives, flattened to (n, width)."""
        name = self._last_linear
        if name is None:
            raise ModelError("the network has no linear layer whose inputs could serve as embeddings")

        def embed(part: torch.Tensor) -> torch.Tensor:
            with capture(self._module, [name], side="input") as seen:
                self._call(part)
            if len(seen[name]) != len(part):
                raise ModelError(f"layer {name!r} receives {len(seen[name])} rows for {len(part)}, so they are no embeddings of rows")
            return seen[name].reshape(len(part), -1)

        with self.session(gradients=False):
            return _numpy(self._in_micro_batches(self.tensor(_leaf(batch)), embed))

    def tensor(self, values: NDArray[Any]) -> torch.Tensor:
        """A copy of `values` on the device: floats in the leaf's type, integers as int64."""
        kind = {"f": self._dtype, "i": torch.int64, "u": torch.int64, "b": torch.bool}.get(values.dtype.kind)
        if kind is None:
            raise ModelError(f"values of type {values.dtype} cannot be given to a network")
        return torch.tensor(np.ascontiguousarray(values), dtype=kind, device=self._device)

    @contextmanager
    def session(self, *, gradients: bool) -> Iterator[Call]:
        """The network in evaluation mode with frozen parameters, callable on a leaf (m, …) → (m, k); restores everything on leaving.

        Without gradients no graph is built inside the context. With them, ModelError is raised as soon as a leaf that asks for a gradient
        gets an output that depends on it in no differentiable way.
        """
        with frozen(self._module), full_precision(self._module, self._device), torch.set_grad_enabled(gradients):
            yield lambda leaf: _connected(leaf, self._in_micro_batches(leaf, self._answer))

    def trial(self, batch: Batch) -> None:
        """Call the network on a few rows, and drop the capability ``gradients`` when no finite gradient reaches them.

        Raises ModelError when the network cannot be called on these inputs.
        """
        leaf = self.tensor(_leaf(batch))
        with self.session(gradients=False) as network:
            network(leaf)
            try:
                self._smooth = find_smooth_leaf(self._module, self._arguments, leaf, self._call)
            except ModelError as error:
                self._lacks["gradients"] = f"There is no gradient of {error}."
                return
        smooth = self.smooth(leaf)
        if not (smooth.is_floating_point() and self._has_gradient(smooth)):
            self._lacks["gradients"] = "No finite gradient of the outputs reaches the inputs."

    def smooth(self, leaf: torch.Tensor) -> torch.Tensor:
        """The leaf as something a network can be differentiated by: itself, or with token ids replaced by their embeddings (`SmoothLeaf`).

        `session` takes such a leaf like any other.
        """
        if self._smooth is None:
            return leaf
        with self.session(gradients=False):
            return self._smooth.of(leaf, self._module)

    def smooth_entries(self, shape: tuple[int, ...]) -> SmoothEntries:
        """What the entries of a smooth row stand for, where an encoded row is of `shape`."""
        if self._smooth is not None:
            return self._smooth.entries
        fixed = entries_of(self._arguments, shape).fixed
        return SmoothEntries(np.arange(len(fixed), dtype=np.int64), fixed)

    # ---- how --------------------------------------------------------------------------------------------------------------------

    def _has_gradient(self, leaf: torch.Tensor) -> bool:
        leaf = leaf.detach().requires_grad_()
        try:
            with self.session(gradients=True) as network:
                (gradient,) = torch.autograd.grad(network(leaf).sum(), leaf)
        except (ModelError, RuntimeError):
            return False
        return bool(torch.isfinite(gradient).all())

    def _call(self, part: torch.Tensor) -> Any:
        """The network on some rows of a leaf, or of a smooth one."""
        if self._smooth is None or not self._smooth.fits(part):
            return self._module(*self._arguments.of(part))
        leaf, answers = self._smooth.apart(part)
        with answering(self._module, answers):
            return self._module(*self._arguments.of(leaf))

    @property
    def _last_linear(self) -> str | None:
        names = [name for name, part in self._module.named_modules() if isinstance(part, nn.Linear)]
        return names[-1] if names else None

    def _answer(self, part: torch.Tensor) -> torch.Tensor:
        try:
            output = self._call(part)
        except FAILURES as error:
            if isinstance(error, RuntimeError) and is_out_of_memory(error):
                raise
            raise ModelError(f"the network failed on inputs of shape {tuple(part.shape)}: {type(error).__name__}: {_first_line(error)}") from error
        if self._reading is not None:
            leaf = part if self._smooth is None or not self._smooth.fits(part) else self._smooth.apart(part)[0]
            output = self._reading.of(self._arguments.of(leaf)[0], output)
        return _one_row_each(output, len(part))

    def _in_micro_batches(self, leaf: torch.Tensor, call: Call) -> torch.Tensor:
        while True:
            try:
                return torch.cat([call(leaf[part]) for part in micro_batches(len(leaf), self._micro_batch)] or [call(leaf)])
            except RuntimeError as error:
                if not is_out_of_memory(error) or (leaf.requires_grad and torch.is_grad_enabled()):  # its graph is kept whole: ask for fewer rows
                    raise
            self._halve()  # after the handler, whose traceback keeps the tensors of the failed call alive

    def _halve(self) -> None:
        if self._micro_batch == 1:
            raise ModelError(f"the network does not fit into the memory of {self.device}, even for one row at a time")
        self._micro_batch //= 2
        self._notes = [f"Memory ran out; the micro-batch was reduced to {self._micro_batch} rows."]
        release_memory(self._device)


def _placed(module: nn.Module, device: torch.device, dtype: torch.dtype) -> nn.Module:
    held = [*module.parameters(), *module.buffers()]
    there = all(tensor.device == device and (not tensor.is_floating_point() or tensor.dtype == dtype) for tensor in held)
    return module if there else copy.deepcopy(module).to(device=device, dtype=dtype)


def _leaf(batch: Batch) -> NDArray[Any]:
    further = sorted(set(batch.arrays) - {batch.leaf})
    if further:
        raise ModelError(f"the network would be given {', '.join(further)} beside {batch.leaf}; networks with several inputs are not read")
    return batch.values


def _one_row_each(output: Any, rows: int) -> torch.Tensor:
    if not isinstance(output, torch.Tensor):
        raise ModelError(f"the network returns {_named(output)}; expected one tensor (n, k): let the factory return a module that gives just that")
    column = output.reshape(1) if output.ndim == 0 and rows == 1 else output
    column = column[:, None] if column.ndim == 1 else column
    if column.ndim != 2 or len(column) != rows:
        raise ModelError(f"the network returns shape {tuple(output.shape)} for {rows} rows; expected ({rows}, k) or ({rows},)")
    return column


def _named(output: Any) -> str:
    if isinstance(output, Mapping):
        return f"a {type(output).__name__} with keys {', '.join(map(repr, output))}"
    if isinstance(output, (tuple, list)):
        return f"a {type(output).__name__} of {len(output)}"
    return type(output).__name__


def _connected(leaf: torch.Tensor, output: torch.Tensor) -> torch.Tensor:
    if torch.is_grad_enabled() and leaf.requires_grad and not output.requires_grad:
        raise ModelError("no gradient of the outputs reaches the inputs; the network has a step that is not differentiable")
    return output


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [""])[0]


def _numpy(output: torch.Tensor) -> NDArray[np.float64]:
    return output.detach().cpu().to(torch.float64).numpy()

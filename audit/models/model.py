"""The `Model` protocol: what every probe may ask of a network, whatever file it came from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from audit.data.batch import Batch

if TYPE_CHECKING:
    import torch

CAPABILITIES = ("outputs", "gradients", "embeddings", "modules")


class Model(Protocol):
    """Something that answers. `capabilities` is a subset of `CAPABILITIES` and always holds ``"outputs"``."""

    @property
    def capabilities(self) -> frozenset[str]: ...

    @property
    def digest(self) -> str:
        """sha256 of architecture source and weights, or of the prediction columns' names; hexadecimal."""
        ...

    @property
    def description(self) -> dict[str, Any]:
        """Plain data for the run: door, files with hashes, parameters, modules imported, device."""
        ...

    def outputs(self, batch: Batch) -> NDArray[np.float64]:
        """Raw outputs of the network, (n, k), in evaluation mode; finite or as the network gave them."""
        ...


@runtime_checkable
class DifferentiableModel(Protocol):
    """A model that can be called on tensors, many times, with or without gradients."""

    @property
    def device(self) -> str: ...

    @property
    def dtype(self) -> str:
        """Name of the floating type of the leaf, such as ``"float32"``."""
        ...

    def tensor(self, values: NDArray[Any]) -> torch.Tensor:
        """`values` on the model's device, in the leaf's floating type (integers stay int64)."""
        ...

    def session(self, *, gradients: bool) -> AbstractContextManager[Callable[[torch.Tensor], torch.Tensor]]:
        """A context in which the network is in evaluation mode, parameters frozen, and callable on a leaf tensor (m, …) → (m, k).

        Leaving it restores training mode, `requires_grad` and hooks. With ``gradients=False`` no graph is built. Out-of-memory halves
        the micro-batch and goes on.
        """
        ...


@dataclass(frozen=True)
class SmoothEntries:
    """Of the entries of a flattened smooth row: `origin` (entries,) int64, the entry of the flattened encoded row that each stands for, and
    `fixed` (entries,) bool, those that say how the row is to be read (the ids of a text, where a series ends) and are never changed."""

    origin: NDArray[np.int64]
    fixed: NDArray[np.bool_]


@runtime_checkable
class SmoothModel(DifferentiableModel, Protocol):
    """A differentiable model that knows what of its inputs can be changed by a little."""

    def smooth(self, leaf: torch.Tensor) -> torch.Tensor:
        """A leaf that can be changed by a little: `leaf` itself, or with token ids replaced by what their embedding makes of them, and the id
        behind it: (m, length, e + 1) of (m, length), and of several inputs (m, entries) so many more entries. `session` takes both."""
        ...

    def smooth_entries(self, shape: tuple[int, ...]) -> SmoothEntries:
        """What the entries of a smooth row stand for, where an encoded row is of `shape`."""
        ...


@runtime_checkable
class TellsWhy(Protocol):
    """A model that says why it lacks a capability that others of its kind have."""

    @property
    def lacks(self) -> Mapping[str, str]:
        """Reasons, as sentences, by capability."""
        ...


def micro_batches(rows: int, size: int) -> Iterator[slice]:
    """Slices that cut `rows` into runs of at most `size`."""
    for start in range(0, rows, size):
        yield slice(start, min(start + size, rows))

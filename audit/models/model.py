"""The `Model` protocol: what every probe may ask of a network, whatever file it came from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
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


@runtime_checkable
class SmoothModel(DifferentiableModel, Protocol):
    """A differentiable model that knows what of its inputs can be changed by a little."""

    def smooth(self, leaf: torch.Tensor) -> torch.Tensor:
        """A leaf that can be changed by a little: `leaf` itself, or for token ids (m, length) what their embedding makes of them,
        (m, length, e + 1), with the id as the last entry of each place, which is never changed. `session` takes both."""
        ...


def micro_batches(rows: int, size: int) -> Iterator[slice]:
    """Slices that cut `rows` into runs of at most `size`."""
    for start in range(0, rows, size):
        yield slice(start, min(start + size, rows))

"""A model that is never asked about rows alone: other rows stand before and behind them, in the same batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from audit.data.batch import Batch
from audit.errors import MethodError
from audit.models.model import DifferentiableModel, SmoothEntries, SmoothModel


class InCompany:
    """`model` with the encoded rows `company` (c, …) about those that it is asked about: half of them before, the others behind.

    A network whose answer to a row hangs on nothing else answers as it does without. In all but the batches it is `model`.
    """

    def __init__(self, model: DifferentiableModel, company: NDArray[Any]) -> None:
        self._model = model
        self._company = company

    @property
    def capabilities(self) -> frozenset[str]:
        """Those of the model, where it says."""
        return frozenset(getattr(self._model, "capabilities", ("outputs", "gradients")))

    @property
    def digest(self) -> str:
        """That of the model."""
        return str(getattr(self._model, "digest", ""))

    @property
    def description(self) -> dict[str, Any]:
        """That of the model."""
        return dict(getattr(self._model, "description", {}))

    @property
    def device(self) -> str:
        """Where the model runs."""
        return self._model.device

    @property
    def dtype(self) -> str:
        """Floating type of the leaf."""
        return self._model.dtype

    def outputs(self, batch: Batch) -> NDArray[np.float64]:
        """Raw outputs (n, k), in company."""
        with self.session(gradients=False) as network:
            return np.asarray(network(self.tensor(batch.values)).cpu().double().numpy())

    def tensor(self, values: NDArray[Any]) -> torch.Tensor:
        """`values` as the model takes them."""
        return self._model.tensor(values)

    def smooth(self, leaf: torch.Tensor) -> torch.Tensor:
        """A leaf that can be changed by a little; raises MethodError where the model has none."""
        if not isinstance(self._model, SmoothModel):
            raise MethodError("the model gives no gradients of its inputs")
        return self._model.smooth(leaf)

    def smooth_entries(self, shape: tuple[int, ...]) -> SmoothEntries:
        """What the entries of a smooth row stand for; raises MethodError where the model has no smooth rows."""
        if not isinstance(self._model, SmoothModel):
            raise MethodError("the model gives no gradients of its inputs")
        return self._model.smooth_entries(shape)

    @contextmanager
    def session(self, *, gradients: bool) -> Iterator[Callable[[torch.Tensor], torch.Tensor]]:
        """As the model's; every call goes with the company."""
        plain, held = self.tensor(self._company), dict[bool, torch.Tensor]()
        with self._model.session(gradients=gradients) as network:

            def answer(leaf: torch.Tensor) -> torch.Tensor:
                embedded = leaf.shape[1:] != plain.shape[1:]
                if embedded not in held:
                    held[embedded] = self.smooth(plain).detach() if embedded else plain
                about, first = held[embedded], len(plain) // 2
                return network(torch.cat([about[:first], leaf, about[first:]]))[first : first + len(leaf)]

            yield answer

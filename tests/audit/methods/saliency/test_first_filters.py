"""Filters are the weights of the layer that is given the inputs; anything else in front is refused by name."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from audit.errors import MethodError
from audit.methods.saliency.first_filters import Filters, first_filters
from tests.audit.methods.saliency.networks import Convolutional, rows


class Reader(nn.Module):
    """A layer before a head, of whatever kind."""

    def __init__(self, first: nn.Module, *, ids: bool = False) -> None:
        super().__init__()
        self.head, self.first, self.ids = nn.LazyLinear(2), first, ids

    def forward(self, x: Tensor) -> Tensor:
        found = self.first(x.long() if self.ids else x)
        out: Tensor = self.head((found[0] if isinstance(found, tuple) else found).flatten(1))
        return out


def test_filters_are_the_weights_of_the_layer_called_first_not_declared_first() -> None:
    module = Convolutional()

    found = first_filters(module, module, rows(2, 2, 9, 7))

    assert found.name == "first"
    np.testing.assert_array_equal(found.weights, module.first.weight.detach().numpy())


def test_a_linear_layer_behind_a_reshape_is_the_first() -> None:
    module = nn.Sequential(nn.Flatten(), nn.Linear(6, 4)).double()

    assert first_filters(module, module, rows(2, 2, 3)).weights.shape == (4, 6)


@pytest.mark.parametrize(("first", "ids", "words"), [(nn.Embedding(5, 3), True, "is Embedding"), (nn.GRU(3, 4, batch_first=True), False, "is GRU")])
def test_what_is_no_filter_of_the_inputs_is_refused_by_name(first: nn.Module, ids: bool, words: str) -> None:
    module = Reader(first, ids=ids)
    inputs = torch.ones(2, 4, 3)[..., 0] if ids else torch.ones(2, 4, 3)
    module(inputs)

    with pytest.raises(MethodError, match=words):
        first_filters(module, module, inputs)


class Mean(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(2, 1)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(x.mean(dim=2))
        return out


def test_a_layer_that_is_given_something_made_of_the_inputs_is_refused() -> None:
    module = Mean()

    with pytest.raises(MethodError, match="not the inputs themselves"):
        first_filters(module, module, torch.ones(2, 2, 5))


def test_norms_and_cosines_are_those_of_the_plane() -> None:
    found = Filters("", np.array([[3.0, 4.0], [-6.0, -8.0], [4.0, -3.0], [0.0, 0.0], [1.0, 0.0]]))

    np.testing.assert_allclose(found.norms, [5, 10, 5, 0, 1])
    np.testing.assert_allclose(found.alike, [1, 1, 0.8, np.nan, 0.8])
    np.testing.assert_array_equal(Filters("", np.ones((1, 3))).alike, [np.nan])

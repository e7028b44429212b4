"""Slopes per raw column: closed form for a linear network, and captum's for any other."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from captum.attr import InputXGradient
from torch import nn

from audit.errors import ModelError
from audit.probes.attribution.gradient import gradient
from tests.audit.probes.attribution.small import ENTRIES, measure, subject_of

OWNER = np.array([0, 1, 2, 2, 2, 3, 3])


def linear() -> nn.Module:
    torch.manual_seed(1)
    return nn.Linear(ENTRIES, 1)


def test_a_linear_network_has_its_weights_as_slopes() -> None:
    module = linear()

    found = measure(gradient, subject_of(module))

    weight = np.abs(module.weight.detach().double().numpy()[0])
    expected = [weight[player == OWNER].sum() for player in range(4)]
    np.testing.assert_allclose(found.columns["gradient"], np.broadcast_to(expected, (12, 4)))


def test_input_times_gradient_of_a_linear_network_adds_up_to_the_output_less_its_bias() -> None:
    module = linear()

    found = measure(gradient, subject_of(module))

    outputs = found.subject.model.outputs(found.subject.encode(found.subject.evaluate.take(np.arange(12))))[:, 0]
    np.testing.assert_allclose(found.columns["values"].sum(axis=1), outputs - module.bias.item())


def test_the_decided_class_is_explained_as_captum_does() -> None:
    torch.manual_seed(2)
    module = nn.Sequential(nn.Linear(ENTRIES, 5), nn.Tanh(), nn.Linear(5, 3))

    found = measure(gradient, subject_of(module, classes=3))

    leaf = torch.tensor(found.subject.encode(found.subject.evaluate.take(np.arange(12))).values, requires_grad=True)
    decided = module.double()(leaf).argmax(dim=1)
    entries = InputXGradient(module).attribute(leaf, target=decided).detach().numpy()
    assert found.columns["target"].tolist() == decided.tolist()
    np.testing.assert_allclose(found.columns["values"], np.stack([entries[:, player == OWNER].sum(axis=1) for player in range(4)], axis=1))


def test_rows_without_outputs_are_missing_and_the_others_unchanged() -> None:
    whole, part = (measure(gradient, subject_of(linear()), block=5, unusable=rows).columns for rows in ((), (0, 1, 2, 3, 4)))

    assert np.isnan(part["values"][:5]).all()
    np.testing.assert_array_equal(part["values"][5:], whole["values"][5:])


def test_a_network_that_passes_no_gradient_is_told() -> None:
    class Steps(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return (x.detach() > 0).double()[:, :1]

    with pytest.raises(ModelError, match="gradient"):
        measure(gradient, subject_of(Steps()))

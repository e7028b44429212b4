"""What runs through the units of the last hidden layer is told by the head's weights, and what they respond to adds up to their change."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from audit.errors import MethodError
from audit.probes.attribution.layer_units import layer_units
from tests.audit.methods.saliency.networks import Convolutional
from tests.audit.probes.attribution.small import ENTRIES, PICTURE, measure, subject_of


def network(classes: int = 3) -> nn.Sequential:
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(ENTRIES, 8), nn.Tanh(), nn.Linear(8, classes)).double()


def test_units_carry_the_head_times_the_change_of_the_hidden_layer() -> None:
    module = network()
    found = measure(layer_units, subject_of(module, classes=3))
    subject, state = found.subject, found.prepared.state
    encoded = torch.from_numpy(subject.encode(subject.evaluate.take(np.arange(12))).values)

    moved = module[:2](encoded) - module[:2](torch.from_numpy(state.background)).mean(dim=0)
    expected = (module[2].weight[torch.from_numpy(found.columns["target"]).long()] * moved).detach()

    np.testing.assert_allclose(found.columns["through"], expected.numpy(), atol=1e-7)
    assert found.columns["relative_gap"].max() < 1e-7
    np.testing.assert_allclose(found.columns["through"].sum(axis=1), found.columns["total"] - found.columns["base"], atol=1e-7)


def test_responses_of_a_unit_add_up_to_its_change_column_by_column() -> None:
    module = network()
    found = measure(layer_units, subject_of(module, classes=3), leading=2)
    columns, tables = found.columns, found.prepared.tables
    each = columns["responds"].reshape(12, 2, 4)

    np.testing.assert_allclose(each.sum(axis=2), columns["change"], atol=1e-6)
    assert columns["neuron_gap"].max() < 1e-6
    sizes = np.abs(columns["through"]).mean(axis=0)
    assert tables["players"]["name"] == ["income", "visits", "job", "debt"]
    np.testing.assert_array_equal(tables["leading"]["unit"], np.argsort(-sizes)[:2])  # all evaluated rows are among those that choose


def test_neither_the_block_nor_unusable_rows_change_the_others() -> None:
    subject = subject_of(network(), classes=3)

    whole, parts = (measure(layer_units, subject, block=size).columns for size in (12, 5))
    broken = measure(layer_units, subject, unusable=(4,)).columns

    for name in ("through", "responds", "neuron_gap"):
        np.testing.assert_allclose(parts[name], whole[name], atol=1e-12)
        np.testing.assert_allclose(np.delete(broken[name], 4, axis=0), np.delete(whole[name], 4, axis=0), atol=1e-12)
        assert np.isnan(broken[name][4]).all()


def test_channels_of_a_named_convolution_have_patches_to_respond_to() -> None:
    found = measure(layer_units, subject_of(Convolutional(), schema=PICTURE, classes=3), layer="second", leading=2)

    assert found.columns["through"].shape == (12, 5)
    assert found.columns["responds"].shape == (12, 2 * len(found.subject.players.names))
    assert found.columns["relative_gap"].mean() < 0.02


def test_one_output_and_regression_are_taken() -> None:
    found = measure(layer_units, subject_of(network(1), regression=True))

    assert (found.columns["target"] == 0).all()
    assert found.columns["relative_gap"].max() < 1e-7


def test_a_network_without_a_hidden_layer_is_refused() -> None:
    with pytest.raises(MethodError, match="no units of its own"):
        measure(layer_units, subject_of(nn.Sequential(nn.Linear(ENTRIES, 2)).double()))

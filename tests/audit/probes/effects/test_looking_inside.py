"""Activations of units are the network's own, and the first layer's weights are left with the names of what they weigh."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from audit.probes.effects.first_filters import first_filters
from audit.probes.effects.unit_activations import unit_activations
from tests.audit.methods.saliency.networks import Convolutional
from tests.audit.probes.attribution.small import ENTRIES, PICTURE, measure, subject_of


def network() -> nn.Sequential:
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(ENTRIES, 8), nn.Tanh(), nn.Linear(8, 2)).double()


def test_activations_are_what_the_last_linear_layer_receives() -> None:
    found = measure(unit_activations, subject_of(network()), block=5)

    subject = found.subject
    expected = subject.model.embeddings(subject.encode(subject.evaluate.take(np.arange(12))))  # type: ignore[attr-defined]
    np.testing.assert_allclose(found.columns["activation"], expected, atol=1e-12)
    np.testing.assert_array_equal(found.prepared.tables["units"]["unit"], np.arange(8))


def test_of_many_units_those_that_vary_most_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("audit.probes.effects.unit_activations.MOST_UNITS", 3)
    whole = network()
    whole[0].weight.data[[0, 2, 3, 5, 6]] *= 1e-6
    found = measure(unit_activations, subject_of(whole))

    np.testing.assert_array_equal(found.prepared.tables["units"]["unit"], [1, 4, 7])
    assert found.columns["activation"].shape == (12, 3)
    assert "3 that vary most" in found.prepared.notes[0]


def test_activations_beyond_all_bounds_are_missing_and_the_other_rows_keep_theirs() -> None:
    subject = subject_of(nn.Sequential(nn.Linear(ENTRIES, 8), nn.ReLU(), nn.Linear(8, 2)).double())
    whole = measure(unit_activations, subject).columns["activation"]
    subject.evaluate.values["income"][3] = 1e308 * 10  # type: ignore[attr-defined]

    found = measure(unit_activations, subject).columns["activation"]

    assert np.isnan(found[3]).any()
    assert not np.isinf(found).any()
    np.testing.assert_array_equal(np.delete(found, 3, axis=0), np.delete(whole, 3, axis=0))


def test_weights_on_a_table_come_with_the_columns_they_weigh() -> None:
    module = network()
    tables = first_filters.prepared(subject_of(module), {}).tables

    weights = np.asarray(tables["weights"]["weight"]).reshape(8, ENTRIES)
    np.testing.assert_array_equal(weights, module[0].weight.detach().numpy())
    assert tables["entries"]["player"] == ["income", "visits", "job", "job", "job", "debt", "debt"]
    np.testing.assert_allclose(tables["filters"]["norm"], np.linalg.norm(weights, axis=1))


def test_weights_of_a_convolution_keep_their_shape() -> None:
    tables = first_filters.prepared(subject_of(Convolutional(), schema=PICTURE, classes=3), {}).tables

    assert tables["layer"]["shape"] == ["2x3x3"]
    assert len(tables["weights"]["weight"]) == 4 * 18
    assert "entries" not in tables

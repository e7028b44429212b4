"""The probe `attribution.integrated_gradients` on a small network, against a fine Riemann sum."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from audit.probes.attribution.integrated_gradients import integrated_gradients
from audit.probes.attribution.shapley import shapley
from tests.audit.probes.attribution.explained_rows import measure
from tests.smoke import subjects


def riemann(found, row, points=2000):
    """Attributions per entry by the midpoint rule, one baseline at a time."""
    x = torch.from_numpy(found.inputs[row]).float()
    total = torch.zeros_like(x)
    with found.subject.model.session(gradients=True) as network:
        for b in torch.from_numpy(found.background).float():
            alpha = (torch.arange(points) + 0.5)[:, None] / points
            path = (b + alpha * (x - b)).requires_grad_()
            (slope,) = torch.autograd.grad(network(path)[:, found.columns["target"][row]].sum(), path)
            total += slope.mean(dim=0) * (x - b)
    return (total / len(found.background)).numpy()


@pytest.mark.parametrize("classes", [2, 3])
def test_values_are_path_integrals_summed_by_raw_column(tmp_path, classes):
    found = measure(subjects.write_table_network(tmp_path, classes=classes), integrated_gradients, rows=3, background=6, tolerance=1e-6)
    owner = found.subject.players.owner

    for row in range(3):
        entries = riemann(found, row)
        expected = [entries[owner == player].sum() for player in range(len(found.subject.players.names))]
        np.testing.assert_allclose(found.columns["values"][row], expected, atol=2e-3)


def test_base_and_total_are_those_of_shapley_values(tmp_path):
    config = subjects.write_table_network(tmp_path)

    gradients, values = measure(config, integrated_gradients).columns, measure(config, shapley).columns

    np.testing.assert_allclose(gradients["base"], values["base"], atol=1e-6)
    np.testing.assert_allclose(gradients["total"], values["total"], atol=1e-6)
    assert not gradients["se"].any()


def test_the_gap_is_what_is_left_of_the_difference(tmp_path):
    found = measure(subjects.write_table_network(tmp_path), integrated_gradients).columns

    gap = np.abs(found["values"].sum(axis=1) - (found["total"] - found["base"]))
    np.testing.assert_allclose(found["gap"], gap, atol=1e-12)
    assert found["relative_gap"].max() <= 0.01


def test_rows_without_finite_outputs_get_nan(tmp_path):
    found = measure(subjects.write_table_network(tmp_path), integrated_gradients, broken=(0, 5)).columns

    assert np.isnan(found["values"]).any(axis=1).nonzero()[0].tolist() == [0, 5]
    assert found["steps"][0] == 0


def test_the_engine_measures_all_rows_even_when_none_can_be_explained(tmp_path):
    found = measure(subjects.write_table_network(tmp_path), integrated_gradients, rows=2, broken=(0, 1)).columns

    assert np.isnan(found["total"]).all()
    assert found["values"].shape == (2, 4)

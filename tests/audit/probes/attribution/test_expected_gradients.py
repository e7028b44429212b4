"""The probe `attribution.expected_gradients` on small networks."""

from __future__ import annotations

import numpy as np
import pytest

from audit.errors import MethodError
from audit.probe import Block
from audit.probes.attribution.expected_gradients import expected_gradients
from audit.probes.attribution.integrated_gradients import integrated_gradients
from audit.witness import confront
from tests.audit.probes.attribution.explained_rows import measure
from tests.smoke import subjects


@pytest.mark.parametrize("write", [subjects.write_table_network, subjects.write_photos, subjects.write_reviews], ids=["table", "photos", "text"])
def test_values_lie_around_integrated_gradients(tmp_path, write):
    config = write(tmp_path)

    found, paths = (measure(config, probe, rows=3, **given).columns for probe, given in (_ours(), (integrated_gradients, {"tolerance": 1e-3})))

    apart = np.abs(found["values"] - paths["values"])
    assert (apart <= 4.5 * found["se"] + 2e-3 * np.abs(paths["values"]).max()).all()
    np.testing.assert_allclose(found["base"], paths["base"], atol=1e-5)


def test_a_row_draws_the_same_whatever_the_block(tmp_path):
    config = subjects.write_table_network(tmp_path)

    whole, parts = (measure(config, expected_gradients, rows=6, block=block, samples=20).columns["values"] for block in (6, 2))

    np.testing.assert_allclose(whole, parts, atol=1e-6)


def test_rows_without_finite_outputs_get_nan(tmp_path):
    found = measure(subjects.write_table_network(tmp_path), expected_gradients, broken=(0, 5)).columns

    assert np.isnan(found["values"]).any(axis=1).nonzero()[0].tolist() == [0, 5]


def test_a_single_draw_is_refused(tmp_path):
    with pytest.raises(MethodError, match="at least 2"):
        measure(subjects.write_table_network(tmp_path), expected_gradients, rows=2, samples=1)


@pytest.mark.filterwarnings("ignore")
def test_shap_agrees_within_the_errors_of_both(tmp_path):
    found = measure(subjects.write_table_network(tmp_path), expected_gradients, rows=3)
    reads = {f"outputs.{name}": values[:3] for name, values in found.outputs.items()}
    settings = expected_gradients.settings.defaults
    block = Block(found.subject, found.subject.evaluate.take(np.arange(3)), reads, 7, expected_gradients.id)

    reference = expected_gradients.recompute(block, expected_gradients.prepared(found.subject, settings).state, found.columns, settings)

    assert confront("shap", reference).agrees


def _ours():
    return expected_gradients, {"samples": 400}


def test_nothing_is_measured_where_no_row_can_be(tmp_path):
    found = measure(subjects.write_table_network(tmp_path), expected_gradients, rows=2, broken=(0, 1)).columns

    assert np.isnan(found["total"]).all()

"""The probe `attribution.deep_shap` on small networks of tables, images and text."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from audit.errors import MethodError
from audit.methods.attribution.deep_shap import deep_shap as divide
from audit.probe import Block
from audit.probes.attribution.deep_shap import deep_shap
from audit.probes.attribution.integrated_gradients import integrated_gradients
from tests.audit.probes.attribution.explained_rows import measure
from tests.smoke import structured_subjects, subjects


@pytest.mark.parametrize(
    "write",
    [
        subjects.write_table_network,
        lambda folder: subjects.write_table_network(folder, classes=3),
        subjects.write_photos,
        subjects.write_reviews,
        pytest.param(structured_subjects.write_series, marks=pytest.mark.slow),
        structured_subjects.write_several,
    ],
    ids=["table", "classes", "photos", "text", "series", "several"],
)
def test_values_add_up_and_share_their_ends_with_integrated_gradients(tmp_path, write):
    config = write(tmp_path)

    found, paths = measure(config, deep_shap, rows=3).columns, measure(config, integrated_gradients, rows=3).columns

    assert found["relative_gap"].max() <= 1e-4
    np.testing.assert_allclose(found["base"], paths["base"], atol=1e-5)
    np.testing.assert_allclose(found["total"], paths["total"], atol=1e-5)
    assert not found["se"].any()


def test_values_are_sums_over_a_column_s_entries(tmp_path):
    found = measure(subjects.write_table_network(tmp_path, classes=3), deep_shap, rows=3, background=6)
    owner, model = found.subject.players.owner, found.subject.model

    with model.session(gradients=True) as network:
        target = torch.from_numpy(found.columns["target"]).long()
        entries = divide(network, model.tensor(found.inputs), model.tensor(found.background), target).values

    for player in range(len(found.subject.players.names)):
        np.testing.assert_allclose(found.columns["values"][:, player], entries[:, owner == player].sum(axis=1), atol=1e-9)


def test_rows_without_finite_outputs_get_nan(tmp_path):
    found = measure(subjects.write_table_network(tmp_path), deep_shap, broken=(0, 5)).columns

    assert np.isnan(found["values"]).any(axis=1).nonzero()[0].tolist() == [0, 5]


def test_nothing_is_measured_where_no_row_can_be(tmp_path):
    found = measure(subjects.write_table_network(tmp_path), deep_shap, rows=2, broken=(0, 1)).columns

    assert np.isnan(found["total"]).all()


def witness(found, columns):
    subject, rows = found.subject, 4
    taken = subject.evaluate.take(np.arange(rows))
    state = deep_shap.prepared(subject, deep_shap.settings.defaults).state
    reads = {f"outputs.{name}": values[:rows] for name, values in found.outputs.items()}
    block = Block(subject, taken, reads, 7, deep_shap.id)
    return deep_shap.recompute(block, state, {name: values[:rows] for name, values in columns.items()}, deep_shap.settings.defaults)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("write", [subjects.write_table_network, subjects.write_photos], ids=["table", "photos"])
def test_shap_agrees_where_its_rules_are_right(tmp_path, write):
    found = measure(write(tmp_path), deep_shap, rows=4)

    reference = witness(found, found.columns)

    np.testing.assert_allclose(reference.ours, reference.theirs, atol=1e-4 * reference.scale.max())


@pytest.mark.filterwarnings("ignore")
def test_shap_is_no_witness_of_a_recurrent_network(tmp_path):
    found = measure(structured_subjects.write_series(tmp_path), deep_shap, rows=4)

    with pytest.raises(MethodError, match="its DeepExplainer"):
        witness(found, found.columns)

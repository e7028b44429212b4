"""The probe `attribution.occlusion` on small networks of tables, images and text."""

from __future__ import annotations

import numpy as np
import pytest

from audit.probe import Block
from audit.probes.attribution.occlusion import occlusion
from tests.audit.probes.attribution.explained_rows import measure
from tests.smoke import subjects


@pytest.mark.parametrize("classes", [2, 3])
def test_a_fall_is_the_mean_over_background_rows_that_replace_one_column(tmp_path, classes):
    found = measure(subjects.write_table_network(tmp_path, classes=classes), occlusion, rows=3, background=6)
    owner, model = found.subject.players.owner, found.subject.model

    with model.session(gradients=False) as network:
        for row, player in np.ndindex(found.columns["values"].shape):
            output = found.columns["target"][row]
            mixed = np.where(owner == player, found.background, found.inputs[row])
            fall = network(model.tensor(found.inputs[row][None]))[0, output] - network(model.tensor(mixed))[:, output].mean()
            np.testing.assert_allclose(found.columns["values"][row, player], fall, atol=1e-6)


def test_rows_without_finite_outputs_get_nan(tmp_path):
    found = measure(subjects.write_table_network(tmp_path), occlusion, broken=(0, 5)).columns

    assert np.isnan(found["values"]).any(axis=1).nonzero()[0].tolist() == [0, 5]


@pytest.mark.parametrize("write", [subjects.write_table_network, subjects.write_photos, subjects.write_reviews], ids=["table", "photos", "text"])
def test_captum_s_ablation_agrees(tmp_path, write):
    found = measure(write(tmp_path), occlusion, rows=3, background=5)
    reads = {f"outputs.{name}": values[:3] for name, values in found.outputs.items()}
    settings = {"background": 5}
    block = Block(found.subject, found.subject.evaluate.take(np.arange(3)), reads, 7, occlusion.id)

    reference = occlusion.recompute(block, occlusion.prepared(found.subject, settings).state, found.columns, settings)

    np.testing.assert_allclose(reference.ours, reference.theirs, atol=1e-5 * reference.scale.max())
    assert np.abs(reference.ours).max() > 0

"""`anomaly.energy` on a real network, its p-values counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from audit.errors import MethodError
from audit.probes.anomaly.energy import energy
from tests.audit.probes.anomaly import opened


def test_scores_are_the_negative_softplus_of_the_one_logit(tmp_path):
    found = opened.measure(energy, opened.table(tmp_path))

    assert found.columns["score"] == pytest.approx(-np.logaddexp(0, found.outputs["output"][:, 0]))


def test_p_values_count_the_calibration_rows(tmp_path):
    subject = opened.table(tmp_path)
    logits = subject.model.outputs(subject.encode(subject.calibration.take(np.arange(60))))[:, 0]
    calibration = -np.logaddexp(0, logits)
    found = opened.measure(energy, subject)

    expected = [(1 + sum(c >= s - 1e-12 for c in calibration)) / 61 for s in found.columns["score"]]

    assert found.columns["p_value"] == pytest.approx(expected)
    assert found.prepared.tables["calibration"]["score"] == pytest.approx(np.sort(calibration))


def test_blocks_do_not_matter(tmp_path):
    subject = opened.table(tmp_path, classes=3)

    whole, parts = (opened.measure(energy, subject, block=size).columns for size in (None, 7))

    assert parts["score"] == pytest.approx(whole["score"], abs=1e-6)


def test_the_temperature_is_that_of_calibration_too(tmp_path):
    subject = opened.table(tmp_path, classes=3)
    found = opened.measure(energy, subject, temperature=1000.0)

    # Flattened to the mean logit and T log 3, so calibration scores must lie there as well.
    assert found.columns["score"] == pytest.approx(-1000 * np.log(3) - found.outputs["output"].mean(axis=1), abs=0.1)
    assert found.prepared.tables["calibration"]["score"] == pytest.approx(-1000 * np.log(3), abs=5)


def test_a_row_whose_output_is_not_finite_has_neither_score_nor_p_value(tmp_path):
    found = opened.measure(energy, opened.table(tmp_path), broken=(3,)).columns

    assert np.flatnonzero(np.isnan(found["score"])).tolist() == [3]
    assert np.flatnonzero(np.isnan(found["p_value"])).tolist() == [3]


def test_probabilities_are_no_logits(tmp_path):
    with pytest.raises(MethodError, match="energy is a function of logits"):
        opened.measure(energy, opened.answering(opened.table(tmp_path), "probabilities"))

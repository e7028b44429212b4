"""`anomaly.max_softmax` on real networks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from audit.errors import MethodError
from audit.probes.anomaly.max_softmax import max_softmax
from tests.audit.probes.anomaly import opened


@pytest.mark.parametrize("classes", [2, 3])
def test_scores_are_one_minus_the_largest_probability(tmp_path, classes):
    found = opened.measure(max_softmax, opened.table(tmp_path, classes=classes), broken=(1,))

    assert found.columns["score"] == pytest.approx(1 - found.outputs["probability"].max(axis=1), nan_ok=True)
    assert np.flatnonzero(np.isnan(found.columns["p_value"])).tolist() == [1]


def test_calibration_rows_asked_as_evaluated_rows_get_every_rank_once(tmp_path):
    subject = opened.table(tmp_path)
    held = replace(subject, evaluate=subject.calibration)

    found = opened.measure(max_softmax, held).columns["p_value"]

    # Each row counts itself, so ranks run from 2 to 61 of 61.
    assert np.sort(found) == pytest.approx(np.arange(2, 62) / 61)


def test_a_network_that_never_varies_finds_nothing_unusual(tmp_path):
    assert (opened.measure(max_softmax, opened.table(tmp_path, weights_scale=0)).columns["p_value"] == 1).all()


def test_a_score_is_no_probability(tmp_path):
    with pytest.raises(MethodError, match="needs class probabilities"):
        max_softmax.prepared(opened.answering(opened.table(tmp_path), "score"), {})

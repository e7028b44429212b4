"""Scaling is proposed where it makes answers agree better with labels; agreement is compared with scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, r2_score, roc_auc_score

from audit.proposal.scaling import Scale, agreement, choose, middle_scales

RANDOM = np.random.default_rng(4)
LABELS = np.arange(60) % 2
THREE = np.arange(60) % 3


def test_agreement_is_what_scikit_learn_computes() -> None:
    score, logits, quantity = (RANDOM.normal(size=(60, width)).round(1) for width in (1, 3, 1))
    truth = RANDOM.normal(size=60) + quantity[:, 0]

    assert agreement("binary", score, LABELS) == pytest.approx(roc_auc_score(LABELS, score[:, 0]))
    assert agreement("multiclass", logits, THREE) == pytest.approx(accuracy_score(THREE, logits.argmax(axis=1)))
    assert agreement("regression", quantity, truth) == pytest.approx(r2_score(truth, quantity[:, 0]))


def test_two_outputs_are_ranked_by_their_difference() -> None:
    pair = RANDOM.normal(size=(60, 2))

    assert agreement("binary", pair, LABELS) == pytest.approx(roc_auc_score(LABELS, pair[:, 1] - pair[:, 0]))


def test_rows_without_a_label_or_a_finite_output_do_not_count() -> None:
    score = np.array([[0.1], [0.9], [np.nan], [0.5]])

    assert agreement("binary", score, np.array([0, 1, 0, -1])) == 1.0
    assert agreement("binary", score, np.array([1, 1, 0, -1])) is None


def test_a_code_for_not_recorded_does_not_drown_the_scale() -> None:
    values = np.append(RANDOM.normal(360, 50, 1000), [999_999.0] * 3)

    scale = middle_scales({"term": values, "flat": np.ones(9)})

    assert set(scale) == {"term"}
    assert scale["term"].mean == pytest.approx(360, abs=5)
    assert scale["term"].deviation == pytest.approx(50, abs=5)


@pytest.mark.parametrize(("plain", "scaled", "proposed"), [(0.5, 0.8, True), (0.8, 0.5, False), (0.8, 0.82, False), (None, 0.9, False)])
def test_scaling_is_proposed_only_where_it_is_clearly_better(plain: float | None, scaled: float, proposed: bool) -> None:
    chosen = choose("binary", plain, scaled, {"a": Scale(0, 1)}, rows=60, source="reference")

    assert bool(chosen.scales) == proposed

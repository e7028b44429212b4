"""Planted faults that `sanity.labels` must find, and honest networks it must leave alone."""

from __future__ import annotations

import numpy as np
import pytest

from audit.checks.sanity.labels import labels
from audit.judge import judge
from tests.audit.checks.planted import planted

N = 400
GENERATOR = np.random.default_rng(0)
TRUTH = GENERATOR.integers(0, 2, N)
HONEST = np.clip(0.5 + 0.2 * (TRUTH - 0.5) + GENERATOR.normal(0, 0.2, N), 0.01, 0.99)


def verdict(rows):
    evidence = labels(rows)
    found = judge(evidence, labels.criteria)
    outside = {evidence.measurements[j.measurement].name for j in found.judgements if j.status == "outside"}
    return found.status, outside, evidence


def test_an_honest_network_is_within(tmp_path):
    status, outside, _ = verdict(planted(tmp_path, labels=TRUTH, scores=HONEST, inputs={"income": GENERATOR.normal(size=N)}))

    assert (status, outside) == ("within", set())


@pytest.mark.parametrize("scores", ["inverted", "perfectly inverted"])
def test_an_inverted_score_is_outside(tmp_path, scores):
    score = 1 - HONEST if scores == "inverted" else 0.9 - 0.8 * TRUTH

    assert {"score_auc", "cohen_kappa"} <= verdict(planted(tmp_path, labels=TRUTH, scores=score))[1]


def test_inverted_decisions_without_scores_are_outside(tmp_path):
    assert "cohen_kappa" in verdict(planted(tmp_path, labels=TRUTH, decisions=(HONEST < 0.5).astype(int)))[1]


def test_swapped_classes_of_a_multiclass_network_are_outside(tmp_path):
    truth = GENERATOR.integers(0, 3, N)
    rows = planted(tmp_path, labels=truth, decisions=(truth + 1) % 3, task="multiclass", classes=("a", "b", "c"), favourable=())

    assert "cohen_kappa" in verdict(rows)[1]


def test_a_constant_predictor_is_outside(tmp_path):
    status, outside, _ = verdict(planted(tmp_path, labels=TRUTH, scores=np.full(N, 0.7)))

    assert status == "outside"
    assert "distinct_outputs" in outside


def test_non_finite_outputs_are_outside(tmp_path):
    scores = HONEST.copy()
    scores[3] = np.nan

    _, outside, evidence = verdict(planted(tmp_path, labels=TRUTH, scores=scores))

    assert outside == {"non_finite_outputs"}
    assert next(m.counts for m in evidence.measurements if m.name == "non_finite_outputs") == {"non_finite": 1, "total": N}


@pytest.mark.parametrize(
    "twin",
    [
        TRUTH.astype(float),
        5.0 - 3 * TRUTH,
        np.where(TRUTH == 1, "paid", "late"),
        TRUTH + GENERATOR.normal(0, 0.1, N),
        np.where(TRUTH == 1, np.nan, 4.2),
    ],
    ids=["copy", "recoded", "text", "noisy copy", "missing when positive"],
)
def test_a_twin_of_the_label_is_outside_and_named(tmp_path, twin):
    rows = planted(tmp_path, labels=TRUTH, scores=HONEST, inputs={"repaid": twin, "age": GENERATOR.normal(size=N)})

    _, outside, evidence = verdict(rows)

    assert outside == {"label_twins"}
    assert any("repaid" in note and "age" not in note for note in evidence.notes)


def test_an_identifier_is_no_twin(tmp_path):
    rows = planted(tmp_path, labels=TRUTH, scores=HONEST, inputs={"id": [f"p{i}" for i in range(N)], "order": GENERATOR.permutation(N).astype(float)})

    assert verdict(rows)[0] == "within"


def test_constant_labels_are_outside(tmp_path):
    assert "distinct_labels" in verdict(planted(tmp_path, labels=np.ones(N, dtype=int), scores=HONEST))[1]


def test_weak_networks_are_rarely_suspected(tmp_path):
    suspected = 0
    for trial in range(60):
        generator = np.random.default_rng(trial)
        rows = planted(tmp_path / str(trial), labels=generator.integers(0, 2, 80), scores=generator.random(80))
        suspected += verdict(rows)[0] == "outside"

    assert suspected <= 4


def test_a_network_tuned_to_rare_cases_is_at_most_a_matter_of_attention(tmp_path):
    truth = (np.arange(2000) < 40).astype(int)
    score = np.where(truth == 1, 0.8, np.where(np.arange(2000) % 5 == 0, 0.7, 0.1)) + GENERATOR.random(2000) * 0.05

    assert verdict(planted(tmp_path, labels=truth, scores=score))[0] == "attention"


@pytest.mark.parametrize(
    "case", [{"labels": [1], "scores": [0.3]}, {"scores": [0.3]}, {"labels": [-1, -1], "scores": [0.2, 0.9]}, {"decisions": [0]}]
)
def test_single_rows_and_absent_labels_are_not_suspected(tmp_path, case):
    assert verdict(planted(tmp_path, **case))[0] in ("within", "inconclusive")


def test_regression_with_the_wrong_sign_is_outside(tmp_path):
    quantity = GENERATOR.normal(size=N)
    good = planted(tmp_path / "a", labels=quantity, scores=quantity + GENERATOR.normal(size=N), task="regression", classes=(), favourable=())
    bad = planted(tmp_path / "b", labels=quantity, scores=-quantity, task="regression", classes=(), favourable=(), inputs={"copy": quantity * 2 + 1})

    assert verdict(good)[0] == "within"
    assert verdict(bad)[1] == {"score_label_correlation", "label_twins"}

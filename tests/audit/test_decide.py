"""Outputs of every declared kind against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, log_softmax, softmax
from sklearn.metrics import log_loss

from audit.data.dataset import Schema
from audit.decide import decide, doubts, losses
from audit.errors import ModelError, SubjectError
from audit.facts import Facts


def facts(**more: object) -> Facts:
    base = {"task": "binary", "output": "logits", "classes": ("0", "1"), "favourable": (), "threshold": 0.5, "label": "y", "label_kind": "outcome"}
    return Facts(**{**base, "groups": (), "schema": Schema(()), **more})  # type: ignore[arg-type]


Z = np.array([-800.0, -2.0, 0.0, 0.3, 40.0])


def test_one_logit_and_two_say_the_same() -> None:
    one, two = decide(Z[:, None], facts()), decide(np.stack([np.zeros(5), Z], axis=1), facts())

    np.testing.assert_allclose(one.probability, two.probability, atol=1e-15)
    assert np.array_equal(one.decision, two.decision)
    np.testing.assert_allclose(one.score, expit(Z), atol=1e-15)


def test_shifting_two_logits_changes_nothing() -> None:
    two = np.stack([np.full(5, 7.0), Z + 7.0], axis=1)

    np.testing.assert_allclose(decide(two, facts()).score, expit(Z), atol=1e-12)


@given(st.floats(0.001, 0.999))
def test_a_tie_at_the_threshold_selects_class_one(threshold: float) -> None:
    decided = decide(np.array([[threshold], [np.nextafter(threshold, 0)]]), facts(output="probabilities", threshold=threshold))

    assert decided.decision.tolist() == [1, 0]


def test_log_loss_is_that_of_scikit_learn_and_stable_far_out() -> None:
    labels = np.array([0, 0, 1, 0, 1])
    found = losses(decide(Z[:, None], facts()), labels, facts())

    assert np.mean(found.loss) == pytest.approx(log_loss(labels, expit(Z)), rel=1e-12)
    assert losses(decide(np.array([[800.0]]), facts()), np.array([0]), facts()).loss[0] == pytest.approx(800.0)


def test_margin_is_above_zero_exactly_when_right() -> None:
    random = np.random.default_rng(0)
    z, labels = random.normal(size=400), random.integers(0, 2, 400)
    found = losses(decide(z[:, None], facts(threshold=0.7)), labels, facts(threshold=0.7))

    assert np.array_equal(found.margin > 0, found.correct == 1)
    np.testing.assert_allclose(np.abs(found.margin), np.abs(z - np.log(0.7 / 0.3)), atol=1e-12)


def test_many_classes_by_softmax() -> None:
    random = np.random.default_rng(1)
    logits, labels = random.normal(size=(50, 4)), random.integers(0, 4, 50)
    many = facts(task="multiclass", classes=("a", "b", "c", "d"), threshold=None)
    decided = decide(logits, many)
    found = losses(decided, labels, many)

    np.testing.assert_allclose(decided.probability, softmax(logits, axis=1), atol=1e-14)
    np.testing.assert_allclose(found.loss, -log_softmax(logits, axis=1)[np.arange(50), labels], atol=1e-13)
    assert np.array_equal(found.margin > 0, found.correct == 1)


@pytest.mark.parametrize("kind", ["probabilities", "log_probabilities"])
def test_probabilities_and_their_logs_give_the_loss_of_the_logits(kind: str) -> None:
    random = np.random.default_rng(2)
    logits, labels = random.normal(size=(30, 3)), random.integers(0, 3, 30)
    declared = facts(task="multiclass", classes=("a", "b", "c"), threshold=None, output=kind)
    outputs = softmax(logits, axis=1) if kind == "probabilities" else log_softmax(logits, axis=1)

    found = losses(decide(outputs, declared), labels, declared)

    np.testing.assert_allclose(found.loss, -log_softmax(logits, axis=1)[np.arange(30), labels], atol=1e-12)


def test_rows_that_are_not_finite_are_marked_and_leave_the_others() -> None:
    decided = decide(np.array([[np.nan], [1.0], [np.inf]]), facts())
    found = losses(decided, np.array([1, 1, 1]), facts())

    assert decided.finite.tolist() == [0, 1, 0]
    assert decided.decision.tolist() == [-1, 1, -1]
    assert found.correct.tolist() == [-1, 1, -1]
    assert np.isnan(found.loss[[0, 2]]).all()


def test_unknown_labels_have_no_loss() -> None:
    found = losses(decide(np.zeros((2, 1)), facts()), np.array([-1, 1]), facts())

    assert found.correct.tolist() == [-1, 1]
    assert np.isnan(found.loss[0])


def test_a_quantity_has_an_error_and_a_squared_error() -> None:
    quantity = facts(task="regression", output="quantity", classes=(), threshold=None)
    found = losses(decide(np.array([[2.0], [5.0]]), quantity), np.array([1.0, np.nan]), quantity)

    assert found.error[0] == 1.0
    assert found.loss[0] == 1.0
    assert np.isnan(found.error[1])


def test_decided_classes_alone_have_no_loss() -> None:
    given_classes = facts(output="decision", threshold=None)
    decided = decide(np.array([[1.0], [0.0], [np.nan]]), given_classes)

    assert decided.decision.tolist() == [1, 0, -1]
    assert losses(decided, np.array([1, 1, 1]), given_classes).loss is None


@pytest.mark.parametrize(
    ("outputs", "declared", "message"),
    [
        (np.array([[1.5]]), facts(output="probabilities"), r"\[0, 1\]"),
        (np.array([[0.5, 0.2]]), facts(output="probabilities"), "sum"),
        (np.array([[0.1, 0.2, 0.7]]), facts(), "3 outputs per row"),
        (np.array([[0.5, 0.5]]), facts(output="log_probabilities"), "at most 0"),
        (np.array([[np.nan], [np.nan]]), facts(), "no row of 2"),
    ],
)
def test_contradictions_are_refused(outputs: np.ndarray, declared: Facts, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        decide(outputs, declared)


def test_a_score_never_gets_a_threshold_silently() -> None:
    with pytest.raises(SubjectError, match="threshold"):
        decide(np.array([[3.0]]), facts(output="score", threshold=None))
    assert decide(np.array([[3.0], [2.9]]), facts(output="score", threshold=3.0)).decision.tolist() == [1, 0]


def test_logits_that_look_like_probabilities_raise_doubts() -> None:
    p = softmax(np.random.default_rng(0).normal(size=(20, 3)), axis=1)
    many = facts(task="multiclass", classes=("a", "b", "c"), threshold=None)

    assert "sums to 1" in doubts(p, many)[0]
    assert doubts(p * 5 - 2, many) == ()

"""Outputs become probability, score and decision by closed forms, and are refused when they contradict what was declared."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import expit, log_softmax, logit, softmax
from sklearn.metrics import log_loss

from audit.data.dataset import Schema
from audit.decide import decide, losses
from audit.declared_outputs import check_outputs
from audit.errors import ModelError, SubjectError
from audit.facts import Facts

BINARY = Facts(
    task="binary",
    output="logits",
    classes=("0", "1"),
    favourable=(),
    threshold=0.5,
    label="y",
    label_kind="outcome",
    groups=(),
    schema=Schema(columns=()),
)
THREE = dataclasses.replace(BINARY, task="multiclass", classes=("a", "b", "c"), threshold=None)
ANOMALY = dataclasses.replace(BINARY, task="anomaly", output="score", threshold=1.0)
REGRESSION = dataclasses.replace(BINARY, task="regression", output="quantity", classes=(), threshold=None)
LOGITS = arrays(np.float64, st.tuples(st.integers(1, 20), st.just(3)), elements=st.floats(-200, 200))


def declared(facts: Facts, **changes: Any) -> Facts:
    return dataclasses.replace(facts, **changes)


def column(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float64)[:, None]


def test_one_logit_becomes_the_logistic_probability_of_class_1() -> None:
    z = column(-800, -3, -1e-9, 0, 2, 800)

    decided = decide(z, BINARY)

    np.testing.assert_allclose(decided.score, expit(z[:, 0]), rtol=1e-14)
    np.testing.assert_allclose(decided.probability, np.stack([expit(-z[:, 0]), expit(z[:, 0])], axis=1), rtol=1e-14)
    assert decided.decision.dtype == np.int32
    assert decided.finite.dtype == np.int8


@given(arrays(np.float64, st.integers(1, 20), elements=st.floats(-700, 700)), st.floats(0.01, 0.99))
def test_one_logit_and_two_logits_with_a_zero_agree(z: np.ndarray, threshold: float) -> None:
    facts, labels = declared(BINARY, threshold=threshold), np.arange(len(z)) % 2
    two = np.stack([np.zeros_like(z), z], axis=1)

    one_decided, two_decided = decide(z[:, None], facts), decide(two, facts)

    np.testing.assert_array_equal(one_decided.probability, two_decided.probability)
    np.testing.assert_array_equal(one_decided.decision, two_decided.decision)
    one_loss, two_loss = losses(one_decided, z[:, None], labels, facts), losses(two_decided, two, labels, facts)
    np.testing.assert_array_equal(one_loss.loss, two_loss.loss)
    np.testing.assert_array_equal(one_loss.margin, two_loss.margin)


def test_a_tie_at_the_threshold_selects_class_1() -> None:
    probability = declared(BINARY, output="probabilities", threshold=0.3)

    assert decide(column(0.0), BINARY).decision.tolist() == [1]
    assert decide(np.array([[4.0, 4.0]]), BINARY).decision.tolist() == [1]
    assert decide(column(0.3, np.nextafter(0.3, 0)), probability).decision.tolist() == [1, 0]
    assert decide(column(7, 6.99), declared(BINARY, output="score", threshold=7)).decision.tolist() == [1, 0]


def test_without_a_threshold_probabilities_are_cut_at_a_half() -> None:
    assert decide(column(0.49, 0.5), declared(BINARY, output="probabilities", threshold=None)).decision.tolist() == [0, 1]


def test_a_score_without_a_threshold_is_refused() -> None:
    with pytest.raises(SubjectError, match="threshold"):
        decide(column(1, 2), declared(BINARY, output="score", threshold=None))


@given(LOGITS)
def test_several_logits_become_the_softmax_and_its_largest_class(z: np.ndarray) -> None:
    decided = decide(z, THREE)

    np.testing.assert_allclose(decided.probability, softmax(z, axis=1), atol=1e-14)
    np.testing.assert_array_equal(decided.decision, decided.probability.argmax(axis=1))
    assert decided.score is None


@given(LOGITS)
def test_logits_and_log_probabilities_give_the_same_answers(z: np.ndarray) -> None:
    z = z / 10
    logs, facts, labels = log_softmax(z, axis=1), declared(THREE, output="log_probabilities"), np.arange(len(z)) % 3

    first, second = decide(z, THREE), decide(logs, facts)

    np.testing.assert_allclose(first.probability, second.probability, atol=1e-12)
    held, other = losses(first, z, labels, THREE), losses(second, logs, labels, facts)
    usable = logs.min(axis=1) > np.log(1e-15)
    np.testing.assert_allclose(held.loss[usable], other.loss[usable], atol=1e-9)
    np.testing.assert_allclose(held.margin[usable], other.margin[usable], atol=1e-9)


def test_multiclass_loss_is_the_log_loss_and_margin_the_lead_of_the_true_class() -> None:
    z = np.array([[2.0, 1.0, -1.0], [0.0, 3.0, 0.5], [1.0, 1.0, 0.0]])
    labels = np.array([0, 2, 1])

    held = losses(decide(z, THREE), z, labels, THREE)

    assert held.loss.mean() == pytest.approx(log_loss(labels, softmax(z, axis=1), labels=[0, 1, 2]))
    np.testing.assert_allclose(held.margin, [1.0, -2.5, 0.0])
    assert held.correct.tolist() == [1, 0, 0]


def test_binary_margin_is_the_distance_to_the_threshold_on_the_logit_scale() -> None:
    facts = declared(BINARY, output="probabilities", threshold=0.8)
    p = np.array([0.9, 0.9, 0.3])

    held = losses(decide(p[:, None], facts), p[:, None], np.array([1, 0, 0]), facts)

    distance = logit(p) - logit(0.8)
    np.testing.assert_allclose(held.margin, [distance[0], -distance[1], -distance[2]])
    np.testing.assert_allclose(held.loss, [-np.log(0.9), -np.log(0.1), -np.log(0.7)])
    assert held.correct.tolist() == [1, 0, 1]


@pytest.mark.parametrize("two", [False, True])
def test_log_probabilities_of_two_classes_agree_with_their_logit(two: bool) -> None:
    z, facts = np.array([-3.0, 0.2, 4.0]), declared(BINARY, output="log_probabilities")
    outputs = np.log(np.stack([expit(-z), expit(z)], axis=1)) if two else np.log(expit(z))[:, None]
    labels = np.array([1, 0, 1])

    decided = decide(outputs, facts)
    held, expected = losses(decided, outputs, labels, facts), losses(decide(z[:, None], BINARY), z[:, None], labels, BINARY)

    np.testing.assert_allclose(decided.score, expit(z))
    np.testing.assert_allclose(held.loss, expected.loss)
    np.testing.assert_allclose(held.margin, expected.margin)


@pytest.mark.parametrize(
    ("output", "outputs"),
    [("probabilities", [[1.0], [0.0]]), ("probabilities", [[0.0, 1.0], [1.0, 0.0]]), ("log_probabilities", [[0.0], [-np.inf]])],
)
def test_certain_and_wrong_costs_the_clipped_log_loss(output: str, outputs: list[list[float]]) -> None:
    facts, answered = declared(BINARY, output=output), np.array(outputs)

    held = losses(decide(answered, facts), answered, np.array([0, 1]), facts)

    np.testing.assert_allclose(held.loss, -np.log(1e-15), rtol=1e-2)
    assert held.correct.tolist() == [0, 0]


def test_logit_loss_does_not_overflow() -> None:
    z = column(1e4, -1e4)

    assert losses(decide(z, BINARY), z, np.array([0, 0]), BINARY).loss.tolist() == [1e4, 0.0]


def test_a_row_that_is_not_finite_is_not_decided() -> None:
    z = np.array([[1.0, 2, 3], [np.nan, 0, 0], [np.inf, 0, 0], [3, 2, 1]])

    decided = decide(z, THREE)
    held = losses(decided, z, np.array([2, 0, 0, -1]), THREE)

    assert decided.finite.tolist() == [1, 0, 0, 1]
    assert decided.decision.tolist() == [2, -1, -1, 0]
    assert np.isnan(decided.probability[1:3]).all()
    assert held.correct.tolist() == [1, -1, -1, -1]
    assert np.isnan(held.loss).tolist() == [False, True, True, True]


def test_unknown_labels_have_no_loss() -> None:
    held = losses(decide(column(1, 1), BINARY), column(1, 1), np.array([-1, 1]), BINARY)

    assert held.correct.tolist() == [-1, 1]
    assert np.isnan(held.loss).tolist() == np.isnan(held.margin).tolist() == [True, False]


def test_a_quantity_has_an_error_and_its_square() -> None:
    outputs = column(3, np.nan, 5)

    decided = decide(outputs, REGRESSION)
    held = losses(decided, outputs, np.array([1.0, 1.0, np.nan]), REGRESSION)

    assert decided.decision is None
    np.testing.assert_array_equal(decided.score, [3, np.nan, 5])
    np.testing.assert_array_equal(held.error, [2, np.nan, np.nan])
    np.testing.assert_array_equal(held.loss, [4, np.nan, np.nan])
    assert held.correct is None


def test_decided_classes_stand_as_they_are() -> None:
    facts = declared(THREE, output="decision")

    decided = decide(column(2, 0, np.nan), facts)

    assert decided.decision.tolist() == [2, 0, -1]
    assert decided.probability is None
    held = losses(decided, column(2, 0, np.nan), np.array([2, 1, 0]), facts)
    assert held.correct.tolist() == [1, 0, -1]
    assert held.loss is None


@pytest.mark.parametrize(
    ("facts", "outputs", "words"),
    [
        (BINARY, np.zeros((2, 3)), "3 outputs per row"),
        (THREE, np.zeros((2, 1)), "1 outputs per row"),
        (REGRESSION, np.zeros((2, 2)), "2 outputs per row"),
        (declared(BINARY, output="probabilities"), column(0.2, 3.5), "3.5"),
        (declared(BINARY, output="probabilities"), column(-0.2, 0.5), "-0.2"),
        (declared(THREE, output="probabilities"), np.array([[0.2, 0.2, 0.2]]), "sum to 1"),
        (declared(THREE, output="log_probabilities"), np.zeros((1, 3)), "sum to 1"),
        (declared(BINARY, output="log_probabilities"), column(2.0, -1.0), "not be above 0; found 2; .* declare output = 'logits'"),
        (declared(BINARY, output="log_probabilities"), column(0.2, 0.7), "not be above 0; found 0.7; .* declare output = 'probabilities'"),
        (declared(BINARY, output="probabilities"), column(-0.1, -2.5), "declare output = 'log_probabilities'"),
        (declared(BINARY, output="probabilities"), column(-0.1, 2.5), "declare output = 'logits'"),
        (THREE, np.zeros((2, 4)), "4 outputs per row; logits for multiclass with 3 classes"),
        (THREE, np.zeros((2, 1)), "task = 'binary'"),
        (BINARY, np.zeros((2, 4)), "task = 'multiclass'"),
        (declared(BINARY, output="score"), np.zeros((2, 2)), "output = 'logits' or 'probabilities'"),
        (REGRESSION, np.zeros((2, 3)), "one at a time"),
        (declared(REGRESSION, output="score"), np.zeros((2, 3)), "3 outputs per row"),
        (ANOMALY, np.zeros((2, 64)), "64 outputs per row; score for anomaly .* are 1; .* output = 'reconstruction'"),
        (declared(THREE, output="decision"), column(3), "no position"),
        (BINARY, np.full((3, 1), np.nan), "finite"),
    ],
)
def test_outputs_that_contradict_their_declaration_are_refused(facts: Facts, outputs: np.ndarray, words: str) -> None:
    with pytest.raises(ModelError, match=words):
        check_outputs(outputs, facts)


@pytest.mark.parametrize(
    "changes",
    [{"output": "quantity"}, {"task": "anomaly", "classes": ()}, {"task": "regression"}, {"output": "reconstruction"}, {"classes": ("0", "1", "2")}],
)
def test_a_kind_without_meaning_for_the_task_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(SubjectError):
        decide(column(1, 2), declared(BINARY, **changes))


def test_logits_that_look_like_probabilities_are_pointed_out() -> None:
    (warning,) = check_outputs(np.array([[0.2, 0.3, 0.5], [0.1, 0.1, 0.8]]), THREE)

    assert "declared logits, but every row sums to 1 and lies in [0, 1]" in warning
    assert check_outputs(np.array([[0.2, 0.3, 0.5], [1.0, 2.0, 3.0]]), THREE) == ()


def test_logits_that_are_log_probabilities_are_pointed_out() -> None:
    (warning,) = check_outputs(log_softmax(np.random.default_rng(0).normal(size=(5, 3)), axis=1), THREE)

    assert "they are log-probabilities" in warning
    assert check_outputs(column(-1.0, -2.0), BINARY) == ()


@pytest.mark.parametrize(
    ("facts", "outputs"),
    [
        (BINARY, column(0.3, 0.3, np.nan, 0.3)),
        (THREE, np.tile([0.5, -1.0, 2.0], (3, 1))),
        (REGRESSION, column(7, 7)),
        (ANOMALY, column(0.25, 0.25)),
        (declared(THREE, output="probabilities"), np.full((2, 3), 1 / 3)),
    ],
)
def test_one_output_for_all_rows_is_pointed_out(facts: Facts, outputs: np.ndarray) -> None:
    (warning,) = check_outputs(outputs, facts)

    assert "do not depend on them" in warning
    assert check_outputs(outputs[:1], facts) == ()


@pytest.mark.parametrize("output", ["score", "reconstruction"])
def test_an_anomaly_is_flagged_from_the_threshold_on(output: Any) -> None:
    decided = decide(column(0.99, 1.0, 5.0, np.inf), declared(ANOMALY, output=output))

    assert decided.decision.tolist() == [0, 1, 1, -1]
    assert decided.probability is None
    held = losses(decided, column(0.99, 1.0, 5.0, np.inf), np.array([0, 0, 1, 1]), declared(ANOMALY, output=output))
    assert held.correct.tolist() == [1, 0, 1, -1]
    assert held.loss is None


@given(arrays(np.float64, st.integers(1, 20), elements=st.floats(-50, 50)), st.floats(0.01, 0.99))
def test_logits_of_an_anomaly_are_decided_as_those_of_two_classes(z: np.ndarray, threshold: float) -> None:
    facts = declared(ANOMALY, output="logits", threshold=threshold)
    labels = np.arange(len(z)) % 2

    found, expected = decide(z[:, None], facts), decide(z[:, None], declared(BINARY, threshold=threshold))

    np.testing.assert_array_equal(found.decision, expected.decision)
    np.testing.assert_array_equal(found.probability, expected.probability)
    one, two = losses(found, z[:, None], labels, facts), losses(expected, z[:, None], labels, declared(BINARY, threshold=threshold))
    np.testing.assert_array_equal(one.margin, two.margin)


@pytest.mark.parametrize("output", ["score", "reconstruction", "logits", "probabilities"])
def test_an_anomaly_without_a_threshold_is_refused(output: Any) -> None:
    with pytest.raises(SubjectError, match=r"decision\.threshold, or decision\.quantile"):
        decide(column(0.1, 0.2), declared(ANOMALY, output=output, threshold=None))


SEVERAL = dataclasses.replace(BINARY, task="multilabel", classes=("a", "b", "c"), label=None, labels=("a", "b", "c"), thresholds=(0.5, 0.5, 0.2))


@given(LOGITS)
def test_each_label_is_given_by_its_own_threshold(z: np.ndarray) -> None:
    found = decide(z, SEVERAL)

    assert found.decision is None
    np.testing.assert_allclose(found.probability, expit(z))
    np.testing.assert_array_equal(found.decisions, expit(z) >= np.array([0.5, 0.5, 0.2]))


@given(LOGITS)
def test_several_labels_have_the_same_answers_from_logits_and_log_probabilities(z: np.ndarray) -> None:
    z = np.clip(z, -20, 20)
    logs = -np.logaddexp(0, -z)

    plain, other = decide(z, SEVERAL), decide(logs, declared(SEVERAL, output="log_probabilities"))

    np.testing.assert_allclose(plain.probability, other.probability)  # type: ignore[arg-type]


def test_the_loss_of_several_labels_is_their_mean_and_the_margin_their_smallest() -> None:
    z = np.array([[2.0, -1.0, 0.0], [0.5, 0.5, -3.0], [np.nan, 0.0, 0.0]])
    labels = np.array([[1, 0, 1], [1, -1, 0], [0, 0, 0]])

    decided = decide(z, SEVERAL)
    found = losses(decided, z, labels, SEVERAL)

    expected = np.mean([log_loss([label], [expit(value)], labels=[0, 1]) for value, label in zip(z[0], labels[0], strict=True)])
    np.testing.assert_allclose(found.loss, [expected, np.nan, np.nan])  # type: ignore[arg-type]
    np.testing.assert_allclose(found.margin, [1.0, np.nan, np.nan])  # type: ignore[arg-type]
    assert found.correct is not None
    assert found.correct.tolist() == [1, -1, -1]
    assert decided.decisions is not None
    assert decided.decisions.tolist() == [[1, 0, 1], [1, 1, 0], [-1, -1, -1]]


@pytest.mark.parametrize(
    ("changes", "outputs", "words"),
    [
        ({}, [[1.0, 2.0]], "2 outputs per row"),
        ({"output": "probabilities"}, [[0.5, 1.5, 0.0]], "must lie in"),
        ({"output": "decision"}, [[0.0, 2.0, 1.0]], "neither 0 nor 1"),
        ({"output": "quantity"}, [[0.0, 2.0, 1.0]], "has no meaning"),
    ],
)
def test_several_labels_that_contradict_their_declaration_are_refused(changes: dict[str, Any], outputs: list[list[float]], words: str) -> None:
    with pytest.raises((ModelError, SubjectError), match=words):
        decide(np.array(outputs), declared(SEVERAL, **changes))


def test_probabilities_of_several_labels_need_not_sum_to_one() -> None:
    assert decide(np.array([[0.9, 0.9, 0.1]]), declared(SEVERAL, output="probabilities")).decisions is not None

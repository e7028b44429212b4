"""The one place where what a network returns becomes probability, score and decision, and is held against labels. numpy only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit.declared_outputs import PROBABILISTIC, SCORES, check_meaning, usable_rows
from audit.facts import Facts
from audit.log_scale import SMALLEST, log_softmax, logit, logs, sigmoid

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Decided:
    """Rows decided by the declared rule; a field is None where the kind of output has no meaning for it."""

    probability: Floats | None
    """(n, K) per class, two columns for binary; NaN where the output is not finite."""
    score: Floats | None
    """(n,) probability of class 1, the raw score, or the predicted quantity; NaN where the output is not finite."""
    decision: NDArray[np.int32] | None
    """(n,) class position, -1 where the output is not finite."""
    finite: NDArray[np.int8]
    """(n,) 1 where the output can be used: finite, or a log-probability of minus infinity."""
    decisions: NDArray[np.int8] | None = None
    """Multilabel: (n, K) 1 where the label is given, 0 where not, -1 where the output is not finite."""


@dataclass(frozen=True)
class Losses:
    """Decided rows held against labels; a field is None where it has no meaning."""

    loss: Floats | None
    """(n,) log loss in nats, squared error for regression; NaN where label or output is unknown."""
    margin: Floats | None = None
    """(n,) see `losses`; NaN where label or output is unknown."""
    correct: NDArray[np.int8] | None = None
    """(n,) 1 or 0; -1 where label or output is unknown."""
    error: Floats | None = None
    """(n,) prediction minus label in regression; NaN where unknown."""


def decide(outputs: Floats, facts: Facts) -> Decided:
    """Probability, score and decision of outputs (n, k).

    Binary with probabilities: one output is about class 1, two are about both classes; class 1 is decided where its probability is at least
    the threshold (0.5 when none is declared). A score selects class 1 at or above its threshold, which must be declared. Anomaly is decided
    likewise, class 1 being anomalous, and never without a declared threshold; the score of a reconstruction is the error of the row. More
    classes: the largest probability, the first of equals. Multilabel: each label by its own threshold. Raises ModelError for a wrong number
    of outputs or values that contradict the declared kind, SubjectError for a kind that has no meaning for the task.
    """
    check_meaning(outputs, facts)
    finite = usable_rows(outputs, facts)
    if facts.task == "multilabel":
        return _given_labels(outputs, finite, facts)
    if facts.task == "regression":
        return Decided(None, _blank(outputs[:, 0], finite), None, finite.astype(np.int8))
    if facts.output == "decision":
        position = np.where(finite, outputs[:, 0], -1).astype(np.int32)
        return Decided(None, None, position, finite.astype(np.int8))
    if facts.output in SCORES:
        return Decided(None, _blank(outputs[:, 0], finite), _select(outputs[:, 0] >= _threshold(facts), finite), finite.astype(np.int8))
    probability = _probability(outputs, finite, facts)
    if facts.two_classes:
        score = probability[:, 1]
        return Decided(probability, score, _select(score >= _threshold(facts), finite), finite.astype(np.int8))
    return Decided(probability, None, _select(np.argmax(probability, axis=1), finite), finite.astype(np.int8))


def losses(decided: Decided, outputs: Floats, labels: NDArray[Any], facts: Facts) -> Losses:
    """Loss, margin and correctness against labels (n,): class positions with -1 for unknown, or quantities with NaN for unknown; for
    multilabel (n, K) of 0, 1 and -1 for unknown, where a row is known when all of its labels are.

    Log loss is exact from logits; log-probabilities and probabilities are held within [1e-15, 1 - 1e-15] first. The margin is on the logit
    scale: for binary the distance of P(class 1) to the threshold, positive on the side of the true class; for more classes the true class
    minus the best other. Scores and decisions have neither. Multilabel: a row is correct when all of its labels are, its loss is the mean
    over the labels, its margin the smallest of them.
    """
    if facts.task == "multilabel":
        return _label_losses(decided, outputs, labels, facts)
    if facts.task == "regression":
        error = _blank(outputs[:, 0], decided.finite == 1) - labels.astype(np.float64)
        return Losses(loss=np.square(error), error=error)
    known = (labels >= 0) & (decided.finite == 1)
    correct = np.where(known, decided.decision == labels, -1).astype(np.int8)
    if facts.output not in PROBABILISTIC:
        return Losses(loss=None, correct=correct)
    truth = np.where(known, labels, 0).astype(np.int64)
    outputs = np.where((decided.finite == 1)[:, None], outputs, 0.0)
    scale = _logit_scale(outputs, facts) if facts.two_classes else None
    if scale is None:
        log_probability = _log_probability(outputs, facts)
        loss, margin = -_at(log_probability, truth), _lead(_scores(outputs, facts), truth)
    else:
        side = np.where(truth == 1, 1.0, -1.0)
        loss, margin = np.logaddexp(0.0, -side * scale), side * (scale - logit(np.float64(_threshold(facts))))
    return Losses(loss=_blank(loss, known), margin=_blank(margin, known), correct=correct)


def _given_labels(outputs: Floats, finite: NDArray[np.bool_], facts: Facts) -> Decided:
    safe = np.where(finite[:, None], outputs, 0.0)
    probability = None
    if facts.output in PROBABILISTIC:
        one = sigmoid(safe) if facts.output == "logits" else np.exp(safe) if facts.output == "log_probabilities" else safe
        probability = np.clip(one, 0.0, 1.0)
    level = safe if probability is None else probability
    given = level == 1 if facts.output == "decision" else level >= np.array(facts.thresholds)
    decisions = np.where(finite[:, None], given, -1).astype(np.int8)
    held = None if probability is None else _blank(probability, finite[:, None])
    return Decided(held, None, None, finite.astype(np.int8), decisions)


def _label_losses(decided: Decided, outputs: Floats, labels: NDArray[Any], facts: Facts) -> Losses:
    known = (labels >= 0).all(axis=1) & (decided.finite == 1)
    correct = np.where(known, np.all(decided.decisions == labels, axis=1), -1).astype(np.int8)
    if facts.output not in PROBABILISTIC:
        return Losses(loss=None, correct=correct)
    safe = np.where((decided.finite == 1)[:, None], outputs, 0.0)
    scale = safe if facts.output == "logits" else logit(np.exp(np.minimum(safe, 0.0)) if facts.output == "log_probabilities" else safe)
    side = np.where(labels == 1, 1.0, -1.0)
    loss, margin = np.logaddexp(0.0, -side * scale), side * (scale - logit(np.array(facts.thresholds)))
    return Losses(loss=_blank(loss.mean(axis=1), known), margin=_blank(margin.min(axis=1), known), correct=correct)


def _threshold(facts: Facts) -> float:
    return 0.5 if facts.threshold is None else facts.threshold


def _select(position: NDArray[Any], finite: NDArray[np.bool_]) -> NDArray[np.int32]:
    return np.where(finite, position, -1).astype(np.int32)


def _blank(values: Floats, known: NDArray[np.bool_]) -> Floats:
    return np.where(known, values, np.nan)


def _probability(outputs: Floats, finite: NDArray[np.bool_], facts: Facts) -> Floats:
    safe = np.where(finite[:, None], outputs, 0.0)
    if facts.output == "logits" and facts.two_classes:
        z = _difference(safe)
        probability = np.stack([sigmoid(-z), sigmoid(z)], axis=1)
    elif facts.output == "logits":
        probability = np.exp(log_softmax(safe))
    else:
        one = np.exp(safe) if facts.output == "log_probabilities" else safe
        probability = np.clip(np.concatenate([1 - one, one], axis=1) if one.shape[1] == 1 else one, 0.0, 1.0)
    return _blank(probability, finite[:, None])


def _logit_scale(outputs: Floats, facts: Facts) -> Floats:
    """The logit of class 1 (n,), finite wherever the output is usable."""
    if facts.output == "logits":
        return _difference(outputs)
    if facts.output == "probabilities":
        return logit(outputs[:, 0]) if outputs.shape[1] == 1 else logs(outputs[:, 1]) - logs(outputs[:, 0])
    held = np.clip(outputs, np.log(SMALLEST), -SMALLEST)
    return held[:, 0] - np.log(-np.expm1(held[:, 0])) if outputs.shape[1] == 1 else held[:, 1] - held[:, 0]


def _scores(outputs: Floats, facts: Facts) -> Floats:
    """Outputs of several classes on the logit scale, up to a constant per row."""
    return outputs if facts.output == "logits" else _log_probability(outputs, facts)


def _log_probability(outputs: Floats, facts: Facts) -> Floats:
    if facts.output == "logits":
        return log_softmax(outputs)
    return logs(outputs) if facts.output == "probabilities" else np.clip(outputs, np.log(SMALLEST), 0.0)


def _lead(scores: Floats, truth: NDArray[np.int64]) -> Floats:
    others = scores.copy()
    others[np.arange(len(truth)), truth] = -np.inf
    best: Floats = others.max(axis=1, initial=-np.inf)
    return _at(scores, truth) - best


def _at(values: Floats, column: NDArray[np.int64]) -> Floats:
    return values[np.arange(len(column)), column]


def _difference(outputs: Floats) -> Floats:
    return outputs[:, 0] if outputs.shape[1] == 1 else outputs[:, 1] - outputs[:, 0]

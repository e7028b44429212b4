"""From outputs to probabilities, scores, decisions, losses and margins: the one place that knows what an output means. No torch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit.errors import ModelError, SubjectError
from audit.facts import Facts

CLIP = 1e-15
"""Probabilities are kept this far from 0 and 1 when a log loss or a logit is taken of them."""
SUM_TOLERANCE = 1e-3
"""How far probabilities of one row may be from summing to 1."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Decided:
    """What outputs mean, row by row. Rows that are not finite have decision -1 and NaN elsewhere."""

    finite: NDArray[np.int8]
    """1 where every output is finite, (n,)."""
    probability: Floats | None
    """(n, K) for classification with probabilities (K = 2 for binary)."""
    score: Floats | None
    """(n,): probability of class 1, the raw score, or the predicted quantity; None for several classes."""
    decision: NDArray[np.int32] | None
    """Position of the decided class, (n,); None for quantities."""
    logits: Floats | None
    """(n, K) on the logit scale, for losses and margins; two columns for binary with the threshold at zero margin."""


@dataclass(frozen=True)
class Losses:
    """How each decision fared against its label; NaN (or -1) where the label is unknown or the output not finite."""

    loss: Floats | None
    """Log loss in nats (classification with probabilities) or squared error, (n,)."""
    margin: Floats | None
    """True class minus best other class on the logit scale, (n,); for binary against the threshold, so it is above 0 exactly when right."""
    correct: NDArray[np.int8] | None
    """1 right, 0 wrong, -1 unknown, (n,); None for quantities."""
    error: Floats | None
    """Prediction minus label, (n,), for quantities."""


def decide(outputs: Floats, facts: Facts) -> Decided:
    """Probabilities, scores and decisions of outputs (n, k).

    Raises ModelError when the outputs contradict what was declared (their number, their range), SubjectError for a score without threshold.
    """
    finite = np.isfinite(outputs).all(axis=1)
    check_outputs(outputs[finite], facts, total=len(outputs))
    safe = np.where(finite[:, None], outputs, 0.5)
    if facts.task == "regression" or facts.output in ("quantity", "reconstruction"):
        decided = Decided(finite.astype(np.int8), None, safe[:, 0].copy(), None, None)
    elif facts.output == "decision":
        decided = Decided(finite.astype(np.int8), None, None, safe[:, 0].round().astype(np.int32), None)
    elif facts.output == "score":
        decided = _from_score(safe, finite, facts)
    elif facts.task == "binary":
        decided = _binary(safe, finite, facts)
    else:
        decided = _multiclass(safe, finite, facts)
    return _masked(decided, finite)


def losses(decided: Decided, labels: NDArray[np.generic], facts: Facts) -> Losses:
    """Losses and margins against `labels`: class positions with -1 for unknown, or quantities with NaN for unknown."""
    if decided.decision is None:
        error = np.asarray(decided.score, dtype=np.float64) - labels.astype(np.float64)
        return Losses(error**2, None, None, error)
    codes = labels.astype(np.int64)
    known = (codes >= 0) & (decided.decision >= 0)
    correct = np.where(known, decided.decision == codes, -1).astype(np.int8)
    if decided.logits is None:
        return Losses(None, None, correct, None)
    row, true = np.arange(len(codes)), np.maximum(codes, 0)
    logits = np.where(decided.finite[:, None] == 1, decided.logits, 0.0)
    margin = _margin(logits, true, facts)
    loss = None
    if decided.probability is not None:
        loss = np.where(known, -_log_probability(logits, facts)[row, true], np.nan)
    return Losses(loss, np.where(known, margin, np.nan), correct, None)


def check_outputs(outputs: Floats, facts: Facts, *, total: int) -> None:
    """Raise ModelError when finite outputs (n, k) contradict the declaration; `total` counts the rows that are not finite as well."""
    if total and not len(outputs):
        raise ModelError(f"no row of {total} has finite outputs")
    expected = _expected_outputs(facts)
    if outputs.shape[1] not in expected:
        raise ModelError(f"the network gives {outputs.shape[1]} outputs per row; {facts.output} for {_task(facts)} needs {' or '.join(map(str, expected))}")
    if facts.output == "probabilities":
        _check_probabilities(outputs, facts)
    if facts.output == "log_probabilities" and len(outputs) and outputs.max() > SUM_TOLERANCE:
        raise ModelError(f"declared log_probabilities, but the largest output is {outputs.max():.4g}; expected at most 0")


def doubts(outputs: Floats, facts: Facts) -> tuple[str, ...]:
    """Sentences about outputs that are possible, but look like something else than was declared."""
    finite = outputs[np.isfinite(outputs).all(axis=1)]
    if facts.output != "logits" or len(finite) < 10:
        return ()
    if finite.shape[1] > 1 and finite.min() >= 0 and np.abs(finite.sum(axis=1) - 1).max() < SUM_TOLERANCE:
        return ("Declared logits, but every row lies in [0, 1] and sums to 1: these look like probabilities.",)
    if finite.shape[1] == 1 and finite.min() >= 0 and finite.max() <= 1:
        return ("Declared logits, but every output lies in [0, 1]: these look like probabilities.",)
    return ()


def _check_probabilities(outputs: Floats, facts: Facts) -> None:
    low, high = (float(outputs.min()), float(outputs.max())) if len(outputs) else (0.0, 1.0)
    if low < -SUM_TOLERANCE or high > 1 + SUM_TOLERANCE:
        raise ModelError(f"declared probabilities, but outputs range from {low:.4g} to {high:.4g}; expected [0, 1]")
    if outputs.shape[1] > 1 and facts.task != "multilabel":
        worst = float(np.abs(outputs.sum(axis=1) - 1).max())
        if worst > SUM_TOLERANCE:
            raise ModelError(f"declared probabilities, but rows sum to as far as {worst:.4g} from 1")


def _expected_outputs(facts: Facts) -> tuple[int, ...]:
    if facts.task == "regression" or facts.output in ("quantity", "score", "decision"):
        return (1,)
    return (1, 2) if facts.task == "binary" else (len(facts.classes),)


def _task(facts: Facts) -> str:
    return f"{facts.task} with classes {', '.join(facts.classes[:10])}" if facts.classes else facts.task


def _binary_logit(outputs: Floats, facts: Facts) -> Floats:
    """Log-odds of class 1, (n,)."""
    if facts.output == "logits":
        return outputs[:, 0] if outputs.shape[1] == 1 else outputs[:, 1] - outputs[:, 0]
    if facts.output == "log_probabilities" and outputs.shape[1] == 2:
        return np.asarray(outputs[:, 1] - outputs[:, 0])
    p = np.exp(outputs[:, -1]) if facts.output == "log_probabilities" else outputs[:, -1]
    return _logit(p)


def _binary(outputs: Floats, finite: NDArray[np.bool_], facts: Facts) -> Decided:
    threshold = 0.5 if facts.threshold is None else facts.threshold
    logit = _binary_logit(outputs, facts)
    # Declared probabilities are taken as they are: a way through the logit and back would move ties at the threshold.
    p = np.clip(outputs[:, -1], 0.0, 1.0) if facts.output == "probabilities" else _sigmoid(logit)
    decision = (p >= threshold).astype(np.int32)
    logits = np.stack([np.zeros_like(logit), logit], axis=1)
    return Decided(finite.astype(np.int8), np.stack([1 - p, p], axis=1), p, decision, logits)


def _from_score(outputs: Floats, finite: NDArray[np.bool_], facts: Facts) -> Decided:
    if facts.task != "binary":
        raise SubjectError(f"model.output = 'score' goes with a binary task; found {facts.task}")
    if facts.threshold is None:
        raise SubjectError("model.output is 'score', so decision.threshold must be declared; it is never assumed")
    score = outputs[:, 0].copy()
    return Decided(finite.astype(np.int8), None, score, (score >= facts.threshold).astype(np.int32), None)


def _class_logits(outputs: Floats, facts: Facts) -> Floats:
    if facts.output == "probabilities":
        return np.log(np.clip(outputs, CLIP, 1.0))
    return outputs


def _multiclass(outputs: Floats, finite: NDArray[np.bool_], facts: Facts) -> Decided:
    logits = _class_logits(outputs, facts)
    exponent = np.exp(logits - logits.max(axis=1, keepdims=True))
    probability = outputs.copy() if facts.output == "probabilities" else exponent / exponent.sum(axis=1, keepdims=True)
    return Decided(finite.astype(np.int8), probability, None, outputs.argmax(axis=1).astype(np.int32), logits)


def _masked(decided: Decided, finite: NDArray[np.bool_]) -> Decided:
    if finite.all():
        return decided
    gone = ~finite
    for values in (decided.probability, decided.score, decided.logits):
        if values is not None:
            values[gone] = np.nan
    if decided.decision is not None:
        decided.decision[gone] = -1
    return decided


def _margin(logits: Floats, true: NDArray[np.int64], facts: Facts) -> Floats:
    row = np.arange(len(true))
    if facts.task == "binary":
        shift = _logit(np.array([0.5 if facts.threshold is None else facts.threshold]))[0]
        return np.asarray(np.where(true == 1, 1.0, -1.0) * (logits[:, 1] - shift))
    others = logits.copy()
    others[row, true] = -np.inf
    return np.asarray(logits[row, true] - others.max(axis=1))


def _log_probability(logits: Floats, facts: Facts) -> Floats:
    if facts.task == "binary":
        z = logits[:, 1]
        return np.stack([-np.logaddexp(0.0, z), -np.logaddexp(0.0, -z)], axis=1)
    top = logits.max(axis=1, keepdims=True)
    return np.asarray(logits - top - np.log(np.exp(logits - top).sum(axis=1, keepdims=True)))


def _sigmoid(z: Floats) -> Floats:
    exponent = np.exp(-np.abs(z))
    return np.asarray(np.where(z >= 0, 1 / (1 + exponent), exponent / (1 + exponent)))


def _logit(p: Floats) -> Floats:
    clipped = np.clip(p, CLIP, 1 - CLIP)
    return np.asarray(np.log(clipped) - np.log1p(-clipped))

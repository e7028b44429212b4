"""The one place where what a network returns becomes probability, score and decision, and is held against labels. numpy only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit.errors import ModelError, SubjectError
from audit.facts import Facts, Task
from audit.log_scale import SMALLEST, log_softmax, logit, logs, sigmoid

Floats = NDArray[np.float64]
TOLERANCE = 1e-4
"""How far probabilities may leave [0, 1], or their sum 1: float32 rounding over thousands of classes stays below."""
PROBABILISTIC = ("logits", "log_probabilities", "probabilities")
SCORES = ("score", "reconstruction")
"""Outputs held against a threshold as they are; those of a reconstruction reach this module as the error of each row."""
KINDS: Mapping[Task, tuple[str, ...]] = {
    "binary": (*PROBABILISTIC, "score", "decision"),
    "multiclass": (*PROBABILISTIC, "decision"),
    "multilabel": (*PROBABILISTIC, "score", "decision"),
    "regression": ("quantity", "score"),
    "anomaly": (*PROBABILISTIC, *SCORES, "decision"),
}
"""What a network may return for each task."""


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
    classes: the largest probability, the first of equals. Multilabel: each label by its own threshold. Raises ModelError for a wrong number of outputs
    or values that contradict the declared kind, SubjectError for a kind that has no meaning for the task.
    """
    check_meaning(outputs, facts)
    finite = _usable(outputs, facts)
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


def check_outputs(outputs: Floats, facts: Facts) -> tuple[str, ...]:
    """Hold some rows of outputs (n, k) against what was declared; returns warnings.

    Raises ModelError as `check_meaning` does, and when no row is finite. Warnings tell of logits or scores that look like probabilities or
    log-probabilities, and of a network that answers every row alike.
    """
    check_meaning(outputs, facts)
    finite = _usable(outputs, facts)
    if len(outputs) and not finite.any():
        raise ModelError(f"none of the first {len(outputs)} rows has a finite output; check weights, floating type and encoding of the inputs")
    usable = outputs[finite]
    if len(usable) < 2 or facts.output == "decision":
        return ()
    if bool((usable == usable[0]).all()):
        found = ", ".join(f"{value:g}" for value in usable[0, :5]) + (", …" if usable.shape[1] > 5 else "")
        return (f"The network returns {found} for each of the first {len(usable):,} rows: its outputs do not depend on them.",)
    if facts.output == "logits":
        return _not_logits(usable, facts)
    return ()


def _not_logits(usable: Floats, facts: Facts) -> tuple[str, ...]:
    """What declared logits look like instead."""
    several = usable.shape[1] > 1 and facts.task != "multilabel"
    if _look_like_probabilities(usable, facts):
        found = "every row sums to 1 and lies in [0, 1]" if several else "every output lies in [0, 1]"
        return (f"The outputs are declared logits, but {found}: they may be probabilities.",)
    sums = np.exp(np.minimum(usable, 1.0)).sum(axis=1)
    if several and bool((usable <= TOLERANCE).all()) and bool((np.abs(sums - 1) <= TOLERANCE).all()):
        return (
            "The outputs are declared logits, but no output is above 0 and the exponentials of every row sum to 1: they are log-probabilities. "
            "Decisions and probabilities come out the same.",
        )
    return ()


def check_meaning(outputs: Floats, facts: Facts) -> None:
    """Raise ModelError when the number of outputs or their values contradict the declared kind, SubjectError when kind and task do."""
    _check_kind(facts)
    _check_count(outputs, facts)
    usable = outputs[_usable(outputs, facts)]
    if facts.output == "probabilities":
        log = len(usable) > 0 and bool((usable <= TOLERANCE).all())
        returned, kind = ("log-probabilities", "log_probabilities") if log else ("logits", "logits")
        _check_probabilities(usable, facts, "probabilities", f"; if the network returns {returned}, declare output = '{kind}'")
    elif facts.output == "log_probabilities":
        if (above := float(usable.max(initial=0.0))) > TOLERANCE:
            inside = bool(((usable >= -TOLERANCE) & (usable <= 1 + TOLERANCE)).all())
            likely = "probabilities" if inside else "logits"
            raise ModelError(
                f"log-probabilities must not be above 0; found {above:g}; if the network returns {likely}, declare output = '{likely}'"
            )
        _check_probabilities(np.exp(usable), facts, "the exponentials of log-probabilities", "")
    elif facts.output == "decision" and len(usable):
        places = 2 if facts.task == "multilabel" else len(facts.classes)
        wrong = usable[(usable != np.round(usable)) | (usable < 0) | (usable >= places)]
        if len(wrong):
            found = f"decision {wrong.flat[0]:g} is"
            raise ModelError(f"{found} neither 0 nor 1" if facts.task == "multilabel" else f"{found} no position among the {places} classes")


def _check_kind(facts: Facts) -> None:
    legal = KINDS[facts.task]
    if facts.output not in legal:
        raise SubjectError(f"output {facts.output!r} has no meaning for task {facts.task!r}; expected one of {', '.join(legal)}")
    if facts.two_classes and len(facts.classes) != 2:
        raise SubjectError(f"task {facts.task!r} has two classes, {len(facts.classes)} are declared: {', '.join(facts.classes)}")
    if facts.two_classes and facts.threshold is None:
        if facts.task == "anomaly" and facts.output != "decision":
            raise SubjectError("an anomaly needs a declared threshold (decision.threshold, or decision.quantile); none is ever assumed")
        if facts.output == "score":
            raise SubjectError("a score needs a declared threshold (decision.threshold); none is ever assumed")


def _check_count(outputs: Floats, facts: Facts) -> None:
    if outputs.ndim != 2:
        raise ModelError(f"outputs have shape {outputs.shape}; expected (n, k)")
    found = outputs.shape[1]
    legal = {1}
    if facts.output in PROBABILISTIC:
        legal = {1, 2} if facts.two_classes else {len(facts.classes)}
    if facts.task == "multilabel":
        legal = {len(facts.classes)}
    if found not in legal:
        kind = f"{facts.task} with {len(facts.classes)} classes ({', '.join(facts.classes[:5])})" if facts.classes else facts.task
        expected = f"{facts.output} for {kind} are {' or '.join(map(str, sorted(legal)))}"
        raise ModelError(f"the network returns {found} outputs per row; {expected}{_hint(found, facts)}")


def _hint(found: int, facts: Facts) -> str:
    """The declaration that this number of outputs would go with; empty where none suggests itself."""
    if facts.task == "multiclass" and found == 1:
        return "; one output of two classes is task = 'binary'"
    if facts.task == "binary" and found > 2:
        return "; more than two classes are task = 'multiclass'"
    if facts.two_classes and facts.output == "score" and found == 2:
        return "; two outputs, one for each class, are output = 'logits' or 'probabilities'"
    if facts.task == "anomaly" and found > 2:
        return "; a network that returns the row itself is output = 'reconstruction'"
    if facts.task == "regression" and found > 1:
        return "; several quantities are audited one at a time: let the factory return a module that gives just one"
    return ""


def _check_probabilities(values: Floats, facts: Facts, what: str, hint: str) -> None:
    low, high = float(values.min(initial=0.0)), float(values.max(initial=0.0))
    if low < -TOLERANCE or high > 1 + TOLERANCE:
        raise ModelError(f"{what} must lie in [0, 1]; found {low if low < -TOLERANCE else high:g}{hint}")
    sums = values.sum(axis=1) if values.shape[1] > 1 and facts.task != "multilabel" else np.ones(0)
    off = sums[np.abs(sums - 1) > TOLERANCE]
    if len(off):
        raise ModelError(f"{what} of a row must sum to 1; {len(off)} of {len(values)} rows do not, the first sums to {off[0]:g}{hint}")


def _look_like_probabilities(values: Floats, facts: Facts) -> bool:
    inside = bool(((values >= 0) & (values <= 1)).all())
    return inside and (values.shape[1] == 1 or facts.task == "multilabel" or bool((np.abs(values.sum(axis=1) - 1) <= TOLERANCE).all()))


def _usable(outputs: Floats, facts: Facts) -> NDArray[np.bool_]:
    finite = np.isfinite(outputs)
    if facts.output != "log_probabilities":
        every: NDArray[np.bool_] = np.all(finite, axis=1)
        return every
    legal: NDArray[np.bool_] = np.all(finite | np.isneginf(outputs), axis=1)
    return legal if outputs.shape[1] == 1 or facts.task == "multilabel" else legal & np.any(finite, axis=1)


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

"""Outputs held against what was declared of them: how many there are, their range, what they look like instead. numpy only."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from audit.errors import ModelError, SubjectError
from audit.facts import Facts, Task

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


def check_outputs(outputs: Floats, facts: Facts) -> tuple[str, ...]:
    """Hold some rows of outputs (n, k) against what was declared; returns warnings.

    Raises ModelError as `check_meaning` does, and when no row is finite. Warnings tell of logits or scores that look like probabilities or
    log-probabilities, and of a network that answers every row alike.
    """
    check_meaning(outputs, facts)
    finite = usable_rows(outputs, facts)
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
    usable = outputs[usable_rows(outputs, facts)]
    if facts.output == "probabilities":
        log = len(usable) > 0 and bool((usable <= TOLERANCE).all())
        returned, kind = ("log-probabilities", "log_probabilities") if log else ("logits", "logits")
        _check_probabilities(usable, facts, "probabilities", f"; if the network returns {returned}, declare output = '{kind}'")
    elif facts.output == "log_probabilities":
        if (above := float(usable.max(initial=0.0))) > TOLERANCE:
            inside = bool(((usable >= -TOLERANCE) & (usable <= 1 + TOLERANCE)).all())
            likely = "probabilities" if inside else "logits"
            raise ModelError(f"log-probabilities must not be above 0; found {above:g}; if the network returns {likely}, declare output = '{likely}'")
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


def usable_rows(outputs: Floats, facts: Facts) -> NDArray[np.bool_]:
    """Rows whose outputs can be used (n,): finite, or log-probabilities of minus infinity."""
    finite = np.isfinite(outputs)
    if facts.output != "log_probabilities":
        every: NDArray[np.bool_] = np.all(finite, axis=1)
        return every
    legal: NDArray[np.bool_] = np.all(finite | np.isneginf(outputs), axis=1)
    return legal if outputs.shape[1] == 1 or facts.task == "multilabel" else legal & np.any(finite, axis=1)

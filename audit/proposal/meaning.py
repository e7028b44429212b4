"""What the outputs mean: task, kind of output, classes and the favourable one, guessed from the label, the number of outputs and some answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit.data.protected_names import words_of
from audit.declared_outputs import TOLERANCE
from audit.facts import OutputKind, Task
from audit.proposal.profile import Column
from audit.proposal.toml_text import shown

UNWELCOME = frozenset(
    (
        *("default", "defaulted", "delinquent", "delinquency", "arrears", "bad", "risk", "fraud", "churn"),
        *("reject", "rejected", "denied", "deny", "recid", "death", "died", "fired"),
    )
)
"""Words in the name of a label whose class 1 is bad for the person."""
ENOUGH = 20
"""Answers within [0, 1] in so many rows suggest probabilities."""
BY_MODULE: dict[str, OutputKind] = {
    "sigmoid": "probabilities",
    "softmax": "probabilities",
    "log_softmax": "log_probabilities",
    "log_sigmoid": "log_probabilities",
}


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What is known of the outputs."""

    count: int | None
    """Outputs per row; None when not known."""
    last: str = ""
    """Kind of the last module where it says what outputs are; a key of `BY_MODULE`."""
    sample: NDArray[np.float64] | None = None
    """Outputs of some rows (n, k)."""
    column: bool = False
    """The outputs are a column of a file; there is no network."""


@dataclass(frozen=True, kw_only=True)
class Meaning:
    """What outputs mean, each part with its reason."""

    task: Task
    task_why: str
    output: OutputKind
    output_why: str
    classes: tuple[str, ...]
    classes_why: str
    favourable: str | None
    favourable_why: str
    threshold: float | None
    doubts: tuple[str, ...]
    """Contradictions a person must resolve before the file can be run."""


def guess_meaning(label: Column | None, answers: Answers) -> Meaning:
    """What the outputs mean, from the label's values, their number and the answers themselves."""
    task, task_why = _task(label, answers)
    output, output_why = _output(task, answers)
    classes, classes_why, doubts = _classes(task, label, answers.count)
    favourable, favourable_why = _favourable(task, classes, label)
    return Meaning(
        task=task,
        task_why=task_why,
        output=output,
        output_why=output_why,
        classes=classes,
        classes_why=classes_why,
        favourable=favourable,
        favourable_why=favourable_why,
        threshold=None if task != "binary" else 0.0 if output == "score" else 0.5,
        doubts=tuple(doubts),
    )


def _task(label: Column | None, answers: Answers) -> tuple[Task, str]:
    count = answers.count
    if count is not None and count > 2:
        return "multiclass", f"{count} outputs"
    if label is None:
        return "binary", f"{_outputs(count)} and no label; regression would look the same" if count != 2 else "two outputs"
    levels = label.levels
    if levels is not None and len(levels) <= 2:
        return "binary", f"the label has {_values(len(levels))}, the network {_outputs(count)}"
    many = "more than 200" if levels is None else str(len(levels))
    if label.stored != "number" or count == 2 or (count is None and label.whole and levels is not None and len(levels) <= ENOUGH):
        return "multiclass", f"the label has {many} values"
    return "regression", f"the label holds {many} different numbers, the network has {_outputs(count)}"


def _outputs(count: int | None) -> str:
    return "an unknown number of outputs" if count is None else "one output" if count == 1 else f"{count} outputs"


def _values(count: int) -> str:
    return {1: "one value", 2: "two distinct values"}.get(count, f"{count} values")


def _output(task: Task, answers: Answers) -> tuple[OutputKind, str]:
    if task == "regression":
        return "quantity", "follows from the task"
    if answers.sample is not None and len(answers.sample):
        return _tested(answers)
    if answers.last:
        return BY_MODULE[answers.last], f"the last module of the network is a {answers.last}"
    return "logits", "nothing of the file says otherwise; if the network ends in a sigmoid or softmax, these are probabilities"


def _tested(answers: Answers) -> tuple[OutputKind, str]:
    sample = np.asarray(answers.sample)
    held = sample[np.isfinite(sample).all(axis=1)]
    rows = f"{len(held)} rows tried"
    if not len(held):
        return "logits", "no row tried has a finite output: look at weights and inputs first"
    low, high = float(held.min()), float(held.max())
    several = held.shape[1] > 1
    if low >= -TOLERANCE and high <= 1 + TOLERANCE and (not several or _sum_to_one(held)):
        told = "every row sums to 1" if several else "every output lies in [0, 1]"
        few = "" if several or len(held) >= ENOUGH or answers.last else ", which few rows can do by chance"
        return "probabilities", f"{rows}: {told}{few}"
    if answers.last.startswith("log_") or (several and high <= TOLERANCE and _sum_to_one(np.exp(held))):
        return "log_probabilities", f"{rows}: the exponentials of every row sum to 1" if several else f"the last module is a {answers.last}"
    told = f"{rows}: outputs from {low:.4g} to {high:.4g} are no probabilities"
    return ("score", told) if answers.column else ("logits", told)


def _sum_to_one(values: NDArray[np.float64]) -> bool:
    return bool((np.abs(values.sum(axis=1) - 1) <= TOLERANCE).all())


def _classes(task: Task, label: Column | None, count: int | None) -> tuple[tuple[str, ...], str, list[str]]:
    if task == "regression":
        return (), "", []
    levels = () if label is None or label.levels is None else label.levels
    expected = 2 if task == "binary" else count
    if set(levels) <= {str(position) for position in range(expected or 0)} and expected:
        return tuple(map(str, range(expected))), "label values in the order of the outputs", []
    if expected in (None, len(levels)):
        order = "in order of size" if label is not None and label.stored == "number" else "in alphabetical order"
        return (
            levels if all(levels) else (),
            f"label values {order}; class 0 is the first output: check that the network was trained in this order",
            _undecided(levels),
        )
    return _unmatched(levels, label, expected or 0)


def _undecided(levels: Sequence[str]) -> list[str]:
    return [] if levels and all(levels) else ["model.classes could not be guessed: list the label values in the order of the outputs."]


def _unmatched(levels: Sequence[str], label: Column | None, expected: int) -> tuple[tuple[str, ...], str, list[str]]:
    found = "too many values to be classes" if not levels else _values(len(levels))
    name = shown(label.name) if label is not None else ""
    doubt = f"The label {name} has {found}, the network has {expected} classes: name another label or mend model.classes."
    if len(levels) > expected or not levels:
        return tuple(levels) or tuple(map(str, range(expected))), "DOES NOT FIT the number of outputs", [doubt]
    padded = (*levels, *(f"never seen {place}" for place in range(len(levels) + 1, expected + 1)))
    return padded, "label values of the table, and stand-ins for classes it never shows: put them in the order of the outputs", [doubt]


def _favourable(task: Task, classes: Sequence[str], label: Column | None) -> tuple[str | None, str]:
    if task != "binary" or len(classes) != 2:
        return None, ""
    unwelcome = sorted(words_of(label.name) & UNWELCOME) if label is not None else []
    if unwelcome:
        return classes[0], f"the label's name says {unwelcome[0]!r}, so the other class is taken as good for the person"
    return classes[1], "class 1 is taken as the one that is good for the person"

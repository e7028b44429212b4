"""Whether the network was trained on scaled inputs, guessed by trying both on labelled rows and seeing which answers agree better with the labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit.facts import Task
from audit.methods.statistics.ranks import tied_ranks

Floats = NDArray[np.float64]
MIDDLE = (0.005, 0.995)
"""Mean and deviation are of the values between these quantiles: codes such as 999999 for "not recorded" would drown the rest."""
BETTER = 0.05
"""By so much must scaled inputs agree better before scaling is proposed."""


@dataclass(frozen=True)
class Scale:
    """(value - mean) / deviation of one column."""

    mean: float
    deviation: float


@dataclass(frozen=True)
class Scaling:
    """The scaling proposed, none when `scales` is empty, and why."""

    scales: Mapping[str, Scale]
    why: str


UNTRIED = Scaling({}, "")


def middle_scales(values: Mapping[str, Floats]) -> dict[str, Scale]:
    """Mean and deviation, to six digits, of the middle 99 % of each column (n,); columns that do not vary are left out."""
    found = {}
    for name, column in values.items():
        known = column[np.isfinite(column)]
        if not len(known):
            continue
        low, high = np.quantile(known, MIDDLE)
        held = known[(known >= low) & (known <= high)]
        mean, deviation = (float(f"{number:.6g}") for number in (held.mean(), held.std()))
        if deviation > 0:
            found[name] = Scale(mean, deviation)
    return found


def agreement(task: Task, outputs: Floats, labels: NDArray[np.generic]) -> float | None:
    """How well outputs (n, k) agree with labels (n,), class positions with -1 for unknown or quantities with NaN.

    Binary: the area under the ROC curve, in [0, 1]. Multiclass: accuracy. Regression: R², at most 1, held to at least -1. None where it is
    not defined: no finite rows, one class only, a label that does not vary.
    """
    held = labels.astype(np.float64)
    known = np.isfinite(outputs).all(axis=1) & (np.isfinite(held) if task == "regression" else held >= 0)
    outputs, held = outputs[known], held[known]
    if len(held) < 2 or held.std() == 0:
        return None
    if task == "regression":
        return max(-1.0, 1 - float(np.square(outputs[:, 0] - held).mean() / held.var()))
    if task == "multiclass":
        return float((outputs.argmax(axis=1) == held).mean())
    score = outputs[:, 0] if outputs.shape[1] == 1 else outputs[:, 1] - outputs[:, 0]
    ones = held == 1
    return float((tied_ranks(score)[ones].sum() - ones.sum() * (ones.sum() + 1) / 2) / (ones.sum() * (~ones).sum()))


def choose(task: Task, plain: float | None, scaled: float | None, scales: Mapping[str, Scale], *, rows: int, source: str) -> Scaling:
    """Scaling where it makes the answers agree clearly better with the labels, else none; `source` names the rows of the numbers."""
    if plain is None or scaled is None:
        return UNTRIED
    name = {"binary": "area under the ROC curve", "multiclass": "accuracy", "regression": "R²"}[task]
    told = f"tried on {rows} rows: {name} {plain:.3g} with the values as they are, {scaled:.3g} scaled"
    if scaled < plain + BETTER:
        return Scaling({}, told)
    return Scaling(scales, f"{told} by mean and deviation of the middle 99 % of the {source} rows")

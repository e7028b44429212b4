"""Rates of rows that carry several labels: of each label, averaged over the labels (macro), and over all decisions at once (micro)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit.methods.statistics.group_shares import one_share
from audit.methods.statistics.intervals import Undefined
from audit.methods.statistics.proportions import Share

Floats = NDArray[np.float64]
Table = NDArray[np.int8]
RATES = ("decision_rate", "true_positive_rate", "false_positive_rate", "positive_predictive_value", "f1")
EMPTY = {
    "decision_rate": "no rows with a decision",
    "true_positive_rate": "no rows with this label",
    "false_positive_rate": "no rows without this label",
    "positive_predictive_value": "no rows that were given this label",
    "f1": "no rows that have or were given this label",
}
"""What is missing where a rate is undefined."""


@dataclass(frozen=True)
class LabelRows:
    """Rows by label, (n, K) int8 each: `labels` 1, 0 or -1 for unknown, `decisions` 1, 0 or -1 for none; weights and clusters (n,).

    A row without a decision has not been given the label; a row whose label is unknown is in no rate that compares with labels.
    """

    labels: Table | None
    decisions: Table
    weights: Floats | None = None
    clusters: NDArray[np.int64] | None = None

    def of(self, kept: NDArray[np.bool_]) -> LabelRows:
        """Some of the rows."""
        return LabelRows(
            None if self.labels is None else self.labels[kept],
            self.decisions[kept],
            None if self.weights is None else self.weights[kept],
            None if self.clusters is None else self.clusters[kept],
        )

    def parts(self, name: str, label: int) -> tuple[Floats, Floats]:
        """What is counted and what it is counted among for one rate of one label, (n,) each: the rate is the ratio of their sums."""
        given = self.decisions[:, label] == 1
        if name == "decision_rate":
            return _floats(given, self.decisions[:, label] >= 0)
        if self.labels is None:
            raise ValueError(f"{name} needs labels")
        known, has = self.labels[:, label] >= 0, self.labels[:, label] == 1
        if name == "f1":
            both, either = _floats(given & has, given & known)
            return 2 * both, either + has
        hits, base = {
            "true_positive_rate": (given & has, has),
            "false_positive_rate": (given & known & ~has, known & ~has),
            "positive_predictive_value": (given & has, given & known),
        }[name]
        return _floats(hits, base)


@dataclass(frozen=True)
class Linearised:
    """A statistic of n rows and the influence of each on it, (n,); `base` is the smallest number of rows a label's rate rests on."""

    value: float
    influence: Floats
    base: int


def label_share(rows: LabelRows, name: str, label: int) -> Share:
    """One rate (not f1) of one label as a share, with effective counts under weights and clusters."""
    hits, base = rows.parts(name, label)
    return one_share(hits > 0, base=base > 0, weights=rows.weights, clusters=rows.clusters)


def label_rate(rows: LabelRows, name: str, label: int) -> Linearised | Undefined:
    """One rate of one label with its influence: (hit - rate · base) over the mean base."""
    return _mean_of(rows, name, [label])


def macro_rate(rows: LabelRows, name: str) -> Linearised | Undefined:
    """Mean of one rate over the labels; Undefined when a label has nothing to count among."""
    return _mean_of(rows, name, range(rows.decisions.shape[1]))


def micro_rate(rows: LabelRows, name: str) -> Linearised | Undefined:
    """One rate over all labels at once: the sum of what is counted over the sum of what it is counted among."""
    hits, base = np.zeros(len(rows.decisions)), np.zeros(len(rows.decisions))
    for one, other in _all_parts(rows, name):
        hits += one
        base += other
    return _ratio(rows, hits, base, f"There are {EMPTY[name]}, whatever the label.")


def exact_share(rows: LabelRows) -> Share:
    """Share of the rows with known labels of which all are decided rightly."""
    right = np.all(rows.decisions == rows.labels, axis=1)
    return one_share(right, base=_known(rows), weights=rows.weights, clusters=rows.clusters)


def hamming_loss(rows: LabelRows) -> Linearised | Undefined:
    """Share of the labels that are decided wrongly, over the rows whose labels are known."""
    known = _known(rows)
    wrong = np.mean(rows.decisions != rows.labels, axis=1)
    return _ratio(rows, wrong * known, known.astype(np.float64), "There are no rows whose labels are all known.")


def _mean_of(rows: LabelRows, name: str, labels: range | list[int]) -> Linearised | Undefined:
    influence, values, base = np.zeros(len(rows.decisions)), [], len(rows.decisions)
    for label in labels:
        one = _ratio(rows, *rows.parts(name, label), f"There are {EMPTY[name]}.")
        if isinstance(one, Undefined):
            many = "" if len(labels) == 1 else f" for label {label + 1} of {len(labels)}"
            return Undefined(one.reason.removesuffix(".") + many + ".", one.n)
        influence += one.influence / len(labels)
        values.append(one.value)
        base = min(base, one.base)
    return Linearised(float(np.mean(values)), influence, base)


def _ratio(rows: LabelRows, hits: Floats, base: Floats, empty: str) -> Linearised | Undefined:
    weights = np.ones(len(hits)) if rows.weights is None else rows.weights
    total = float(weights @ base)
    if total <= 0:
        return Undefined(empty, 0)
    value = float(weights @ hits) / total
    return Linearised(value, (hits - value * base) * (float(weights.sum()) / total), int(np.count_nonzero(base)))


def _known(rows: LabelRows) -> NDArray[np.bool_]:
    if rows.labels is None:
        raise ValueError("rows without labels are neither right nor wrong")
    found: NDArray[np.bool_] = np.all(rows.labels >= 0, axis=1)
    return found


def _all_parts(rows: LabelRows, name: str) -> Iterator[tuple[Floats, Floats]]:
    return (rows.parts(name, label) for label in range(rows.decisions.shape[1]))


def _floats(*masks: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    one, other = (mask.astype(np.float64) for mask in masks)
    return one, other

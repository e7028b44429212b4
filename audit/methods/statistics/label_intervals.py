"""Intervals of the rates of rows that carry several labels."""

from __future__ import annotations

import numpy as np

from audit.methods.statistics.influence import influence_interval
from audit.methods.statistics.intervals import Estimate, Interval, Undefined, clipped
from audit.methods.statistics.label_rates import (
    EMPTY,
    LabelRows,
    Linearised,
    exact_share,
    hamming_loss,
    label_rate,
    label_share,
    macro_rate,
    micro_rate,
)
from audit.methods.statistics.proportions import proportion_interval
from audit.methods.statistics.simultaneous import bonferroni


def label_interval(rows: LabelRows, name: str, label: int) -> Estimate:
    """One rate of one label, in [0, 1]: Wilson's interval, for F1 the linearised one."""
    if name == "f1":
        return _interval(rows, label_rate(rows, name, label), "F1")
    share = label_share(rows, name, label)
    return proportion_interval(share) if share.total > 0 else Undefined(f"There are {EMPTY[name]}.", 0)


def macro_interval(rows: LabelRows, name: str) -> Estimate:
    """Mean of one rate over the labels, in [0, 1].

    Where every label's rate is 0 or 1 a linearised interval has no width; then the ends are the means of the ends of Wilson intervals that
    hold together (Bonferroni).
    """
    held = macro_rate(rows, name)
    if isinstance(held, Linearised) and not held.influence.any() and name != "f1":
        return _joint(rows, name)
    return _interval(rows, held, "mean over the labels")


def micro_interval(rows: LabelRows, name: str) -> Estimate:
    """One rate over all labels at once, in [0, 1]."""
    return _interval(rows, micro_rate(rows, name), "over all labels at once")


def exact_interval(rows: LabelRows) -> Estimate:
    """Share of rows with all labels right, Wilson's interval."""
    share = exact_share(rows)
    return proportion_interval(share) if share.total > 0 else Undefined("There are no rows whose labels are all known.", 0)


def hamming_interval(rows: LabelRows) -> Estimate:
    """Share of labels decided wrongly, in [0, 1]."""
    return _interval(rows, hamming_loss(rows), "share of labels decided wrongly")


def _interval(rows: LabelRows, held: Linearised | Undefined, what: str) -> Estimate:
    if isinstance(held, Undefined):
        return held
    found = influence_interval(held.value, held.influence, weights=rows.weights, clusters=rows.clusters, method=f"{what}, linearised")
    return clipped(found, 0.0, 1.0)


def _joint(rows: LabelRows, name: str) -> Estimate:
    count = rows.decisions.shape[1]
    shares = [label_share(rows, name, label) for label in range(count)]
    found = [proportion_interval(share, confidence=bonferroni(0.95, count)) for share in shares]
    held = [one for one in found if isinstance(one, Interval)]
    value, low, high = (float(np.mean([getattr(one, end) for one in held])) for end in ("value", "low", "high"))
    return Interval(value, low, high, min(share.rows for share in shares), "mean over the labels, ends from Wilson intervals at a Bonferroni level")

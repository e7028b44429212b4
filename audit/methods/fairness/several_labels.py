"""Rates of rows that carry several labels, of one group held against another: label by label, and all labels together."""

from __future__ import annotations

from audit.methods.fairness.combined import largest_size, mean_size, weighted_sum
from audit.methods.fairness.comparisons import FEWEST_COMPARED, compare
from audit.methods.fairness.quantities import Quantity, quantity, quantity_difference
from audit.methods.statistics.intervals import Estimate, Undefined, clipped
from audit.methods.statistics.label_intervals import macro_interval
from audit.methods.statistics.label_rates import LabelRows, Linearised, exact_share, hamming_loss, label_rate, label_share, macro_rate
from audit.methods.statistics.simultaneous import bonferroni


def label_difference(group: LabelRows, reference: LabelRows, name: str, label: int, *, confidence: float = 0.95) -> Estimate:
    """One rate of one label in the group less that in the reference; undefined with fewer than five rows to count among on a side."""
    if name == "f1":
        held = [_quantity(rows, label_rate(rows, name, label)) for rows in (group, reference)]
        return quantity_difference(held[0], held[1], what="F1", confidence=confidence)
    return compare(label_share(group, name, label), label_share(reference, name, label), confidence=confidence).difference


def macro_difference(group: LabelRows, reference: LabelRows, name: str) -> Estimate:
    """Mean of one rate over the labels in the group less that in the reference."""
    found = [macro_rate(rows, name) for rows in (group, reference)]
    held = [_quantity(rows, one) for rows, one in zip((group, reference), found, strict=True)]
    flat = any(isinstance(one, Linearised) and not one.influence.any() for one in found)
    if name != "f1" and flat and not any(isinstance(one, Undefined) for one in held):
        sides = macro_interval(group, name), macro_interval(reference, name)
        return weighted_sum(sides, (1, -1), what="difference of means over the labels")
    return quantity_difference(held[0], held[1], what="means over the labels")


def label_gaps(group: LabelRows, reference: LabelRows, name: str) -> tuple[Estimate, Estimate]:
    """Mean and largest size of the differences of one rate over the labels, in [0, 1].

    Sizes are above 0 by chance alone, so the ends are made of intervals that hold together over the labels (Bonferroni).
    """
    count = group.decisions.shape[1]
    joint = bonferroni(0.95, count)
    parts = [label_difference(group, reference, name, label, confidence=joint) for label in range(count)]
    what = "intervals at a Bonferroni level over the labels"
    return clipped(mean_size(parts, what=f"mean size, {what}"), 0.0, 1.0), clipped(largest_size(parts, what=f"largest size, {what}"), 0.0, 1.0)


def exact_difference(group: LabelRows, reference: LabelRows) -> Estimate:
    """Share of rows with all labels right in the group less that in the reference."""
    return compare(exact_share(group), exact_share(reference)).difference


def hamming_difference(group: LabelRows, reference: LabelRows) -> Estimate:
    """Share of labels decided wrongly in the group less that in the reference."""
    held = [_quantity(rows, hamming_loss(rows)) for rows in (group, reference)]
    return quantity_difference(held[0], held[1], what="shares of labels decided wrongly")


def _quantity(rows: LabelRows, held: Linearised | Undefined) -> Quantity | Undefined:
    """Undefined with fewer than five rows to count among, for any label."""
    if isinstance(held, Undefined):
        return held
    if held.base < FEWEST_COMPARED:
        return Undefined(f"A label has {held.base} rows to count among on one side, too few to compare (at least {FEWEST_COMPARED}).", held.base)
    return quantity(held.value, held.influence, rows.weights, rows.clusters)

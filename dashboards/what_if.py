"""Rates of groups at any threshold and for any crossing of attributes, with intervals. Knows no Streamlit; nothing it gives is part of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from audit.data.dataset import Codes
from audit.facts import Facts
from audit.methods.fairness.comparisons import compare, largest_group
from audit.methods.fairness.rates import RateMask, rate_masks
from audit.methods.statistics.group_shares import group_shares
from audit.methods.statistics.intervals import Interval
from audit.methods.statistics.proportions import Share, proportion_interval
from audit.methods.statistics.simultaneous import bonferroni
from audit.row_design import RowDesign, row_design
from audit.rows import Rows
from reports.visible import short

MOST_ATTRIBUTES = 3
MOST_GROUPS = 400
"""Groups that are compared; a crossing with more is cut to its largest."""
NAMES: Mapping[str, str] = {
    "selection_rate": "Selection rate",
    "true_positive_rate": "True positive rate",
    "false_positive_rate": "False positive rate",
    "false_negative_rate": "False negative rate",
    "true_negative_rate": "True negative rate",
    "positive_predictive_value": "Positive predictive value",
    "negative_predictive_value": "Negative predictive value",
    "accuracy": "Accuracy",
}


@dataclass(frozen=True)
class Population:
    """The columns of a run that decide about groups."""

    facts: Facts
    codes: Mapping[str, Codes]
    score: NDArray[np.float64] | None
    """Score that the threshold is held against; None where only decisions are known or there are more than two classes."""
    selected: NDArray[np.bool_]
    """The decision of the run, favourable or not."""
    favourable: NDArray[np.bool_] | None
    """Whether the label is favourable; None without labels."""
    known: NDArray[np.bool_]
    """Rows with a known label."""
    design: RowDesign

    @property
    def metrics(self) -> list[str]:
        """Rates that can be computed."""
        return list(NAMES) if self.favourable is not None else ["selection_rate"]

    def at(self, threshold: float | None) -> NDArray[np.bool_]:
        """Whether each row would get the favourable decision at a threshold; the run's own decision for None."""
        if threshold is None or self.score is None:
            return self.selected
        above = self.score >= threshold
        return above if 1 in self.facts.positive else np.isfinite(self.score) & ~above


@dataclass(frozen=True)
class GroupTable:
    """Rates of groups, largest group first as reference."""

    names: list[str]
    shares: list[Share]
    reference: int | None
    left_out: int
    """Groups beyond the largest that are shown."""
    unknown: int
    """Rows whose membership is not known."""


def population(rows: Rows) -> Population:
    """Read what is needed of a run's rows."""
    facts = rows.facts
    labels = rows.labels if rows.has("subject.label") and facts.task in ("binary", "multiclass", "anomaly") else None
    score = rows.column("outputs.score") if facts.two_classes and rows.has("outputs.score") else None
    return Population(
        facts,
        {spec.name: rows.group(spec.name) for spec in facts.groups},
        None if score is None else score.astype(np.float64),
        rows.selected,
        None if labels is None else np.isin(labels, facts.positive),
        np.zeros(rows.n, dtype=np.bool_) if labels is None else labels >= 0,
        row_design(rows),
    )


def groups_at(held: Population, attributes: Sequence[str], metric: str, threshold: float | None) -> GroupTable:
    """One rate of every group of the crossed `attributes` (at most three) at a threshold."""
    codes, names = _crossed(held, attributes)
    selected = held.at(threshold)
    mask = _mask(held, metric, selected)
    sizes = np.bincount(codes[codes >= 0], minlength=len(names))
    order = np.argsort(-sizes, kind="stable")[:MOST_GROUPS]
    place = np.full(len(names) + 1, -1, dtype=np.int64)
    place[order] = np.arange(len(order))
    shares = group_shares(mask.hits, place[codes], len(order), base=mask.base, weights=held.design.weights, clusters=held.design.clusters)
    shown = [names[position] for position in order]
    return GroupTable(shown, shares, _reference(held, attributes, shown, shares), len(names) - len(order), int((codes < 0).sum()))


def table_frame(table: GroupTable) -> pd.DataFrame:
    """The table as a frame: rate, interval, difference and ratio to the reference, and an interval of the difference that holds for all at once."""
    comparisons = max(1, len(table.shares) - 1)
    reference = None if table.reference is None else table.shares[table.reference]
    lines = [
        _line(name, share, None if position == table.reference else reference, comparisons)
        for position, (name, share) in enumerate(zip(table.names, table.shares, strict=True))
    ]
    columns = ["Group", "Rows", "Rate", "Low", "High", "Difference", "Diff. low", "Diff. high", "All at once low", "All at once high", "Ratio"]
    return pd.DataFrame(lines, columns=columns)


def _line(name: str, share: Share, reference: Share | None, comparisons: int) -> list[str | float | None]:
    rate = proportion_interval(share)
    held = [rate.value, rate.low, rate.high] if isinstance(rate, Interval) else [None, None, None]
    if reference is None:
        return [short(name, 120), share.rows, *held, None, None, None, None, None, None]
    plain, wide = compare(share, reference), compare(share, reference, confidence=bonferroni(0.95, comparisons))
    gap = [plain.difference.value, plain.difference.low, plain.difference.high] if isinstance(plain.difference, Interval) else [None] * 3
    joint = [wide.difference.low, wide.difference.high] if isinstance(wide.difference, Interval) else [None, None]
    return [short(name, 120), share.rows, *held, *gap, *joint, plain.ratio.value if isinstance(plain.ratio, Interval) else None]


def _crossed(held: Population, attributes: Sequence[str]) -> tuple[NDArray[np.int64], list[str]]:
    chosen = list(attributes)[:MOST_ATTRIBUTES]
    parts = [held.codes[name] for name in chosen]
    known = np.logical_and.reduce([part.codes >= 0 for part in parts])
    stacked = np.stack([part.codes[known] for part in parts], axis=1)
    cells, inverse = np.unique(stacked, axis=0, return_inverse=True)
    codes = np.full(len(known), -1, dtype=np.int64)
    codes[known] = inverse.reshape(-1)
    return codes, [", ".join(part.levels[code] for part, code in zip(parts, cell, strict=True)) for cell in cells]


def _mask(held: Population, metric: str, selected: NDArray[np.bool_]) -> RateMask:
    if metric == "selection_rate" or held.favourable is None:
        return RateMask(np.ones(len(selected), dtype=np.bool_), selected)
    return rate_masks(held.favourable, selected, held.known)[metric]


def _reference(held: Population, attributes: Sequence[str], names: Sequence[str], shares: Sequence[Share]) -> int | None:
    declared = [next(spec.reference for spec in held.facts.groups if spec.name == name) for name in list(attributes)[:MOST_ATTRIBUTES]]
    wanted = ", ".join(str(level) for level in declared)
    return names.index(wanted) if None not in declared and wanted in names else largest_group([share.rows for share in shares])

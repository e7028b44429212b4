"""fairlearn's `MetricFrame` as input and as output: its values become estimates with intervals, our counts become its frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from audit.errors import MethodError, nearest
from audit.methods.fairness.group_metrics import METRICS, GroupCounts
from audit.methods.statistics.intervals import Estimate, Undefined
from audit.methods.statistics.proportions import Share, newcombe_difference, proportion_interval, ratio_interval

if TYPE_CHECKING:
    from fairlearn.metrics import MetricFrame

ROUNDING = 1e-6
"""How far a value times its count may be from a whole number."""


@dataclass(frozen=True)
class FrameMetric:
    """One metric of a frame, read as estimates."""

    name: str
    attributes: tuple[str, ...]
    by_group: Mapping[tuple[str, ...], Estimate]
    """Levels of the sensitive features to the metric's estimate."""
    shares: Mapping[tuple[str, ...], Share]
    """The same as hits over a denominator."""

    def difference(self, group: tuple[str, ...], reference: tuple[str, ...]) -> Estimate:
        """Group minus reference with Newcombe's interval; raises MethodError for a group that is not in the frame."""
        return newcombe_difference(self._share(group), self._share(reference))

    def ratio(self, group: tuple[str, ...], reference: tuple[str, ...]) -> Estimate:
        """Group over reference with a log or score interval; raises MethodError for a group that is not in the frame."""
        return ratio_interval(self._share(group), self._share(reference))

    def _share(self, group: tuple[str, ...]) -> Share:
        if group not in self.shares:
            raise MethodError(f"there is no group {group!r}: {nearest(str(group), [str(key) for key in self.shares])}")
        return self.shares[group]


def read_metric_frame(frame: MetricFrame, metric: str, *, counts: str) -> FrameMetric:
    """Read one proportion of a frame together with the metric that counted its denominator.

    `counts` names a metric of the same frame with the number of rows in the denominator of `metric`: ``fairlearn.metrics.count`` for a selection
    rate, a count of the positives for a true positive rate. Without it a value of 0 may mean "none of many" or "undefined", which no interval can
    tell apart; where it is 0 the estimate is Undefined, whatever the value. Raises MethodError for names the frame does not have, for control
    features, and for values that are no proportion of their count.
    """
    columns = list(frame.by_group.columns) if hasattr(frame.by_group, "columns") else []
    for name in (metric, counts):
        if name not in columns:
            raise MethodError(f"the frame has no metric {name!r}: {nearest(name, columns) if columns else 'give it a dictionary of metrics'}")
    if frame.control_levels:
        raise MethodError(f"frames with control features ({', '.join(frame.control_levels)}) are not read; make one frame for each of their values")
    shares = {_key(index): _share(float(row[metric]), float(row[counts]), metric, index) for index, row in frame.by_group.iterrows()}
    estimates = {key: proportion_interval(share) if share.rows else Undefined("The denominator is empty.", 0) for key, share in shares.items()}
    return FrameMetric(metric, tuple(frame.sensitive_levels), estimates, shares)


def metric_frame(table: GroupCounts, metrics: Sequence[str]) -> MetricFrame:
    """A frame of fairlearn with the same values by group, made from the cells of a table, each weighted by its rows.

    fairlearn has no undefined values: a rate without a denominator is 0 there. Raises MethodError for a name that is none of `METRICS`.
    """
    import fairlearn.metrics as fl  # noqa: PLC0415  takes a second to load, and most never need it

    unknown = [name for name in metrics if name not in METRICS]
    if unknown:
        raise MethodError(f"there is no metric {unknown[0]!r}: {nearest(unknown[0], METRICS)}")
    group, label, decision = np.nonzero(table.counts)
    weights = table.counts[group, label, decision].astype(np.float64)
    features = {name: np.array([table.groups[one][axis] for one in group], dtype=object) for axis, name in enumerate(table.attributes)}
    functions = {name: _weighted(name) for name in metrics}
    return fl.MetricFrame(
        metrics=functions,
        y_true=label,
        y_pred=decision,
        sensitive_features=features,
        sample_params={name: {"sample_weight": weights} for name in metrics},
    )


def _weighted(name: str) -> Any:
    def value(y_true: Any, y_pred: Any, *, sample_weight: Any) -> float:
        counts = np.bincount(2 * np.asarray(y_true) + np.asarray(y_pred), weights=sample_weight, minlength=4).reshape(2, 2)
        hits, base = METRICS[name].of(counts)
        return float(hits / base) if base else 0.0

    value.__name__ = name
    return value


def _key(index: Any) -> tuple[str, ...]:
    return tuple(str(level) for level in index) if isinstance(index, tuple) else (str(index),)


def _share(value: float, count: float, metric: str, index: Any) -> Share:
    if np.isnan(count) or count == 0:
        return Share(0.0, 0.0, 0)
    hits = value * count
    if not 0 <= value <= 1 or abs(hits - round(hits)) > ROUNDING * max(1.0, count) or count != round(count):
        raise MethodError(f"{metric} of {index!r} is {value:g}, which is no share of {count:g} rows; name the count of its own denominator")
    return Share(float(round(hits)), float(count), int(count))

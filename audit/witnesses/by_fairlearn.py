"""fairlearn's `MetricFrame` on the same rows: rates of groups and of pairs of groups."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import fairlearn.metrics as fl
import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, precision_score

from audit.errors import MethodError
from audit.results import Evidence, Measurement
from audit.rows import Rows
from audit.witness import Reference

Attributes = tuple[str, ...]


def _predictive_value(positive: int) -> Callable[..., float]:
    def value(truth: NDArray[np.int64], decided: NDArray[np.int64], *, sample_weight: NDArray[np.float64] | None = None) -> float:
        return float(precision_score(truth, decided, pos_label=positive, sample_weight=sample_weight, zero_division=np.nan))

    return value


RATES: Mapping[str, Callable[..., float]] = {
    "selection_rate": fl.selection_rate,
    "true_positive_rate": fl.true_positive_rate,
    "false_negative_rate": fl.false_negative_rate,
    "false_positive_rate": fl.false_positive_rate,
    "true_negative_rate": fl.true_negative_rate,
    "positive_predictive_value": _predictive_value(1),
    "negative_predictive_value": _predictive_value(0),
}
"""Our names and the functions of favourable labels and decisions that fairlearn applies by group."""


def fairlearn_rates(rows: Rows, evidence: Evidence) -> Reference:
    """The rates of groups in `evidence` beside fairlearn's; raises MethodError when there is none it can compute."""
    known = rows.labels >= 0 if rows.has("subject.label") else np.ones(rows.n, dtype=bool)
    pairs: list[tuple[float, float]] = []
    for attributes in dict.fromkeys(tuple(item.slice) for item in evidence.measurements if item.slice):
        held = [item for item in evidence.measurements if tuple(item.slice) == attributes and _comparable(item)]
        if held:
            pairs += _of_attributes(rows, held, attributes, known)
    if not pairs:
        raise MethodError("no rate of a group was estimated")
    ours, theirs = np.array(pairs).T
    return Reference(ours=ours[None], theirs=theirs[None], se=np.zeros((1, len(ours))), scale=np.ones(1), rounding=1e-9, rows=rows.n)


def _comparable(item: Measurement) -> bool:
    return item.versus is None and not item.at and (item.name in RATES or item.name == "accuracy")


def _of_attributes(rows: Rows, held: Sequence[Measurement], attributes: Attributes, known: NDArray[np.bool_]) -> list[tuple[float, float]]:
    members = [rows.group(name) for name in attributes]
    kept = np.logical_and.reduce([member.codes >= 0 for member in members])
    names = list(dict.fromkeys(item.name for item in held))
    if names != ["selection_rate"]:
        kept &= known
    groups = {name: np.asarray(member.levels, dtype=object)[member.codes[kept]] for name, member in zip(attributes, members, strict=True)}
    frames = {name: _frame(rows, name, groups, kept).by_group for name in names}
    return [(item.value, float(frames[item.name].loc[_key(item, attributes)])) for item in held]


def _key(item: Measurement, attributes: Attributes) -> str | tuple[str, ...]:
    levels = tuple(item.slice[name] for name in attributes)
    return levels[0] if len(levels) == 1 else levels


def _frame(rows: Rows, name: str, groups: Mapping[str, NDArray[np.object_]], kept: NDArray[np.bool_]) -> fl.MetricFrame:
    weights = rows.weights[kept]
    decided = rows.decisions[kept] if name == "accuracy" else rows.selected[kept].astype(np.int64)
    if not rows.has("subject.label"):
        truth = decided
    else:
        truth = rows.labels[kept] if name == "accuracy" else np.isin(rows.labels[kept], rows.facts.positive).astype(np.int64)
    return fl.MetricFrame(
        metrics=accuracy_score if name == "accuracy" else RATES[name],
        y_true=truth,
        y_pred=decided,
        sensitive_features=dict(groups),
        sample_params={"sample_weight": weights},
    )

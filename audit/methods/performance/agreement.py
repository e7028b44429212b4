"""Agreement of decided classes with labels: balanced accuracy, Cohen's kappa, accuracy over the majority's share."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from audit.methods.statistics.influence import influence_interval
from audit.methods.statistics.intervals import Estimate, Undefined, clipped

Array = NDArray[np.float64]
Ints = NDArray[np.int64]


def balanced_accuracy(
    labels: Ints, decisions: Ints, weights: Array | None = None, *, clusters: Ints | None = None, confidence: float = 0.95
) -> Estimate:
    """Mean over the classes found in `labels` of the share decided rightly; linearised interval, clipped to [0, 1].

    Undefined when a class, or no class, stands alone. Brodersen et al. 2010, doi:10.1109/ICPR.2010.764.
    """
    classes, owner = np.unique(labels, return_inverse=True)
    if len(classes) < 2:
        return Undefined(f"Balanced accuracy needs two classes among the labels; found {len(classes)}.", len(labels))
    weight = np.ones(len(labels)) if weights is None else weights
    right = (labels == decisions).astype(np.float64)
    total = np.bincount(owner, weights=weight)
    recall = np.bincount(owner, weights=weight * right) / total
    influence = (right - recall[owner]) * (weight.sum() / total[owner]) / len(classes)
    found = influence_interval(
        float(recall.mean()), influence, weights=weights, clusters=clusters, confidence=confidence, method="mean of recalls, linearised"
    )
    return clipped(found, 0.0, 1.0)


def cohen_kappa(labels: Ints, decisions: Ints, weights: Array | None = None, *, clusters: Ints | None = None, confidence: float = 0.95) -> Estimate:
    """Agreement beyond chance, (p_o - p_e) / (1 - p_e): below 0 when labels and decisions agree less than by chance.

    Cohen 1960, doi:10.1177/001316446002000104. Undefined when both are one same class throughout.
    """
    weight = np.ones(len(labels)) if weights is None else weights
    codes = np.unique(np.concatenate([labels, decisions]))
    row, column = np.searchsorted(codes, labels), np.searchsorted(codes, decisions)
    p_row, p_column = (np.bincount(c, weights=weight, minlength=len(codes)) / weight.sum() for c in (row, column))
    observed, chance = float(np.average(row == column, weights=weight)), float(p_row @ p_column)
    if chance >= 1:
        return Undefined("Labels and decisions are one same class throughout, so chance alone agrees fully.", len(labels))
    d_chance = p_row[column] + p_column[row] - 2 * chance
    influence = ((row == column) - observed) / (1 - chance) - (1 - observed) * d_chance / (1 - chance) ** 2
    found = influence_interval(
        (observed - chance) / (1 - chance), influence, weights=weights, clusters=clusters, confidence=confidence, method="Cohen's kappa, linearised"
    )
    return clipped(found, -1.0, 1.0)


def accuracy_over_base_rate(
    labels: Ints, decisions: Ints, weights: Array | None = None, *, clusters: Ints | None = None, confidence: float = 0.95
) -> Estimate:
    """Accuracy minus the share of the commonest label, in [-1, 1]; paired t interval with the commonest label taken as known."""
    if len(labels) == 0:
        return Undefined("There are no rows.", 0)
    classes, owner = np.unique(labels, return_inverse=True)
    commonest = classes[np.argmax(np.bincount(owner, weights=weights))]
    gain = (labels == decisions).astype(np.float64) - (labels == commonest)
    value = float(np.average(gain, weights=weights))
    found = influence_interval(
        value, gain - value, weights=weights, clusters=clusters, confidence=confidence, method="paired difference from the commonest label"
    )
    return clipped(found, -1.0, 1.0)

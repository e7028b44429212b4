"""Finds inputs that alone tell the label: copies, recodings, columns written after the fact."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit.methods.performance.roc import area

FEWEST_PER_SIDE = 5
"""Rows each label value needs before a column can be called its twin."""


def tells(values: NDArray[Any], labels: NDArray[Any], *, task: str, auc: float) -> bool:
    """Whether one raw column (n,) alone predicts the label: one value per label value, an area under the curve of `auc`, or a straight line."""
    if task == "regression":
        return _is_line(values, labels)
    counts = np.unique(labels, return_counts=True)[1]
    if len(counts) < 2 or counts.min() < FEWEST_PER_SIDE:
        return False
    return _is_recoding(values, labels) or (len(counts) == 2 and _separates(values, labels == labels.max(), auc))


def _is_recoding(values: NDArray[Any], labels: NDArray[Any]) -> bool:
    codes, owner = _codes(values)
    if codes != len(np.unique(labels)):
        return False
    pairs = np.unique(np.stack([owner, np.unique(labels, return_inverse=True)[1]]), axis=1)
    return bool(pairs.shape[1] == codes)


def _separates(values: NDArray[Any], positives: NDArray[np.bool_], auc: float) -> bool:
    if values.dtype.kind not in "fiub":
        return False
    numbers = values.astype(np.float64)
    missing = np.isnan(numbers)
    scores = [missing.astype(np.float64)] if missing.any() else []
    if positives[~missing].any() and not positives[~missing].all():
        known = area(numbers[~missing], positives[~missing])
        if max(known, 1 - known) >= auc and missing.mean() <= 0.5:
            return True
    found = [area(score, positives) for score in scores]
    return any(max(one, 1 - one) >= auc for one in found)


def _is_line(values: NDArray[Any], labels: NDArray[np.float64]) -> bool:
    if values.dtype.kind not in "fiub":
        return False
    numbers = values.astype(np.float64)
    known = np.isfinite(numbers) & np.isfinite(labels)
    if known.sum() < 2 * FEWEST_PER_SIDE or np.ptp(numbers[known]) == 0 or np.ptp(labels[known]) == 0:
        return False
    return bool(abs(np.corrcoef(numbers[known], labels[known])[0, 1]) >= 0.9999)


def _codes(values: NDArray[Any]) -> tuple[int, NDArray[np.int64]]:
    if values.dtype.kind == "f":
        found, owner = np.unique(values, return_inverse=True)
    else:
        found, owner = np.unique(np.array([str(value) for value in values]), return_inverse=True)
    return len(found), owner.astype(np.int64)

"""Error rates as two masks over rows: which rows count, and which of them are hits. Each denominator lies inside the group."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class RateMask:
    """Rows of the denominator and the hits among them, both (n,)."""

    base: Mask
    hits: Mask


def rate_masks(favourable_label: Mask, favourable_decision: Mask, known: Mask) -> dict[str, RateMask]:
    """Masks of the error rates of a binary view of labels and decisions; rows with an unknown label are in no denominator."""
    positive, negative = known & favourable_label, known & ~favourable_label
    chosen, refused = known & favourable_decision, known & ~favourable_decision
    return {
        "true_positive_rate": RateMask(positive, favourable_decision),
        "false_negative_rate": RateMask(positive, ~favourable_decision),
        "false_positive_rate": RateMask(negative, favourable_decision),
        "true_negative_rate": RateMask(negative, ~favourable_decision),
        "positive_predictive_value": RateMask(chosen, favourable_label),
        "negative_predictive_value": RateMask(refused, ~favourable_label),
        "false_discovery_rate": RateMask(chosen, ~favourable_label),
        "false_omission_rate": RateMask(refused, favourable_label),
        "accuracy": RateMask(known, favourable_label == favourable_decision),
    }

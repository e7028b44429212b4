"""Compares numbers with those another library made of the same rows, leaving room for rounding and for chance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr

from audit.errors import MethodError

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Comparison:
    """How far two sets of numbers are apart."""

    numbers: int
    """Numbers compared."""
    difference: float
    """Largest absolute difference over the size of what is measured."""
    in_se: float | None
    """Largest difference beyond rounding in standard errors; None where no number was drawn at random."""
    p_value: float | None
    """Smallest two-sided p-value of the numbers drawn at random, times their number (Bonferroni), at most 1; None where there is none."""
    agrees: bool


def compare(
    ours: Floats, theirs: Floats, *, se: Floats, scale: Floats, freedom: int, rounding: float = 1e-3, significance: float = 1e-3
) -> Comparison:
    """Compare `ours` and `theirs` (m, d), whose difference has standard errors `se` (m, d), 0 where nothing is drawn.

    `scale` (m,) is the size against which rounding is held: differences up to `rounding` times it count as none. What is left is tested by
    Student's t with `freedom` degrees of freedom, adjusted for all numbers compared. They agree when no number without error differs by more than
    rounding and the adjusted p-value is at least `significance`. Raises MethodError for numbers that are not finite, and for none.
    """
    if not ours.size:
        raise MethodError("there are no numbers to compare")
    apart = np.abs(ours - theirs)
    if not (np.isfinite(apart).all() and np.isfinite(se).all()):
        raise MethodError("numbers that are not finite cannot be compared")
    size = np.broadcast_to(scale[:, None], apart.shape)
    excess = np.maximum(apart - rounding * size, 0.0)
    share = np.divide(apart, size, out=np.where(apart > 0, np.inf, 0.0), where=size > 0)
    if not np.isfinite(share).all():
        raise MethodError("rows whose explained size is 0 cannot be compared")
    drawn = se > 0
    exactly = bool((excess[~drawn] == 0).all())
    if not drawn.any():
        return Comparison(ours.size, float(share.max()), None, None, exactly)
    errors = excess[drawn] / se[drawn]
    p = min(1.0, float(2 * stdtr(max(freedom, 1), -errors.max()) * drawn.sum()))
    return Comparison(ours.size, float(share.max()), float(errors.max()), p, exactly and p >= significance)

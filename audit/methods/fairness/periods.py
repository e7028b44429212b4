"""Rows in order of time, cut into periods of about equal size; equal times stay together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit.errors import MethodError

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Periods:
    """`codes` (n,) number the periods from 0, -1 for rows without a time; `start` and `end` (periods,) are their first and last times."""

    codes: NDArray[np.int64]
    start: Floats
    end: Floats


def cut_periods(times: Floats, count: int) -> Periods:
    """At most `count` periods of `times` (n,), NaN for unknown; fewer where equal times leave no room. Raises MethodError for fewer than one."""
    if count < 1:
        raise MethodError(f"periods must be at least 1; found {count}")
    known = np.isfinite(times)
    ordered = np.sort(times[known])
    if not len(ordered):
        return Periods(np.full(len(times), -1, dtype=np.int64), np.zeros(0), np.zeros(0))
    cuts = np.unique(ordered[(np.arange(1, count) * len(ordered)) // count])
    cuts = cuts[cuts > ordered[0]]
    codes = np.where(known, np.searchsorted(cuts, times, side="right"), -1).astype(np.int64)
    start = np.concatenate([ordered[:1], cuts])
    end = np.array([ordered[np.searchsorted(ordered, cut, side="left") - 1] for cut in [*cuts, np.inf]])
    return Periods(codes, start, end)

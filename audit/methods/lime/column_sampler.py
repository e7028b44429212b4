"""How LIME sees one raw column: cut into quartile bins, or as its levels, with the shares they have in the reference data."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from audit.errors import MethodError

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
SMALLEST_DEVIATION = 1e-11
"""Added to the standard deviation of each bin, as in lime 0.2.0.1."""
QUARTILES = (25, 50, 75)


@dataclass(frozen=True)
class Bins:
    """A numeric column in `b` bins between its quartiles; code `b` stands for a missing value."""

    edges: Floats
    """Distinct quartiles (b - 1,); a value belongs to the first bin whose edge it does not exceed."""
    mean: Floats
    """Mean of the reference values in each bin, (b,)."""
    deviation: Floats
    """Standard deviation of the reference values in each bin, (b,); positive."""
    low: Floats
    """Lower end of each bin, (b,)."""
    high: Floats
    """Upper end of each bin, (b,)."""
    shares: Floats
    """Share of the reference rows in each bin, the missing ones last, (b + 1,); sums to 1."""

    def codes(self, values: NDArray[Any]) -> Integers:
        """The bin of each value, (n,) int64."""
        numbers = values.astype(np.float64)
        return np.where(np.isnan(numbers), len(self.mean), np.searchsorted(self.edges, numbers)).astype(np.int64)

    def values(self, codes: Integers, uniform: Floats, *, lime_compat: bool) -> Floats:
        """A value of each bin (n,) float64: normal with the bin's mean and deviation, cut off at its ends, by inversion of `uniform` (n,).

        A bin of a single value returns that value; with `lime_compat` it returns the end of the bin in deviations from the mean, which is what
        lime 0.2.0.1 does.
        """
        least, most = (self.low - self.mean) / self.deviation, (self.high - self.mean) / self.deviation
        # The mean lies within its bin, so least <= 0 <= most, and the distribution function keeps its precision over the whole bin.
        below, above = ndtr(least), ndtr(most)
        single = least == most
        alone = least if lime_compat else self.low
        bins = np.minimum(codes, len(self.mean) - 1)
        found = self.mean[bins] + self.deviation[bins] * ndtri(below[bins] + uniform * (above - below)[bins])
        found = np.clip(found, np.where(single, alone, self.low)[bins], np.where(single, alone, self.high)[bins])
        found[codes == len(self.mean)] = np.nan
        return np.asarray(found)


@dataclass(frozen=True)
class Levels:
    """A column of levels; the code after the last stands for a value that the reference data does not hold."""

    levels: NDArray[Any]
    """Distinct values of the reference data (l,): text, or None for missing."""
    shares: Floats
    """Share of the reference rows with each level, (l,); sums to 1."""

    def codes(self, values: NDArray[Any]) -> Integers:
        """Position of each value among the levels, (n,) int64."""
        place = {level: position for position, level in enumerate(self.levels)}
        return np.array([place.get(value, len(place)) for value in values], dtype=np.int64)

    def values(self, codes: Integers, uniform: Floats, *, lime_compat: bool) -> NDArray[Any]:  # noqa: ARG002  the same question as of `Bins`
        """The level at each code, (n,) object."""
        return self.levels[codes]


ColumnSampler = Bins | Levels


def quartile_bins(values: NDArray[Any]) -> Bins:
    """Bins between the quartiles of the finite `values` (n,); raises MethodError when there is none or one is infinite.

    The bins and their statistics are those of `QuartileDiscretizer` in lime 0.2.0.1, which knows no missing values.
    """
    known = values[~np.isnan(values)].astype(np.float64)
    if not len(known) or not np.isfinite(known).all():
        raise MethodError("a numeric column needs finite reference values to be cut into bins")
    edges = np.unique(np.percentile(known, QUARTILES))
    code = np.searchsorted(edges, known)
    inside = [known[code == position] for position in range(len(edges) + 1)]
    mean = np.array([part.mean() if len(part) else 0.0 for part in inside])
    deviation = np.array([part.std() if len(part) else 0.0 for part in inside]) + SMALLEST_DEVIATION
    counts = np.array([*map(len, inside), len(values) - len(known)])
    low, high = np.append(known.min(), edges), np.append(edges, known.max())
    return Bins(edges, mean, deviation, low, high, counts / len(values))


def observed_levels(values: NDArray[Any]) -> Levels:
    """Levels of `values` (n,), text or None, sorted with None last; raises MethodError when there is none."""
    if not len(values):
        raise MethodError("a column of levels needs reference rows")
    counts = Counter(values.tolist())
    found = sorted(counts, key=lambda level: (level is None, str(level)))
    return Levels(np.array(found, dtype=object), np.array([counts[level] for level in found]) / len(values))

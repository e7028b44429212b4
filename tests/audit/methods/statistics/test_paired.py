"""Paired proportions against published intervals, sklearn and enumeration."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import accuracy_score

from audit.methods.statistics.intervals import Interval
from audit.methods.statistics.paired import difference_of, mcnemar_p, paired_difference


def pair(both: int, first: int, second: int, neither: int) -> tuple[np.ndarray, np.ndarray]:
    cells = np.repeat([0, 1, 2, 3], [both, first, second, neither])
    return cells <= 1, (cells == 0) | (cells == 2)


def test_the_interval_is_the_one_newcombe_printed() -> None:
    found = paired_difference(*pair(36, 12, 2, 0))  # Newcombe 1998, table II, method 10

    assert isinstance(found, Interval)
    assert (found.value, found.low, found.high) == pytest.approx((0.2, 0.0569, 0.3404), abs=5e-5)


def test_that_interval_follows_from_roots_of_the_score_equation() -> None:
    n, first, second, z2 = 50, 48 / 50, 38 / 50, stats.norm.ppf(0.975) ** 2
    ends = [sorted(np.roots([1 + z2 / n, -(2 * share + z2 / n), share**2]).real) for share in (first, second)]
    phi = (36 * 0 - 12 * 2) / math.sqrt(48 * 2 * 38 * 12)  # below 0, so not corrected for continuity
    away = [
        math.sqrt(a**2 - 2 * phi * a * b + b**2) for a, b in ((first - ends[0][0], ends[1][1] - second), (ends[0][1] - first, second - ends[1][0]))
    ]

    found = paired_difference(*pair(36, 12, 2, 0))
    assert isinstance(found, Interval)
    assert (found.low, found.high) == pytest.approx((0.2 - away[0], 0.2 + away[1]))


@pytest.mark.parametrize("chances", [(0.25, 0.25, 0.25, 0.25), (0.6, 0.2, 0.1, 0.1), (0.85, 0.1, 0.03, 0.02), (0.4, 0.05, 0.05, 0.5)])
def test_over_all_tables_of_twenty_rows_the_interval_holds_the_difference_as_often_as_it_says(chances: tuple[float, ...]) -> None:
    tables = [(a, b, c, 20 - a - b - c) for a in range(21) for b in range(21 - a) for c in range(21 - a - b)]
    likely = stats.multinomial.pmf(tables, 20, chances)
    kept = [(table, chance) for table, chance in zip(tables, likely, strict=True) if chance > 1e-5]

    held = 0.0
    for table, chance in kept:
        found = paired_difference(*pair(*table))
        assert isinstance(found, Interval)
        held += chance * (found.low <= chances[1] - chances[2] <= found.high)
    assert 0.94 <= held / sum(chance for _, chance in kept) <= 0.995


def test_without_differing_rows_the_interval_still_has_width() -> None:
    found = paired_difference(*pair(30, 0, 0, 10))

    assert isinstance(found, Interval)
    assert found.value == 0
    assert found.low < 0 < found.high


def test_the_value_is_the_difference_of_weighted_accuracies() -> None:
    generator = np.random.default_rng(1)
    first, second, weights = generator.random(80) < 0.7, generator.random(80) < 0.5, generator.random(80) + 0.1
    found = paired_difference(first, second, weights)
    truth = np.ones(80, dtype=bool)

    expected = accuracy_score(truth, first, sample_weight=weights) - accuracy_score(truth, second, sample_weight=weights)
    assert isinstance(found, Interval)
    assert found.value == pytest.approx(expected)


def test_mcnemar_counts_every_split_at_most_as_likely() -> None:
    splits = [math.comb(14, k) / 2**14 for k in range(15)]

    assert mcnemar_p(*pair(36, 12, 2, 0)) == pytest.approx(sum(p for p in splits if p <= splits[2] * (1 + 1e-9)))
    assert mcnemar_p(*pair(5, 0, 0, 5)) == 1


def test_distances_of_independent_ends_add_as_squares() -> None:
    found = difference_of(Interval(0.5, 0.2, 0.6, 10, "a"), Interval(0.1, 0.0, 0.5, 20, "b"), what="shares")

    assert isinstance(found, Interval)
    assert (found.value, found.low, found.high, found.n) == pytest.approx((0.4, 0.4 - 0.5, 0.4 + math.hypot(0.1, 0.1), 30))


@pytest.mark.parametrize(("first", "second"), [(0, 0), (1, 0), (5, 5), (3, 4), (17, 4), (0, 30), (400, 460)])
def test_the_p_value_is_that_of_scipys_binomial_test(first: int, second: int) -> None:
    expected = stats.binomtest(first, first + second).pvalue if first + second else 1.0

    assert mcnemar_p(*pair(7, first, second, 9)) == pytest.approx(expected, rel=1e-12)

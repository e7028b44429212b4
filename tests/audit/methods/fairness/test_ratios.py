"""Ratios of overlapping counts against the closed form, and their coverage."""

from __future__ import annotations

import math

import numpy as np
import pytest

from audit.methods.fairness.ratios import ratio_of_counts
from audit.methods.statistics.intervals import Interval, Undefined


def test_the_interval_is_the_closed_form_for_paired_counts() -> None:
    both, first, second, neither = 40, 25, 10, 125
    over = np.repeat([True, True, False, False], [both, first, second, neither])
    under = np.repeat([True, False, True, False], [both, first, second, neither])

    found = ratio_of_counts(over, under)

    x, y = both + first, both + second
    assert isinstance(found, Interval)
    assert found.value == pytest.approx(x / y)
    n = len(over)
    assert math.log(found.high / found.value) == pytest.approx(1.959964 * math.sqrt((first + second) / (x * y) * n / (n - 1)), rel=1e-2)


def test_coverage_of_overlapping_counts() -> None:
    generator, held = np.random.default_rng(2), 0

    for _ in range(800):
        label = generator.random(300) < 0.3
        decision = np.where(label, generator.random(300) < 0.7, generator.random(300) < 0.2)
        found = ratio_of_counts(label, decision)
        held += isinstance(found, Interval) and found.low <= 0.3 / (0.3 * 0.7 + 0.7 * 0.2) <= found.high

    assert 0.93 * 800 <= held <= 0.975 * 800


def test_too_few_rows_apart_and_empty_counts_are_undefined() -> None:
    some = np.arange(50) < 20

    assert isinstance(ratio_of_counts(some, np.arange(50) < 22), Undefined)
    assert isinstance(ratio_of_counts(np.zeros(50, dtype=bool), some), Undefined)
    assert ratio_of_counts(some, some).value == 1  # type: ignore[union-attr]


def test_equal_weights_change_nothing_and_clusters_of_copies_widen() -> None:
    generator = np.random.default_rng(0)
    over, under = generator.random(200) < 0.4, generator.random(200) < 0.5

    plain, weighted = ratio_of_counts(over, under), ratio_of_counts(over, under, weights=np.full(200, 3.0))
    copies = ratio_of_counts(np.repeat(over, 4), np.repeat(under, 4), clusters=np.repeat(np.arange(200), 4))
    once = ratio_of_counts(over, under, clusters=np.arange(200))

    assert isinstance(plain, Interval)
    assert isinstance(weighted, Interval)
    assert isinstance(copies, Interval)
    assert (plain.low, plain.high) == pytest.approx((weighted.low, weighted.high))
    assert isinstance(once, Interval)
    assert (once.low, once.high) == pytest.approx((copies.low, copies.high))
    assert (plain.low, plain.high) == pytest.approx((copies.low, copies.high), rel=0.005)  # the t quantile of 199 degrees of freedom

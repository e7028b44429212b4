"""Conditional demographic disparity by hand, by row-wise influence, and by resampling."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.methods.fairness.conditional_disparity import conditional_disparity
from audit.methods.statistics.influence import influence_interval
from audit.methods.statistics.intervals import Undefined


def rows_of(*cells):
    """Arrays favourable, codes, strata from (stratum, group, favourable, count)."""
    held = np.repeat(np.array([cell[:3] for cell in cells]), [cell[3] for cell in cells], axis=0)
    return held[:, 2].astype(bool), held[:, 1].astype(np.int64), held[:, 0].astype(np.int64)


def drawn(n=800, seed=0):
    generator = np.random.default_rng(seed)
    strata, codes = generator.integers(0, 4, n), generator.integers(0, 3, n)
    return generator.random(n) < 0.3 + 0.1 * strata - 0.05 * codes, codes, strata


def by_definition(favourable, codes, strata, group, weights):
    total = value = 0.0
    for stratum in np.unique(strata):
        here = strata == stratum
        accepted, refused = here & favourable, here & ~favourable
        if weights[accepted].sum() > 0 and weights[refused].sum() > 0:
            size = weights[here].sum()
            mine = codes == group
            value += size * (weights[refused & mine].sum() / weights[refused].sum() - weights[accepted & mine].sum() / weights[accepted].sum())
            total += size
    return value / total


def test_women_who_are_60_of_100_refused_and_50_of_100_accepted_have_a_disparity_of_a_tenth():
    favourable, codes, strata = rows_of((0, 0, 0, 60), (0, 1, 0, 40), (0, 0, 1, 50), (0, 1, 1, 50))

    found = conditional_disparity(favourable, codes, strata, groups=2)

    assert [one.value for one in found.groups] == pytest.approx([0.1, -0.1])


def test_strata_weigh_by_their_rows():
    # Disparities of 0.5 - 0.25 among 40 rows, and of 0.1 - 0.2 among 120.
    favourable, codes, strata = rows_of(
        (0, 0, 0, 10), (0, 1, 0, 10), (0, 0, 1, 5), (0, 1, 1, 15), (1, 0, 0, 6), (1, 1, 0, 54), (1, 0, 1, 12), (1, 1, 1, 48)
    )

    found = conditional_disparity(favourable, codes, strata, groups=2)

    assert found.groups[0].value == pytest.approx((40 * 0.25 + 120 * -0.1) / 160)
    assert (found.strata, found.rows, found.left_out) == (2, 160, 0)


def test_a_disparity_that_strata_explain_vanishes_within_them():
    favourable, codes, strata = rows_of(
        (0, 0, 1, 320), (0, 0, 0, 80), (0, 1, 1, 80), (0, 1, 0, 20), (1, 0, 1, 20), (1, 0, 0, 80), (1, 1, 1, 80), (1, 1, 0, 320)
    )

    overall = conditional_disparity(favourable, codes, np.zeros_like(strata), groups=2).groups[1]
    within = conditional_disparity(favourable, codes, strata, groups=2).groups[1]

    assert overall.low > 0.2
    assert within.value == pytest.approx(0)
    assert within.low < 0 < within.high


def test_a_stratum_with_one_outcome_has_no_disparity_and_is_left_out_not_counted_as_none():
    cells = [(0, 0, 0, 60), (0, 1, 0, 40), (0, 0, 1, 50), (0, 1, 1, 50)]

    found = conditional_disparity(*rows_of(*cells, (1, 0, 1, 300)), groups=2)

    assert found.groups[0].value == pytest.approx(0.1)
    assert found.left_out == 300


def test_unknown_groups_and_strata_are_left_out():
    favourable, codes, strata = drawn()
    known = (np.arange(800) % 3 > 0) & (np.arange(800) % 5 > 0)

    found = conditional_disparity(favourable, np.where(np.arange(800) % 3, codes, -1), np.where(np.arange(800) % 5, strata, -1), groups=3)

    assert found == conditional_disparity(favourable[known], codes[known], strata[known], groups=3)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 1000), st.booleans())
def test_it_is_the_definition_written_out_and_disparities_sum_to_zero(seed, weighted):
    favourable, codes, strata = drawn(400, seed)
    weights = np.random.default_rng(seed).exponential(size=400) if weighted else None

    found = conditional_disparity(favourable, codes, strata, groups=3, weights=weights)

    for group, one in enumerate(found.groups):
        assert one.value == pytest.approx(by_definition(favourable, codes, strata, group, np.ones(400) if weights is None else weights))
    assert sum(one.value for one in found.groups) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("clustered", [False, True])
def test_errors_are_those_of_numeric_influence(weighted, clustered):
    favourable, codes, strata = drawn(300)
    weights = np.random.default_rng(1).exponential(size=300) + 0.1 if weighted else np.ones(300)
    clusters = np.arange(300) // 4 if clustered else None
    value = by_definition(favourable, codes, strata, 1, weights)
    step, influence = 1e-6, np.empty(300)
    for row in range(300):
        moved = weights.copy()
        moved[row] += step * weights.sum()
        influence[row] = (by_definition(favourable, codes, strata, 1, moved) - value) / step

    found = conditional_disparity(favourable, codes, strata, groups=3, weights=weights if weighted else None, clusters=clusters).groups[1]

    expected = influence_interval(value, influence, weights=weights, clusters=clusters)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-5)


def test_intervals_agree_with_the_bootstrap():
    favourable, codes, strata = drawn(2000)
    generator, replicates = np.random.default_rng(2), []
    for _ in range(400):
        drawn_rows = generator.integers(0, 2000, 2000)
        replicates.append(conditional_disparity(favourable[drawn_rows], codes[drawn_rows], strata[drawn_rows], groups=3).groups[2].value)

    one = conditional_disparity(favourable, codes, strata, groups=3).groups[2]

    assert one.high - one.value == pytest.approx(1.96 * np.std(replicates), rel=0.12)


def test_few_rows_of_an_outcome_are_not_estimated():
    found = conditional_disparity(*rows_of((0, 0, 0, 4), (0, 1, 0, 40), (0, 0, 1, 50), (0, 1, 1, 50)), groups=2)

    assert all(isinstance(one, Undefined) and "at least 5" in one.reason for one in found.groups)


def test_one_outcome_everywhere_has_no_disparity():
    found = conditional_disparity(np.ones(50, bool), np.arange(50) % 2, np.zeros(50, int), groups=2)

    assert found.groups[0] == Undefined("No stratum has both outcomes.", 50)


def test_no_rows_have_no_disparity():
    empty = np.empty(0, dtype=np.int64)

    assert isinstance(conditional_disparity(np.empty(0, bool), empty, empty, groups=1).groups[0], Undefined)

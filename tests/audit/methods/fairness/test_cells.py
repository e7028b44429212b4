"""Many cells against the rest: counts, effective numbers, p values and intervals, each against another way to the same number."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from audit.methods.fairness.cell_families import Column, Units, cell_families, kinds
from audit.methods.fairness.cells import counted_cells, drawn_cells, exact_difference, tails, two_sided_p
from audit.methods.statistics.group_shares import group_shares
from audit.methods.statistics.proportions import Share, clopper_pearson, two_proportion_p


def drawn(n=400, size=4, seed=1):
    generator = np.random.default_rng(seed)
    return generator.integers(0, size, n), generator.random(n) < 0.4, generator.random(n) + 0.5, generator.integers(0, n // 4, n)


def test_counts_of_each_cell_and_of_the_rest():
    cells = counted_cells(np.array([3, 5]), np.array([10, 20]))

    assert (cells.rest_hits.tolist(), cells.rest_rows.tolist()) == ([5, 3], [20, 10])
    assert cells.gaps == pytest.approx([0.05, -0.05])


@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("clustered", [True, False])
def test_effective_shares_of_cells_and_rest_agree_with_those_of_two_groups(weighted, clustered):
    codes, hits, weights, clusters = drawn()
    design = {"weights": weights if weighted else None, "clusters": clusters if clustered else None}

    cells = drawn_cells(codes, 4, hits, **design)

    if not (weighted or clustered):
        design = {"weights": None, "clusters": np.arange(len(codes))}
    for i in range(4):
        rest, own = group_shares(hits, (codes == i).astype(int), 2, **design)
        assert cells.share(i).value == pytest.approx(own.value)
        assert cells.total[i] == pytest.approx(own.total)
        assert cells.rest(i).value == pytest.approx(rest.value)
        assert cells.rest_total[i] == pytest.approx(rest.total)


def test_p_values_of_large_cells_are_those_of_the_two_proportion_test():
    cells = counted_cells(np.array([30, 60, 90]), np.array([100, 100, 200]))

    assert two_sided_p(cells) == pytest.approx([two_proportion_p(cells.share(i), cells.rest(i)) for i in range(3)])


def test_p_values_of_small_cells_are_twice_the_smaller_tail_of_fishers_test():
    cells = counted_cells(np.array([0, 7, 20]), np.array([8, 9, 50]))

    for i in range(3):
        a, n, c, m = int(cells.hits[i]), int(cells.rows[i]), int(cells.rest_hits[i]), int(cells.rest_rows[i])
        one_sided = [stats.fisher_exact([[a, n - a], [c, m - c]], alternative=side).pvalue for side in ("less", "greater")]
        assert [float(tail[i]) for tail in tails(cells)] == pytest.approx(one_sided)
        if not cells.regular[i]:
            assert two_sided_p(cells)[i] == pytest.approx(min(1.0, 2 * min(one_sided)))


def test_the_exact_difference_is_made_of_clopper_pearson_ends():
    low, high = exact_difference(Share(2, 10, 10), Share(30, 90, 90), confidence=0.9)

    own, rest = (clopper_pearson(share, confidence=0.95) for share in (Share(2, 10, 10), Share(30, 90, 90)))
    assert (low, high) == pytest.approx((own.low - rest.high, own.high - rest.low))


def test_kinds_of_rows_and_their_numbers():
    places, counts = kinds([np.array([0, 0, -1, 1, 0])], [2], np.array([1, 1, 0, 1, 0]))

    assert sorted(counts.tolist()) == [1, 1, 1, 2]
    assert set(places.tolist()) <= {0, 2, 3, 4}


def test_a_family_of_one_gap_has_the_width_of_its_normal_interval():
    hits = np.concatenate([np.arange(400) < 120, np.arange(600) < 300])
    codes = np.repeat([0, 1], [400, 600])
    units = Units(np.arange(1000), np.ones(1000), np.full(1000, 0.001), 1000)

    made = cell_families(units, [Column(codes, 2, hits, np.array([0]))], generator=np.random.default_rng(1), confidence=0.95, resamples=2000)

    error = np.sqrt(0.3 * 0.7 / 400 + 0.5 * 0.5 / 600)
    assert made.gaps.low[0] == pytest.approx(-0.2 - 1.96 * error, abs=0.006)
    assert made.gaps.high[0] == pytest.approx(-0.2 + 1.96 * error, abs=0.006)


@pytest.mark.slow
def test_family_intervals_hold_together_in_about_95_of_100_samples():
    generator, size, held = np.random.default_rng(7), 6, 0
    truth = np.linspace(0.2, 0.7, size)
    tries = 300
    for _ in range(tries):
        codes = generator.integers(0, size, 1200)
        hits = generator.random(1200) < truth[codes]
        units = Units(np.arange(1200), np.ones(1200), np.full(1200, 1 / 1200), 1200)
        made = cell_families(units, [Column(codes, size, hits, np.arange(size))], generator=generator, confidence=0.95, resamples=400)
        held += bool(((made.shares.low <= truth) & (truth <= made.shares.high)).all())

    low, high = stats.binom.ppf([0.001, 0.999], tries, 0.94) / tries
    assert low <= held / tries <= max(high, 0.99)

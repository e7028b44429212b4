"""The search and its confirmation, against enumeration and scipy."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest
from scipy import stats

from audit.methods.fairness.groupings import groupings
from audit.methods.fairness.subgroup_search import Subgroup, confirm, halves, members, search
from audit.methods.statistics.proportions import Share, two_proportion_p


def data(n=500, seed=1):
    generator = np.random.default_rng(seed)
    codes = [generator.integers(-1, size, n) for size in (2, 3, 4)]
    return codes, generator.integers(0, 2, n)


def test_the_first_subgroup_is_the_one_that_enumeration_finds():
    codes, outcome = data()
    best = (0.0, (), ())
    for k in (1, 2):
        for columns in combinations(range(3), k):
            known = np.logical_and.reduce([codes[i] >= 0 for i in columns])
            for levels in product(*(range((2, 3, 4)[i]) for i in columns)):
                inside = members(codes, columns, levels)
                if min(inside.sum(), (known & ~inside).sum()) < 20:
                    continue
                p = outcome[known].mean()
                error = np.sqrt(p * (1 - p) * (1 / inside.sum() + 1 / (known & ~inside).sum()))
                z = (outcome[inside].mean() - outcome[known & ~inside].mean()) / error
                best = max(best, (abs(z), columns, levels))

    found = search(groupings(codes, (2, 3, 4), outcome, 2, order=2), codes, base=(0, 1), hits=(1,), smallest=20, most=1)

    assert (found.chosen[0].columns, found.chosen[0].levels) == best[1:]
    assert abs(found.chosen[0].standardised) == pytest.approx(best[0])


def test_chosen_subgroups_do_not_repeat_the_same_rows():
    codes, outcome = data()
    codes = [codes[0], codes[0].copy(), codes[2]]

    found = search(groupings(codes, (2, 2, 4), outcome, 2, order=2), codes, base=(0, 1), hits=(1,), smallest=5, most=8)

    masks = [members(codes, one.columns, one.levels) for one in found.chosen]
    assert len(masks) == 8
    assert all((a & b).sum() <= 0.8 * (a | b).sum() for a, b in combinations(masks, 2))


def test_nothing_is_found_where_every_cell_is_too_small():
    codes, outcome = data(n=20)

    assert search(groupings(codes, (2, 3, 4), outcome, 2), codes, base=(0, 1), hits=(1,), smallest=30, most=5).chosen == ()


def test_halves_are_even_and_keep_clusters_whole():
    clusters = np.repeat(np.arange(50), 7)
    first = halves(350, generator=np.random.default_rng(1), clusters=clusters)

    assert {int(first[clusters == c].sum()) for c in range(50)} == {0, 7}
    assert first.sum() == 175
    assert halves(9, generator=np.random.default_rng(1)).sum() == 5


@pytest.mark.parametrize("direction", [-1.0, 1.0])
@pytest.mark.parametrize("n", [30, 1000])
def test_the_confirming_test_is_one_sided_in_the_direction_of_the_search(direction, n):
    codes, outcome = [np.arange(n) % 3], (np.random.default_rng(2).random(n) < 0.4)
    subgroup = Subgroup((0,), (1,), Share(1, 2, 2), Share(1, 2, 2), direction)
    inside = codes[0] == 1
    counts = [[outcome[part].sum(), (~outcome[part]).sum()] for part in (inside, ~inside)]

    found = confirm(subgroup, codes, outcome, base=np.ones(n, dtype=bool))

    if n == 30:
        expected = stats.fisher_exact(counts, alternative="greater" if direction > 0 else "less").pvalue
    else:
        both = two_proportion_p(found.share, found.rest)
        expected = both / 2 if (found.share.value - found.rest.value) * direction > 0 else 1 - both / 2
    assert found.p_value == pytest.approx(expected)


def test_rows_of_unknown_membership_are_on_neither_side():
    subgroup = Subgroup((0,), (1,), Share(1, 2, 2), Share(1, 2, 2), 1.0)

    found = confirm(subgroup, [np.array([1, 1, 0, -1, -1])], np.ones(5, dtype=bool), base=np.ones(5, dtype=bool))

    assert (found.share.rows, found.rest.rows) == (2, 1)


def test_an_empty_side_has_no_test():
    subgroup = Subgroup((0,), (1,), Share(1, 2, 2), Share(1, 2, 2), 1.0)

    assert confirm(subgroup, [np.zeros(4, dtype=int)], np.ones(4, dtype=bool), base=np.ones(4, dtype=bool)).p_value is None

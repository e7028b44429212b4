"""Generalised entropy against its textbook sums, exact enumeration of random groups, and bootstrap."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.methods.fairness.inequality import (
    Parts,
    between_interval,
    coefficient_of_variation,
    entropy_interval,
    entropy_parts,
    generalised_entropy,
)
from audit.methods.statistics.influence import standard_error
from audit.methods.statistics.intervals import Interval, Undefined

ALPHAS = (-1.0, 0.0, 0.5, 1.0, 2.0, 3.0)


def textbook(benefits, alpha):
    """The definition, one term at a time."""
    mean = sum(benefits) / len(benefits)
    if alpha == 0:
        return sum(math.log(mean / b) for b in benefits) / len(benefits)
    if alpha == 1:
        return sum(0.0 if b == 0 else b / mean * math.log(b / mean) for b in benefits) / len(benefits)
    return sum((b / mean) ** alpha - 1 for b in benefits) / (len(benefits) * alpha * (alpha - 1))


def test_shares_of_0_1_and_2_have_the_closed_form():
    """With shares p0, p1, p2: mean m = p1 + 2 p2 and second moment p1 + 4 p2."""
    benefits = np.repeat([0.0, 1.0, 2.0], [2, 5, 3])

    assert generalised_entropy(benefits).value == pytest.approx(0.5 * ((0.5 + 1.2) / 1.1**2 - 1))
    assert generalised_entropy(benefits, alpha=1.0).value == pytest.approx(0.3 * 2 * math.log(2) / 1.1 - math.log(1.1))
    assert coefficient_of_variation(benefits).value == pytest.approx(benefits.std() / benefits.mean())


@given(st.lists(st.floats(0.1, 10), min_size=2, max_size=20), st.sampled_from(ALPHAS))
def test_the_index_is_the_textbook_sum_and_does_not_know_the_unit(benefits, alpha):
    values = np.array(benefits)

    assert generalised_entropy(values, alpha=alpha).value == pytest.approx(textbook(benefits, alpha), abs=1e-9)
    assert generalised_entropy(7 * values, alpha=alpha).value == pytest.approx(textbook(benefits, alpha), abs=1e-9)


@given(st.lists(st.tuples(st.sampled_from([0.0, 1.0, 2.0]), st.integers(0, 2)), min_size=3, max_size=40), st.sampled_from([0.5, 1.0, 2.0, 3.0]))
def test_the_parts_are_the_textbook_parts_and_add_up(pairs, alpha):
    benefits, codes = np.array([b for b, _ in pairs]), np.array([g for _, g in pairs])
    if benefits.sum() == 0:
        return
    mean = benefits.mean()
    within = sum(
        (codes == g).mean() * (benefits[codes == g].mean() / mean) ** alpha * textbook(benefits[codes == g].tolist(), alpha)
        for g in set(codes.tolist())
        if benefits[codes == g].sum() > 0
    )
    # A group in which every benefit is 0 has an index of 0 for its own mean of 0.
    parts = entropy_parts(benefits, codes, alpha=alpha)

    assert parts.within.value == pytest.approx(within, abs=1e-9)
    assert parts.between.value + parts.within.value == pytest.approx(textbook(benefits.tolist(), alpha), abs=1e-9)


@pytest.mark.parametrize("alpha", ALPHAS)
def test_influences_are_derivatives(alpha):
    """The influence of row i is the derivative of the index by its weight, times the total weight."""
    generator = np.random.default_rng(1)
    benefits, codes = generator.uniform(0.5, 2, 12), np.arange(12) % 3
    weights = generator.uniform(0.5, 2, 12)
    parts = entropy_parts(benefits, codes, weights, alpha=alpha)

    for i in range(12):
        step = np.zeros(12)
        step[i] = 1e-6
        up, down = (entropy_parts(benefits, codes, weights + sign * step, alpha=alpha) for sign in (1, -1))
        for part in ("total", "between", "within"):
            slope = (getattr(up, part).value - getattr(down, part).value) / 2e-6 * weights.sum()
            assert getattr(parts, part).influence[i] == pytest.approx(slope, abs=1e-5)


def test_equal_weights_are_copies():
    benefits, codes = np.array([0.0, 1.0, 2.0, 1.0]), np.array([0, 0, 1, 1])
    copies = np.repeat(np.arange(4), [1, 3, 2, 1])

    weighted = entropy_parts(benefits, codes, np.array([1.0, 3.0, 2.0, 1.0]))

    assert weighted.between.value == pytest.approx(entropy_parts(benefits[copies], codes[copies]).between.value)
    assert weighted.total.value == pytest.approx(textbook(benefits[copies].tolist(), 2))


def test_the_value_by_chance_is_the_mean_over_all_ways_to_deal_the_rows():
    benefits = np.array([0.0, 1.0, 1.0, 2.0, 2.0, 1.0, 0.0])
    found = [entropy_parts(benefits, np.isin(np.arange(7), chosen).astype(np.int64)).between.value for chosen in combinations(range(7), 3)]

    assert entropy_parts(benefits, np.array([0, 0, 0, 1, 1, 1, 1])).by_chance == pytest.approx(np.mean(found))


def test_the_mean_log_deviation_does_not_exist_with_a_benefit_of_zero():
    held = generalised_entropy(np.array([0.0, 1.0, 2.0]), alpha=0.0)

    assert isinstance(held, Undefined)
    assert "1 of 3 rows" in held.reason


@pytest.mark.parametrize("benefits", [[], [0.0], [0.0, 0.0]])
def test_without_any_benefit_there_is_no_index(benefits):
    assert isinstance(generalised_entropy(np.array(benefits)), Undefined)
    assert isinstance(entropy_parts(np.array(benefits), np.zeros(len(benefits), int)), Undefined)


def test_equal_benefits_have_no_interval():
    assert isinstance(entropy_interval(generalised_entropy(np.ones(50)), method="index"), Undefined)


def test_clusters_of_copies_count_once():
    benefits = np.random.default_rng(0).integers(0, 3, 200).astype(float)
    once = entropy_interval(generalised_entropy(benefits), clusters=np.arange(200), method="index")

    thrice = entropy_interval(generalised_entropy(np.repeat(benefits, 3)), clusters=np.repeat(np.arange(200), 3), method="index")

    assert thrice.high == pytest.approx(once.high)


def test_the_value_by_chance_of_clusters_of_one_row_is_that_of_rows():
    generator = np.random.default_rng(4)
    benefits, codes = generator.choice([0.0, 1.0, 2.0], 3000, p=[0.2, 0.6, 0.2]), generator.integers(0, 5, 3000)

    plain, single = entropy_parts(benefits, codes), entropy_parts(benefits, codes, clusters=np.arange(3000))
    tripled = np.tile(np.arange(3000), 3)

    assert single.by_chance == pytest.approx(plain.by_chance, rel=0.01)
    assert entropy_parts(benefits[tripled], codes[tripled], clusters=tripled).by_chance == pytest.approx(single.by_chance)


@pytest.mark.slow
def test_the_value_by_chance_of_clusters_is_what_groups_of_equal_means_show():
    generator, found = np.random.default_rng(5), []
    owner = np.repeat(np.arange(100), 5)
    for _ in range(400):
        shared = generator.random((100, 1)) < np.array([[0.5]])
        benefits = np.where(generator.random(500) < 0.45, 2.0 * shared[owner, 0], generator.integers(0, 3, 500))
        parts = entropy_parts(benefits, owner % 3, clusters=owner)
        found.append((parts.between.value, parts.by_chance))

    means = np.mean(found, axis=0)
    assert means[0] == pytest.approx(means[1], rel=0.15)


@pytest.mark.slow
@pytest.mark.parametrize("alpha", [0.5, 1.0, 2.0])
def test_standard_errors_agree_with_the_bootstrap(alpha):
    generator = np.random.default_rng(3)
    benefits, codes = generator.choice([0.0, 1.0, 2.0], 1500, p=[0.15, 0.7, 0.15]), generator.integers(0, 3, 1500)
    benefits[codes == 0] = np.minimum(benefits[codes == 0], 1)
    parts = entropy_parts(benefits, codes, alpha=alpha)

    drawn = [entropy_parts(benefits[rows], codes[rows], alpha=alpha) for rows in generator.integers(0, 1500, (1500, 1500))]

    for part in ("total", "between", "within"):
        spread = np.std([getattr(one, part).value for one in drawn])
        assert standard_error(getattr(parts, part).influence) == pytest.approx(spread, rel=0.1)


@pytest.mark.slow
@pytest.mark.parametrize(("shift", "groups"), [(0.0, 2), (0.03, 2), (0.1, 2), (0.0, 8), (0.1, 8)])
def test_intervals_of_the_part_between_groups_cover(shift, groups):
    generator = np.random.default_rng(5)
    chances = [np.array([0.15 + shift * (g % 2), 0.7 - shift * (g % 2), 0.15]) for g in range(groups)]
    means = np.array([p @ [0, 1, 2] for p in chances])
    truth = 0.5 * (np.mean(means**2) / np.mean(means) ** 2 - 1)
    codes = np.repeat(np.arange(groups), 800 // groups)
    hits = 0
    for _ in range(600):
        benefits = np.concatenate([generator.choice([0.0, 1.0, 2.0], 800 // groups, p=p) for p in chances])
        held = between_interval(entropy_parts(benefits, codes))
        assert isinstance(held, Interval)
        hits += held.low - 1e-15 <= truth <= held.high

    assert hits / 600 > 0.93


def test_one_group_has_nothing_between():
    parts = entropy_parts(np.array([0.0, 1.0, 2.0]), np.zeros(3, int))

    assert isinstance(parts, Parts)
    assert isinstance(between_interval(parts), Undefined)

"""Mantel-Haenszel over clusters: the plain estimates, influence by numeric derivative, and coverage where clusters are alike inside."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from audit.methods.fairness.clustered_strata import clustered_mantel_haenszel
from audit.methods.fairness.mantel_haenszel import Strata, mantel_haenszel
from audit.methods.statistics.influence import influence_interval
from audit.methods.statistics.intervals import Undefined


def drawn(n, seed=0):
    generator = np.random.default_rng(seed)
    strata, grouped = generator.integers(0, 4, n), generator.random(n) < 0.4
    return generator.random(n) < 0.2 + 0.1 * strata + 0.1 * grouped, grouped, strata


def table(hits, grouped, strata, weights):
    sums = [np.bincount(strata[m], weights=weights[m], minlength=4) for m in (hits & grouped, grouped, hits & ~grouped, ~grouped)]
    return Strata(*sums, int(min(grouped.sum(), (~grouped).sum())))


@pytest.mark.parametrize("weighted", [False, True])
def test_estimates_are_mantel_haenszels_and_errors_those_of_numeric_influence(weighted):
    hits, grouped, strata = drawn(300)
    weights, clusters = np.random.default_rng(1).uniform(0.5, 2, 300) if weighted else np.ones(300), np.arange(300) // 4
    plain = mantel_haenszel(table(hits, grouped, strata, weights))

    found = clustered_mantel_haenszel(hits, grouped, strata, clusters=clusters, weights=weights if weighted else None)

    for name, scale in (("odds_ratio", np.log), ("risk_difference", lambda value: value)):
        step, influence = 1e-6 * weights.sum(), np.empty(300)
        for row in range(300):
            moved = weights + step * (np.arange(300) == row)
            influence[row] = (
                scale(getattr(mantel_haenszel(table(hits, grouped, strata, moved)), name).value) - scale(getattr(plain, name).value)
            ) / 1e-6
        expected = influence_interval(scale(getattr(plain, name).value), influence, weights=weights, clusters=clusters)
        held = getattr(found, name)
        assert held.value == pytest.approx(getattr(plain, name).value)
        assert (scale(held.low), scale(held.high)) == pytest.approx((expected.low, expected.high), abs=1e-4)


def test_clusters_of_one_row_give_nearly_the_plain_intervals_and_test():
    hits, grouped, strata = drawn(4000)
    plain = mantel_haenszel(table(hits, grouped, strata, np.ones(4000)))

    found = clustered_mantel_haenszel(hits, grouped, strata, clusters=np.arange(4000))

    for name in ("odds_ratio", "risk_difference"):
        one, other = getattr(found, name), getattr(plain, name)
        assert (one.value, one.low, one.high) == pytest.approx((other.value, other.low, other.high), rel=0.01)
    assert np.log(found.no_association_p) == pytest.approx(np.log(plain.no_association_p), rel=0.05)


def test_copies_of_every_row_in_its_cluster_change_nothing():
    hits, grouped, strata = drawn(400)
    tripled = np.tile(np.arange(400), 3)

    once = clustered_mantel_haenszel(hits, grouped, strata, clusters=np.arange(400))
    thrice = clustered_mantel_haenszel(hits[tripled], grouped[tripled], strata[tripled], clusters=tripled)

    assert (thrice.risk_difference.low, thrice.risk_difference.high) == pytest.approx((once.risk_difference.low, once.risk_difference.high))
    assert thrice.no_association_p == pytest.approx(once.no_association_p)


def test_few_clusters_leave_everything_absent():
    hits, grouped, strata = drawn(400)

    found = clustered_mantel_haenszel(hits, grouped, strata, clusters=np.arange(400) % 19)

    assert all(isinstance(one, Undefined) for one in (found.odds_ratio, found.risk_difference, found.no_association_p, found.homogeneity_p))
    assert "19 clusters" in found.odds_ratio.reason


def test_strata_of_one_side_and_unwatched_strata_say_nothing():
    hits, grouped, strata = drawn(400)
    more = np.concatenate([strata, np.full(50, 9)])

    found = clustered_mantel_haenszel(np.append(hits, np.arange(50) < 20), np.append(grouped, np.ones(50, bool)), more, clusters=np.arange(450) // 2)

    assert found.strata == 4
    assert found.risk_difference.value == pytest.approx(
        clustered_mantel_haenszel(hits, grouped, strata, clusters=np.arange(400) // 2).risk_difference.value
    )


@pytest.mark.slow
@pytest.mark.parametrize("sizes", ["equal", "unequal"])
@pytest.mark.parametrize("nested", [True, False])
def test_intervals_cover_and_the_test_keeps_its_level(sizes, nested):
    """No difference in any stratum, rows of a cluster correlated 0.2: the odds ratio is 1, the difference 0."""
    size = np.full(200, 5) if sizes == "equal" else np.maximum(1, np.round(np.exp(np.random.default_rng(7).normal(2.2, 0.8, 40)))).astype(int)
    owner, generator, hits, runs = np.repeat(np.arange(len(size)), size), np.random.default_rng(1), np.zeros(3), 1000
    for _ in range(runs):
        grouped = owner % 2 == 0 if nested else generator.random(len(owner)) < 0.4
        strata, quantile = generator.integers(0, 3, len(owner)), generator.random(len(size))
        rates = [stats.beta.ppf(quantile, 4 * r, 4 * (1 - r)) for r in (0.2, 0.4, 0.6)]
        chosen = generator.random(len(owner)) < np.stack(rates, axis=1)[owner, strata]
        found = clustered_mantel_haenszel(chosen, grouped, strata, clusters=owner)
        hits += [
            found.odds_ratio.low <= 1 <= found.odds_ratio.high,
            found.risk_difference.low <= 0 <= found.risk_difference.high,
            found.no_association_p > 0.05,
        ]

    assert (hits / runs >= 0.92).all()  # 0.93 less the error of the simulation

"""Accumulated effects have the closed forms of linear functions and of products of correlated columns, where partial dependence has another."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from audit.errors import MethodError
from audit.methods.effects.accumulated import accumulated_levels, accumulated_numeric, quantile_edges, similar_order
from audit.methods.effects.dependence import partial_dependence
from tests.audit.methods.effects.test_dependence import setter


def numeric(function, x, column, steps=20):
    edges = quantile_edges(x[:, column], steps)
    return edges, accumulated_numeric(setter(function, x, column, edges), x[:, column], edges)


def test_a_linear_function_has_its_slope_and_no_error() -> None:
    x = np.random.default_rng(0).normal(size=(300, 3))

    edges, found = numeric(lambda z: z @ [2.0, -1.0, 0.5], x, 1)
    assert np.diff(found.effect[:, 0]) == pytest.approx(-np.diff(edges))
    assert found.se == pytest.approx(0, abs=1e-12)


def test_a_product_of_correlated_columns_is_told_from_its_partial_dependence() -> None:
    generator, rho = np.random.default_rng(4), 0.8
    first = generator.normal(size=40_000)
    x = np.stack([first, rho * first + np.sqrt(1 - rho**2) * generator.normal(size=len(first))], axis=1)

    edges, found = numeric(lambda z: z[:, 0] * z[:, 1], x, 0, steps=100)
    inner = np.abs(edges) < 1.5
    # The derivative is x2, its mean given x1 is rho * x1; the integral is rho * x1^2 / 2, centred by rho / 2. Partial dependence is x1 * E[x2].
    expected = rho * (edges**2 - 1) / 2
    assert found.effect[inner, 0] == pytest.approx(expected[inner], abs=0.03)
    depends = partial_dependence(setter(lambda z: z[:, 0] * z[:, 1], x, 0, np.array([-1.0, 1.0])), 2, len(x))
    assert depends.mean[:, 0] == pytest.approx(0, abs=0.03)


def test_effects_are_centred_over_the_rows() -> None:
    x = np.random.default_rng(5).lognormal(size=(400, 2))
    _, found = numeric(lambda z: np.exp(z[:, 0]) + z[:, 1], x, 0, steps=8)

    ends = (found.effect[:-1, 0] + found.effect[1:, 0]) / 2
    assert (ends * found.counts).sum() == pytest.approx(0, abs=1e-9 * np.abs(ends * found.counts).sum())
    assert found.counts.sum() == 400


def test_95_percent_intervals_hold_the_effect_of_a_product_about_as_often() -> None:
    held = []
    for seed in range(150):
        x = np.random.default_rng(seed).uniform(size=(200, 2))
        edges = np.array([0.0, 0.25, 0.5, 0.75, 1.0])
        found = accumulated_numeric(setter(lambda z: z[:, 0] * z[:, 1], x, 0, edges), x[:, 0], edges)
        # Half of the way from the centre of the rows, as x2 has mean 1/2 whatever x1.
        centre = ((edges[:-1] + edges[1:]) / 2 * found.counts).sum() / 200
        held.append(abs(found.effect[-1, 0] - (1 - centre) / 2) <= 1.96 * found.se[-1, 0])
    assert 0.9 <= np.mean(held) <= 0.99


def test_levels_are_those_worked_out_by_hand() -> None:
    codes = np.array([0, 0, 1, 1, 1, 2])
    other = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    base = np.array([0.0, 10.0, 30.0])
    found = accumulated_levels(lambda places: (base[places] + places * other)[:, None], codes, 3)

    # From 0 to 1 rows 0-4 are moved: 10 + mean(1..5) = 13; from 1 to 2 rows 2-5: 20 + mean(3..6) = 24.5.
    raw = np.array([0.0, 13.0, 37.5])
    assert found.effect[:, 0] == pytest.approx(raw - (2 * 0.0 + 3 * 13.0 + 37.5) / 6)
    assert found.counts.tolist() == [5, 4]


def test_tied_values_make_fewer_edges() -> None:
    values = np.array([0.0] * 70 + [1.0] * 20 + [2.0] * 10)

    assert quantile_edges(values, 10).tolist() == [0.0, 1.0, 2.0]


def test_a_constant_column_is_refused() -> None:
    with pytest.raises(MethodError, match="one value"):
        accumulated_numeric(lambda places: np.zeros((3, 1)), np.ones(3), np.ones(1))
    with pytest.raises(MethodError, match="one level"):
        accumulated_levels(lambda places: np.zeros((3, 1)), np.zeros(3, dtype=np.int64), 1)


def test_levels_are_ordered_by_how_alike_their_rows_are() -> None:
    generator = np.random.default_rng(6)
    codes = np.repeat([0, 1, 2, 3], 200)
    centre = np.array([2.0, 0.0, 3.0, 1.0])[codes]

    order = similar_order(codes, 4, (centre + 0.3 * generator.normal(size=800))[:, None]).tolist()
    assert order in ([1, 3, 0, 2], [2, 0, 3, 1])


def test_weights_count_as_copies_and_clusters_are_not_taken_to_be_independent() -> None:
    generator = np.random.default_rng(6)
    x, times = generator.uniform(size=(60, 2)), generator.integers(1, 4, 60)
    copies, edges = np.repeat(np.arange(60), times), np.array([0.0, 0.3, 0.6, 1.0])
    function = lambda z: z[:, 0] ** 2 * z[:, 1]  # noqa: E731

    weighed = accumulated_numeric(setter(function, x, 0, edges), x[:, 0], edges, weights=times.astype(float), clusters=np.arange(60))
    copied = accumulated_numeric(setter(function, x[copies], 0, edges), x[copies, 0], edges, clusters=copies)
    alone = accumulated_numeric(setter(function, x[copies], 0, edges), x[copies, 0], edges)

    np.testing.assert_allclose(weighed.effect, copied.effect, atol=1e-12)
    np.testing.assert_allclose(weighed.se, copied.se, atol=1e-12)
    assert (copied.se > 1.2 * alone.se).all()


def test_levels_of_weighted_rows_are_those_of_copies() -> None:
    codes, other, times = np.array([0, 0, 1, 1, 1, 2]), np.arange(1.0, 7.0), np.array([1, 2, 1, 3, 1, 2])
    copies, base = np.repeat(np.arange(6), times), np.array([0.0, 10.0, 30.0])

    weighed = accumulated_levels(lambda places: (base[places] + places * other)[:, None], codes, 3, weights=times.astype(float))
    copied = accumulated_levels(lambda places: (base[places] + places * other[copies])[:, None], codes[copies], 3)

    np.testing.assert_allclose(weighed.effect, copied.effect, atol=1e-12)


def test_95_percent_intervals_of_rows_in_clusters_hold_the_effect_about_as_often() -> None:
    held = []
    for seed in range(150):
        generator = np.random.default_rng(seed)
        owner = np.repeat(np.arange(40), 5)
        x = np.stack([generator.uniform(size=200), np.repeat(generator.uniform(size=40), 5)], axis=1)  # the second is the same in a cluster
        edges = np.array([0.0, 0.25, 0.5, 0.75, 1.0])
        found = accumulated_numeric(setter(lambda z: z[:, 0] * z[:, 1], x, 0, edges), x[:, 0], edges, clusters=owner)
        centre = ((edges[:-1] + edges[1:]) / 2 * found.counts).sum() / 200
        held.append(abs(found.effect[-1, 0] - (1 - centre) / 2) <= stats.t.ppf(0.975, 39) * found.se[-1, 0])
    assert 0.9 <= np.mean(held) <= 0.99


@pytest.mark.parametrize("clusters", [None, np.array([0, 1, 2, 3, 4, 4])])
def test_a_step_that_one_row_or_one_cluster_tells_of_has_no_error(clusters) -> None:
    x = np.array([[0.0, 1], [0.1, 2], [0.2, 5], [0.3, 4], [0.9, 3], [1.0, 7]])
    edges = np.array([0.0, 0.5, 1.0]) if clusters is not None else np.array([0.0, 0.95, 1.0])
    answer = setter(lambda z: z[:, 0] * z[:, 1], x, 0, edges)

    found, known = accumulated_numeric(answer, x[:, 0], edges, clusters=clusters), accumulated_numeric(answer, x[:, 0], edges, clusters=np.arange(6))
    assert np.isfinite(found.effect).all()
    assert np.isnan(found.se).all()
    assert np.isfinite(known.se).all() == (clusters is not None)

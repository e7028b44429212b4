"""Which estimator a row gets, and that the budget is spent until the values are as precise as asked for, and no further."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from audit.methods.attribution.shapley import reached, shapley_values
from audit.methods.attribution.shapley_exact import shapley_exact
from audit.methods.attribution.shapley_permutation import shapley_permutation
from audit.methods.attribution.shapley_quadrature import shapley_quadrature
from tests.audit.methods.attribution import games


def data(d, rows, background, *, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(rows, d, generator=generator, dtype=torch.float64), torch.randn(background, d, generator=generator, dtype=torch.float64)


def draws(rows, background, players):
    def draw(stream):
        return lambda count: stream.permuted(np.broadcast_to(np.arange(players), (background, count, players)), axis=2)

    return [draw(np.random.default_rng(row)) for row in range(rows)]


def explained(network, inputs, background, *, exact_up_to=3, pairs=2, **settings):
    d = inputs.shape[1]
    given = draws(len(inputs), len(background), d)
    return shapley_values(network, inputs, background, np.arange(d), players=d, draws=given, exact_up_to=exact_up_to, pairs=pairs, **settings)


def test_rows_with_few_varying_players_are_enumerated_and_the_others_sampled():
    inputs, background = data(6, 2, 20)
    background[:, 3:] = inputs[0, 3:]
    network = games.network(6)

    found = explained(network, inputs, background)

    orders = np.stack([draw(2) for draw in draws(2, 20, 6)])
    assert found.exact.tolist() == [True, False]
    np.testing.assert_array_equal(found.values[0], shapley_exact(network, inputs[:1], background, np.arange(6), players=6).values[0])
    np.testing.assert_array_equal(found.values[1], shapley_permutation(network, inputs, background, np.arange(6), orders=orders).values[1])


def test_a_small_background_is_answered_by_quadrature_and_a_large_one_when_asked():
    inputs, background = data(15, 2, 11)
    network = games.network(15)
    by_quadrature = shapley_quadrature(network, inputs, background[:4], np.arange(15), players=15, pairs=150, seed=0)

    np.testing.assert_array_equal(explained(network, inputs, background[:4]).values, by_quadrature.values)
    assert explained(network, inputs, background).evaluations.tolist() == [11 * 2 * 2 * 14 + 1] * 2
    assert explained(network, inputs, background, estimator="quadrature").evaluations.tolist() == [11 * 2 * 150 + 1] * 2
    assert explained(network, inputs, background[:4], estimator="permutation").evaluations.tolist() == [4 * 2 * 2 * 14 + 1] * 2


def test_permutations_are_doubled_until_the_errors_are_small_enough():
    inputs, background = data(15, 6, 12)
    network = games.network(15, 2)
    spread = network(background).std(dim=0, unbiased=False).numpy()

    coarse, fine = (explained(network, inputs, background, most_pairs=64, precision=precision) for precision in (1.0, 0.05))

    one_round = 12 * 2 * 14
    assert coarse.evaluations.tolist() == [2 * one_round + 1] * 6
    assert set(fine.evaluations) <= {pairs * one_round + 1 for pairs in (2, 4, 8, 16, 32, 64)}
    assert fine.evaluations.max() > coarse.evaluations.max()
    assert reached(fine, spread, 0.05)[fine.evaluations < 64 * one_round].all()
    size = np.maximum(spread, np.abs(fine.total - fine.base))
    np.testing.assert_array_equal(reached(fine, spread, 0.05), (fine.se <= 0.05 * size[:, None]).all(axis=1))


def test_the_budget_is_never_exceeded_and_what_it_did_not_reach_is_told():
    inputs, background = data(15, 3, 12)
    network = games.network(15)

    found = explained(network, inputs, background, most_pairs=7, precision=1e-9)

    assert found.evaluations.tolist() == [12 * 4 * 2 * 14 + 1] * 3
    assert not reached(found, network(background).std(dim=0, unbiased=False).numpy(), 1e-9).any()


@pytest.mark.parametrize("precision", [0.01, 0.04])
def test_stopping_early_leaves_the_values_right_on_average(precision):
    """Each round is unbiased by itself; choosing when to stop must not shift the values or shrink their errors much."""
    inputs, background = data(9, 1, 12, seed=3)
    network = games.network(9)
    truth = shapley_exact(network, inputs, background, np.arange(9), players=9).values[0]
    repeated = inputs.repeat(200, 1)

    found = explained(network, repeated, background, pairs=17, most_pairs=136, precision=precision)

    mean = found.values.mean(axis=0)
    assert (np.abs(mean - truth) <= 4 * found.values.std(axis=0) / np.sqrt(200)).all()
    assert 0.92 < (np.abs(found.values - truth) <= 1.96 * found.se).mean() < 0.98


def test_a_row_is_explained_alike_alone_and_among_others():
    inputs, background = data(14, 3, 12)
    network = games.network(14)
    together = explained(network, inputs, background, most_pairs=16, precision=0.05)

    given = draws(3, 12, 14)
    for row in range(3):
        alone = shapley_values(
            network, inputs[[row]], background, np.arange(14), players=14, draws=[given[row]], exact_up_to=3, pairs=2, most_pairs=16, precision=0.05
        )
        np.testing.assert_array_equal(alone.values[0], together.values[row])

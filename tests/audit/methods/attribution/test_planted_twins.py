"""Twins of a network answer as their structure says, and what is measured of attributions is counted by hand."""

from __future__ import annotations

import numpy as np
import torch

from audit.methods.attribution.planted_twins import asymmetry, dummy_share, nonlinearity, numbers_of, twins_of, with_line
from audit.methods.attribution.shapley_exact import shapley_exact

OWNER = np.array([0, 1, 1, 2])


def network(x):
    flat = x.reshape(len(x), 4)
    return torch.stack([flat[:, 0] * flat[:, 1] * flat[:, 2] + flat[:, 3], flat[:, 2] ** 2], dim=1)


def rows(n, seed=0):
    return torch.randn(n, 2, 2, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_twins_answer_as_the_network_where_the_copy_agrees():
    given = rows(5)
    twins = twins_of(network, given, OWNER, player=1, players=3)

    extended = twins.extended(given)

    assert extended.shape == (5, 6)
    torch.testing.assert_close(extended[:, 4:], given.reshape(5, 4)[:, 1:3], rtol=0, atol=0)
    torch.testing.assert_close(twins.ignoring(extended), network(given), rtol=0, atol=0)
    torch.testing.assert_close(twins.sharing(extended), network(given), rtol=0, atol=0)
    assert twins.owner.tolist() == [0, 1, 1, 2, 3, 3]


def test_one_twin_ignores_the_copy_and_the_other_takes_the_mean_of_both():
    given = rows(5)
    twins = twins_of(network, given, OWNER, player=1, players=3)
    changed = twins.extended(given)
    changed[:, 4:] += 2.0
    between = given.clone().reshape(5, 4)
    between[:, 1:3] += 1.0

    torch.testing.assert_close(twins.ignoring(changed), network(given), rtol=0, atol=0)
    torch.testing.assert_close(twins.sharing(changed), network(between))


def test_of_ids_the_twin_answers_with_the_mean_of_its_answers():
    table = torch.randn(7, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    given = torch.randint(0, 7, (5, 4), generator=torch.Generator().manual_seed(0))
    of_words = lambda ids: torch.stack([table[ids].prod(dim=1), table[ids].cumsum(dim=1)[:, 2] ** 2], dim=1)  # noqa: E731
    twins = twins_of(of_words, given, OWNER, player=1, players=3, ids=True)
    changed, turned = twins.extended(given), twins.extended(given)
    changed[:, 4:] = turned[:, 1:3] = (given[:, 1:3] + 1) % 7
    other = given.clone()
    other[:, 1:3] = changed[:, 4:]

    torch.testing.assert_close(twins.sharing(twins.extended(given)), of_words(given))
    torch.testing.assert_close(twins.sharing(changed), (of_words(given) + of_words(other)) / 2)
    torch.testing.assert_close(twins.sharing(turned), twins.sharing(changed))
    torch.testing.assert_close(twins.ignoring(changed), of_words(given), rtol=0, atol=0)
    absent = twins.extended(torch.zeros_like(given)[:1])
    found = shapley_exact(twins.sharing, twins.extended(given), absent, twins.owner, players=4).values[:, :, 0]
    assert asymmetry(found, 1).max() < 1e-12
    assert np.abs(found).max() > 0.01


def test_rows_with_baselines_of_their_own_are_extended_row_by_row():
    given = rows(6).reshape(2, 3, 2, 2)
    twins = twins_of(network, rows(1), OWNER, player=1, players=3)

    assert twins.extended(given).shape == (2, 3, 6)
    torch.testing.assert_close(twins.extended(given)[1], twins.extended(given[1]), rtol=0, atol=0)


def test_a_line_goes_through_the_sines_of_ids_and_other_numbers_as_they_are():
    flat = torch.tensor([[3.0, 0.5], [4.0, -1.0]])

    found = numbers_of(flat, np.array([True, False]), torch.float64)

    torch.testing.assert_close(found, torch.tensor([[np.sin(3.0), 0.5], [np.sin(4.0), -1.0]], dtype=torch.float64))
    assert numbers_of(flat, np.zeros(2, dtype=bool), torch.float64).tolist() == flat.tolist()


def test_each_row_may_have_a_player_of_its_own():
    values = np.array([[3.0, -4.0, 1.0], [2.0, 5.0, 3.0]])

    np.testing.assert_allclose(asymmetry(values, np.array([1, 0])), [5 / 8, 1 / 10])


def test_enumerated_shapley_values_keep_all_three_axioms():
    given, absent = rows(4), rows(6, seed=1)
    twins = twins_of(network, given, OWNER, player=1, players=3)
    slope = torch.tensor([1.0, -2.0, 0.5, 3.0], dtype=torch.float64)
    wide = {"inputs": twins.extended(given), "background": twins.extended(absent), "owner": twins.owner, "players": 4}
    plain = {"inputs": given, "background": absent, "owner": OWNER, "players": 3}

    ignoring, sharing = (shapley_exact(twin, **wide).values[:, :, 0] for twin in (twins.ignoring, twins.sharing))
    summed, alone = (shapley_exact(call, **plain).values[:, :, 0] for call in (with_line(network, slope), network))
    moved = ((given - absent.mean(dim=0)).reshape(4, 4) * slope).numpy()
    line = np.stack([moved[:, 0], moved[:, 1] + moved[:, 2], moved[:, 3]], axis=1)

    assert dummy_share(ignoring).max() < 1e-12
    assert asymmetry(sharing, 1).max() < 1e-12
    assert nonlinearity(summed, alone + line).max() < 1e-12
    np.testing.assert_allclose(summed, alone + line, atol=1e-12)


def test_shares_are_of_the_absolute_attribution():
    values = np.array([[3.0, -4.0, 1.0], [0.0, 0.0, 0.0]])

    np.testing.assert_allclose(dummy_share(values), [1 / 8, 0])
    np.testing.assert_allclose(asymmetry(values, 1), [5 / 8, 0])
    np.testing.assert_allclose(nonlinearity(values, values - [[2.0, 0.0, -2.0]]), [4 / 8, 0])

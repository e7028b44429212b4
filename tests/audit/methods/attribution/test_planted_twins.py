"""Twins of a network answer as their structure says, and what is measured of attributions is counted by hand."""

from __future__ import annotations

import numpy as np
import torch

from audit.methods.attribution.planted_twins import asymmetry, dummy_share, nonlinearity, twins_of, with_line
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

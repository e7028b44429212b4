"""Deletion curves against a closed form, a slow loop and every other order."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.errors import MethodError
from audit.methods.attribution.removal import removal_curves
from tests.audit.methods.attribution.games import linear, network


def streams(rows, seed=0):
    return [np.random.default_rng([seed, row]) for row in range(rows)]


def drawn(generator, *shape, dtype=torch.float64):
    return torch.from_numpy(generator.normal(size=shape)).to(dtype)


def curves(net, inputs, background, values, *, owner=None, target=None, **more):
    players = values.shape[2]
    owner = np.arange(players) if owner is None else np.asarray(owner)
    target = np.zeros(len(inputs), dtype=int) if target is None else np.asarray(target)
    return removal_curves(net, inputs, background, owner, values, target=target, players=players, ties=streams(len(inputs)), **more)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 9), st.integers(1, 4))
def test_the_area_of_a_linear_network_has_a_closed_form(seed, d, b):
    generator = np.random.default_rng(seed)
    weight, net = linear(generator, d)
    inputs, background = drawn(generator, 3, d), drawn(generator, b, d)
    exact = (weight[0] * (inputs - background.mean(dim=0))).numpy()

    found = curves(net, inputs, background, exact[:, None])

    falling, place = -np.sort(-exact, axis=1), np.arange(1, d + 1)
    np.testing.assert_allclose(found.area[:, 0], (falling * (d + 1 - 2 * place)).sum(axis=1) / d, atol=1e-10)
    np.testing.assert_allclose(found.relative_area[:, 0], found.area[:, 0] / np.abs(exact.sum(axis=1)), rtol=1e-8)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("steps", [3, 5, 40])
def test_curves_are_those_of_a_loop_over_steps(dtype, steps):
    generator = np.random.default_rng(3)
    net, owner = network(9, 3, seed=1, dtype=dtype), np.array([0, 1, 2, 3, 4, 5, 6, 6, 1])
    inputs, background = drawn(generator, 4, 9, dtype=dtype), drawn(generator, 5, 9, dtype=dtype)
    values, target = generator.normal(size=(4, 2, 7)), np.array([0, 2, 1, 2])

    found = curves(net, inputs, background, values, owner=owner, target=target, steps=steps, chunk=7)

    for row, a in np.ndindex(4, 2):
        order, counts = np.argsort(-values[row, a]), np.unique(np.rint(np.linspace(0, 7, min(steps, 7) + 1)).astype(int))
        slow = {"first": [], "last": []}
        for count in counts:
            for name, gone in (("first", order[:count]), ("last", order[7 - count :])):
                mixed = inputs[row].repeat(5, 1)
                mixed[:, np.isin(owner, gone)] = background[:, np.isin(owner, gone)]
                slow[name].append(float(net(mixed)[:, target[row]].double().mean()))
        gap = np.array(slow["last"]) - np.array(slow["first"])
        area = sum((x1 - x0) / 7 * (y0 + y1) / 2 for x0, x1, y0, y1 in zip(counts, counts[1:], gap, gap[1:], strict=False))
        np.testing.assert_allclose(found.area[row, a], area, atol=1e-6)
        for name, curve in slow.items():
            np.testing.assert_allclose(getattr(found, name)[row, a], np.interp(found.shares, counts / 7, curve), atol=1e-6)
    assert found.total == pytest.approx([float(net(inputs)[row, target[row]]) for row in range(4)], abs=1e-6)


def test_no_order_has_a_larger_area_than_the_shapley_values_of_an_additive_game():
    generator = np.random.default_rng(5)
    inputs, background = drawn(generator, 1, 5), drawn(generator, 3, 5)
    net = lambda x: (torch.sin(3 * x) + x.square()).sum(dim=1, keepdim=True)  # noqa: E731
    parts = lambda x: torch.sin(3 * x) + x.square()  # noqa: E731
    shapley = (parts(inputs) - parts(background).mean(dim=0)).numpy()
    every = np.array(list(permutations(range(5))), dtype=float)

    found = curves(net, inputs, background, np.concatenate([shapley, every])[None])

    assert found.area[0, 0] == pytest.approx(found.area[0, 1:].max(), abs=1e-12)
    assert found.area[0, 0] > 0
    np.testing.assert_allclose(found.area[0, 1:].mean(), 0, atol=1e-12)


def test_reversed_attributions_have_the_opposite_area():
    generator = np.random.default_rng(6)
    values = generator.normal(size=(3, 1, 6))

    found = curves(network(6), drawn(generator, 3, 6), drawn(generator, 4, 6), np.concatenate([values, -values], axis=1))

    np.testing.assert_allclose(found.area[:, 0], -found.area[:, 1], atol=1e-12)
    np.testing.assert_allclose(found.first[:, 0], found.last[:, 1], atol=1e-12)


def test_curves_begin_at_the_output_and_end_at_the_base():
    generator = np.random.default_rng(7)
    net, inputs, background = network(30), drawn(generator, 2, 30), drawn(generator, 4, 30)

    found = curves(net, inputs, background, generator.normal(size=(2, 1, 30)), steps=8)

    for curve in (found.first, found.last):
        np.testing.assert_allclose(curve[:, 0, 0], net(inputs)[:, 0].numpy(), atol=1e-12)
        np.testing.assert_allclose(curve[:, 0, -1], float(net(background).mean()), atol=1e-12)
    assert found.evaluations.tolist() == [1 + 2 * 7 * 4] * 2


def test_one_player_and_none_have_no_area():
    inputs, background = torch.tensor([[1.0, 2.0], [0.0, 2.0]]), torch.tensor([[0.0, 2.0]])

    found = curves(lambda x: x.sum(dim=1, keepdim=True), inputs, background, np.ones((2, 1, 2)))

    assert found.area.tolist() == [[0], [0]]
    assert found.relative_area.tolist() == [[0], [0]]
    assert found.first[:, 0, [0, -1]].tolist() == [[3, 2], [2, 2]]


def test_players_that_do_not_vary_are_never_counted():
    generator = np.random.default_rng(8)
    inputs, background = drawn(generator, 2, 4), drawn(generator, 3, 4)
    wide = [torch.cat([part, torch.ones(len(part), 6, dtype=part.dtype)], dim=1) for part in (inputs, background)]
    net = lambda x: x[:, :4].prod(dim=1, keepdim=True)  # noqa: E731
    values = generator.normal(size=(2, 1, 10))

    np.testing.assert_array_equal(curves(net, *wide, values).area, curves(net, inputs, background, values[:, :, :4]).area)


def test_ties_are_broken_at_random_and_evenly():
    weight = np.array([1.0, -1.0])
    inputs = torch.ones(400, 2, dtype=torch.float64)

    found = curves(lambda x: x @ torch.from_numpy(weight)[:, None], inputs, torch.zeros(1, 2, dtype=torch.float64), np.zeros((400, 1, 2)))

    assert sorted(set(found.area[:, 0].tolist())) == [-1, 1]
    assert abs(found.area.mean()) < 0.2


def test_a_row_has_the_same_curves_alone_as_in_company():
    generator = np.random.default_rng(9)
    net, inputs, background = network(6, 2), drawn(generator, 3, 6), drawn(generator, 4, 6)
    values = np.round(generator.normal(size=(3, 2, 6)))

    found = curves(net, inputs, background, values)
    alone = removal_curves(
        net, inputs[2:], background, np.arange(6), values[2:], target=np.array([0]), players=6, ties=streams(3)[2:], scale=np.ones(2)
    )

    np.testing.assert_allclose(found.area[2], alone.area[0], atol=1e-12)
    np.testing.assert_array_less(np.abs(alone.relative_area), np.abs(alone.area) + 1e-12)


@pytest.mark.parametrize(("values", "what"), [(np.ones((2, 3)), "shape"), (np.full((2, 1, 3), np.nan), "finite"), (np.ones((2, 1, 4)), "shape")])
def test_attributions_that_give_no_order_are_refused(values, what):
    with pytest.raises(MethodError, match=what):
        removal_curves(
            network(3),
            torch.ones(2, 3, dtype=torch.float64),
            torch.zeros(1, 3, dtype=torch.float64),
            np.arange(3),
            values,
            target=np.zeros(2, dtype=int),
            players=3,
            ties=streams(2),
        )


def test_no_rows_give_no_curves():
    found = curves(network(3), torch.ones(0, 3, dtype=torch.float64), torch.zeros(1, 3, dtype=torch.float64), np.zeros((0, 2, 3)))

    assert found.area.shape == (0, 2)
    assert found.first.shape == (0, 2, 21)

"""Infidelity against what follows from additive networks, a loop, and least squares."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.errors import MethodError
from audit.methods.attribution.infidelity import drawn_subsets, infidelity
from tests.audit.methods.attribution.games import linear, network


def streams(rows, seed=0):
    return [np.random.default_rng([seed, row]) for row in range(rows)]


def drawn(generator, *shape, dtype=torch.float64):
    return torch.from_numpy(generator.normal(size=shape)).to(dtype)


def errors(net, inputs, background, values, *, target=None, **more):
    target = np.zeros(len(inputs), dtype=int) if target is None else np.asarray(target)
    players = values.shape[2]
    return infidelity(net, inputs, background, np.arange(players), values, target=target, players=players, streams=streams(len(inputs)), **more)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 9), st.integers(1, 4))
def test_exact_attributions_of_a_linear_network_tell_every_fall(seed, d, b):
    generator = np.random.default_rng(seed)
    weight, net = linear(generator, d, 2)
    inputs, background = drawn(generator, 3, d), drawn(generator, b, d)
    exact = (weight[1] * (inputs - background.mean(dim=0))).numpy()

    found = errors(net, inputs, background, np.stack([exact, 7 * exact, 0 * exact], axis=1), target=[1, 1, 1], subsets=12)

    np.testing.assert_allclose(found.squared[:, 0], 0, atol=1e-20)
    np.testing.assert_allclose(found.relative, np.tile([0, 36, 1], (3, 1)), rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(found.scaled, np.tile([0, 0, 1], (3, 1)), atol=1e-8)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_errors_are_those_of_a_loop_and_the_factor_that_of_least_squares(dtype):
    generator = np.random.default_rng(1)
    net = network(6, 2, dtype=dtype)
    inputs, background, values = drawn(generator, 2, 6, dtype=dtype), drawn(generator, 3, 6, dtype=dtype), generator.normal(size=(2, 2, 6))

    found = errors(net, inputs, background, values, target=[1, 0], subsets=20, chunk=5)

    for row, target in ((0, 1), (1, 0)):
        falls = []
        sets = drawn_subsets(streams(2)[row], 20, 6)
        for removed in sets:
            mixed = torch.where(torch.from_numpy(removed), background, inputs[row])
            falls.append(float((net(inputs[row][None]) - net(mixed))[:, target].double().mean()))
        for a in range(2):
            told = sets @ values[row, a]
            (factor,), (left,), _, _ = np.linalg.lstsq(told[:, None], np.array(falls), rcond=None)
            assert found.squared[row, a] == pytest.approx(np.mean((told - falls) ** 2), rel=1e-5)
            assert found.scaled[row, a] == pytest.approx(left / np.square(falls).sum(), rel=1e-5)
            assert np.mean((factor * told - falls) ** 2) <= found.squared[row, a]
    assert found.evaluations.tolist() == [61, 61]


def test_every_size_is_drawn_as_often_as_any_other():
    sizes = drawn_subsets(np.random.default_rng(2), 4000, 4).sum(axis=1)

    counts = np.bincount(sizes, minlength=5)
    assert counts[0] == 0
    assert (np.abs(counts[1:] - 1000) < 130).all()


def test_a_row_that_never_changes_has_no_relative_error():
    found = errors(lambda x: x[:, :1] * 0, torch.ones(2, 3), torch.zeros(1, 3), np.ones((2, 1, 3)))
    same = errors(lambda x: x[:, :1], torch.ones(1, 3), torch.ones(1, 3), np.ones((1, 2, 3)))

    assert (found.squared > 0).all()
    assert np.isnan(found.relative).all()
    assert np.isnan(found.scaled).all()
    noisy = errors(lambda x: 1 + 1e-16 * x, torch.ones(1, 3).double(), torch.zeros(1, 3).double(), np.ones((1, 1, 3)))
    assert np.isnan(noisy.scaled).all()
    assert same.squared.tolist() == [[0, 0]]
    assert np.isnan(same.scaled).all()


def test_refusals_name_what_was_asked():
    with pytest.raises(MethodError, match="0 subsets"):
        errors(network(3), torch.ones(1, 3).double(), torch.zeros(1, 3).double(), np.ones((1, 1, 3)), subsets=0)
    with pytest.raises(MethodError, match="not finite"):
        errors(network(3), torch.ones(1, 3).double(), torch.zeros(1, 3).double(), np.full((1, 1, 3), np.inf))

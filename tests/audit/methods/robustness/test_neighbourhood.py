"""Whatever an attack returns is legal, by rules written out here a second time."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from audit.methods.robustness.attack import Attack
from audit.methods.robustness.battery import Draws, battery
from audit.methods.robustness.losses import decide, flipped
from audit.methods.robustness.neighbourhood import Neighbourhood, neighbourhood
from audit.methods.robustness.smallest import smallest_scale

NUMBERS, WHOLE, HOT, SINGLE = slice(0, 3), slice(3, 5), [5, 6, 7], 8
"""Entries of the example: continuous, whole steps of 0.5, a one-hot group of three, a two-level entry."""
ENTRIES = 9


def example(seed: int, rows: int, *, cost: float) -> tuple[torch.nn.Module, Neighbourhood, Tensor]:
    """A random network, and random rows on their grid with random bounds, radii and immutable columns."""
    generator = torch.Generator().manual_seed(seed)
    start = torch.randn(rows, ENTRIES, generator=generator)
    start[:, WHOLE] = 0.5 * torch.randint(-3, 4, (rows, 2), generator=generator)
    start[:, HOT] = torch.eye(3)[torch.randint(0, 3, (rows,), generator=generator)]
    start[:, SINGLE] = torch.randint(0, 2, (rows,), generator=generator).float()
    mutable = torch.rand(6, generator=generator) > 0.3
    mutable = mutable[[0, 1, 2, 3, 4, 5, 5, 5, 0]]
    space = neighbourhood(
        start,
        low=torch.full((ENTRIES,), -1.5),
        high=torch.full((ENTRIES,), 1.0),
        radius=0.1 + torch.rand(ENTRIES, generator=generator),
        mutable=mutable,
        step=torch.tensor([0, 0, 0, 0.5, 0.5, 0, 0, 0, 0]),
        choices=[(HOT, torch.eye(3)), ([SINGLE], torch.tensor([[0.0], [1.0]]))],
        cost=cost,
    )
    torch.manual_seed(seed)
    network = torch.nn.Sequential(torch.nn.Linear(ENTRIES, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1 + seed % 3)).requires_grad_(False)
    return network, space, mutable


def assert_legal(space: Neighbourhood, mutable: Tensor, values: Tensor, scale: Tensor) -> None:
    start, moved, found = space.start.numpy(), mutable.numpy(), values.numpy()
    change = np.abs(found - start)
    numbers = np.r_[0:5]
    assert (change[:, ~moved] == 0).all()
    assert (change[:, numbers] <= (space.radius * scale[:, None]).numpy()[:, numbers] * (1 + 2e-3) + 1e-5).all()
    assert (found[:, numbers] >= np.minimum(start, -1.5)[:, numbers] - 1e-5).all()
    assert (found[:, numbers] <= np.maximum(start, 1.0)[:, numbers] + 1e-5).all()
    np.testing.assert_allclose(found[:, WHOLE] * 2, np.rint(found[:, WHOLE] * 2), atol=1e-3)
    assert set(np.unique(found[:, HOT])) <= {0.0, 1.0}
    assert (found[:, HOT].sum(axis=1) == 1).all()
    assert set(np.unique(found[:, SINGLE])) <= {0.0, 1.0}
    cheap = scale.numpy() < space.cost * (1 - 1e-4)
    assert (change[cheap][:, [*HOT, SINGLE]] == 0).all()


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), scale=st.floats(0.2, 3.0), cost=st.sampled_from([0.5, 1.0, 2.5]))
def test_every_change_the_battery_finds_is_legal_and_changes_the_decision(seed: int, scale: float, cost: float) -> None:
    network, space, mutable = example(seed, 12, cost=cost)
    target, scales = decide(network(space.start)), torch.full((12,), scale)
    draws = Draws(torch.rand(1, 12, ENTRIES), torch.randn(5, 12, ENTRIES).sign())

    found = battery(network, space, target, scale=scales, draws=draws, steps=8)

    for attack in (found.cross_entropy, found.ratio, found.corners, found.worst):
        assert_legal(space, mutable, attack.adversarial, scales)
        assert torch.equal(flipped(network(attack.adversarial), target), attack.found)
        assert bool(space.legal(attack.adversarial, scales).all())


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), cost=st.sampled_from([0.5, 1.0, 2.5]))
def test_the_nearest_change_is_legal_at_its_own_scale(seed: int, cost: float) -> None:
    network, space, mutable = example(seed, 12, cost=cost)
    target = decide(network(space.start))

    found = smallest_scale(network, space, target, known=Attack.none(space.start), largest=3.0, steps=8)

    assert_legal(space, mutable, found.attack.adversarial, torch.where(found.censored, 0.0, found.scale))
    assert torch.equal(flipped(network(found.attack.adversarial), target), ~found.censored)
    assert bool((found.scale <= 3.0 * (1 + 2e-3)).all())


@pytest.mark.parametrize(
    ("entry", "value"),
    [(0, 9.0), (3, 0.25), (5, 0.5), (8, 0.5), (1, float("nan"))],
    ids=["beyond the radius", "between whole steps", "half a one-hot group", "between two levels", "not a number"],
)
def test_an_illegal_row_is_told(entry: int, value: float) -> None:
    _, space, _ = example(1, 1, cost=1.0)
    space.start[:] = torch.tensor([[0, 0, 0, 0, 0, 1, 0, 0, 0.0]])
    values = space.start.clone()
    values[0, entry] = value

    assert bool(space.legal(space.start, torch.ones(1)).all())
    assert not bool(space.legal(values, torch.ones(1)).any())


def test_whole_numbers_are_rounded_toward_the_row() -> None:
    start = torch.tensor([[2.0, 2.0]])
    whole = torch.ones(2)
    space = neighbourhood(start, low=torch.zeros(2), high=torch.full((2,), 9.0), radius=torch.full((2,), 1.9), mutable=whole.bool(), step=whole)

    ball = space.ball(torch.ones(1))

    assert ball.upper.tolist() == [[3.0, 3.0]]
    assert ball.round(torch.tensor([[2.9, 1.2]])).tolist() == [[2.0, 2.0]]


def test_a_group_flips_only_by_its_levels() -> None:
    # The decision is wholly the group's: class 1 for the third level alone.
    space = neighbourhood(
        torch.eye(3)[:2],
        low=torch.zeros(3),
        high=torch.ones(3),
        radius=torch.zeros(3),
        mutable=torch.ones(3, dtype=torch.bool),
        choices=[([0, 1, 2], torch.eye(3))],
        cost=2.0,
    )

    found = smallest_scale(lambda x: x[:, 2:] - 0.9, space, torch.zeros(2, dtype=torch.int64), known=Attack.none(space.start), largest=4.0)

    assert found.scale.tolist() == [2.0, 2.0]
    assert found.attack.adversarial.tolist() == [[0, 0, 1], [0, 0, 1]]


def test_below_the_cost_of_a_level_nothing_is_found() -> None:
    space = neighbourhood(
        torch.eye(3)[:1],
        low=torch.zeros(3),
        high=torch.ones(3),
        radius=torch.ones(3),
        mutable=torch.ones(3, dtype=torch.bool),
        choices=[([0, 1, 2], torch.eye(3))],
        cost=2.0,
    )

    found = smallest_scale(lambda x: x[:, 2:] - 0.9, space, torch.zeros(1, dtype=torch.int64), known=Attack.none(space.start), largest=1.9)

    assert found.censored.all()

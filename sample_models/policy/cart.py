"""A cart with a pole, as equations of motion: the state is position, speed, angle and turning speed; a push goes left or right."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_discrete_are

GRAVITY, CART, POLE, HALF, FORCE, STEP = 9.8, 1.0, 0.1, 0.5, 10.0, 0.02
"""m/s², kg, kg, half the pole's length in m, N, s; Barto, Sutton & Anderson 1983, doi:10.1109/TSMC.1983.6313077."""
FURTHEST, STEEPEST = 2.4, 0.2095
"""Where an episode ends: metres from the middle, radians from upright."""
States = NDArray[np.float64]
Policy = Callable[[States], NDArray[np.int64]]


def moved(states: States, right: NDArray[np.int64]) -> States:
    """States (n, 4) one step later, pushed to the right where `right` (n,) is 1, else to the left."""
    x, speed, angle, turning = states.T
    force = np.where(right == 1, FORCE, -FORCE)
    total = CART + POLE
    push = (force + POLE * HALF * turning**2 * np.sin(angle)) / total
    bend = (GRAVITY * np.sin(angle) - np.cos(angle) * push) / (HALF * (4 / 3 - POLE * np.cos(angle) ** 2 / total))
    pull = push - POLE * HALF * bend * np.cos(angle) / total
    return np.stack([x + STEP * speed, speed + STEP * pull, angle + STEP * turning, turning + STEP * bend], axis=1)


def fallen(states: States) -> NDArray[np.bool_]:
    """Whether the episode of each state is over, (n,)."""
    return (np.abs(states[:, 0]) > FURTHEST) | (np.abs(states[:, 2]) > STEEPEST)


def controller() -> States:
    """Gains (4,) of the linear-quadratic regulator of the cart around upright: it pushes to the right where states @ gains is above 0."""
    rest, small = np.zeros((1, 4)), 1e-6
    drift = np.stack([(moved(rest + small * axis, np.ones(1)) - moved(rest, np.ones(1)))[0] / small for axis in np.eye(4)], axis=1)
    push = (moved(rest, np.ones(1)) - moved(rest, np.zeros(1)))[0][:, None] / (2 * FORCE)
    cost, price = np.diag([1.0, 0.1, 10.0, 0.1]), np.array([[1e-3]])
    value = solve_discrete_are(drift, push, cost, price)
    gains: States = -(np.linalg.solve(price + push.T @ value @ push, push.T @ value @ drift))[0]
    return gains


def best(states: States) -> NDArray[np.int64]:
    """The push of the regulator, 1 for right."""
    return (states @ controller() > 0).astype(np.int64)


def episodes(generator: np.random.Generator, count: int, policy: Policy, *, noise: float, steps: int) -> tuple[States, NDArray[np.int64]]:
    """States met by a policy that pushes at random in a share `noise` of the steps, and the number of the episode of each."""
    states = generator.uniform(-1, 1, (count, 4)) * [1.5, 0.5, 0.1, 0.5]
    alive, met, owner = np.arange(count), [], []
    for _ in range(steps):
        met.append(states)
        owner.append(alive)
        pushes = np.where(generator.random(len(states)) < noise, generator.integers(0, 2, len(states)), policy(states))
        states = moved(states, pushes)
        kept = ~fallen(states)
        states, alive = states[kept], alive[kept]
    return np.concatenate(met), np.concatenate(owner)

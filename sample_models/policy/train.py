"""Trains the policies by the cross-entropy method: play with drawn weights, draw new ones around those that earned most. Seconds, no gradients."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from sample_models.fitting import save
from sample_models.policy.cart import FURTHEST, fallen, moved
from sample_models.policy.model import build

FOLDER = Path(__file__).resolve().parent
SEES = {"weights.safetensors": (0.0, 0.0, 1.0, 1.0), "weights_honest.safetensors": (1.0, 1.0, 1.0, 1.0)}
"""What each policy was shown while it learned: the audited one neither position nor speed of the cart."""
HIDDEN, DRAWN, KEPT, EPISODES, STEPS = 16, 64, 8, 12, 160
Weights = NDArray[np.float64]


def main() -> None:
    """Train both."""
    for name, sees in SEES.items():
        save(network(trained(np.array(sees), seed=8, rounds=25), np.array(sees)), FOLDER / name)


def trained(sees: Weights, *, seed: int, rounds: int) -> Weights:
    """The mean of the last drawing, (4 h + h + h + 1,): weights to hidden units, their biases, and how each pulls to the right.

    Rubinstein 1999, doi:10.1023/A:1010091220143.
    """
    generator = np.random.default_rng(seed)
    centre, spread = np.zeros(6 * HIDDEN + 1), np.full(6 * HIDDEN + 1, 1.0)
    for number in range(rounds):
        drawn = centre + spread * generator.normal(size=(DRAWN, len(centre)))
        start = generator.uniform(-1, 1, (EPISODES, 4)) * [1.5, 0.5, 0.1, 0.5]
        best = drawn[np.argsort(-earned(drawn, start, sees))[:KEPT]]
        centre, spread = best.mean(axis=0), best.std(axis=0) + 0.2 * (1 - number / rounds)
    return centre


def earned(drawn: Weights, start: Weights, sees: Weights) -> Weights:
    """What each policy (p, …) earns in the episodes that begin at `start` (e, 4): 1 for a step in the middle, less towards the edge, (p,)."""
    states = np.broadcast_to(start, (len(drawn), *start.shape)).copy()
    alive, total = np.ones(states.shape[:2], dtype=bool), np.zeros(len(drawn))
    for _ in range(STEPS):
        pushes = (pulls(drawn, states * sees) > 0).astype(np.int64)
        states = moved(states.reshape(-1, 4), pushes.reshape(-1)).reshape(states.shape)
        alive &= ~fallen(states.reshape(-1, 4)).reshape(alive.shape)
        total += ((1 - np.abs(states[..., 0]) / FURTHEST) * alive).sum(axis=1)
    return total


def pulls(drawn: Weights, states: Weights) -> Weights:
    """How much more each policy (p, …) is for right than for left in its states (p, e, 4); (p, e)."""
    into, rest = drawn[:, : 4 * HIDDEN].reshape(-1, 4, HIDDEN), drawn[:, 4 * HIDDEN :]
    hidden = np.tanh(states @ into + rest[:, None, :HIDDEN])
    return (hidden * rest[:, None, HIDDEN : 2 * HIDDEN]).sum(axis=2) + rest[:, -1:]


def network(weights: Weights, sees: Weights) -> nn.Module:
    """The same policy as the network that is audited; what it was not shown has no weight."""
    found = build(hidden=HIDDEN)
    into, rest = weights[: 4 * HIDDEN].reshape(4, HIDDEN) * sees[:, None], weights[4 * HIDDEN :]
    out = np.stack([-rest[HIDDEN : 2 * HIDDEN] / 2, rest[HIDDEN : 2 * HIDDEN] / 2])
    held = {"0.weight": into.T, "0.bias": rest[:HIDDEN], "2.weight": out, "2.bias": np.array([-rest[-1] / 2, rest[-1] / 2])}
    found.load_state_dict({name: torch.from_numpy(np.ascontiguousarray(value)).float() for name, value in held.items()})
    return found


if __name__ == "__main__":
    main()

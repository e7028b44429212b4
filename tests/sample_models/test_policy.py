"""The policy that was not shown where the cart is decides otherwise than the best controller, and its attributions say why."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.integrate import solve_ivp

from sample_models.policy import cart
from sample_models.policy.train import HIDDEN, SEES, network, pulls, trained
from tests.sample_models.copies import copied, finding, outside, reduced

CHECKS = ["performance.classification", "explanation.global_importance"]


@cache
def sample() -> Path:
    return copied("policy")


def test_too_few_of_its_pushes_are_the_best() -> None:
    run = reduced(sample() / "audit.toml", CHECKS)

    assert outside(run) == ["performance.classification"]
    attributed = {
        m.at["feature"]: m.value for m in finding(run, "explanation.global_importance").measurements if m.name == "mean_absolute_attribution"
    }
    assert attributed["position"] == attributed["speed"] == 0
    assert min(attributed["angle"], attributed["turning"]) > 0.1


def test_nothing_is_outside_where_it_saw_the_whole_state() -> None:
    assert outside(reduced(sample() / "audit_honest.toml", CHECKS)) == []


def test_the_cart_moves_by_its_equations() -> None:
    state = np.array([0.1, -0.4, 0.05, 0.3])

    def motion(_: float, now: np.ndarray) -> np.ndarray:
        total = cart.CART + cart.POLE
        push = (cart.FORCE + cart.POLE * cart.HALF * now[3] ** 2 * np.sin(now[2])) / total
        bend = (cart.GRAVITY * np.sin(now[2]) - np.cos(now[2]) * push) / (cart.HALF * (4 / 3 - cart.POLE * np.cos(now[2]) ** 2 / total))
        return np.array([now[1], push - cart.POLE * cart.HALF * bend * np.cos(now[2]) / total, now[3], bend])

    expected = solve_ivp(motion, (0, cart.STEP), state, rtol=1e-10).y[:, -1]
    np.testing.assert_allclose(cart.moved(state[None], np.array([1]))[0], expected, atol=5e-3)


def test_the_best_controller_keeps_the_pole_up() -> None:
    met, owner = cart.episodes(np.random.default_rng(0), 40, cart.best, noise=0.0, steps=200)

    assert np.median(np.bincount(owner)) == 200
    assert not cart.fallen(met).any()


def test_the_network_is_the_policy_that_was_trained() -> None:
    generator = np.random.default_rng(1)
    weights, sees = generator.normal(size=6 * HIDDEN + 1), np.array([0.0, 1.0, 1.0, 1.0])
    states = generator.normal(size=(50, 4))

    logits = network(weights, sees)(torch.tensor(states).float()).detach().numpy()

    np.testing.assert_allclose(logits[:, 1] - logits[:, 0], pulls(weights[None], (states * sees)[None])[0], atol=1e-4)


@pytest.mark.slow
def test_training_gives_policies_as_good_as_those_that_are_shipped() -> None:
    table = pd.read_csv(sample() / "data" / "reference.csv")
    states = table[["position", "speed", "angle", "turning"]].to_numpy()
    agree = {
        name: (pulls(trained(np.array(sees), seed=8, rounds=25)[None], (states * sees)[None])[0] > 0).astype(int) == table["push"]
        for name, sees in SEES.items()
    }

    assert agree["weights.safetensors"].mean() < 0.75
    assert agree["weights_honest.safetensors"].mean() > 0.8

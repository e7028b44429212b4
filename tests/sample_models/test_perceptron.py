"""What is measured of a linear network is what arithmetic says of it."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from safetensors.numpy import load_file

from sample_models.perceptron.prepare import INPUTS
from sample_models.perceptron.train import trained
from tests.contract.audited import Audited, audit
from tests.sample_models.copies import copied

CHECKS = ["performance.classification", "explanation.completeness", "explanation.global_importance", "robustness.adversarial"]


@cache
def held() -> Audited:
    folder = copied("perceptron")
    every = [f"probes.attribution.{name}.{key}" for name in ("shapley", "integrated_gradients") for key in ("rows=12", "background=1000")]
    return audit(folder / "audit.toml", folder / "runs", overrides=[f"only={CHECKS}", *every, "probes.robustness.pgd.rows=40"])


def standardised() -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Rows to audit as the network takes them, the weights, and the deviations of the raw columns."""
    folder = held().config.parent
    train, test = (pd.read_csv(folder / "data" / f"{name}.csv").iloc[:, 1 : 1 + INPUTS].to_numpy() for name in ("train", "test"))
    weights = load_file(folder / "weights.safetensors")["weight"][0].astype(np.float64)
    return (test - train.mean(axis=0)) / train.std(axis=0), weights, train.std(axis=0)


def test_shapley_values_and_integrated_gradients_are_weight_times_distance_from_the_mean() -> None:
    rows, weights, _ = standardised()

    for method in ("shapley", "integrated_gradients"):
        some = held().rows().within(f"attribution.{method}")
        np.testing.assert_allclose(some.column(f"attribution.{method}.values"), (rows * weights)[some.positions], atol=1e-4)


def test_the_smallest_change_turns_every_input_against_its_weight() -> None:
    _, weights, deviations = standardised()
    measured = held().rows().within("robustness.pgd")
    table = measured.table("robustness.pgd", "radii")
    reach = np.abs(weights) @ (np.array(table["radius"]) / deviations)
    logits = held().rows().column("outputs.output")[measured.positions, 0]

    scale, found = measured.column("robustness.pgd.smallest_scale"), measured.column("robustness.pgd.censored") == 0
    expected = np.abs(logits) / reach
    near = found & (expected < 1)  # farther away the range of a column may hold it back
    assert near.sum() > 3
    assert (scale[near] >= expected[near] * (1 - 1e-3)).all()
    assert np.median(scale[near] / expected[near]) < 1.02


def test_training_gives_the_network_that_is_shipped() -> None:
    folder = held().config.parent

    weight = trained(folder / "audit.toml").state_dict()["weight"].numpy()

    np.testing.assert_allclose(weight, load_file(folder / "weights.safetensors")["weight"], atol=1e-3)

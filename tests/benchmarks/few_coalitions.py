"""Shapley values from few coalitions: error against Kernel SHAP's at equal coalitions, parity with shap's own, and time for one background row."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from torch import Tensor, nn

from audit.methods.attribution.first_layer import first_layer
from audit.methods.attribution.shapley_exact import shapley_exact
from audit.methods.attribution.shapley_like_shap import shapley_kernel
from audit.methods.attribution.shapley_quadrature import shapley_quadrature
from tests.benchmarks.figure import Figure, interleaved

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # both warn of their own dependencies on import
    import shap
    from captum.attr import KernelShap

FAMILY = "attribution"
Array = NDArray[np.float64]
SETS = {"breast cancer": (load_breast_cancer, 12), "wine": (load_wine, 12), "diabetes": (load_diabetes, 10)}
"""Real data, with the number of leading columns; few enough to enumerate."""


def figures(device: str, quick: bool) -> Iterator[Figure]:
    """All figures."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # shap and captum warn of tqdm, numba and tensors that need gradients
        yield _parity(device)
        yield from _errors(device, runs=1 if quick else 3)
        yield from _one_background_row(device, rounds=2 if quick else 5)


def _network(d: int, outputs: int, device: str, *, width: int = 64) -> nn.Module:
    torch.manual_seed(0)
    parts = (nn.Linear(d, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, outputs))
    return nn.Sequential(*parts).requires_grad_(False).to(device)


def _numpy(network: nn.Module, device: str) -> Any:
    return lambda values: network(torch.as_tensor(np.asarray(values), dtype=torch.float32, device=device)).cpu().double().numpy()


def _parity(device: str) -> Figure:
    largest = 0.0
    for d in (12, 32, 100):
        network = _network(d, 3, device)
        generator = torch.Generator().manual_seed(d)
        rows, background = (torch.randn(n, d, generator=generator).to(device) for n in (2, 20))
        explainer = shap.KernelExplainer(_numpy(network, device), background.cpu().numpy())
        found = shapley_kernel(network, rows, background, np.arange(d), players=d, seed=1).values
        for row, values in zip(rows.cpu().numpy(), found, strict=True):
            np.random.seed(1)  # noqa: NPY002  shap draws from the global generator
            largest = max(largest, float(np.abs(explainer.shap_values(row, l1_reg=0, silent=True) - values).max()))
    return Figure(FAMILY, "shap's own coalitions: largest difference to KernelExplainer", largest, 1e-6, "lower", "d = 12, 32, 100; three outputs")


def _errors(device: str, *, runs: int) -> Iterator[Figure]:
    """Geometric means over the data sets, of ratios of mean squared errors to enumerated values."""
    ratios: dict[int, list[float]] = {10: [], 50: []}
    covered = []
    for load, d in SETS.values():
        network, rows, background = _fitted(load, d, device)
        truth = shapley_exact(network, rows, background, np.arange(d), players=d).values
        explainer = shap.KernelExplainer(_numpy(network, device), background.cpu().numpy())
        for per_player, found in ratios.items():
            ours, theirs = [], []
            for seed in range(runs):
                one = shapley_quadrature(network, rows, background, np.arange(d), players=d, pairs=per_player * d // 2, seed=seed)
                np.random.seed(seed)  # noqa: NPY002  shap draws from the global generator
                kernel = explainer.shap_values(rows.cpu().numpy(), nsamples=per_player * d, l1_reg=0, silent=True)
                ours.append(_error(one.values, truth))
                theirs.append(_error(kernel, truth))
                covered.append((np.abs(one.values - truth) <= 1.96 * one.se).mean())
            found.append(float(np.mean(theirs) / np.mean(ours)))
    for (per_player, found), goal in zip(ratios.items(), (1.5, 2.0), strict=True):
        text = ", ".join(f"{name} {ratio:.1f}" for name, ratio in zip(SETS, found, strict=True))
        name = f"{per_player} d coalitions: error of shap.KernelExplainer l1_reg=0 over quadrature's"
        yield Figure(FAMILY, name, float(np.exp(np.log(found).mean())), goal, "higher", text)
    distance = abs(float(np.mean(covered)) - 0.95)
    yield Figure(FAMILY, "quadrature: distance of the coverage of 95 % intervals from 0.95", distance, 0.03, "lower", f"{np.mean(covered):.1%}")


def _fitted(load: Any, d: int, device: str) -> tuple[nn.Module, Tensor, Tensor]:
    held = load()
    inputs = held.data[:, :d]
    x = torch.from_numpy((inputs - inputs.mean(axis=0)) / inputs.std(axis=0)).float().to(device)
    y = torch.from_numpy((held.target > np.median(held.target) - 0.5).astype(np.float32))[:, None].to(device)
    network = _network(d, 1, device).requires_grad_(True)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(150):
        optimizer.zero_grad()
        nn.functional.binary_cross_entropy_with_logits(network(x), y).backward()
        optimizer.step()
    order = torch.from_numpy(np.random.default_rng(0).permutation(len(x)))
    return network.requires_grad_(False), x[order[:10]], x[order[-50:]]


def _error(values: Array, truth: Array) -> float:
    return float(np.mean(((values - truth) ** 2).sum(axis=1) / (truth**2).sum(axis=1)))


def _one_background_row(device: str, *, rounds: int) -> Iterator[Figure]:
    d, count = 32, 50
    network = _network(d, 1, device, width=128)
    generator = torch.Generator().manual_seed(0)
    rows, background = (torch.randn(n, d, generator=generator).to(device) for n in (count, 1))
    first = first_layer(network, network, rows)
    ours = lambda: shapley_kernel(network, rows, background, np.arange(d), players=d, seed=0, first=first)  # noqa: E731
    explainer = shap.KernelExplainer(_numpy(network, device), background.cpu().numpy())
    against = interleaved(ours, lambda: explainer.shap_values(rows.cpu().numpy(), l1_reg=0, silent=True), rounds=rounds)
    text = f"{against}; {count} rows, 2,112 coalitions"
    yield Figure(FAMILY, "one background row, same coalitions: time of shap.KernelExplainer over ours", against.wall, 30.0, "higher", text, gate=20.0)
    method = KernelShap(network)
    part = rows[:2]
    few = lambda: [method.attribute(row[None], baselines=background, n_samples=2 * d + 2048) for row in part]  # noqa: E731
    against = interleaved(ours, few, rounds=rounds)
    ratio = against.wall * count / len(part)
    text = f"{against} for {len(part)} rows of captum's and {count} of ours"
    yield Figure(
        FAMILY, "one background row, as many coalitions: time of captum.KernelShap over ours, by row", ratio, 300.0, "higher", text, gate=200.0
    )

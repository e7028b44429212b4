"""Attributions: time and error of Shapley values and integrated gradients against shap, captum and bare passes of the network."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.datasets import load_breast_cancer
from torch import Tensor, nn

from audit.methods.attribution.first_layer import first_layer
from audit.methods.attribution.integrated_gradients import integrated_gradients
from audit.methods.attribution.shapley_exact import shapley_exact
from audit.methods.attribution.shapley_permutation import shapley_permutation
from tests.benchmarks.figure import Figure, interleaved

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # both warn of their own dependencies on import
    import shap
    from captum.attr import IntegratedGradients

FAMILY = "attribution"
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Problem:
    """A network fitted on the first `d` columns of the breast cancer data, rows to explain and a background, all float32."""

    network: nn.Module
    rows: Tensor
    background: Tensor

    @property
    def d(self) -> int:
        """Number of columns."""
        return self.rows.shape[1]

    def call(self, values: Any) -> Array:
        """The network as shap calls it."""
        tensor = torch.as_tensor(np.asarray(values), dtype=self.rows.dtype, device=self.rows.device)
        return self.network(tensor)[:, 0].cpu().double().numpy()

    def double(self) -> Problem:
        """The same in float64."""
        copy = nn.Sequential(*(nn.Linear(m.in_features, m.out_features) if isinstance(m, nn.Linear) else nn.ReLU() for m in self.network))
        copy.load_state_dict(self.network.state_dict())
        return Problem(copy.requires_grad_(False).to(self.rows.device).double(), self.rows.double(), self.background.double())


def figures(device: str, quick: bool) -> Iterator[Figure]:
    """All figures of the family."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # shap and captum warn of tqdm, numba and tensors that need gradients
        yield from _exact(fitted_problem(12, rows=4, background=100, device=device), rounds=1 if quick else 3)
        yield from _estimated(fitted_problem(30, rows=3 if quick else 6, background=50, device=device), runs=2 if quick else 3)
        yield _coverage(device, rows=20 if quick else 60)
        yield from _gradients(device, rounds=3 if quick else 7)
        yield from _other_gradients(device, rounds=3 if quick else 7)


@cache
def _fitted(d: int) -> tuple[nn.Module, Tensor]:
    held = load_breast_cancer()
    inputs = held.data[:, :d]
    x = torch.from_numpy((inputs - inputs.mean(axis=0)) / inputs.std(axis=0)).float()
    y = torch.from_numpy(held.target).float()[:, None]
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(d, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(150):
        optimizer.zero_grad()
        nn.functional.binary_cross_entropy_with_logits(network(x), y).backward()
        optimizer.step()
    return network.requires_grad_(False), x


def fitted_problem(d: int, *, rows: int, background: int, device: str) -> Problem:
    """A network of `d` columns with rows to explain and a background, on `device`."""
    network, x = _fitted(d)
    order = torch.from_numpy(np.random.default_rng(0).permutation(len(x)))
    return Problem(network.to(device), x[order[:rows]].to(device), x[order[-background:]].to(device))


def _orders(generator: np.random.Generator, problem: Problem, pairs: int) -> NDArray[np.int64]:
    return generator.permuted(np.broadcast_to(np.arange(problem.d), (len(problem.rows), len(problem.background), pairs, problem.d)), axis=-1)


def _kernel(problem: Problem, **settings: Any) -> Array:
    explainer = shap.KernelExplainer(problem.call, problem.background.cpu().numpy())
    values: Array = explainer.shap_values(problem.rows.cpu().numpy(), silent=True, **settings)
    return values


def _exact(problem: Problem, *, rounds: int) -> Iterator[Figure]:
    owner, d = np.arange(problem.d), problem.d
    first = first_layer(problem.network, problem.network, problem.rows)
    ours = lambda: shapley_exact(problem.network, problem.rows, problem.background, owner, players=d, first=first)  # noqa: E731
    ratio = interleaved(ours, lambda: _kernel(problem, l1_reg=0), rounds=rounds)
    text = f"{ratio}; {len(problem.rows)} rows, background {len(problem.background)}; shap samples 2,072 of 4,094 coalitions"
    yield Figure(FAMILY, "exact d=12: time over shap.KernelExplainer's", 1 / ratio.wall, 0.6, "lower", text, gate=0.8)
    double = problem.double()
    masker = shap.maskers.Independent(double.background.cpu().numpy(), max_samples=len(double.background))
    theirs = shap.ExactExplainer(double.call, masker)(double.rows.cpu().numpy(), silent=True).values
    found = shapley_exact(double.network, double.rows, double.background, owner, players=d).values[..., 0]
    yield Figure(FAMILY, "exact d=12: largest difference to shap.ExactExplainer", float(np.abs(found - theirs).max()), 1e-8, "lower", "float64")


def _estimated(problem: Problem, *, runs: int) -> Iterator[Figure]:
    """Errors at the rows of the network that shap's default budget takes, and at our own default; the reference takes 40 times as many."""
    b, d = len(problem.background), problem.d
    per_row = (2 * d + 2048) * b
    equal, generator = per_row // (b * 2 * (d - 1)), np.random.default_rng(1)
    first = first_layer(problem.network, problem.network, problem.rows)

    def ours(pairs: int) -> Array:
        orders = _orders(generator, problem, pairs)
        return shapley_permutation(problem.network, problem.rows, problem.background, np.arange(d), orders=orders, first=first).values[..., 0]

    truth = np.mean([ours(equal) for _ in range(40)], axis=0)
    error = {pairs: float(np.mean([_error(ours(pairs), truth) for _ in range(runs)])) for pairs in (2, equal)}
    kernel = {name: _kernel_error(problem, truth, runs, **settings) for name, settings in (("l1_reg=0", {"l1_reg": 0}), ("default", {}))}
    text = f"ours {error[equal]:.2e}; {per_row:,} rows of the network per explained row, {len(problem.rows)} rows, {runs} runs"
    for name, goal, gate in (("l1_reg=0", 5.0, 4.0), ("default", 50.0, 30.0)):
        yield Figure(
            FAMILY, f"d=30, equal rows: error of shap.KernelExplainer {name} over ours", kernel[name] / error[equal], goal, "higher", text, gate=gate
        )
    text = f"ours {error[2]:.2e} with 2 pairs per background row; shap {kernel['l1_reg=0']:.2e}"
    yield Figure(FAMILY, "d=30, our default: error over shap.KernelExplainer l1_reg=0's", error[2] / kernel["l1_reg=0"], 1.25, "lower", text)
    ratio = interleaved(lambda: ours(2), lambda: _kernel(problem, l1_reg=0), rounds=runs)
    yield Figure(FAMILY, "d=30, our default: time of shap.KernelExplainer over ours", ratio.wall, 15.0, "higher", str(ratio), gate=10.0)


def _kernel_error(problem: Problem, truth: Array, runs: int, **settings: Any) -> float:
    errors = []
    for seed in range(runs):
        np.random.seed(seed)  # noqa: NPY002  shap draws from the global generator
        errors.append(_error(_kernel(problem, **settings), truth))
    return float(np.mean(errors))


def _error(values: Array, truth: Array) -> float:
    return float(np.mean(((values - truth) ** 2).sum(axis=1) / (truth**2).sum(axis=1)))


def _coverage(device: str, *, rows: int) -> Figure:
    inside = []
    for seed, (d, activation) in enumerate([(6, nn.ReLU), (8, nn.Tanh), (10, nn.GELU)]):
        torch.manual_seed(seed)
        network = nn.Sequential(nn.Linear(d, 32), activation(), nn.Linear(32, 16), activation(), nn.Linear(16, 1)).requires_grad_(False)
        for parameter in network.parameters():
            parameter.mul_(2)
        problem = Problem(network.to(device), torch.randn(rows, d).to(device), torch.randn(100, d).to(device))
        owner = np.arange(d)
        exact = shapley_exact(network, problem.rows, problem.background, owner, players=d).values
        orders = _orders(np.random.default_rng(seed), problem, 2)
        found = shapley_permutation(network, problem.rows, problem.background, owner, orders=orders)
        inside.append((np.abs(found.values - exact) <= 1.96 * found.se).ravel())
    covered = np.concatenate(inside)
    text = f"{covered.mean():.1%} of {covered.size:,} values, 2 pairs per background row, 100 background rows"
    return Figure(FAMILY, "coverage of 95 % intervals: distance from 0.95", abs(float(covered.mean()) - 0.95), 0.03, "lower", text)


def _gradients(device: str, *, rounds: int) -> Iterator[Figure]:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(32, 128), nn.Tanh(), nn.Linear(128, 128), nn.Tanh(), nn.Linear(128, 10)).requires_grad_(False).to(device)
    rows, baseline = torch.randn(512, 32, device=device), torch.zeros(1, 32, device=device)
    target = torch.arange(512, device=device) % 10
    points = torch.randn(512 * 32, 32, device=device)
    chosen = target.repeat(32)
    ours = lambda: integrated_gradients(network, rows, baseline, target, steps=(32,))  # noqa: E731

    bare = _bare(network, points, chosen)
    ratio = interleaved(ours, bare, rounds=rounds)
    yield Figure(FAMILY, "integrated gradients: time over bare passes, MLP", 1 / ratio.wall, 1.5, "lower", f"{ratio}; 512 rows, 32 points")
    method = IntegratedGradients(network)
    theirs = lambda: method.attribute(rows, baselines=baseline, target=target, n_steps=32)  # noqa: E731
    against = interleaved(ours, theirs, rounds=rounds)
    yield Figure(FAMILY, "integrated gradients: time of captum over ours, MLP", against.wall, 4.0, "higher", str(against), gate=3.0)
    gap = float(np.abs(ours().values - theirs().detach().cpu().numpy()).max())
    yield Figure(FAMILY, "integrated gradients: largest difference to captum", gap, 1e-6, "lower", "float32")


def _other_gradients(device: str, *, rounds: int) -> Iterator[Figure]:
    """Integrated gradients of networks whose own passes take longest."""
    torch.manual_seed(1)
    images = nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 16, 3), nn.ReLU(), nn.Flatten(), nn.Linear(1936, 10))
    layer = nn.TransformerEncoderLayer(32, 4, 64, batch_first=True, activation="gelu")
    words = nn.Sequential(layer, nn.Flatten(), nn.Linear(512, 10))
    for name, network, shape in (("CNN", images, (1, 28, 28)), ("transformer", words, (16, 32))):
        held = network.eval().requires_grad_(False).to(device)
        rows, target = torch.randn(32, *shape, device=device), torch.arange(32, device=device) % 10
        chunk = 256
        ours = lambda: integrated_gradients(held, rows, torch.zeros_like(rows[:1]), target, steps=(32,), chunk=chunk)  # noqa: E731, B023
        bare = _bare(held, torch.randn(32 * 32, *shape, device=device), target.repeat(32), chunk=chunk)
        ratio = interleaved(ours, bare, rounds=rounds)
        text = f"{ratio}; 32 rows, 32 points, {chunk} at a time"
        yield Figure(FAMILY, f"integrated gradients: time over bare passes, {name}", 1 / ratio.wall, 1.15, "lower", text)


def _bare(network: nn.Module, points: Tensor, chosen: Tensor, *, chunk: int = 4096) -> Callable[[], None]:
    """Forward and backward on the same number of points, `chunk` at a time."""

    def call() -> None:
        for start in range(0, len(points), chunk):
            leaf = points[start : start + chunk].clone().requires_grad_(True)
            torch.autograd.grad(network(leaf).gather(1, chosen[start : start + chunk, None]).sum(), leaf)

    return call

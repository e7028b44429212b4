"""Shapley values: time against shap's estimators at equal coalitions and at equal error, against the bare network, and the memory they take."""

from __future__ import annotations

import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from audit.methods.attribution.first_layer import first_layer
from audit.methods.attribution.game import MOST_CORES
from audit.methods.attribution.shapley_exact import shapley_exact
from audit.methods.attribution.shapley_like_shap import shapley_kernel
from audit.methods.attribution.shapley_permutation import shapley_permutation
from tests.benchmarks.attribution import Problem, fitted_problem
from tests.benchmarks.figure import Figure, interleaved

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it warns of its own dependencies on import
    import shap

FAMILY = "attribution"
Array = NDArray[np.float64]


def figures(device: str, quick: bool) -> Iterator[Figure]:
    """All figures of the file."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # shap warns of tqdm and numba
        yield _same_estimator(device, rounds=2 if quick else 5)
        yield from _permutation(fitted_problem(30, rows=4 if quick else 8, background=50, device=device), runs=2 if quick else 4)
        yield from _shares(device, rounds=5 if quick else 11)
        if device == "cpu":
            yield _memory()


def _same_estimator(device: str, *, rounds: int) -> Figure:
    d, count = 32, 8
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(d, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 1)).requires_grad_(False).to(device)
    problem = Problem(network, torch.randn(count, d, device=device), torch.randn(100, d, device=device))
    first = first_layer(network, network, problem.rows)
    ours = lambda: shapley_kernel(network, problem.rows, problem.background, np.arange(d), players=d, seed=0, first=first)  # noqa: E731
    explainer = shap.KernelExplainer(problem.call, problem.background.cpu().numpy())
    theirs = lambda: explainer.shap_values(problem.rows.cpu().numpy(), l1_reg=0, silent=True)  # noqa: E731
    against = interleaved(ours, theirs, rounds=rounds)
    text = f"{against}; {count} rows, background 100, 2,112 coalitions"
    return Figure(
        FAMILY, "same coalitions, background 100, d=32: time of shap.KernelExplainer over ours", against.wall, 5.0, "higher", text, gate=3.5
    )


def _permutation(problem: Problem, *, runs: int) -> Iterator[Figure]:
    """shap's antithetic permutations at as many rows of the network as Kernel SHAP's default takes, and the time to reach our default's error."""
    d, b = problem.d, len(problem.background)
    per_row, generator = (2 * d + 2048) * b, np.random.default_rng(1)
    equal = per_row // (b * 2 * (d - 1))
    first = first_layer(problem.network, problem.network, problem.rows)

    def ours(pairs: int) -> Array:
        shape = (len(problem.rows), b, pairs, d)
        orders = generator.permuted(np.broadcast_to(np.arange(d), shape), axis=-1)
        return shapley_permutation(problem.network, problem.rows, problem.background, np.arange(d), orders=orders, first=first).values[..., 0]

    def theirs(seed: int) -> Array:
        masker = shap.maskers.Independent(problem.background.cpu().numpy(), max_samples=b)
        explainer = shap.explainers.Permutation(problem.call, masker, seed=seed)
        values: Array = explainer(problem.rows.cpu().numpy(), max_evals=2 * d + 2048, silent=True).values
        return values

    truth = np.mean([ours(equal) for _ in range(40)], axis=0)
    error = {pairs: _error([ours(pairs) for _ in range(runs)], truth) for pairs in (2, equal)}
    peer = _error([theirs(seed) for seed in range(runs)], truth)
    text = f"ours {error[equal]:.2e}; {per_row:,} rows of the network per explained row, {len(problem.rows)} rows, {runs} runs"
    yield Figure(FAMILY, "d=30, equal rows: error of shap's Permutation over ours", peer / error[equal], 5.0, "higher", text, gate=4.0)
    against = interleaved(lambda: ours(2), lambda: theirs(0), rounds=runs)
    text = f"{against} at shap's {2 * d + 2048:,} evaluations; errors {error[2]:.2e} and {peer:.2e}, and shap's falls with one over its evaluations"
    ratio = against.wall * peer / error[2]
    yield Figure(FAMILY, "d=30, equal error: time of shap's Permutation over our default", ratio, 5.0, "higher", text, gate=3.0)


def _error(found: list[Array], truth: Array) -> float:
    return float(np.mean([((one - truth) ** 2).sum(axis=1) / (truth**2).sum(axis=1) for one in found]))


def _shares(device: str, *, rounds: int) -> Iterator[Figure]:
    """The time of the bare network on as many rows, 4,096 at once, over the time of the estimator; and with as many at once as it takes."""
    d, b, cores = 12, 100, min(torch.get_num_threads(), MOST_CORES)
    problem = fitted_problem(d, rows=2, background=b, device=device)
    first = first_layer(problem.network, problem.network, problem.rows)
    bare, wider = (_bare(problem, len(problem.rows) * (2**d - 2) * b, 4096 * times) for times in (1, cores))
    for name, layer, goal, gate in (("any model", None, 0.9, 0.75), ("linear first layer", first, 1.1, 1.0)):
        ours = lambda layer=layer: shapley_exact(problem.network, problem.rows, problem.background, np.arange(d), players=d, first=layer)  # noqa: E731
        against = interleaved(ours, bare, rounds=rounds)
        text = str(against) if cores == 1 else f"{against}; bare with {4096 * cores:,} rows at once: {interleaved(ours, wider, rounds=rounds)}"
        yield Figure(FAMILY, f"exact d=12: bare network's time over ours, {name}", against.wall, goal, "higher", text, gate=gate)


def _bare(problem: Problem, rows: int, at_once: int) -> Callable[[], None]:
    """The network alone on so many rows, some at once."""
    points = torch.randn(at_once, problem.d, device=problem.rows.device)

    def call() -> None:
        for _ in range(-(-rows // len(points))):
            problem.network(points)

    return call


MEMORY = """
import sys
from pathlib import Path
import numpy as np, torch
from torch import nn
from audit.methods.attribution.first_layer import first_layer
from audit.methods.attribution.shapley import shapley_values
rows, background, d, outputs, threads = map(int, sys.argv[1:])
torch.set_num_threads(threads)
network = nn.Sequential(nn.Linear(d, 64), nn.ReLU(), nn.Linear(64, outputs)).requires_grad_(False)
x, b = torch.randn(rows, d), torch.randn(background, d)
first = first_layer(network, network, x)
def run(part, absent):
    def draw(count):
        return np.random.default_rng(0).permuted(np.broadcast_to(np.arange(d, dtype=np.int32), (len(absent), count, d)), axis=2)
    return shapley_values(
        network, part, absent, np.arange(d), players=d, draws=[draw] * len(part), exact_up_to=12, pairs=2, estimator="permutation", first=first
    )
def peak():
    return int(next(line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))) / 1024
run(x[:threads], b[:2])  # what libraries take once; they keep what they have used, so no more than that
Path("/proc/self/clear_refs").write_text("5")
before = peak()
found = run(x, b)
print(peak() - before - sum(part.nbytes for part in (found.values, found.se, found.background_se)) / 2**20)
"""
"""A process of its own: peaks are those of processes. What is printed is MiB above what there was, results not counted."""


def _memory() -> Figure:
    held, threads = [], torch.get_num_threads()
    for rows, background, d, outputs in ((50, 20, 100, 1), (200, 20, 100, 1), (10, 400, 100, 1), (4, 1000, 100, 1), (2, 1000, 12, 10)):
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", MEMORY, *map(str, (rows, background, d, outputs, threads))],
            capture_output=True,
            text=True,
            check=True,
        )
        held.append((float(done.stdout), f"{rows} rows, background {background}, d={d}, {outputs} outputs"))
    worst = max(held)
    return Figure(
        FAMILY, "d=12 and 100: extra memory apart from results, MiB", worst[0], 64.0, "lower", f"{worst[1]} of {len(held)} sizes", gate=64.0
    )

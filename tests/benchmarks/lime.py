"""LIME of tables: time and agreement against lime itself, with one neighbourhood for all rows and with a fresh one per row."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from lime.lime_tabular import LimeTabularExplainer
from numpy.typing import NDArray
from torch import nn

from audit.methods.lime.column_sampler import Bins, quartile_bins
from audit.methods.lime.neighbourhood import column_codes, draw_neighbourhood
from audit.methods.lime.surrogate import Surrogate, surrogates
from tests.benchmarks.figure import Figure, interleaved

FAMILY = "attribution"
SAMPLES = 5000
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Problem:
    """A network of `d` numeric columns, the reference data and rows to explain; class 1 is explained."""

    network: nn.Module
    reference: Array
    rows: Array

    def call(self, values: Array) -> Array:
        """Probabilities of both classes, as lime asks for them."""
        device = next(self.network.parameters()).device
        score = torch.sigmoid(self.network(torch.as_tensor(values, dtype=torch.float32, device=device)))[:, 0].double().cpu().numpy()
        return np.column_stack([1 - score, score])

    def bins(self) -> list[Bins]:
        """Bins of the reference columns."""
        return [quartile_bins(column) for column in self.reference.T]

    def explainer(self, seed: int) -> LimeTabularExplainer:
        """lime on the same data, with every column kept as ours keeps them."""
        return LimeTabularExplainer(self.reference, feature_selection="none", random_state=seed)


def figures(device: str, quick: bool) -> Iterator[Figure]:
    """All figures of the family."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # lime leaves a file of its own open
        for d in (12, 32):
            problem = _problem(d, rows=50 if quick else 100, device=device)
            yield from _times(problem, rounds=2 if quick else 5)
            yield _injected(problem)
        yield _statistical(_problem(12, rows=1, device=device), seeds=10 if quick else 30)


def _problem(d: int, *, rows: int, device: str) -> Problem:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(d, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 1)).requires_grad_(False)
    for parameter in network.parameters():
        parameter.mul_(2)
    reference = np.random.default_rng(0).lognormal(sigma=0.5, size=(2000, d))
    return Problem(network.to(device), reference, reference[:rows])


def _explain(problem: Problem, bins: list[Bins], rows: Array, seed: int) -> Surrogate:
    """Draw, ask the network, fit."""
    drawn = draw_neighbourhood(bins, SAMPLES - 1, generator=np.random.default_rng(seed))
    outputs, own = problem.call(np.column_stack(drawn.values)), column_codes(bins, list(rows.T))
    target = np.ones(len(rows), dtype=np.int64)
    return surrogates(drawn.codes, outputs, target, own_codes=own, own_outputs=problem.call(rows)[:, 1])


def _times(problem: Problem, *, rounds: int) -> Iterator[Figure]:
    """Seconds per explained row; lime explains two rows per round, ours all of them."""
    bins, rows, few = problem.bins(), problem.rows, problem.rows[:2]
    explainer = problem.explainer(0)
    theirs = lambda: [_lime(explainer, problem, row) for row in few]  # noqa: E731
    shared = interleaved(lambda: _explain(problem, bins, rows, 0), theirs, rounds=rounds)
    fresh = interleaved(lambda: [_explain(problem, bins, row[None], 0) for row in few], theirs, rounds=rounds)
    name, times = f"LIME, d={rows.shape[1]}: time of lime over ours", len(rows) / len(few)
    yield Figure(
        FAMILY,
        f"{name}, one neighbourhood for {len(rows)} rows",
        shared.cpu * times,
        40.0,
        "higher",
        f"CPU time; ours {shared.seconds:.3g} s for all",
        gate=30.0,
    )
    yield Figure(
        FAMILY,
        f"{name}, a fresh neighbourhood per row",
        fresh.cpu,
        3.0,
        "higher",
        f"CPU time; ours {fresh.seconds / len(few):.3g} s per row",
        gate=2.2,
    )


def _lime(explainer: LimeTabularExplainer, problem: Problem, row: Array, call: Any = None) -> Any:
    return explainer.explain_instance(row, call or problem.call, labels=(1,), num_features=len(row), num_samples=SAMPLES)


def _injected(problem: Problem) -> Figure:
    """Largest difference of a coefficient when ours is fitted to the rows that lime drew."""
    bins, worst = problem.bins(), 0.0
    for row in problem.rows[:3]:
        seen: list[Array] = []

        def call(values: Array, seen: list[Array] = seen) -> Array:
            seen.append(values.copy())
            return problem.call(values)

        explained = _lime(problem.explainer(1), problem, row, call)
        codes, outputs = column_codes(bins, list(seen[0].T)), problem.call(seen[0])
        ours = surrogates(codes[1:], outputs[1:], np.array([1]), own_codes=codes[:1], own_outputs=outputs[:1, 1])
        worst = max(worst, float(np.abs(ours.values[0] - _coefficients(explained)).max()))
    return Figure(FAMILY, f"LIME, d={problem.rows.shape[1]}: largest difference to lime on its own samples", worst, 1e-12, "lower", "float64")


def _statistical(problem: Problem, *, seeds: int) -> Figure:
    """Root mean square of z over columns: the mean of lime over seeds against that of four times as many of our neighbourhoods."""
    bins = problem.bins()
    theirs = np.array([_coefficients(_lime(problem.explainer(seed), problem, problem.rows[0])) for seed in range(seeds)])
    ours = np.array([_explain(problem, bins, problem.rows, seed).values[0] for seed in range(4 * seeds)])
    error = np.hypot(theirs.std(axis=0, ddof=1) / np.sqrt(seeds), ours.std(axis=0, ddof=1) / np.sqrt(4 * seeds))
    z = (theirs.mean(axis=0) - ours.mean(axis=0)) / error
    rms = float(np.sqrt(np.mean(z**2)))
    text = f"rms {rms:.2f}, largest {np.abs(z).max():.2f} over {len(z)} columns, {seeds} seeds of lime"
    return Figure(FAMILY, "LIME, d=12: rms of z between lime and ours", rms, 1.5, "lower", text)


def _coefficients(explained: Any) -> Array:
    return np.array([value for _, value in sorted(explained.local_exp[1])])

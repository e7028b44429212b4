"""Expected gradients: integrated gradients whose baseline and place on the path are drawn at random, with the error of the draw."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from audit.errors import MethodError
from audit.methods.attribution.answers import Network, answered, float64
from audit.methods.attribution.players import per_player
from audit.models.chunks import with_room

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Draws:
    """Where each of n rows is differentiated: `baseline` (n, s) int64 positions, `place` (n, s) float64 between baseline (0) and row (1)."""

    baseline: NDArray[np.int64]
    place: Array


@dataclass(frozen=True)
class ExpectedGradients:
    """Attributions of n rows to one output each, float64, in the unit of the output.

    `values` and `se` (n, players), the mean over draws and its standard error (NaN for a single draw); `total` (n,) the output of the row,
    `base` (n,) the mean output over all baselines, `gap` (n,) how far the values are from summing to the difference.
    """

    values: Array
    se: Array
    base: Array
    total: Array
    gap: Array


def expected_gradients(
    network: Network,
    inputs: Tensor,
    baselines: Tensor,
    target: Tensor,
    owner: NDArray[np.int64],
    *,
    players: int,
    draws: Draws,
    chunk: int = 4096,
) -> ExpectedGradients:
    """mean over draws (b, α) of (x − b) ∂f(b + α (x − b))/∂x, summed over the entries of each player.

    `inputs` (n, …) of floating type, `baselines` (b, …) or (n, b, …), `target` (n,) int64, `owner` (entries,), or (n, entries), the player of
    each entry of a flattened row. In expectation the values add up; a finite number of draws leaves a gap that `se` explains. Raises
    MethodError for shapes that do not fit. Erion et al. 2021, doi:10.1038/s42256-021-00343-w; the same as GradientSHAP without noise.
    """
    own = baselines.ndim == inputs.ndim + 1
    _fits(inputs, baselines, draws, own)
    n, s = draws.place.shape
    values, se = np.zeros((n, players)), np.zeros((n, players))
    step = max(1, chunk // s)
    for start in range(0, n, step):
        part = slice(start, min(start + step, n))
        parts = partial(_parts, network, inputs, baselines, target, owner, players, draws, np.arange(n)[part], own)
        found = with_room(parts, chunk, inputs.device)
        values[part] = found.mean(axis=1)
        se[part] = found.std(axis=1, ddof=1) / np.sqrt(s) if s > 1 else np.nan
    column = target.cpu()[:, None]
    total = answered(network, inputs).gather(1, column)[:, 0].numpy()
    answers = answered(network, baselines.flatten(0, 1) if own else baselines)
    means = answers.reshape(n, -1, answers.shape[1]).mean(dim=1) if own else answers.mean(dim=0).expand(n, -1)
    base = means.gather(1, column)[:, 0].numpy()
    return ExpectedGradients(values, se, base, total, np.abs(values.sum(axis=1) - (total - base)))


def drawn(generator: np.random.Generator, baselines: int, samples: int) -> tuple[NDArray[np.int64], Array]:
    """Baselines (s,) and places (s,) of one row, independent and uniform."""
    return generator.integers(baselines, size=samples), generator.uniform(size=samples)


def as_shap_draws(seed: int, rows: int, baselines: int, samples: int) -> Draws:
    """The draws of ``shap.GradientExplainer(…).shap_values(…, nsamples=samples, rseed=seed)`` (shap 0.51) for `rows` rows, one after another."""
    stream = np.random.RandomState(seed)
    both = [[(stream.choice(baselines), stream.uniform()) for _ in range(samples)] for _ in range(rows)]
    found = np.asarray(both, dtype=np.float64).reshape(rows, samples, 2)
    return Draws(found[..., 0].astype(np.int64), found[..., 1])


def _parts(  # noqa: PLR0917  the places of one call
    network: Network,
    inputs: Tensor,
    baselines: Tensor,
    target: Tensor,
    owner: NDArray[np.int64],
    players: int,
    draws: Draws,
    rows: NDArray[np.int64],
    own: bool,
    chunk: int,
) -> Array:
    """What each draw makes of some rows, (rows, s, players)."""
    where = torch.as_tensor(np.repeat(rows, draws.place.shape[1]), device=inputs.device)
    chosen = torch.as_tensor(draws.baseline[rows].ravel(), device=inputs.device)
    along = torch.as_tensor(draws.place[rows].ravel(), dtype=inputs.dtype, device=inputs.device)
    found = []
    for at in torch.split(torch.arange(len(where), device=inputs.device), chunk):
        row, base = inputs[where[at]], baselines[where[at], chosen[at]] if own else baselines[chosen[at]]
        change = row - base
        leaf = (base + along[at].reshape(-1, *(1,) * (row.ndim - 1)) * change).requires_grad_(True)
        (slope,) = torch.autograd.grad(network(leaf).gather(1, target[where[at]][:, None]).sum(), leaf)
        found.append(per_player(float64(slope * change).numpy(), owner[where[at].cpu()] if owner.ndim > 1 else owner, players))
    return np.concatenate(found).reshape(len(rows), -1, players)


def _fits(inputs: Tensor, baselines: Tensor, draws: Draws, own: bool) -> None:
    if not inputs.is_floating_point():
        raise MethodError(f"expected gradients need inputs of floating type, found {inputs.dtype}")
    count = baselines.shape[1] if own else len(baselines)
    shape = baselines.shape[2:] if own else baselines.shape[1:]
    if shape != inputs.shape[1:] or (own and len(baselines) != len(inputs)) or not count:
        raise MethodError(f"baselines of shape {tuple(baselines.shape)} do not fit inputs of shape {tuple(inputs.shape)}")
    if (
        draws.baseline.shape != draws.place.shape
        or len(draws.place) != len(inputs)
        or not draws.place.shape[1]
        or draws.baseline.max(initial=0) >= count
    ):
        raise MethodError(f"draws must name one of {count} baselines and a place for each of {len(inputs)} rows, found shape {draws.baseline.shape}")

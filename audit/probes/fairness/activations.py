"""Probe `fairness.activations`: what the last layer receives, in a few numbers per row, so that a check can ask what it tells about groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from audit.data.batch import Batch
from audit.data.dataset import RowBlock
from audit.errors import MethodError
from audit.probe import Block, Column, Columns, Prepared, probe
from audit.streams import generator
from audit.subject import Subject

Floats = NDArray[np.float64]
ROWS = 4096
"""Evaluated rows that the directions are taken from."""


@runtime_checkable
class Embeds(Protocol):
    """A model that tells what its last linear layer receives."""

    def embeddings(self, batch: Batch) -> Floats: ...


@dataclass(frozen=True)
class State:
    """Mean activation (width,) and principal directions (width, k)."""

    mean: Floats
    directions: Floats


@probe(
    columns={"components": Column("Activations of the layer before the last along their principal directions; NaN where they are not finite.")},
    needs={"inputs", "embeddings", "groups"},
    sample=5_000,
    block=1024,
)
def activations(block: Block, state: State, *, components: int = 16) -> Columns:  # noqa: ARG001  read by prepare
    """Measures the activations that the last linear layer receives, along the `components` directions in which they vary most."""
    return {"components": (_embedded(block.subject, block.rows) - state.mean) @ state.directions}


@activations.prepare
def prepare(subject: Subject, *, components: int = 16) -> Prepared:
    """Find the directions, by the singular values of some rows' activations; raises MethodError when none of them is finite."""
    if components < 1:
        raise MethodError(f"components must be at least 1; found {components}")
    data = subject.evaluate
    chosen = generator(subject.seed, f"activations {data.digest}").permutation(data.n_rows)[:ROWS]
    found = _embedded(subject, data.take(np.sort(chosen).astype(np.int64)))
    finite = found[np.isfinite(found).all(axis=1)]
    if not len(finite):
        raise MethodError("the activations of none of the rows are finite")
    mean = finite.mean(axis=0)
    directions = np.linalg.svd(finite - mean, full_matrices=False)[2][:components].T
    share = float(np.square((finite - mean) @ directions).sum() / max(np.square(finite - mean).sum(), 1e-300))
    note = f"Activations are kept along {directions.shape[1]} of {finite.shape[1]} directions, which hold {min(share, 1.0):.1%} of their variance."
    return Prepared(State(mean, np.ascontiguousarray(directions)), notes=(note,))


def _embedded(subject: Subject, rows: RowBlock) -> Floats:
    if not isinstance(subject.model, Embeds):
        raise MethodError("the model gives no embeddings")
    return subject.model.embeddings(subject.encode(rows))

"""Which output of each row an attribution explains, and the columns every attribution probe leaves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit.decide import Decided
from audit.errors import MethodError
from audit.models.model import DifferentiableModel, SmoothModel
from audit.probe import Block, Column, Columns
from audit.streams import generator
from audit.subject import Subject

SCANNED = 200
"""Evaluated rows that tell how much the output varies."""
COLUMNS: Mapping[str, Column] = {
    "target": Column("Position of the explained output; 0 for a network with one output."),
    "values": Column("Attribution of each player to the explained output, on the scale of the raw output."),
    "se": Column("Standard error of each attribution; 0 where the method draws nothing at random."),
    "base": Column("Mean explained output over the background."),
    "total": Column("Explained output of the row."),
    "gap": Column("Completeness gap: how far the attributions are from adding up to total minus base."),
    "relative_gap": Column("Completeness gap over the larger of |total - base| and the spread of the background's outputs.", "proportion"),
    "evaluations": Column("Rows sent through the network for this row.", "rows"),
}


def targets(block: Block) -> NDArray[np.int64]:
    """The explained output of each row (n,): the decided class where the network has one output per class, the label with the largest
    output where each row may carry several, else 0."""
    outputs, decision = block.reads["outputs.output"], block.reads.get("outputs.decision")
    if block.subject.facts.task == "multilabel":
        return np.asarray(np.argmax(outputs, axis=1), dtype=np.int64)
    if outputs.shape[1] == 1 or decision is None:
        return np.zeros(len(block), dtype=np.int64)
    return np.maximum(decision.astype(np.int64), 0)


def finite(block: Block) -> NDArray[np.bool_]:
    """Rows whose outputs are finite numbers (n,); the others cannot be explained and get NaN."""
    return np.asarray(block.reads["outputs.finite"] == 1)


def differentiable(subject: Subject) -> DifferentiableModel:
    """The model as one that can be called on tensors; raises MethodError when it cannot."""
    if not isinstance(subject.model, DifferentiableModel):
        raise MethodError("the model cannot be called on changed inputs, only on rows as they are")
    return subject.model


def smooth(subject: Subject) -> SmoothModel:
    """The model as one whose inputs can be changed by a little; raises MethodError when they cannot."""
    if not isinstance(subject.model, SmoothModel):
        raise MethodError("the model gives no gradients of its inputs")
    return subject.model


def entry_owner(subject: Subject, values: NDArray[Any]) -> NDArray[np.int64]:
    """Player of each entry of the flattened smooth leaf of encoded rows `values` (n, …), (entries,), or (n, entries) where every row has
    players of its own: a place of text has as many entries as its embedding."""
    return subject.owners(values)[..., smooth(subject).smooth_entries(values.shape[1:]).origin]


def explained_outputs(decided: Decided) -> NDArray[np.float64]:
    """What LIME explains, (n, k): probabilities where the network has them, else the score or quantity; raises MethodError without either."""
    if decided.probability is not None:
        return decided.probability
    if decided.score is None:
        raise MethodError("LIME explains a probability, a score or a quantity; the model gives decisions only")
    return decided.score[:, None]


def lime_targets(block: Block) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Position and value of the output that LIME explains for each row, (n,) each; NaN where the network's output is not finite."""
    usable = block.reads["outputs.finite"] == 1
    probability = block.reads.get("outputs.probability")
    if probability is None:
        return np.zeros(len(block), dtype=np.int64), np.where(usable, block.reads["outputs.score"], np.nan)
    target = _target(block, probability)
    return target, np.where(usable, probability[np.arange(len(block)), target], np.nan)


def relative(gap: NDArray[np.float64], change: NDArray[np.float64], scale: NDArray[np.float64]) -> NDArray[np.float64]:
    """Gap over the larger of the change explained and the spread of the background's outputs, (n,); 0 where all three are 0."""
    size = np.maximum(np.abs(change), scale)
    return np.divide(gap, size, out=np.zeros_like(gap), where=size > 0)


def usual_spread(subject: Subject) -> NDArray[np.float64]:
    """Standard deviation of each raw output (k,) over some evaluated rows with finite outputs; 0 where there are none."""
    count = subject.evaluate.n_rows
    chosen = generator(subject.seed, f"scale {subject.evaluate.digest}").permutation(count)[:SCANNED]
    outputs = subject.model.outputs(subject.encode(subject.evaluate.take(np.sort(chosen).astype(np.int64))))
    usable = np.isfinite(outputs).all(axis=1)
    return np.asarray(outputs[usable].std(axis=0)) if usable.any() else np.zeros(outputs.shape[1])


def explained_size(measured: Columns) -> NDArray[np.float64]:
    """What rounding of an attribution is held against, (m,): the larger of the change explained and the largest attribution of the row."""
    change = np.abs(measured["total"] - measured["base"])
    return np.asarray(np.maximum(change, np.abs(measured["values"]).max(axis=1)))


def filled(known: NDArray[np.bool_], measured: Mapping[str, NDArray[Any]]) -> Columns:
    """Columns of the `known` rows as columns of all rows: the others get NaN, or 0 where the column holds whole numbers."""
    columns = {}
    for name, values in measured.items():
        blank = np.nan if values.dtype.kind == "f" else 0
        columns[name] = np.full((len(known), *values.shape[1:]), blank, dtype=values.dtype)
        columns[name][known] = values
    return columns


def _target(block: Block, probability: NDArray[np.float64]) -> NDArray[np.int64]:
    """The decided class, or the most probable of several labels, (n,)."""
    decision = block.reads.get("outputs.decision")
    if decision is None:
        return np.asarray(np.argmax(probability, axis=1), dtype=np.int64)
    return np.maximum(decision.astype(np.int64), 0)

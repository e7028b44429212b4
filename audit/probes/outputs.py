"""The probe `outputs`: what the network answers for every row, what that means, and how it compares with the label. All others build on it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit.data.groups import label_codes, label_matrix
from audit.decide import decide, losses
from audit.declared_outputs import check_outputs
from audit.probe import Block, Column, Columns, Prepared, probe
from audit.subject import Subject

TRIED = 1024
"""Rows on which the declared meaning of the outputs is tried before all rows are measured."""


@probe(
    columns={
        "output": Column("What the network returned, one number per output; for a reconstruction its mean squared error, in encoded units."),
        "probability": Column("Probability of each class.", "probability"),
        "score": Column("Probability of class 1, the raw score, or the predicted quantity; of an anomaly, higher is more unusual."),
        "decision": Column("Decided class, by position; -1 where the output is not finite.", "class"),
        "decisions": Column("Several labels: whether each was given; -1 where the output is not finite.", "0 or 1"),
        "finite": Column("Whether the output can be used.", "0 or 1"),
        "correct": Column("Whether the decision is the label (all labels, where there are several); -1 where one of them is unknown.", "0 or 1"),
        "loss": Column("Log loss in nats (the mean over several labels), or squared error of a predicted quantity."),
        "margin": Column("Lead of the true class on the logit scale; negative where the decision is wrong; the smallest of several labels.", "logit"),
        "error": Column("Predicted quantity minus label."),
    },
    block=65_536,
)
def outputs(block: Block, state: Any) -> Columns:  # noqa: ARG001  every probe takes a state; this one needs none
    """Calls the network on every row and decides by the declared rule."""
    facts = block.subject.facts
    answered = block.subject.model.outputs(block.batch)
    decided = decide(answered, facts)
    columns: dict[str, NDArray[Any] | None] = {"output": answered, "probability": decided.probability, "score": decided.score}
    columns |= {"decision": decided.decision, "decisions": decided.decisions, "finite": decided.finite}
    labels = _labels(block)
    if labels is not None:
        held = losses(decided, answered, labels, facts)
        columns |= {"correct": held.correct, "loss": held.loss, "margin": held.margin, "error": held.error}
    return {name: values for name, values in columns.items() if values is not None}


@outputs.prepare
def prepare(subject: Subject) -> Prepared:
    """Hold the first rows against what was declared, so that a contradiction is told before all rows are measured."""
    rows = subject.evaluate.take(np.arange(min(TRIED, subject.evaluate.n_rows), dtype=np.int64))
    return Prepared(notes=check_outputs(subject.model.outputs(subject.encode(rows)), subject.facts))


def _labels(block: Block) -> NDArray[Any] | None:
    facts = block.subject.facts
    if facts.labels:
        return label_matrix(block.rows, facts.labels)
    if facts.label is None:
        return None
    values = block.rows.values[facts.label]
    if facts.task == "regression":
        return values.astype(np.float64)
    return label_codes(values, facts.classes, facts.label)

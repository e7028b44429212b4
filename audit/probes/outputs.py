"""Probe `outputs`: what the network answers for every row, what it decides, and how that fares against the label."""

from __future__ import annotations

from typing import Any

import numpy as np

from audit.data.groups import label_codes
from audit.decide import Decided, decide, losses
from audit.probe import Block, Column, Columns, probe

COLUMNS = {
    "output": Column("Raw outputs of the network."),
    "finite": Column("1 where every output is a finite number."),
    "probability": Column("Probability of each class.", "proportion"),
    "score": Column("Probability of class 1, the raw score, or the predicted quantity."),
    "decision": Column("Position of the decided class; -1 where the output is not finite."),
    "correct": Column("1 where the decision equals the label, 0 where not, -1 where the label is unknown."),
    "loss": Column("Log loss in nats, or squared error of a quantity."),
    "margin": Column("True class minus best other class on the logit scale; against the threshold for two classes.", "logit"),
    "error": Column("Prediction minus label of a quantity."),
}


@probe(columns=COLUMNS)
def outputs(block: Block, _state: Any) -> Columns:
    """Answers of the network for every row: outputs, probabilities, decisions; with labels also losses and margins."""
    raw = block.subject.model.outputs(block.batch)
    decided = decide(raw, block.subject.facts)
    return {"output": raw, "finite": decided.finite, **_answers(decided, block), **_against_labels(decided, block)}


def _answers(decided: Decided, block: Block) -> Columns:
    found = {"score": decided.score, "decision": decided.decision}
    if decided.probability is not None:
        found["probability"] = decided.probability
    return {name: values for name, values in found.items() if values is not None}


def _against_labels(decided: Decided, block: Block) -> Columns:
    facts = block.subject.facts
    if facts.label is None:
        return {}
    raw = block.rows.values[facts.label]
    labels = raw.astype(np.float64) if decided.decision is None else label_codes(raw, facts.classes, facts.label)
    found = losses(decided, labels, facts)
    columns = {"loss": found.loss, "margin": found.margin, "correct": found.correct, "error": found.error}
    return {name: values for name, values in columns.items() if values is not None}

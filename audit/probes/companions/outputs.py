"""The probe `companions.outputs`: what the companions answer for every row, and how far all networks lie apart on it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit.data.groups import label_codes
from audit.decide import Decided, decide
from audit.declared_outputs import check_outputs
from audit.errors import ModelError
from audit.methods.performance.members import disagreement, mutual_information, spread, total_variation
from audit.probe import Block, Column, Columns, Prepared, probe
from audit.subject import Subject

TRIED = 1024
"""Rows on which the declared meaning of each companion's outputs is tried before all rows are measured."""
Floats = NDArray[np.float64]


@probe(
    columns={
        "decision": Column("Class each companion decided, by position, in the order of the companions; -1 without a decision.", "class"),
        "score": Column("Each companion's probability of class 1, or its raw score; missing where it gives none."),
        "confidence": Column("Each companion's probability of the class it decided; missing where it gives none.", "probability"),
        "correct": Column("Whether each companion's decision is the label; -1 where one of them is unknown.", "0 or 1"),
        "difference": Column(
            "Total variation between each companion's probabilities and the network's, or the distance of their scores; missing without both."
        ),
        "disagreement": Column("Share of all networks, the audited one among them, that do not decide as most do.", "proportion"),
        "spread": Column("Variance of the probability of class 1 (or of the score) among the networks; summed over three classes or more."),
        "mutual_information": Column("Entropy of the mean probabilities minus the mean entropy of the networks.", "nats"),
    },
    needs={"companions"},
    reads=("outputs",),
    tasks={"binary", "multiclass", "anomaly"},
)
def outputs(block: Block, state: Any, *, model_among_them: bool = True) -> Columns:  # noqa: ARG001  every probe takes a state
    """Calls every companion on every row and decides by the declared rule.

    With `model_among_them` the audited network is one of those whose spread and mutual information are taken; an ensemble that averages its
    members is not.
    """
    facts = block.subject.facts
    batch = block.batch
    found = [decide(one.model.outputs(batch), one.facts(facts)) for one in block.subject.companions.values()]
    decisions = np.stack([_decision(one) for one in found], axis=1)
    own = block.reads["outputs.decision"].astype(np.int32)
    columns: dict[str, NDArray[Any]] = {
        "decision": decisions,
        "disagreement": disagreement(np.concatenate([own[:, None], decisions], axis=1)),
    }
    if "outputs.correct" in block.reads:
        columns["correct"] = _correct(block, decisions)
    return columns | _scores(block, found, decisions, model_among_them)


@outputs.prepare
def prepare(subject: Subject) -> Prepared:
    """Hold the first rows against what was declared of each companion, and against the width of the audited network."""
    rows = subject.evaluate.take(np.arange(min(TRIED, subject.evaluate.n_rows), dtype=np.int64))
    batch, notes = subject.encode(rows), []
    for name, one in subject.companions.items():
        answered = one.model.outputs(batch)
        facts = one.facts(subject.facts)
        try:
            notes += [f"{name}: {note}" for note in check_outputs(answered, facts)]
            decide(answered, facts)
        except ModelError as error:
            raise ModelError(f"companions.{name}: {error}") from None
    about = [one.model.description for one in subject.companions.values()]
    names = list(subject.companions)
    table = {"name": names, "door": [str(one.get("door", "")) for one in about], "parameters": [int(one.get("parameters", 0)) for one in about]}
    return Prepared(tables={"companions": table}, notes=tuple(notes))


def _decision(one: Decided) -> NDArray[np.int32]:
    assert one.decision is not None  # noqa: S101  the tasks of this probe are decided
    return one.decision


def _correct(block: Block, decisions: NDArray[np.int32]) -> NDArray[np.int8]:
    """1 or 0 against the label of each row, -1 where label or decision is unknown, (n, companions)."""

    facts = block.subject.facts
    assert facts.label is not None  # noqa: S101  outputs.correct was measured
    labels = label_codes(block.rows.values[facts.label], facts.classes, facts.label)[:, None]
    return np.where((labels >= 0) & (decisions >= 0), decisions == labels, -1).astype(np.int8)


def _scores(block: Block, found: list[Decided], decisions: NDArray[np.int32], model_among_them: bool) -> dict[str, NDArray[Any]]:
    n = len(block)
    empty = np.full(n, np.nan)
    columns: dict[str, NDArray[Any]] = {}
    if any(one.score is not None for one in found):
        columns["score"] = np.stack([empty if one.score is None else one.score for one in found], axis=1)
    own_probability = block.reads.get("outputs.probability")
    given = [one.probability for one in found if one.probability is not None]
    if given:
        columns["confidence"] = np.stack([_confidence(one, decisions[:, i]) for i, one in enumerate(found)], axis=1)
    if own_probability is not None and given:
        columns["difference"] = np.stack(
            [empty if one.probability is None else total_variation(one.probability, own_probability) for one in found], axis=1
        )
    elif "score" in columns and "outputs.score" in block.reads:
        columns["difference"] = np.abs(columns["score"] - block.reads["outputs.score"][:, None])
    members = given + ([own_probability] if model_among_them and own_probability is not None else [])
    if len(members) > 1:
        stacked = np.stack(members, axis=1)
        columns["spread"] = spread(stacked[:, :, 1:] if stacked.shape[2] == 2 else stacked)
        columns["mutual_information"] = mutual_information(stacked)
    elif "score" in columns and not given:
        scores = [columns["score"]] + ([block.reads["outputs.score"][:, None]] if model_among_them and "outputs.score" in block.reads else [])
        columns["spread"] = spread(np.concatenate(scores, axis=1)[:, :, None])
    return columns


def _confidence(one: Decided, decision: NDArray[np.int32]) -> Floats:
    if one.probability is None:
        return np.full(len(decision), np.nan)
    chosen = one.probability[np.arange(len(decision)), np.maximum(decision, 0)]
    return np.where(decision >= 0, chosen, np.nan)

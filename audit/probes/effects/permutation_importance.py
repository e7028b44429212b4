"""Probe `effects.permutation_importance`: how much larger the loss of a row becomes when it is given another row's value of a column."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit.data.groups import label_codes
from audit.decide import decide, losses
from audit.errors import MethodError
from audit.explained import differentiable
from audit.methods.effects.permutation import permutation_importance as increases
from audit.moved_column import draw_rows
from audit.probe import Block, Columns, Prepared, probe
from audit.streams import generator
from audit.subject import Subject


@probe(columns={}, scope="subject", needs={"inputs", "columns", "labels"}, tasks={"binary", "multiclass", "regression", "anomaly"})
def permutation_importance(block: Block, state: Any, *, drawn: int = 2000, repeats: int = 10) -> Columns:  # noqa: ARG001  read by prepare
    """Increase of the loss when the values of a column are dealt out anew among `drawn` evaluated rows, `repeats` times.

    The loss is the log loss in nats, the squared error of a quantity, and 1 for a wrong decision where there are neither.
    """
    raise TypeError("this probe leaves tables only")


@permutation_importance.prepare
def prepare(subject: Subject, *, drawn: int = 2000, repeats: int = 10) -> Prepared:
    """Table `increases`: for each row (by position) the mean increase of its loss by column, and `repeats`: the mean of each repeat."""
    held = draw_rows(subject, drawn, "permutation importance")
    facts, model = subject.facts, differentiable(subject)
    raw = held.raw.values[facts.label or ""]
    labels = raw.astype(np.float64) if facts.task == "regression" else label_codes(raw, facts.classes, facts.label or "")
    known = np.isfinite(labels) if facts.task == "regression" else labels >= 0
    held, labels = held.some(np.asarray(known)), labels[known]
    if len(labels) < 2:
        raise MethodError("fewer than two rows have a known label")

    def loss(values: NDArray[Any]) -> NDArray[np.float64]:
        with model.session(gradients=False) as network:
            answered = network(model.tensor(values)).cpu().double().numpy()
        found = losses(decide(answered, facts), answered, labels, facts)
        return found.loss if found.loss is not None else 1.0 - np.asarray(found.correct, dtype=np.float64)

    names = subject.by_column.names
    orders = np.stack([generator(subject.seed, "permutations", repeat).permutation(len(labels)) for repeat in range(repeats)])
    found = increases(loss, held.encoded, subject.by_column.owner, players=len(names), permutations=orders)
    by_row = {f"{place}": found[place].mean(axis=0).tolist() for place in range(len(names))}
    by_repeat = {f"{place}": found[place].mean(axis=1).tolist() for place in range(len(names))}
    tables = {"players": {"name": list(names)}, "increases": {"position": held.raw.positions.tolist(), **by_row}, "repeats": by_repeat}
    return Prepared(tables=tables)

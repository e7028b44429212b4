"""`Facts`: what a check may know of the subject, as plain data: task, classes, threshold, groups, columns. No model, no rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from audit.data.dataset import GroupSpec, Schema

Task = Literal["binary", "multiclass", "multilabel", "regression", "anomaly"]
OutputKind = Literal["logits", "log_probabilities", "probabilities", "score", "quantity", "reconstruction", "decision"]
LabelKind = Literal["outcome", "past_decision", "proxy"]
LABEL_WORDS: dict[LabelKind, str] = {
    "outcome": "Labels are outcomes.",
    "past_decision": "This rests on past decisions, not outcomes: right means decided as before.",
    "proxy": "This rests on a proxy for the outcome of interest.",
}
"""What a number that compares with labels rests on, as a sentence for its reader."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Facts of the subject that do not grow with the number of rows."""

    task: Task
    output: OutputKind
    """What the network returns; ``decision`` when only decided classes are known (predictions)."""
    classes: tuple[str, ...]
    """Names of the classes in the order of the outputs; ("0", "1") for a plain binary network; empty for regression."""
    favourable: tuple[int, ...]
    """Positions in `classes` that are good for the person; empty when none was declared."""
    threshold: float | None
    """Threshold on the probability (logits, probabilities) or on the score; None for multiclass and regression."""
    label: str | None
    """Name of the label column; None without labels."""
    label_kind: LabelKind
    groups: tuple[GroupSpec, ...]
    schema: Schema
    """Columns the network is given; empty for predictions."""
    census: bool = False
    """The evaluation rows are the whole population, so no interval is needed."""
    label_unit: str = ""
    """Unit of the quantity in regression."""

    @property
    def positive(self) -> tuple[int, ...]:
        """The classes counted as selected: the favourable ones, else class 1 of a binary network, else none."""
        if self.favourable:
            return self.favourable
        return (1,) if self.task == "binary" else ()

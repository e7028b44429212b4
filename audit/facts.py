"""`Facts`: what a check may know of the subject, as plain data: task, classes, threshold, groups, columns. No model, no rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from audit.data.dataset import ColumnSchema, GroupSpec, Schema
from audit.results import AuditRun

Task = Literal["binary", "multiclass", "multilabel", "regression", "anomaly"]
OutputKind = Literal["logits", "log_probabilities", "probabilities", "score", "quantity", "reconstruction", "decision"]
Flag = Literal["high", "low"]
LabelKind = Literal["outcome", "past_decision", "proxy"]
LABEL_WORDS: dict[LabelKind, str] = {
    "outcome": "Labels are outcomes.",
    "past_decision": "Labels are past decisions, not outcomes: right means decided as before, and an error is a departure from it.",
    "proxy": "Labels are a proxy for the outcome of interest: an error is an error about the proxy.",
}
"""What a number that compares with labels rests on, as a sentence for its reader."""


@dataclass(frozen=True)
class ThresholdSource:
    """Where a threshold comes from that was not declared as a number."""

    quantile: float
    """Share of ordinary rows that are to stay below it."""
    rows: int
    """Calibration rows with a score that it was taken from."""


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
    """Threshold on the probability (logits, probabilities) or on the score; None for multiclass and regression. Anomaly: of the score as the
    run holds it, where higher is more unusual."""
    label: str | None
    """Name of the label column; None without labels, and for multilabel."""
    label_kind: LabelKind
    groups: tuple[GroupSpec, ...]
    schema: Schema
    """Columns the network is given; empty for predictions."""
    census: bool = False
    """The evaluation rows are the whole population, so no interval is needed."""
    label_unit: str = ""
    """Unit of the quantity in regression."""
    labels: tuple[str, ...] = ()
    """Multilabel: the label columns, in the order of `classes`; empty without labels and for other tasks."""
    thresholds: tuple[float, ...] = ()
    """Multilabel: the threshold of each label, in the order of `classes`; empty for other tasks."""

    flag: Flag = "high"
    """Anomaly: the end of the network's own score that is unusual; for ``low`` the run holds the negative of the score."""
    threshold_source: ThresholdSource | None = None
    """Anomaly: the calibration rows that the threshold was taken from; None where it was declared."""

    @property
    def two_classes(self) -> bool:
        """Whether each row is decided to be of class 0 or of class 1 by a threshold: binary, and anomaly, where class 1 is anomalous."""
        return self.task in ("binary", "anomaly")

    @property
    def selected_words(self) -> str:
        """What being selected means where no class was declared favourable and it is no favour; else empty."""
        if self.task != "anomaly" or self.favourable:
            return ""
        return f"No class was declared favourable: selected rows are those flagged as {self.classes[1]}, and positive labels say {self.classes[1]}."

    @property
    def labelled(self) -> bool:
        """Whether the rows carry labels."""
        return self.label is not None or bool(self.labels)

    @property
    def positive(self) -> tuple[int, ...]:
        """The classes counted as selected: the favourable ones, else class 1 of a binary network (of anomaly: flagged rows), else none."""
        if self.favourable:
            return self.favourable
        return (1,) if self.two_classes else ()


def facts_of(run: AuditRun) -> Facts:
    """The facts a run was made with, read back from its ``subject`` for those who read its rows.

    Columns carry name, kind, unit, levels and immutability, groups their levels, reference and shares; what a run does not store keeps its
    default. Raises KeyError or TypeError when the description is not one that `Subject.describe` wrote.
    """
    held = run.subject
    return Facts(
        task=held["task"],
        output=held["output"],
        classes=tuple(held["classes"]),
        favourable=tuple(held["favourable"]),
        threshold=held["threshold"],
        label=held["label"],
        label_kind=held["label_kind"],
        groups=tuple(_group(item) for item in held["groups"]),
        schema=Schema(tuple(_column(item) for item in held["columns"])),
        census=held["census"],
        label_unit=held["label_unit"],
        labels=tuple(held.get("labels", ())),
        thresholds=tuple(held.get("thresholds", ())),
        flag=held.get("flag", "high"),
        threshold_source=None if held.get("threshold_source") is None else ThresholdSource(**held["threshold_source"]),
    )


def _group(held: dict[str, Any]) -> GroupSpec:
    return GroupSpec(
        name=held["name"],
        column=held["column"],
        levels=tuple(held["levels"]),
        reference=held["reference"],
        shares=dict(held["shares"]),
        best=held.get("best", False),
    )


def _column(held: dict[str, Any]) -> ColumnSchema:
    return ColumnSchema(name=held["name"], kind=held["kind"], unit=held["unit"], levels=tuple(held["levels"]), immutable=held["immutable"])

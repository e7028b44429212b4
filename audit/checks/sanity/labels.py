"""The check `sanity.labels`: whether labels, scores and decisions can mean what they are said to mean."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from audit.check import check
from audit.ledger import Ledger, family
from audit.methods.performance.agreement import accuracy_over_base_rate, cohen_kappa
from audit.methods.performance.roc import auc
from audit.methods.performance.twins import tells
from audit.methods.statistics.correlation import correlation
from audit.methods.statistics.intervals import Undefined
from audit.methods.statistics.simultaneous import bonferroni
from audit.results import Criterion, Evidence
from audit.row_design import RowDesign, row_design
from audit.rows import Rows

COMPARISONS = 3
"""Area, kappa and gain over the base rate are one family, so that an honest but weak network is rarely suspected."""
FEWEST_ROWS = 30
"""Below this number of rows a constant column is no sign of anything."""


def _limit(measurement: str, because: str, *, minimum: str | None = None, maximum: str | None = None, soft: bool = False) -> Criterion:
    return Criterion(
        measurement=measurement,
        minimum=None if minimum is None else Decimal(minimum),
        maximum=None if maximum is None else Decimal(maximum),
        because=because,
        source="Netassay",
        owner="Netassay",
        soft=soft,
        technical=True,
    )


@check(
    title="Labels, scores and decisions make sense",
    topics=("data_quality", "sanity", "label_polarity", "leakage"),
    measures=(
        "score_auc",
        "cohen_kappa",
        "accuracy_over_base_rate",
        "score_label_correlation",
        "distinct_outputs",
        "distinct_decisions",
        "distinct_selections",
        "differing_decisions",
        "distinct_labels",
        "non_finite_outputs",
        "label_twins",
    ),
    criteria=(
        _limit("score_auc", "A score that ranks worse than chance is read the wrong way round, or its labels are.", minimum="0.5"),
        _limit("cohen_kappa", "Decisions that agree with labels less than by chance point to swapped classes.", minimum="0"),
        _limit("score_label_correlation", "Predictions that fall when labels rise have the wrong sign, or the wrong labels.", minimum="0"),
        _limit(
            "accuracy_over_base_rate",
            "A network less accurate than always giving the commonest label needs a reason, such as a threshold set for rare cases.",
            minimum="0",
            soft=True,
        ),
        _limit("distinct_outputs", "A network that answers every row alike has not looked at the rows.", minimum="2"),
        _limit("distinct_decisions", "When all decisions are the same, rates by group say nothing.", minimum="2", soft=True),
        _limit("distinct_selections", "When all rows or none have a favourable decision, rates by group say nothing.", minimum="2", soft=True),
        _limit("differing_decisions", "Decisions that equal every label may be the labels themselves, or know them.", minimum="1", soft=True),
        _limit("distinct_labels", "With one label only, no error rate can be compared.", minimum="2"),
        _limit("non_finite_outputs", "A row without a finite output has no decision.", maximum="0"),
        _limit("label_twins", "An input that alone tells the label is likely a copy of it, or was written after it.", maximum="0"),
    ),
    first=True,
)
def labels(rows: Rows, *, twin_auc: float = 0.99) -> Evidence:
    """Do labels, scores and decisions mean what they are said to mean?

    Why it matters:
        Every later number rests on them. A reversed label, a score read the wrong way round, a network that answers everything alike or an
        input that is the label in disguise makes all charts render and all of them wrong.

    How to read it:
        The score's area under the ROC curve is 0.5 for chance and below it when the score points the wrong way. Cohen's kappa is 0 when
        decisions agree with labels as often as by chance. Accuracy over the base rate compares with always giving the commonest label; a
        network tuned to find rare cases may fall below 0 for good reason, so this limit is soft. A label twin is an input which alone
        predicts the label almost perfectly; decisions that differ from the label in no row at all are as suspicious. These limits are
        technical: they guard the measurement and are not a policy. When one is outside, every other finding of the run carries a warning.

    What it cannot show:
        Labels that are wrong in a plausible way, leakage spread over several inputs, or whether a perfect input is legitimate: some
        questions do have an input that answers them.

    References:
        DeLong, DeLong & Clarke-Pearson 1988, doi:10.2307/2531595
        Cohen 1960, doi:10.1177/001316446002000104
        Kaufman et al. 2012, Leakage in data mining, doi:10.1145/2382577.2382579
    """
    ledger, design = Ledger(census=rows.facts.census), row_design(rows)
    notes = [design.note] if design.note else []
    _outputs(ledger, rows, notes)
    if rows.facts.labels:
        _several(ledger, rows, design, notes)
        return ledger.evidence(notes=notes)
    if rows.facts.label is None or not rows.has("subject.label"):
        return ledger.evidence(notes=[*notes, "No label column was declared, so only the outputs were looked at."])
    known = np.isfinite(rows.labels) if rows.facts.task == "regression" else rows.labels >= 0
    if not known.any():
        return ledger.evidence(notes=[*notes, "No row has a known label, so only the outputs were looked at."])
    _labels(ledger, rows, known, notes)
    if rows.facts.task == "regression":
        _quantities(ledger, rows, known)
    elif rows.facts.task in ("binary", "multiclass", "anomaly") and rows.has("outputs.decision"):
        _decisions(ledger, rows, known, design, notes)
    _twins(ledger, rows, known, twin_auc, notes)
    return ledger.evidence(notes=notes)


def _outputs(ledger: Ledger, rows: Rows, notes: list[str]) -> None:
    if rows.has("outputs.finite"):
        bad = int((rows.column("outputs.finite") == 0).sum())
        ledger.exact("non_finite_outputs", bad / rows.n, rows.n, unit="proportion", counts={"non_finite": bad, "total": rows.n})
    measured = next((name for name in ("outputs.score", "outputs.probability", "outputs.output") if rows.has(name)), None)
    if rows.n < FEWEST_ROWS:
        notes.append(f"With {rows.n} rows, fewer than {FEWEST_ROWS}, it is not asked whether outputs, decisions or labels are constant.")
        return
    if measured is not None:
        values = rows.column(measured)
        finite = np.isfinite(values) if values.ndim == 1 else np.isfinite(values).all(axis=1)
        ledger.exact("distinct_outputs", len(np.unique(values[finite], axis=0)), rows.n, method=f"different values of {measured}")
    if rows.facts.task in ("binary", "multiclass") and rows.has("outputs.decision"):
        decided = rows.decisions[rows.decisions >= 0]
        ledger.exact("distinct_decisions", len(np.unique(decided)), rows.n, method="different decided classes")
        if rows.facts.task == "multiclass" and rows.facts.positive:
            chosen = np.unique(np.isin(decided, rows.facts.positive))
            ledger.exact("distinct_selections", len(chosen), rows.n, method="whether rows with and without a favourable decision are there")


def _labels(ledger: Ledger, rows: Rows, known: NDArray[np.bool_], notes: list[str]) -> None:
    missing = rows.n - int(known.sum())
    if missing:
        notes.append(f"{missing:,} of {rows.n:,} rows have no known label.")
    if known.sum() >= FEWEST_ROWS:
        ledger.exact("distinct_labels", len(np.unique(rows.labels[known])), int(known.sum()), method="different known labels")


def _decisions(ledger: Ledger, rows: Rows, known: NDArray[np.bool_], design: RowDesign, notes: list[str]) -> None:
    truth, decided, held = rows.labels[known].astype(np.int64), rows.decisions[known], design.of(known)
    if len(truth) >= FEWEST_ROWS:
        ledger.exact("differing_decisions", int((truth != decided).sum()), len(truth), unit="rows", method="rows whose decision is not the label")
    for name, method in (("cohen_kappa", cohen_kappa), ("accuracy_over_base_rate", accuracy_over_base_rate)):
        if name == "accuracy_over_base_rate" and rows.facts.task == "anomaly":
            continue  # where anomalies are rare, a useful detector is right less often than one that flags nothing
        plain = method(truth, decided, held.weights, clusters=held.clusters)
        wide = method(truth, decided, held.weights, clusters=held.clusters, confidence=bonferroni(0.95, COMPARISONS))
        if isinstance(plain, Undefined):
            notes.append(f"{name.replace('_', ' ').capitalize()} was not estimated: {plain.reason}")
        else:
            ledger.add(name, plain, simultaneous=family(wide, COMPARISONS))
    if rows.facts.two_classes and rows.has("outputs.score"):
        _score(ledger, rows, known, design, notes)


def _score(ledger: Ledger, rows: Rows, known: NDArray[np.bool_], design: RowDesign, notes: list[str]) -> None:
    usable = known & np.isfinite(rows.column("outputs.score"))
    scores, positives, held = rows.column("outputs.score")[usable], rows.labels[usable] == 1, design.of(usable)
    plain = auc(scores, positives, held.weights, clusters=held.clusters)
    if isinstance(plain, Undefined):
        notes.append(f"The score's area under the ROC curve was not estimated: {plain.reason}")
        return
    wide = auc(scores, positives, held.weights, clusters=held.clusters, confidence=bonferroni(0.95, COMPARISONS))
    ledger.add("score_auc", plain, simultaneous=family(wide, COMPARISONS))


def _several(ledger: Ledger, rows: Rows, design: RowDesign, notes: list[str]) -> None:
    """The same questions of each of several labels, so far as they can be asked."""
    answered, truth = rows.column("outputs.output"), rows.label_matrix
    for label, name in enumerate(rows.facts.classes):
        used = (truth[:, label] >= 0) & np.isfinite(answered[:, label])
        held, at = design.of(used), {"label": name}
        if used.sum() >= FEWEST_ROWS:
            ledger.exact("distinct_labels", len(np.unique(truth[used, label])), int(used.sum()), at=at, method="different known values of the label")
        plain, wide = (
            auc(answered[used, label], truth[used, label] == 1, held.weights, clusters=held.clusters, confidence=level)
            for level in (0.95, bonferroni(0.95, len(rows.facts.classes)))
        )
        if isinstance(plain, Undefined):
            notes.append(f"The area under the ROC curve of label {name} was not estimated: {plain.reason}")
        else:
            ledger.add("score_auc", plain, at=at, simultaneous=family(wide, len(rows.facts.classes)))


def _quantities(ledger: Ledger, rows: Rows, known: NDArray[np.bool_]) -> None:
    usable = known & np.isfinite(rows.column("outputs.score"))
    found = correlation(rows.column("outputs.score")[usable], rows.labels[usable].astype(np.float64))
    if not isinstance(found, Undefined):
        ledger.add("score_label_correlation", found)


def _twins(ledger: Ledger, rows: Rows, known: NDArray[np.bool_], twin_auc: float, notes: list[str]) -> None:
    inputs = [name for name in rows.names() if name.startswith("subject.input.")]
    columns = [name for name in inputs if rows.column(name).ndim == 1]
    if not columns:
        return
    truth = rows.labels[known]
    found = [name for name in columns if tells(rows.column(name)[known], truth, task=rows.facts.task, auc=twin_auc)]
    ledger.exact("label_twins", len(found), int(known.sum()), unit="columns", method="inputs which alone tell the label")
    if found:
        notes.append("These inputs alone tell the label: " + ", ".join(name.removeprefix("subject.input.") for name in found) + ".")

"""The check `performance.classification`: how often, and how surely, the network is right."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from audit.chart_kinds import Chart, TableChart
from audit.check import check
from audit.facts import LABEL_WORDS
from audit.ledger import Ledger
from audit.methods.calibration.brier import brier_score
from audit.methods.performance.agreement import balanced_accuracy
from audit.methods.performance.roc import auc
from audit.methods.statistics.group_shares import group_shares, one_share
from audit.methods.statistics.intervals import Undefined
from audit.methods.statistics.means import mean_interval
from audit.methods.statistics.proportions import proportion_interval
from audit.results import Evidence, Scalar
from audit.row_design import RowDesign, row_design
from audit.rows import Rows

LARGEST_TABLE = 30


@check(
    title="Performance of the classification",
    topics=("performance", "accuracy"),
    measures=("accuracy", "balanced_accuracy", "roc_auc", "log_loss", "brier_score", "recall"),
    needs={"labels"},
    tasks={"binary", "multiclass", "anomaly"},
)
def classification(rows: Rows) -> Evidence:
    """How often is the network right, and how good are its scores?

    Why it matters:
        A network that is wrong too often does harm whatever else is true of it, and its error level has to be told to those who use it.

    How to read it:
        Accuracy is the share of rows decided as labelled; read it beside the share of the commonest label. Balanced accuracy averages the
        recall of the classes, so that a rare class counts as much as a common one. The area under the ROC curve is the chance that a
        positive row scores above a negative one, whatever the threshold. Log loss (nats) and Brier score judge the probabilities
        themselves; lower is better. A row without a finite output counts as wrong.

    What it cannot show:
        How the network will do on other people or at another time, whether the labels are right, or what an error costs.

    References:
        Brodersen et al. 2010, doi:10.1109/ICPR.2010.764
        DeLong, DeLong & Clarke-Pearson 1988, doi:10.2307/2531595
        Gneiting & Raftery 2007, doi:10.1198/016214506000001437
    """
    ledger, design = Ledger(census=rows.facts.census), row_design(rows)
    notes = [LABEL_WORDS[rows.facts.label_kind], *([design.note] if design.note else [])]
    known = rows.labels >= 0
    if not known.all():
        notes.append(f"{int((~known).sum()):,} rows have no known label and are left out.")
    _decided(ledger, rows, known, design)
    _scored(ledger, rows, known, design, notes)
    return ledger.evidence(_confusion(rows, known), notes)


def _decided(ledger: Ledger, rows: Rows, known: NDArray[np.bool_], design: RowDesign) -> None:
    labels, right = rows.labels, rows.decisions == rows.labels
    share = one_share(right, base=known, weights=design.weights, clusters=design.clusters)
    counts = {"correct": int(share.successes), "total": share.rows} if share.exact and share.rows else None
    ledger.add("accuracy", proportion_interval(share), unit="proportion", counts=counts)
    held = design.of(known)
    ledger.add("balanced_accuracy", balanced_accuracy(labels[known], rows.decisions[known], held.weights, clusters=held.clusters), unit="proportion")
    size = len(rows.facts.classes)
    recalls = group_shares(right, labels, size, weights=design.weights, clusters=design.clusters)
    for name, one in zip(rows.facts.classes, recalls, strict=True):
        found = proportion_interval(one) if one.rows else Undefined(f"No row is labelled {name}.", 0)
        ledger.add("recall", found, at={"class": name}, unit="proportion")


def _scored(ledger: Ledger, rows: Rows, known: NDArray[np.bool_], design: RowDesign, notes: list[str]) -> None:
    n = int(known.sum())
    if rows.has("outputs.score") and rows.facts.two_classes:
        used = known & np.isfinite(rows.column("outputs.score"))
        held = design.of(used)
        ledger.add(
            "roc_auc", auc(rows.column("outputs.score")[used], rows.labels[used] == 1, held.weights, clusters=held.clusters), unit="proportion"
        )
    elif rows.facts.two_classes:
        ledger.absent("roc_auc", "Only decisions were given, no scores.", n)
    if not rows.has("outputs.probability"):
        for name in ("log_loss", "brier_score"):
            ledger.absent(name, "The outputs are not probabilities.", n)
        return
    probability = rows.column("outputs.probability")
    used = known & np.isfinite(probability).all(axis=1)
    held = design.of(used)
    brier = brier_score(probability[used], rows.labels[used].astype(np.int64), held.weights, clusters=held.clusters)
    ledger.add("brier_score", brier, unit="squared probability")
    _log_loss(ledger, rows, used, design, notes)


def _log_loss(ledger: Ledger, rows: Rows, used: NDArray[np.bool_], design: RowDesign, notes: list[str]) -> None:
    losses = rows.column("outputs.loss") if rows.has("outputs.loss") else np.full(rows.n, np.nan)
    finite = used & np.isfinite(losses)
    if (used & ~finite).any():
        notes.append(f"{int((used & ~finite).sum()):,} rows have no finite log loss and are left out of it, which flatters the mean.")
    held = design.of(finite)
    ledger.add("log_loss", mean_interval(losses[finite], held.weights, clusters=held.clusters), unit="nats")


def _confusion(rows: Rows, known: NDArray[np.bool_]) -> list[Chart]:
    names = rows.facts.classes
    if not known.any() or len(names) > LARGEST_TABLE:
        return []
    size = len(names)
    decided = np.where(rows.decisions < 0, size, rows.decisions)[known]
    table = np.bincount(rows.labels[known] * (size + 1) + decided, minlength=size * (size + 1)).reshape(size, size + 1)
    columns = ("label", *(f"decided {name}" for name in names), "no decision")
    cells: list[list[Scalar]] = [[name, *(int(count) for count in row)] for name, row in zip(names, table, strict=True)]
    return [TableChart(title="Rows by label and decision", columns=columns, rows=cells)]

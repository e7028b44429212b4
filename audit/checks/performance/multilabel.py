"""The check `performance.multilabel`: how often, label by label and all together, the network is right."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from audit.chart_kinds import Chart
from audit.check import check
from audit.estimate_bars import estimate_bars
from audit.facts import LABEL_WORDS
from audit.ledger import Ledger
from audit.methods.performance.roc import auc
from audit.methods.statistics.label_intervals import exact_interval, hamming_interval, label_interval, macro_interval, micro_interval
from audit.methods.statistics.label_rates import LabelRows
from audit.methods.statistics.means import mean_interval
from audit.results import Evidence
from audit.row_design import row_design
from audit.rows import Rows

NAMES = {"true_positive_rate": "recall", "false_positive_rate": "false_positive_rate", "positive_predictive_value": "precision", "f1": "f1"}
"""Rates by the names they have where no groups are compared."""


@check(
    title="Performance on several labels",
    topics=("performance", "accuracy", "multilabel"),
    measures=(
        "exact_match",
        "hamming_loss",
        *NAMES.values(),
        *(f"macro_{name}" for name in NAMES.values()),
        *(f"micro_{name}" for name in NAMES.values()),
        "roc_auc",
        "brier_score",
        "log_loss",
    ),
    needs={"labels"},
    tasks={"multilabel"},
)
def multilabel(rows: Rows) -> Evidence:
    """How often are the labels of a row right, and which labels does the network do badly on?

    Why it matters:
        A network that is right about frequent labels looks good in every total and may still never find the rare label that matters.

    How to read it:
        A row matches exactly when all its labels are right; the Hamming loss is the share of labels that are wrong. Recall, precision and F1
        are given for each label, as their mean over the labels (macro: rare labels count fully) and over all labels at once (micro: frequent
        labels dominate). The area under the ROC curve of a label is the chance that a row with it scores above one without. Brier score and
        log loss (nats, the mean over the labels of a row) judge the probabilities themselves; lower is better.

    What it cannot show:
        How the network will do on other rows or at another time, whether the labels are complete, or what a missed label costs.

    References:
        Sorower 2010, A literature survey on algorithms for multi-label learning, Oregon State University
        DeLong, DeLong & Clarke-Pearson 1988, doi:10.2307/2531595
        Gneiting & Raftery 2007, doi:10.1198/016214506000001437
    """
    ledger, design = Ledger(census=rows.facts.census), row_design(rows)
    held = LabelRows(rows.label_matrix, rows.decision_matrix, design.weights, design.clusters)
    notes = [LABEL_WORDS[rows.facts.label_kind], *([design.note] if design.note else [])]
    ledger.add("exact_match", exact_interval(held), unit="proportion")
    ledger.add("hamming_loss", hamming_interval(held), unit="proportion")
    charts: list[Chart] = []
    for rate, name in NAMES.items():
        charts += _rate(ledger, held, rate, name, rows.facts.classes)
    _scores(ledger, rows, held)
    return ledger.evidence(charts, notes)


def _rate(ledger: Ledger, held: LabelRows, rate: str, name: str, classes: Sequence[str]) -> list[Chart]:
    found = [label_interval(held, rate, label) for label in range(len(classes))]
    for called, estimate in zip(classes, found, strict=True):
        ledger.add(name, estimate, at={"label": called}, unit="proportion")
    ledger.add(f"macro_{name}", macro_interval(held, rate), unit="proportion")
    ledger.add(f"micro_{name}", micro_interval(held, rate), unit="proportion")
    return [*estimate_bars(title=f"{name.replace('_', ' ').capitalize()} of each label", categories=list(classes), estimates=found, x_label=name)]


def _scores(ledger: Ledger, rows: Rows, held: LabelRows) -> None:
    """Area under the curve, Brier score and log loss, from what the network answered before the threshold."""
    probable = rows.has("outputs.probability")
    answered = rows.column("outputs.probability" if probable else "outputs.output")
    truth = rows.label_matrix
    for label, called in enumerate(rows.facts.classes):
        used = (truth[:, label] >= 0) & np.isfinite(answered[:, label])
        kept = held.of(used)
        if rows.facts.output == "decision":
            ledger.absent("roc_auc", "Only decisions were given, no scores.", int(used.sum()), at={"label": called})
        else:
            area = auc(answered[used, label], truth[used, label] == 1, kept.weights, clusters=kept.clusters)
            ledger.add("roc_auc", area, at={"label": called}, unit="proportion")
        if probable:
            squares = np.square(answered[used, label] - truth[used, label])
            ledger.add("brier_score", mean_interval(squares, kept.weights, clusters=kept.clusters), at={"label": called}, unit="squared probability")
    if not probable:
        for name in ("brier_score", "log_loss"):
            ledger.absent(name, "The outputs are not probabilities.", rows.n)
        return
    losses = rows.column("outputs.loss")
    known = np.isfinite(losses)
    kept = held.of(known)
    ledger.add("log_loss", mean_interval(losses[known], kept.weights, clusters=kept.clusters), unit="nats")

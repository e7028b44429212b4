"""The check `anomaly.detection`: how well an anomaly detector tells anomalies from ordinary rows, and how much it flags where."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from audit.chart_kinds import Chart, Histogram
from audit.check import check
from audit.estimate_bars import estimate_bars
from audit.facts import LABEL_WORDS, Facts
from audit.ledger import Ledger
from audit.methods.anomaly.conformal import false_alarm_range
from audit.methods.performance.average_precision import average_precision
from audit.methods.performance.roc import auc
from audit.methods.statistics.group_shares import one_share
from audit.methods.statistics.intervals import Estimate, Undefined
from audit.methods.statistics.proportions import Share, newcombe_difference, proportion_interval
from audit.results import Evidence
from audit.row_design import RowDesign, row_design
from audit.rows import Rows

ELSEWHERE = "anomaly.flagged_elsewhere"
BINS = 40
Mask = NDArray[np.bool_]
RATES = {
    "recall": "No row is labelled anomalous.",
    "false_alarm_rate": "No row is labelled ordinary.",
    "precision": "No row with a known label is flagged.",
    "anomalous_share": "No row has a known label.",
}
"""What is counted against labels, and why it may not exist."""


@check(
    title="Detection of anomalies",
    topics=("anomaly", "performance", "accuracy"),
    measures=("roc_auc", "average_precision", *RATES, "flagged_share", "flagged_share_difference"),
    optional=(ELSEWHERE,),
    tasks={"anomaly"},
)
def detection(rows: Rows) -> Evidence:
    """Does the network tell anomalies from ordinary rows, and how much does it flag?

    Why it matters:
        A flag stops a payment, sends a person to a search or a part to the scrap. A detector that misses what it is there to find gives false
        comfort; one that flags ordinary rows costs those it flags, and is soon ignored.

    How to read it:
        The area under the ROC curve is the chance that an anomalous row looks more unusual than an ordinary one, whatever the threshold.
        Average precision says how pure the top of the ranking is; by chance it is the share of anomalous rows, so read it beside that share.
        At the threshold, recall is the share of anomalous rows that are flagged, the false alarm rate the share of ordinary rows that are,
        and precision the share of flagged rows that are anomalous, which falls as anomalies become rarer. A row without a finite score is not
        flagged. The flagged share is shown for the evaluated rows and for reference and calibration rows; a difference is the evaluated
        share less that of the other part. False alarms by group are in the error rates by group (false positive rate), flags in the
        selection rates.

    What it cannot show:
        How anomalies of a kind that is not among the labelled ones would be found, nor whether unusual means harmful. Rows that the network
        was fitted on look less unusual to it than new ones, so a difference from reference rows may come from fitting alone. Intervals hold
        the chance of the rows, not that of a threshold taken from few calibration rows.

    References:
        DeLong, DeLong & Clarke-Pearson 1988, doi:10.2307/2531595
        Boyd, Eng & Page 2013, doi:10.1007/978-3-642-40994-3_29
        Newcombe 1998, Statistics in Medicine 17:873-890
    """
    ledger, design = Ledger(census=rows.facts.census), row_design(rows)
    notes = [*_threshold(rows.facts), *([design.note] if design.note else [])]
    flagged = rows.decisions == 1
    shares = _flagged(ledger, rows, flagged, design, notes)
    if rows.has("subject.label"):
        notes = [LABEL_WORDS[rows.facts.label_kind], *notes]
        _against_labels(ledger, rows, flagged, design, notes)
    else:
        for name in ("roc_auc", "average_precision", *RATES):
            ledger.absent(name, "No label column was declared, so it is not known which rows are anomalous.", rows.n)
    bars = estimate_bars(title="Share of flagged rows", categories=list(shares), estimates=list(shares.values()), x_label="share of flagged rows")
    return ledger.evidence([*bars, *_histogram(rows)], notes)


def _threshold(facts: Facts) -> list[str]:
    """Where the threshold comes from, and how scores are held."""
    source, notes = facts.threshold_source, []
    if source is not None and facts.threshold is not None:
        low, high = false_alarm_range(source.rows, 1 - source.quantile)
        notes.append(
            f"The threshold {facts.threshold:.6g} is the {source.quantile:g} quantile of {source.rows:,} ordinary calibration rows; of ordinary rows "
            f"of the same kind it flags between {low:.2%} and {high:.2%}."
        )
    if facts.flag == "low":
        notes.append("Low scores of the network are unusual; the run holds their negatives, threshold included, so that higher is more unusual.")
    if facts.output == "reconstruction":
        notes.append("The score is the mean squared error between a row, as it was given to the network, and what the network returned.")
    return notes


def _flagged(ledger: Ledger, rows: Rows, flagged: Mask, design: RowDesign, notes: list[str]) -> Mapping[str, Estimate]:
    own = one_share(flagged, weights=design.weights, clusters=design.clusters)
    found: dict[str, Estimate] = {"evaluate": proportion_interval(own)}
    counts = {"flagged": int(own.successes), "rows": own.rows} if own.exact else None
    ledger.add("flagged_share", found["evaluate"], at={"part": "evaluate"}, unit="proportion", counts=counts)
    if not rows.has_table(ELSEWHERE, "flagged"):
        notes.append(f"No other rows were looked at: {rows.why_absent(ELSEWHERE)}")
        return found
    table = rows.table(ELSEWHERE, "flagged")
    for part, total, hits in zip(table["part"].tolist(), table["rows"].tolist(), table["flagged"].tolist(), strict=True):
        share, at = Share(float(hits), float(total), int(total)), {"part": str(part)}
        found[str(part)] = proportion_interval(share)
        ledger.add("flagged_share", found[str(part)], at=at, unit="proportion", counts={"flagged": int(hits), "rows": int(total)})
        ledger.add("flagged_share_difference", newcombe_difference(own, share), at=at, unit="proportion")
    return found


def _against_labels(ledger: Ledger, rows: Rows, flagged: Mask, design: RowDesign, notes: list[str]) -> None:
    labels = rows.labels
    known, anomalous = labels >= 0, labels == 1
    if not known.all():
        notes.append(f"{int((~known).sum()):,} rows have no known label and are left out of what is counted against labels.")
    masks = {
        "recall": (flagged, anomalous),
        "false_alarm_rate": (flagged, known & ~anomalous),
        "precision": (anomalous, known & flagged),
        "anomalous_share": (anomalous, known),
    }
    for name, (hits, base) in masks.items():
        share = one_share(hits, base=base, weights=design.weights, clusters=design.clusters)
        counts = {"hits": int(share.successes), "base": share.rows} if share.exact and share.rows else None
        ledger.add(name, proportion_interval(share) if share.total > 0 else Undefined(RATES[name], 0), unit="proportion", counts=counts)
    if not rows.has("outputs.score"):
        for name in ("roc_auc", "average_precision"):
            ledger.absent(name, "Only decisions were given, no scores.", rows.n)
        return
    scores = rows.column("outputs.score").astype(np.float64)
    used = known & np.isfinite(scores)
    held = design.of(used)
    for name, method in (("roc_auc", auc), ("average_precision", average_precision)):
        ledger.add(name, method(scores[used], anomalous[used], held.weights, clusters=held.clusters), unit="proportion")


def _histogram(rows: Rows) -> list[Chart]:
    """Scores of ordinary and anomalous rows, or of all; the hundredth furthest out counts in the last bin."""
    if not rows.has("outputs.score"):
        return []
    scores = rows.column("outputs.score").astype(np.float64)
    finite = np.isfinite(scores)
    if not finite.any() or scores[finite].min() == scores[finite].max():
        return []
    low, high = (float(end) for end in np.quantile(scores[finite], [0.0, 0.99]))
    edges = np.linspace(low, high if high > low else float(scores[finite].max()), BINS + 1)
    kinds = {name: rows.labels == code for code, name in enumerate(("ordinary", "anomalous"))} if rows.has("subject.label") else {}
    series = {name: _counts(scores[finite & kind], edges) for name, kind in (kinds or {"all rows": finite}).items() if (finite & kind).any()}
    if not series:
        return []
    cut = "" if rows.facts.threshold is None else f"; flagged from {rows.facts.threshold:.4g} on"
    return [Histogram(title="Scores of the rows", edges=edges.tolist(), series=series, x_label=f"score, higher is more unusual{cut}")]


def _counts(scores: NDArray[np.float64], edges: NDArray[np.float64]) -> list[float]:
    return [float(count) for count in np.histogram(np.clip(scores, edges[0], edges[-1]), bins=edges)[0]]

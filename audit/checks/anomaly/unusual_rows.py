"""The check `anomaly.unusual_rows`: how many evaluated rows look unlike the calibration rows, and whether detectors agree which."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np

from audit.chart_kinds import BarChart, Chart, Histogram, Mark
from audit.check import check
from audit.detectors import DETECTORS, Detector, detectors
from audit.estimate_bars import estimate_bars
from audit.ledger import Ledger
from audit.methods.anomaly.conformal import attained, calibration_rows_needed, discoveries, false_alarm_range, smallest_p_value
from audit.methods.anomaly.shift import score_shift
from audit.methods.statistics.correlation import correlation
from audit.methods.statistics.group_shares import one_share
from audit.methods.statistics.intervals import Undefined
from audit.methods.statistics.proportions import proportion_interval
from audit.methods.statistics.ranks import tied_ranks
from audit.results import Evidence
from audit.rows import Rows

FOREST = "anomaly.isolation_forest"
EDGES = tuple(round(0.05 * step, 2) for step in range(21))


@check(
    title="Unusual rows",
    topics=("anomaly", "out_of_distribution", "data_quality"),
    measures=("unusual_share", "smallest_p_value", "discovery_share", "shift_distance", "shift_p_value", "flagged_by_both", "rank_agreement"),
    optional=DETECTORS,
    needs={"calibration"},
)
def unusual_rows(rows: Rows, *, alpha: float = 0.05, shift_level: float = 0.01) -> Evidence:
    """How many rows look unlike the calibration rows, and do detectors agree which?

    Why it matters:
        A network answers on rows it has never seen the like of, and often with confidence. Scores that tell such rows apart can send them
        to a person, but only if the score is known to say what it seems to say on rows of this kind.

    How to read it:
        Each detector gives a row a p-value: the share of calibration rows that look at least as unusual. The unusual share counts rows
        with a p-value of at most `alpha`. Rows of the same kind as the calibration rows would be counted about `alpha` of the time, within
        the range named in the notes, so a share above it suggests that the evaluated rows differ. No p-value can be smaller than 1 over
        one more than the number of calibration rows. The shift distance compares all scores, not only the oddest, and runs from 0 to 1; a
        small shift p-value suggests that calibration and evaluated rows were not drawn alike. `shift_level` is shared among the detectors.
        Discoveries are rows that stand out even though all rows were asked at once; few calibration rows leave room for none. Of the rows
        that one of two detectors counts, flagged by both is the share that both count.

    What it cannot show:
        Whether an unusual row is wrong, or a usual one right. A detector sees what it was built for: rows odd in their inputs can have usual
        outputs. No detector is best everywhere. Intervals hold the chance of the evaluated rows, not that of the calibration rows. If
        calibration rows were used to train or tune the network, rows look more unusual than they are.

    References:
        Bates et al. 2023, Testing for outliers with conformal p-values, doi:10.1214/22-AOS2244
        Liu et al. 2020, Energy-based out-of-distribution detection, arXiv:2010.03759
        Sun et al. 2022, Out-of-distribution detection with deep nearest neighbors, arXiv:2204.06507
        Liu, Ting & Zhou 2008, Isolation forest, doi:10.1109/ICDM.2008.17
    """
    measured, missing = detectors(rows)
    ledger, blockers = Ledger(census=rows.facts.census and all(d.rows.n == rows.n for d in measured)), []
    for name, reason in missing.items():
        ledger.absent("unusual_share", reason, 0, at={"detector": name})
    for detector in measured:
        blockers += _share(ledger, detector, alpha) + _shift(ledger, detector, shift_level / len(measured))
    for first, second in combinations(measured, 2):
        _agreement(ledger, first, second, alpha)
    return ledger.evidence(_charts(rows, measured, alpha), _notes(measured, missing, alpha), blockers)


def _share(ledger: Ledger, detector: Detector, alpha: float) -> list[str]:
    """The share of unusual rows; where no p-value can reach `alpha` it is absent, and the reason returned."""
    n, at, rows = len(detector.calibration), {"detector": detector.name}, len(detector.p_values)
    ledger.exact("smallest_p_value", smallest_p_value(n), n, at=at, method="1 / (calibration rows + 1)")
    needed, design = calibration_rows_needed(alpha), detector.design
    if n < needed:
        reason = f"{detector.name}: {n:,} calibration rows cannot give a p-value of {alpha:g} or less; at least {needed:,} are needed."
        for name in ("unusual_share", "discovery_share"):
            ledger.absent(name, reason, rows, at=at)
        return [reason]
    flagged = attained(detector.p_values, alpha)
    ledger.add("unusual_share", proportion_interval(one_share(flagged, weights=design.weights, clusters=design.clusters)), at=at, unit="proportion")
    if rows:
        found = int(discoveries(detector.p_values, rate=alpha).sum())
        method = f"rows found at a false discovery rate of {alpha:g}, Benjamini-Hochberg"
        ledger.exact("discovery_share", found / rows, rows, at=at, unit="proportion", method=method, counts={"found": found, "rows": rows})
    return []


def _shift(ledger: Ledger, detector: Detector, level: float) -> list[str]:
    """Distance and test of the scores against the calibration rows; the warning is returned when the test is below `level`."""
    at, n = {"detector": detector.name}, len(detector.scores)
    found = score_shift(detector.scores, detector.calibration)
    if found is None or detector.design.weights is not None or detector.design.clusters is not None:
        reason = "No row has a score." if found is None else "The test needs independent rows of equal weight."
        for name in ("shift_distance", "shift_p_value"):
            ledger.absent(name, reason, n, at=at)
        return []
    ledger.exact("shift_distance", found.distance, n, at=at, method="two-sample Kolmogorov-Smirnov distance to the calibration scores")
    ledger.exact("shift_p_value", found.p_value, n, at=at, method="two-sample Kolmogorov-Smirnov test")
    if found.p_value > level:
        return []
    tested = f"Kolmogorov-Smirnov p {found.p_value:.2g}" if found.p_value >= 1e-12 else "Kolmogorov-Smirnov p below 1e-12"
    return [f"{detector.name}: evaluated rows score unlike the calibration rows ({tested}), which suggests that the two were not drawn alike."]


def _agreement(ledger: Ledger, first: Detector, second: Detector, alpha: float) -> None:
    at = {"detectors": f"{first.name} and {second.name}"}
    if not np.array_equal(first.rows.positions[first.known], second.rows.positions[second.known]):
        for name in ("flagged_by_both", "rank_agreement"):
            ledger.absent(name, "The two detectors gave scores to different rows.", min(len(first.scores), len(second.scores)), at=at)
        return
    one, two, design = attained(first.p_values, alpha), attained(second.p_values, alpha), first.design
    both = one_share(one & two, base=one | two, weights=design.weights, clusters=design.clusters)
    counted = proportion_interval(both) if both.rows else Undefined("Neither detector counts a row as unusual.", 0)
    ledger.add("flagged_by_both", counted, at=at, unit="proportion")
    ranks = correlation(tied_ranks(first.scores), tied_ranks(second.scores))
    if isinstance(ranks, Undefined):
        ledger.absent("rank_agreement", "Rank correlation needs four rows and scores that vary.", ranks.n, at=at)
    else:
        ledger.exact("rank_agreement", ranks.value, ranks.n, at=at, method="Spearman rank correlation of the scores")


def _notes(measured: Sequence[Detector], missing: Mapping[str, str], alpha: float) -> list[str]:
    notes = [f"{name} was not measured: {reason}" for name, reason in missing.items()]
    for n in dict.fromkeys(len(detector.calibration) for detector in measured):
        low, high = false_alarm_range(n, alpha)
        if high > 0:
            notes.append(f"With {n:,} calibration rows, between {low:.2%} and {high:.2%} of rows of the same kind would be counted as unusual.")
    notes += [f"{d.name}: {d.unknown:,} rows have no score and are left out." for d in measured if d.unknown]
    return [*notes, *dict.fromkeys(d.design.note for d in measured if d.design.note)]


def _charts(rows: Rows, measured: Sequence[Detector], alpha: float) -> list[Chart]:
    able = [d for d in measured if len(d.p_values) and len(d.calibration) >= calibration_rows_needed(alpha)]
    if not able:
        return []
    shares = [proportion_interval(one_share(attained(d.p_values, alpha), weights=d.design.weights, clusters=d.design.clusters)) for d in able]
    bars = estimate_bars(
        title="Unusual rows by detector",
        categories=[d.name for d in able],
        estimates=shares,
        x_label="share of unusual rows",
        marks=[Mark(value=alpha, label="alpha")],
    )
    counts = {d.name: np.histogram(d.p_values, bins=EDGES)[0].tolist() for d in able}
    return [*bars, Histogram(title="p-values of the rows", edges=EDGES, series=counts, x_label="p-value"), *_columns(rows, able, alpha)]


def _columns(rows: Rows, able: Sequence[Detector], alpha: float) -> list[Chart]:
    """In which column unusual rows of the forest lie farthest out."""
    forest = next((d for d in able if d.name == FOREST.rpartition(".")[2]), None)
    if forest is None or not attained(forest.p_values, alpha).any():
        return []
    names = rows.table(FOREST, "players")["name"].tolist()
    flagged = forest.rows.column(f"{FOREST}.contribution")[forest.known][attained(forest.p_values, alpha)]
    leads = np.bincount(np.argmax(flagged, axis=1), minlength=len(names)) / len(flagged)
    order = np.argsort(-leads, kind="stable")[:20]
    return [
        BarChart(
            title="Column in which unusual rows lie farthest out",
            categories=[names[i] for i in order],
            values=[float(leads[i]) for i in order],
            n=[len(flagged)] * len(order),
            x_label="share of the rows that isolation_forest counts as unusual",
        )
    ]

"""The check `anomaly.unusual_rows_by_group`: whose rows would be held back if unusual rows were."""

from __future__ import annotations

import numpy as np

from audit.chart_kinds import BarChart, Mark
from audit.check import check
from audit.detectors import DETECTORS, Detector, detectors
from audit.estimate_bars import estimate_bars
from audit.ledger import Ledger
from audit.methods.anomaly.conformal import attained, calibration_rows_needed
from audit.methods.fairness.comparisons import compare
from audit.methods.statistics.group_shares import group_shares
from audit.methods.statistics.intervals import Interval, Undefined
from audit.methods.statistics.proportions import Share, proportion_interval
from audit.reference_group import reference_group, reference_note
from audit.results import Evidence
from audit.rows import Rows


@check(
    title="Unusual rows by group",
    topics=("anomaly", "fairness", "out_of_distribution"),
    measures=("unusual_share", "unusual_share_difference"),
    optional=DETECTORS,
    needs={"calibration", "groups"},
)
def unusual_rows_by_group(rows: Rows, *, alpha: float = 0.05) -> Evidence:
    """Are the rows of some groups counted as unusual more often than those of others?

    Why it matters:
        Where unusual rows are refused or sent to a person, the score is a decision of its own. Small groups are often unusual merely
        because there are few of them in the data the score was set up on, and then they bear the refusals or the delay.

    How to read it:
        The unusual share of a group counts its rows with a p-value of at most `alpha` for one detector. One limit on the p-value serves
        all groups, and rows like the calibration rows are counted about `alpha` of the time taken together, not within each group. The
        difference is to the declared reference group, else the largest; above 0 the group is counted more often. Many differences are
        shown at once, so one interval that leaves out 0 may be chance.

    What it cannot show:
        Whether rows are held back in use, and whether holding them back helps or harms those concerned. A group can be counted more often
        because its rows do differ, or because the calibration data hold too few of its members; the shares do not tell which.

    References:
        Romano et al. 2020, With malice toward none: assessing uncertainty via equalized coverage, doi:10.1162/99608f92.03f00592
        Vovk 2012, Conditional validity of inductive conformal predictors, arXiv:1209.2673
        Bates et al. 2023, Testing for outliers with conformal p-values, doi:10.1214/22-AOS2244
    """
    measured, missing = detectors(rows)
    ledger, charts, needed = Ledger(census=rows.facts.census and all(d.rows.n == rows.n for d in measured)), [], calibration_rows_needed(alpha)
    for name, reason in missing.items():
        ledger.absent("unusual_share", reason, 0, at={"detector": name})
    notes = [f"{name} was not measured: {reason}" for name, reason in missing.items()]
    for detector in measured:
        if len(detector.calibration) < needed:
            reason = f"{len(detector.calibration):,} calibration rows cannot give a p-value of {alpha:g} or less; at least {needed:,} are needed."
            ledger.absent("unusual_share", reason, len(detector.p_values), at={"detector": detector.name})
            continue
        for spec in rows.facts.groups:
            charts += _write(ledger, detector, spec.name, alpha)
    notes += [reference_note(rows, spec.name, _reference(measured[0], spec.name)) for spec in rows.facts.groups if measured]
    notes += dict.fromkeys(d.design.note for d in measured if d.design.note)
    return ledger.evidence(charts, notes)


def _write(ledger: Ledger, detector: Detector, attribute: str, alpha: float) -> list[BarChart]:
    """Shares and differences of one detector by one attribute; rows without a score are in no denominator."""
    held, design, at = detector.rows.group(attribute), detector.design, {"detector": detector.name}
    codes, flagged = held.codes[detector.known], attained(detector.p_values, alpha)
    shares = group_shares(flagged, codes, len(held.levels), weights=design.weights, clusters=design.clusters)
    for level, share in zip(held.levels, shares, strict=True):
        counts = {"unusual": int(share.successes), "rows": share.rows} if share.exact and share.rows else None
        ledger.add("unusual_share", _share(share), slice={attribute: level}, at=at, unit="proportion", counts=counts)
    reference = _reference(detector, attribute)
    for i, share in enumerate(shares):
        if reference is not None and i != reference:
            found, where, versus = compare(share, shares[reference]), {attribute: held.levels[i]}, {attribute: held.levels[reference]}
            ledger.add("unusual_share_difference", found.difference, slice=where, versus=versus, at=at, unit="proportion", n=found.rows)
    title = f"Rows counted as unusual by {detector.name}, by {attribute}"
    return estimate_bars(
        title=title,
        categories=held.levels,
        estimates=list(map(_share, shares)),
        x_label="share of unusual rows",
        marks=[Mark(value=alpha, label="alpha")],
    )


def _reference(detector: Detector, attribute: str) -> int | None:
    held = detector.rows.group(attribute)
    codes = held.codes[detector.known]
    return reference_group(detector.rows, attribute, np.bincount(codes[codes >= 0], minlength=len(held.levels)).tolist())


def _share(share: Share) -> Interval | Undefined:
    return proportion_interval(share) if share.total > 0 else Undefined("No row of the group has a score.", share.rows)

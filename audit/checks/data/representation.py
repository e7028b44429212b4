"""The check `data.representation`: who is in the evaluation data, and who is missing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from audit.chart_kinds import BarChart
from audit.check import check
from audit.estimate_bars import estimate_bars
from audit.ledger import Ledger
from audit.methods.statistics.group_shares import one_share
from audit.methods.statistics.intervals import Interval
from audit.methods.statistics.proportions import Share, proportion_interval
from audit.results import Evidence
from audit.row_design import RowDesign, row_design
from audit.rows import Rows

FEW = 30


@check(
    title="Representation of groups in the evaluation data",
    topics=("data_quality", "representation"),
    measures=("group_share", "group_share_difference", "unknown_membership_share", "missing_share"),
    reads=(),
    needs={"groups"},
)
def representation(rows: Rows) -> Evidence:
    """Who is in the evaluation data, and who is missing?

    Why it matters:
        What an audit says of a group rests on the rows of that group. A group with a handful of rows is hardly assessed at all, and data
        that misses a group says nothing of how it will fare.

    How to read it:
        The group share is the part of the rows with known membership; where shares of the population were declared, the difference tells
        how far the data departs from them, also for a group that has no rows. Unknown membership is counted apart and never put into a
        group. The missing share tells, for each input with gaps, how many rows have no value.

    What it cannot show:
        Whether the declared shares are right, whether the rows inside a group are typical of it, or why membership is unknown.

    References:
        Mitchell et al. 2019, Model Cards, arXiv:1810.03993
        Gebru et al. 2021, Datasheets for Datasets, arXiv:1803.09010
    """
    ledger, design, charts = Ledger(census=rows.facts.census), row_design(rows), []
    notes = [design.note] if design.note else []
    for spec in rows.facts.groups:
        charts += _attribute(ledger, rows, spec.name, design, notes)
    _missing(ledger, rows)
    return ledger.evidence(charts, notes)


def _attribute(ledger: Ledger, rows: Rows, name: str, design: RowDesign, notes: list[str]) -> list[BarChart]:
    held, declared = rows.group(name), rows.group_spec(name).shares
    known = held.codes >= 0
    unknown = one_share(~known, weights=design.weights, clusters=design.clusters)
    ledger.exact("unknown_membership_share", unknown.value, rows.n, at={"attribute": name}, unit="proportion", counts=_counts(unknown))
    if not known.any():
        notes.append(f"{name}: membership is unknown for every row.")
        return []
    found: dict[str, Interval] = {}
    levels = (*held.levels, *(level for level in declared if level not in held.levels))
    counts = np.bincount(held.codes[known], minlength=len(levels))
    for position, level in enumerate(levels):
        share = one_share(held.codes == position, base=known, weights=design.weights, clusters=design.clusters)
        estimate = proportion_interval(share)
        n = int(counts[position]) or share.rows
        ledger.add("group_share", estimate, slice={name: level}, unit="proportion", counts=_counts(share), n=n)
        if isinstance(estimate, Interval):
            found[level] = replace(estimate, n=n)
            _declared(ledger, estimate, name, level, declared.get(level))
    few = [level for level, count in zip(levels, counts, strict=True) if 0 < count < FEW]
    if few:
        shown = ", ".join(few[:10]) + (f" and {len(few) - 10} more" if len(few) > 10 else "")
        notes.append(f"{name}: fewer than {FEW} rows for {shown}.")
    notes += [f"{name}: {level} has a declared share but no rows." for level in declared if level not in held.levels]
    words = "share of rows with known membership"
    return estimate_bars(title=f"Share of rows by {name}", categories=list(found), estimates=list(found.values()), x_label=words)


def _declared(ledger: Ledger, estimate: Interval, name: str, level: str, share: float | None) -> None:
    if share is None:
        return
    gap = Interval(estimate.value - share, estimate.low - share, estimate.high - share, estimate.n, f"{estimate.method}, less the declared {share:g}")
    ledger.add("group_share_difference", gap, slice={name: level}, unit="proportion")


def _counts(share: Share) -> dict[str, int] | None:
    return {"rows": int(share.successes), "total": share.rows} if share.exact else None


def _missing(ledger: Ledger, rows: Rows) -> None:
    for name in rows.names():
        if not name.startswith("subject.input."):
            continue
        values = rows.column(name)
        if values.ndim != 1:
            continue
        gone = np.isnan(values) if values.dtype.kind == "f" else np.array([value is None for value in values])
        if gone.any():
            count = int(gone.sum())
            column = name.removeprefix("subject.input.")
            counts = {"missing": count, "total": rows.n}
            ledger.exact("missing_share", count / rows.n, rows.n, at={"column": column}, unit="proportion", counts=counts)

"""The check `fairness.through_time`: whether gaps between groups widen or narrow from one period to the next."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from audit.chart_kinds import Chart, LineChart, Series
from audit.check import check
from audit.ledger import Ledger, family
from audit.methods.fairness.combined import weighted_sum
from audit.methods.fairness.comparisons import compare
from audit.methods.fairness.periods import Periods, cut_periods
from audit.methods.statistics.group_shares import group_shares
from audit.methods.statistics.intervals import Estimate, Interval
from audit.methods.statistics.proportions import Share, proportion_interval
from audit.methods.statistics.simultaneous import bonferroni
from audit.reference_group import reference_group, reference_note
from audit.results import Evidence
from audit.row_design import row_design
from audit.rows import Rows

DATES = 1e8
"""Times above this are shown as dates: seconds since 1970, so from 1973 on."""


@check(
    title="Selection rates through time",
    topics=("fairness", "selection_rates", "drift"),
    measures=("selection_rate", "selection_rate_difference", "change_of_difference"),
    needs={"groups"},
    tasks={"binary", "multiclass", "anomaly"},
)
def through_time(rows: Rows, *, periods: int = 4) -> Evidence:
    """Do gaps between groups stay the same through time?

    Why it matters:
        A gap that is small over a year can be large in its last quarter. People change, applications change, and a network that was looked at
        once keeps deciding.

    How to read it:
        Rows are put in order of the declared time column and cut into periods with about equally many rows; rows of the same time stay
        together. In each period the selection rate of every group is shown, and its difference from the reference group. The change of the
        difference is that of the last period less that of the first: away from 0 with an interval that leaves out 0, the gap has moved.
        Periods are a search, so the differences also carry intervals that hold for all periods and groups together.

    What it cannot show:
        Why a gap moved, and whether the people or the network did. A change within a period cannot be seen.

    References:
        Newcombe 1998, Statistics in Medicine 17:873-890
        Zou & Donner 2008, doi:10.1002/sim.3095
    """
    ledger = Ledger(census=rows.facts.census)
    if not rows.has("subject.time") or not rows.facts.positive:
        reason = "No class was declared favourable." if rows.has("subject.time") else "No time column was declared (time under [data])."
        ledger.absent("selection_rate_difference", reason, rows.n)
        return ledger.evidence()
    times = rows.column("subject.time")
    cut = cut_periods(times, periods)
    names = [_name(start, end) for start, end in zip(cut.start, cut.end, strict=True)]
    notes = [f"{int((cut.codes < 0).sum()):,} rows have no time and are left out."] if (cut.codes < 0).any() else []
    notes += [row_design(rows).note] if row_design(rows).note else []
    charts: list[Chart] = []
    comparisons = max(1, len(names) * sum(len(spec.levels) - 1 for spec in rows.facts.groups))
    for spec in rows.facts.groups:
        codes = rows.group(spec.name).codes
        reference = reference_group(rows, spec.name, np.bincount(codes[codes >= 0], minlength=len(spec.levels)).tolist())
        notes += [note for note in (reference_note(rows, spec.name, reference),) if note]
        shares = _shares(rows, codes, len(spec.levels), cut)
        _write(ledger, spec.name, spec.levels, names, shares=shares, reference=reference, comparisons=comparisons)
        charts.append(_chart(spec.name, spec.levels, names, shares))
    return ledger.evidence(charts, [*notes, f"{comparisons:,} comparisons; their simultaneous intervals hold together (Bonferroni)."])


def _shares(rows: Rows, codes: NDArray[np.int32], levels: int, cut: Periods) -> list[list[Share]]:
    """Selection rates by period and level, in one pass."""
    design = row_design(rows)
    both = np.where((codes >= 0) & (cut.codes >= 0), cut.codes * levels + codes, -1)
    flat = group_shares(rows.selected, both, levels * len(cut.start), weights=design.weights, clusters=design.clusters)
    return [flat[period * levels : (period + 1) * levels] for period in range(len(cut.start))]


def _write(
    ledger: Ledger,
    attribute: str,
    levels: tuple[str, ...],
    names: list[str],
    *,
    shares: list[list[Share]],
    reference: int | None,
    comparisons: int,
) -> None:
    gaps: dict[int, list[Estimate]] = {}
    for name, held in zip(names, shares, strict=True):
        for position, share in enumerate(held):
            where, at = {attribute: levels[position]}, {"period": name}
            ledger.add("selection_rate", proportion_interval(share), slice=where, at=at, unit="proportion")
            if reference is None or position == reference:
                continue
            plain = compare(share, held[reference])
            wide = compare(share, held[reference], confidence=bonferroni(0.95, comparisons)).difference
            gaps.setdefault(position, []).append(plain.difference)
            ledger.add(
                "selection_rate_difference",
                plain.difference,
                slice=where,
                versus={attribute: levels[reference]},
                at=at,
                unit="proportion",
                n=plain.rows,
                simultaneous=family(wide, comparisons),
            )
    for position, found in gaps.items():
        if reference is not None and len(found) > 1:
            change = weighted_sum((found[-1], found[0]), (1, -1), what="difference in the last period less that in the first")
            where, versus = {attribute: levels[position]}, {attribute: levels[reference]}
            fewest = min(shares[period][level].rows for period in (0, -1) for level in (position, reference))
            ledger.add("change_of_difference", change, slice=where, versus=versus, unit="proportion", n=fewest)


def _chart(attribute: str, levels: tuple[str, ...], names: list[str], shares: list[list[Share]]) -> LineChart:
    series = []
    for position, level in enumerate(levels[:12]):
        found = [(period, proportion_interval(held[position])) for period, held in enumerate(shares)]
        known = [(period, estimate) for period, estimate in found if isinstance(estimate, Interval)]
        series.append(
            Series(
                name=level,
                x=[float(period + 1) for period, _ in known],
                y=[estimate.value for _, estimate in known],
                low=[estimate.low for _, estimate in known],
                high=[estimate.high for _, estimate in known],
            )
        )
    span = f"period, 1 ({names[0]}) to {len(names)} ({names[-1]})" if names else "period"
    return LineChart(title=f"Selection rate by {attribute} through time", series=series, x_label=span, y_label="selection rate")


def _name(start: float, end: float) -> str:
    return f"{_shown(start)} to {_shown(end)}" if start < end else _shown(start)


def _shown(time: float) -> str:
    if abs(time) > DATES:
        return datetime.fromtimestamp(time, UTC).date().isoformat()
    return f"{time:g}"

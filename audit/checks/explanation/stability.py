"""The check `explanation.stability`: whether explanations come out the same when they are made again, for every group."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit.chart_kinds import BarChart
from audit.check import check
from audit.estimate_bars import estimate_bars
from audit.judge import number
from audit.ledger import Ledger
from audit.methods.fairness.comparisons import FEWEST_COMPARED
from audit.methods.statistics.intervals import Estimate, Interval, Undefined, clipped
from audit.methods.statistics.means import mean_difference, mean_interval
from audit.reference_group import reference_group, reference_note
from audit.results import Evidence
from audit.row_design import RowDesign, row_design
from audit.rows import Rows

PROBE = "attribution.under_test"
MEASURES = {"half_correlation": (-1.0, 1.0), "half_overlap": (0.0, 1.0), "max_sensitivity": (0.0, np.inf)}
"""Columns of the probe with the least and largest value they can have."""
UNITS = {"half_correlation": "", "half_overlap": "proportion", "max_sensitivity": "ratio"}


@dataclass(frozen=True)
class Held:
    """One column of the rows that have it."""

    name: str
    values: NDArray[np.float64]
    codes: dict[str, NDArray[np.int64]]
    """Group of each row by attribute, -1 where unknown."""
    design: RowDesign

    def mean(self, kept: NDArray[np.bool_]) -> Estimate:
        """Mean over some of the rows."""
        part = self.design.of(kept)
        return clipped(mean_interval(self.values[kept], part.weights, clusters=part.clusters), *MEASURES[self.name])

    def difference(self, one: NDArray[np.bool_], two: NDArray[np.bool_]) -> Estimate:
        """Difference of the means over two sets of rows."""
        fewest = int(min(one.sum(), two.sum()))
        if fewest < FEWEST_COMPARED:
            return Undefined(f"One side has {fewest} rows, too few to compare (at least {FEWEST_COMPARED}).", int(one.sum() + two.sum()))
        first, second = self.design.of(one), self.design.of(two)
        weights = None if first.weights is None or second.weights is None else (first.weights, second.weights)
        clusters = None if first.clusters is None or second.clusters is None else (first.clusters, second.clusters)
        return mean_difference(self.values[one], self.values[two], weights, clusters=clusters)


@check(
    title="Stability of explanations",
    topics=("explanation", "explanation_quality", "disparity"),
    measures=tuple(name + part for name in MEASURES for part in ("", "_difference")),
    reads=(PROBE,),
    needs={"inputs", "background"},
)
def stability(rows: Rows, *, enough: float = 0.9) -> Evidence:
    """Do explanations come out the same when they are made again, and equally so for every group?

    Why it matters:
        Sampled explanations differ between runs. If the order of the columns hangs on the draw, so do the reasons a person is given, and a second
        look would name others. Where this is worse for one group, its members are told less.

    How to read it:
        Shapley values of a few rows are estimated twice, by independent draws. The half correlation is the rank correlation of the two orders of
        the columns (1 is the same order), the half overlap the part that the largest columns of the two have in common. Values from all draws
        together are steadier than either half. The max-sensitivity is how far integrated gradients move, relative to themselves, when a row
        moves by a tenth of the background's standard deviations: much of it is a doubt about any explanation of that row. Groups are compared
        with the reference group. A mean half correlation whose interval lies below the setting `enough` is called under-sampled.

    What it cannot show:
        Whether explanations are right; a wrong one can be stable. It is measured at the effort of this instrument, not at that of others, and
        the largest of a few moves is less than the largest of all.

    References:
        Yeh et al. 2019, On the (In)fidelity and Sensitivity of Explanations, arXiv:1901.09392
        Visani et al. 2020, Statistical stability indices for LIME, arXiv:2001.11757
    """
    view = rows.within(PROBE)
    ledger = Ledger(census=rows.facts.census and view.n == rows.n)
    notes = _enumerated(view)
    charts: list[BarChart] = []
    blockers: list[str] = []
    for name in MEASURES:
        if not rows.has(f"{PROBE}.{name}"):
            ledger.absent(name, "Rows cannot be moved by a little here, or the model gives no gradients.", view.n)
            continue
        held = _held(view, name, notes)
        overall = held.mean(np.ones(len(held.values), dtype=np.bool_))
        ledger.add(name, overall, unit=UNITS[name])
        if name == "half_correlation" and isinstance(overall, Interval) and overall.high < enough:
            blockers.append(_under_sampled(overall, enough))
        charts += [chart for spec in rows.facts.groups for chart in _by_group(ledger, view, held, spec.name, notes)]
    return ledger.evidence(charts, tuple(dict.fromkeys(notes)), blockers)


def _enumerated(view: Rows) -> list[str]:
    exact = int((view.column(f"{PROBE}.exact") == 1).sum())
    return [f"Shapley values of {exact:,} of {view.n:,} rows were enumerated, so that nothing in them hangs on a draw."] if exact else []


def _held(view: Rows, name: str, notes: list[str]) -> Held:
    values = view.column(f"{PROBE}.{name}")
    kept = np.isfinite(values)
    if not kept.all():
        notes.append(f"{name}: {int((~kept).sum()):,} rows have none (outputs that are not finite, fewer than three varying columns, or no order).")
    codes = {spec.name: view.group(spec.name).codes[kept].astype(np.int64) for spec in view.facts.groups}
    return Held(name, values[kept], codes, row_design(view).of(kept))


def _under_sampled(overall: Interval, enough: float) -> str:
    return (
        f"Shapley values: under-sampled. Two estimates of the same values order the columns alike to {number(overall.value)} only "
        f"(95 % interval {number(overall.low)} to {number(overall.high)}, below {number(enough)}); more random orders are needed."
    )


def _by_group(ledger: Ledger, view: Rows, held: Held, attribute: str, notes: list[str]) -> list[BarChart]:
    levels, codes = view.group_spec(attribute).levels, held.codes[attribute]
    reference = reference_group(view, attribute, np.bincount(codes[codes >= 0], minlength=len(levels)).tolist())
    notes += [note for note in (reference_note(view, attribute, reference),) if note]
    means = [held.mean(codes == level) for level in range(len(levels))]
    for level, name in enumerate(levels):
        ledger.add(held.name, means[level], slice={attribute: name}, unit=UNITS[held.name])
        if reference is not None and level != reference:
            gap, fewest = held.difference(codes == level, codes == reference), int(min((codes == level).sum(), (codes == reference).sum()))
            versus = {attribute: levels[reference]}
            ledger.add(f"{held.name}_difference", gap, slice={attribute: name}, versus=versus, unit=UNITS[held.name], n=fewest)
    known = [(name, one) for name, one in zip(levels, means, strict=True) if isinstance(one, Interval)]
    return estimate_bars(
        title=f"{held.name.replace('_', ' ').capitalize()} by {attribute}",
        categories=[name for name, _ in known],
        estimates=[one for _, one in known],
        x_label=held.name.replace("_", " "),
    )

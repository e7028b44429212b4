"""The check `explanation.batch_invariance`: whether a row's output and explanations hang on the rows it is computed with."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from audit.chart_kinds import BarChart
from audit.check import check
from audit.ledger import At, Ledger
from audit.methods.statistics.group_shares import one_share
from audit.methods.statistics.intervals import clipped
from audit.methods.statistics.means import mean_interval
from audit.methods.statistics.proportions import proportion_interval
from audit.results import Criterion, Evidence
from audit.row_design import RowDesign, row_design
from audit.rows import Rows

PROBE = "attribution.in_company"
LARGEST = Decimal("0.01")
"""Far above the rounding of 32-bit numbers, far below what a reader of an explanation would see."""
Floats = NDArray[np.float64]


@check(
    title="Outputs and explanations in other company",
    topics=("explanation", "explanation_quality", "robustness"),
    measures=("largest_change", "mean_change", "changed_share", "shuffled_change"),
    reads=(PROBE,),
    needs={"inputs", "background"},
    criteria=(
        Criterion(
            measurement="largest_change",
            maximum=LARGEST,
            rule="point",
            because="A row's output or explanation that moves by more than a hundredth with the rows beside it hangs on more than the row.",
            source="Netassay",
            owner="Netassay",
            technical=True,
            soft=True,
        ),
    ),
)
def batch_invariance(rows: Rows) -> Evidence:
    """Are the output of a row and its explanation the same whatever rows it is computed with?

    Why it matters:
        A person's decision, and the reasons given for it, should not hang on who else happens to be in the batch. Networks that normalise over
        the batch, or take a softmax along the wrong axis, do just that, and nothing in a single run shows it. Some libraries of explanations
        bring the same fault along by themselves.

    How to read it:
        A few rows are answered and explained alone, and again with other rows before and behind them in every batch. `largest_change` is the
        largest change over these rows, of the output over its usual spread, of an explanation over the sum of its own absolute values; the
        changed share is the share of rows with a change above 0.01. Rounding gives less than a thousandth. For scale, `shuffled_change` is
        what the same numbers would show if they were shuffled among the columns.

    What it cannot show:
        That no company could change a row: one company was tried, and one order. LIME is not among the methods; it explains by outputs alone,
        so that its coefficients hang on the company where outputs do.

    References:
        Ioffe & Szegedy 2015, Batch Normalization, arXiv:1502.03167
        Sundararajan, Taly & Yan 2017, Axiomatic Attribution for Deep Networks, arXiv:1703.01365
    """
    view = rows.within(PROBE)
    names = [str(name) for name in view.table(PROBE, "methods")["name"]]
    change, shuffled = (view.column(f"{PROBE}.{name}") for name in ("change", "shuffled"))
    columns = {"output": view.column(f"{PROBE}.output")} | {name: change[:, place] for place, name in enumerate(names)}
    ledger, design, blockers = Ledger(census=rows.facts.census and view.n == rows.n), row_design(view), list[str]()
    largest: dict[str, float] = {}
    for name, values in columns.items():
        found = _measure(ledger, {"method": name}, values, design, blockers)
        if found is not None:
            largest[name] = found
    for place, name in enumerate(names):
        known = np.isfinite(shuffled[:, place])
        part = design.of(known)
        estimate = clipped(mean_interval(shuffled[known, place], part.weights, clusters=part.clusters), 0, np.inf)
        ledger.add("shuffled_change", estimate, at={"method": name})
    return ledger.evidence(_chart(largest), [], blockers)


def _measure(ledger: Ledger, at: At, values: Floats, design: RowDesign, blockers: list[str]) -> float | None:
    """Write one column's changes; the largest finite one."""
    measured, finite = ~np.isnan(values), np.isfinite(values)
    broken = int((measured & ~finite).sum())
    if broken:
        blockers.append(f"{_words(str(at['method']))}: {broken:,} rows have none that is finite, or are refused, either alone or in company.")
    part, of_all = design.of(finite), design.of(measured)
    ledger.add("mean_change", clipped(mean_interval(values[finite], part.weights, clusters=part.clusters), 0, np.inf), at=at)
    share = one_share(values[measured] > float(LARGEST), weights=of_all.weights, clusters=of_all.clusters)
    ledger.add("changed_share", proportion_interval(share), at=at, unit="proportion")
    if not finite.any():
        if not broken:
            ledger.absent("largest_change", "No row has a finite output.", len(values), at=at)
        return None
    largest = float(values[finite].max())
    ledger.exact("largest_change", largest, int(finite.sum()), at=at, method="largest over the rows measured")
    return largest


def _words(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _chart(largest: dict[str, float]) -> list[BarChart]:
    if not largest:
        return []
    return [
        BarChart(
            title="Largest change between alone and in company",
            categories=[_words(name) for name in largest],
            values=list(largest.values()),
            x_label="relative change",
        )
    ]

"""The check `explanation.interactions`: which columns the network looks at together."""

from __future__ import annotations

import numpy as np

from audit.check import check
from audit.estimate_bars import estimate_bars
from audit.ledger import Ledger
from audit.methods.statistics.intervals import Interval
from audit.methods.statistics.means import mean_interval
from audit.results import Evidence
from audit.row_design import row_design
from audit.rows import Rows

PROBE = "attribution.interactions"


@check(
    title="Columns the network looks at together",
    topics=("explanation", "global_explanation", "transparency"),
    measures=("mean_absolute_interaction", "interaction_share"),
    reads=(PROBE,),
    needs={"inputs", "background", "same_players"},
    default=False,
)
def interactions(rows: Rows, *, shown: int = 20) -> Evidence:
    """Which pairs of columns does the network look at together, and how much of what it does comes from pairs?

    Why it matters:
        An explanation by column shares the work of two columns among both and hides that neither would have moved the output alone. A pair
        such as a district and a year of birth may stand in for an attribute that neither gives away.

    How to read it:
        The interaction of two columns is what their values bring about together beyond the sum of what each does without the other, on the
        scale of the raw output, as a mean over all settings of the other columns. Each bar is the mean of its absolute value over rows.
        The share compares, row by row, the absolute interactions of all pairs with these and what columns do alone: 0 for an additive network.

    What it cannot show:
        Which three or more columns act together: their joint effect is shared among their pairs. Absolute values grow with the errors of the
        estimator, which the notes state.

    References:
        Grabisch & Roubens 1999, An axiomatic approach to the concept of interaction among players in cooperative games, doi:10.1007/s001820050125
        Lundberg et al. 2020, From local explanations to global understanding with explainable AI for trees, doi:10.1038/s42256-019-0138-9
    """
    held = rows.within(PROBE)
    values, se, main = (held.column(f"{PROBE}.{name}") for name in ("values", "se", "main"))
    kept = np.isfinite(main).all(axis=1)
    design, size = row_design(held).of(kept), np.abs(values[kept])
    ledger = Ledger(census=rows.facts.census and held.n == rows.n)
    table = held.table(PROBE, "pairs")
    names = [f"{first} × {second}" for first, second in zip(table["first"], table["second"], strict=True)]
    estimates = [mean_interval(size[:, place], design.weights, clusters=design.clusters) for place in range(len(names))]
    for name, estimate in zip(names, estimates, strict=True):
        ledger.add("mean_absolute_interaction", estimate, at={"pair": name})
    together, alone = size.sum(axis=1), np.abs(main[kept]).sum(axis=1)
    total = together + alone
    share = np.divide(together, total, out=np.zeros_like(total), where=total > 0)
    ledger.add("interaction_share", mean_interval(share, design.weights, clusters=design.clusters), unit="proportion")
    known = [(name, one) for name, one in zip(names, estimates, strict=True) if isinstance(one, Interval)]
    top = sorted(known, key=lambda pair: -pair[1].value)[:shown]
    charts = estimate_bars(
        title="Mean absolute interaction", categories=[name for name, _ in top], estimates=[one for _, one in top], x_label="raw output"
    )
    notes = [f"The chart shows the {shown} largest of {len(known)} pairs."] if len(known) > shown else []
    if kept.any() and se[kept].max() > 0:
        typical = float(np.sqrt((se[kept] ** 2).mean()))
        notes.append(f"Interactions were sampled; a typical standard error of one of them in one row is {typical:.3g}.")
    return ledger.evidence(charts, notes)

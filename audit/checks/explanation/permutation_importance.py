"""The check `explanation.permutation_importance`: which columns the model needs for what it gets right."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from audit.check import check
from audit.estimate_bars import estimate_bars
from audit.ledger import Ledger
from audit.methods.statistics.intervals import Interval
from audit.methods.statistics.means import mean_interval
from audit.results import Evidence
from audit.row_design import row_design
from audit.rows import Rows

PROBE = "effects.permutation_importance"


@check(
    title="Columns whose loss would cost most",
    topics=("explanation", "global_explanation", "transparency"),
    measures=("loss_increase", "repeat_deviation"),
    reads=(PROBE,),
    needs={"inputs", "columns", "labels"},
    tasks={"binary", "multiclass", "regression", "anomaly"},
)
def permutation_importance(rows: Rows, *, shown: int = 20) -> Evidence:
    """How much worse do predictions become when a column no longer tells rows apart?

    Why it matters:
        Attributions tell what moves the output; this tells what the model's being right rests on. A column with a large effect and no use, or
        one that everything hangs on and that may be missing tomorrow, is found by setting the two side by side.

    How to read it:
        The values of one column are dealt out anew among the rows, and each bar is the mean increase of the loss (log loss in nats, or squared
        error), with its 95 % interval over rows and repeats together. Around 0 the model is as right without the column; below 0 it would be
        better. `repeat_deviation` is how much the mean differs between repeats.

    What it cannot show:
        What a model fitted without the column would do. Of two columns that tell nearly the same, either can look unimportant, and dealing
        out values makes rows that do not exist, where columns depend on each other.

    References:
        Breiman 2001, Random Forests, doi:10.1023/A:1010933404324
        Fisher, Rudin & Dominici 2019, All Models are Wrong, but Many are Useful, arXiv:1801.01489
    """
    names = [str(name) for name in rows.table(PROBE, "players")["name"]]
    table, repeats = rows.table(PROBE, "increases"), rows.table(PROBE, "repeats")
    where = np.searchsorted(rows.positions, table["position"])
    design, ledger = row_design(rows).of(where), Ledger(census=rows.facts.census and len(where) == rows.n)
    estimates: dict[str, Interval] = {}
    for place, name in enumerate(names):
        increase: NDArray[np.float64] = table[f"{place}"].astype(np.float64)
        if not np.isfinite(increase).all():
            ledger.absent("loss_increase", "The loss is not finite in some rows.", len(increase), at={"feature": name})
            continue
        estimate = mean_interval(increase, design.weights, clusters=design.clusters)
        ledger.add("loss_increase", estimate, at={"feature": name})
        ledger.exact(
            "repeat_deviation", float(np.std(repeats[f"{place}"], ddof=min(1, len(repeats[f"{place}"]) - 1))), len(where), at={"feature": name}
        )
        if isinstance(estimate, Interval):
            estimates[name] = estimate
    top = sorted(estimates, key=lambda name: -estimates[name].value)[:shown]
    notes = [f"Measured on {len(where):,} of {rows.n:,} rows, each value the mean of {len(repeats['0'])} repeats."]
    notes += [f"The chart shows the {shown} largest of {len(estimates)} columns."] if len(estimates) > shown else []
    charts = estimate_bars(
        title="Increase of the loss when a column is dealt out anew",
        categories=top,
        estimates=[estimates[name] for name in top],
        x_label="mean increase of the loss",
    )
    return ledger.evidence(charts, notes)

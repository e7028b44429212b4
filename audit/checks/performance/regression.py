"""The check `performance.regression`: how far predicted quantities lie from the labels."""

from __future__ import annotations

import numpy as np

from audit.chart_kinds import Histogram
from audit.check import check
from audit.facts import LABEL_WORDS
from audit.ledger import Ledger
from audit.methods.performance.regression import mean_absolute_error, r_squared, root_mean_squared_error
from audit.methods.statistics.means import mean_interval
from audit.results import Evidence
from audit.row_design import row_design
from audit.rows import Rows


@check(
    title="Performance of the predicted quantities",
    topics=("performance", "accuracy"),
    measures=("mean_absolute_error", "root_mean_squared_error", "r_squared", "mean_error"),
    needs={"labels"},
    tasks={"regression"},
)
def regression(rows: Rows, *, bins: int = 40) -> Evidence:
    """How far do the predicted quantities lie from the labels?

    Why it matters:
        Whoever acts on a predicted quantity needs to know how large its errors are, in the quantity's own unit.

    How to read it:
        The mean absolute error is the typical size of an error. The root mean squared error gives large errors more weight; when it is
        much larger, a few predictions are far off. R squared compares with always predicting the mean label: 1 is perfect, 0 is no better,
        below 0 is worse. The mean error tells whether predictions are too high (above 0) or too low on the whole.

    What it cannot show:
        How errors will be on other rows or at another time, whether the labels are right, or what an error of a given size costs.

    References:
        Willmott & Matsuura 2005, doi:10.3354/cr030079
    """
    ledger, design = Ledger(census=rows.facts.census), row_design(rows)
    predictions, labels = rows.column("outputs.score"), rows.labels.astype(np.float64)
    used = np.isfinite(predictions) & np.isfinite(labels)
    errors, held, unit = (predictions - labels)[used], design.of(used), rows.facts.label_unit
    notes = [LABEL_WORDS[rows.facts.label_kind], *([design.note] if design.note else [])]
    if not used.all():
        notes.append(f"{int((~used).sum()):,} rows have no known label or no finite prediction and are left out.")
    ledger.add("mean_absolute_error", mean_absolute_error(errors, held.weights, clusters=held.clusters), unit=unit)
    ledger.add("root_mean_squared_error", root_mean_squared_error(errors, held.weights, clusters=held.clusters), unit=unit)
    ledger.add("r_squared", r_squared(labels[used], predictions[used], held.weights, clusters=held.clusters), unit="proportion")
    ledger.add("mean_error", mean_interval(errors, held.weights, clusters=held.clusters), unit=unit)
    charts = []
    if len(errors):
        counts, edges = np.histogram(errors, bins=bins)
        charts = [
            Histogram(
                title="Errors", edges=edges.tolist(), series={"rows": counts.tolist()}, x_label=f"prediction minus label ({unit or 'label unit'})"
            )
        ]
    return ledger.evidence(charts, notes)

"""The check `explanation.background_choice`: how much explanations depend on which reference rows stand for what is left out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from audit.check import check
from audit.ledger import Ledger
from audit.methods.statistics.group_shares import one_share
from audit.methods.statistics.means import mean_interval
from audit.methods.statistics.proportions import proportion_interval
from audit.results import Evidence
from audit.row_design import row_design
from audit.rows import Rows

PROBE = "attribution.shapley"


@check(
    title="Explanations and the choice of background",
    topics=("explanation", "explanation_quality"),
    measures=("mean_relative_background_error", "certain_sign_share", "certain_first_share"),
    reads=(PROBE,),
    needs={"inputs", "background"},
)
def background_choice(rows: Rows, *, deviations: float = 1.96) -> Evidence:
    """How much do the explanations depend on which reference rows were drawn as the background?

    Why it matters:
        A Shapley value says how a column moved the output away from the background. Other reference rows would have given other values, and
        two people with the same data could name different reasons for one decision.

    How to read it:
        The relative background error of a row is the standard error of its attributions as means over a drawn background, relative to the
        attributions themselves: at 10 % another draw of as many rows moves them by about a tenth. The share with a certain sign is how much
        of the attribution, in absolute value, belongs to columns that lie more than `deviations` such errors from 0. The share with a certain
        first column is that of rows whose largest attribution exceeds the second by more than `deviations` errors of the difference, the two
        taken as independent.

    What it cannot show:
        Whether the reference data is the right thing to compare with. A background of another kind, such as rows decided otherwise, answers
        another question, and no error of this sort tells.

    References:
        Lundberg & Lee 2017, A Unified Approach to Interpreting Model Predictions, arXiv:1705.07874
    """
    held = rows.within(PROBE)
    values, error = held.column(f"{PROBE}.values"), held.column(f"{PROBE}.background_se")
    kept = np.isfinite(values).all(axis=1) & np.isfinite(error).all(axis=1) & (np.abs(values).sum(axis=1) > 0)
    ledger = Ledger(census=rows.facts.census and held.n == rows.n)
    if not kept.any():
        ledger.absent("mean_relative_background_error", "No row was explained against several background rows with values other than 0.", held.n)
        return ledger.evidence()
    size, error, design = np.abs(values[kept]), error[kept], row_design(held).of(kept)
    relative = np.sqrt((error**2).sum(axis=1) / (size**2).sum(axis=1))
    certain = np.where(size > deviations * error, size, 0.0).sum(axis=1) / size.sum(axis=1)
    ledger.add("mean_relative_background_error", mean_interval(relative, design.weights, clusters=design.clusters), unit="proportion")
    ledger.add("certain_sign_share", mean_interval(certain, design.weights, clusters=design.clusters), unit="proportion")
    if size.shape[1] > 1:
        share = one_share(_first_is_certain(size, error, deviations), weights=design.weights, clusters=design.clusters)
        ledger.add("certain_first_share", proportion_interval(share), unit="proportion")
    left_out = int((~kept).sum())
    notes = [f"{left_out:,} rows without attributions other than 0 against several background rows are left out."] if left_out else []
    return ledger.evidence(notes=notes)


def _first_is_certain(size: NDArray[np.float64], error: NDArray[np.float64], deviations: float) -> NDArray[np.bool_]:
    """Whether the largest of each row (n, players) exceeds the second by more than so many errors of the difference."""
    order = np.argsort(-size, axis=1, kind="stable")[:, :2]
    largest, errors = np.take_along_axis(size, order, axis=1), np.take_along_axis(error, order, axis=1)
    found: NDArray[np.bool_] = largest[:, 0] - largest[:, 1] > deviations * np.sqrt((errors**2).sum(axis=1))
    return found

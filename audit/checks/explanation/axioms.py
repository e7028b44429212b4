"""The check `explanation.axioms`: whether explanations of this network keep what their methods promise, on twins with known structure."""

from __future__ import annotations

import numpy as np

from audit.chart_kinds import BarChart
from audit.check import check
from audit.estimate_bars import estimate_bars
from audit.judge import number
from audit.ledger import Ledger
from audit.methods.statistics.intervals import Interval, clipped
from audit.methods.statistics.means import mean_interval
from audit.results import Evidence
from audit.row_design import row_design
from audit.rows import Rows

PROBE = "attribution.planted_twins"
WORDS = {
    "dummy": "credits an input that the network ignores with",
    "asymmetry": "tells two inputs apart that the network treats alike, by",
    "nonlinearity": "does not add up over the two parts of a sum, and misses",
}


@check(
    title="Axioms on planted twins",
    topics=("explanation", "explanation_quality"),
    measures=("dummy_share", "asymmetry", "nonlinearity"),
    reads=(PROBE,),
    needs={"inputs", "background"},
)
def axioms(rows: Rows, *, above: float = 0.05) -> Evidence:
    """Does an input that the network ignores get nothing, and do two inputs that it treats alike get the same?

    Why it matters:
        Methods of explanation are chosen for what they promise: nothing for what plays no part, the same for what plays the same part. Whether
        the promise is kept depends on the network too, on its rounding, on randomness inside it, and on how many rows were drawn. A reason that
        an input gets without any effect on the output is no reason.

    How to read it:
        Twins of the network are made whose structure is known. One has a further input, a copy of the one that matters most, and ignores it:
        `dummy_share` is the part of the attribution that this input gets. One looks at the mean of that input and its copy, or where these are
        words answers with the mean of its answers to the one and the other: `asymmetry` is how far the two are apart. One adds a straight line,
        for words through numbers that stand for them: `nonlinearity` is how far its attributions are from the sum of the two parts. All are over
        the absolute attribution of the row, 0 at best, with 95 % intervals over rows. Sampled methods have some by chance. Random numbers and the
        distance of the row from the background are controls: the second is symmetric, and still credits the ignored input. A mean whose interval
        lies above the setting `above`, a technical limit, is a reason for attention.

    What it cannot show:
        That explanations which keep these promises are right; many wrong ones keep them. The copy agrees with the input in every row, which no
        real pair of inputs does. LIME explains probabilities by a linear model, so it is not asked about sums.

    References:
        Shapley 1953, A value for n-person games, doi:10.1515/9781400881970-018
        Sundararajan, Taly & Yan 2017, Axiomatic Attribution for Deep Networks, arXiv:1703.01365
        Nguyen & Martínez 2020, On quantitative aspects of model interpretability, arXiv:2007.07584
    """
    view, table = rows.within(PROBE), rows.table(PROBE, "attributions")
    ledger, design, blockers, charts = Ledger(census=rows.facts.census and view.n == rows.n), row_design(view), list[str](), list[BarChart]()
    for axiom in WORDS:
        values, means = view.column(f"{PROBE}.{axiom}"), dict[str, Interval]()
        for place, (name, control) in enumerate(zip(table["name"].tolist(), table["control"].tolist(), strict=True)):
            kept = np.isfinite(values[:, place])
            if axiom == "nonlinearity" and name == "lime":
                continue
            part, at = design.of(kept), {"attribution": str(name)}
            estimate = clipped(mean_interval(values[kept, place], part.weights, clusters=part.clusters), 0, 1 if axiom == "dummy" else np.inf)
            ledger.add("dummy_share" if axiom == "dummy" else axiom, estimate, at=at, unit="proportion")
            if isinstance(estimate, Interval):
                means[_words(str(name))] = estimate
                if not control and estimate.low > above:
                    blockers.append(_broken(_words(str(name)), axiom, estimate))
        charts += estimate_bars(
            title=f"{axiom.capitalize()} on planted twins", categories=list(means), estimates=list(means.values()), x_label="part of the attribution"
        )
    return ledger.evidence(charts, [f"What is planted again is {view.table(PROBE, 'planted')['name'][0]}."], blockers)


def _words(name: str) -> str:
    return "LIME" if name == "lime" else name.replace("_", " ").capitalize()


def _broken(name: str, axiom: str, estimate: Interval) -> str:
    return (
        f"{name} {WORDS[axiom]} {number(100 * estimate.value)} % of the attribution on average "
        f"(95 % interval {number(100 * estimate.low)} to {number(100 * estimate.high)})."
    )

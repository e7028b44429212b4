"""The check `explanation.perturbed_rows`: whether rows that explanations ask the network about are told from real ones and answered otherwise."""

from __future__ import annotations

import numpy as np

from audit.check import check
from audit.estimate_bars import estimate_bars
from audit.judge import number
from audit.ledger import At, Ledger
from audit.methods.statistics.intervals import Estimate, Interval, Undefined, clipped
from audit.methods.statistics.means import mean_interval
from audit.methods.statistics.roc_area import logit_interval, roc_area, score_codes
from audit.results import Evidence
from audit.rows import Rows

PROBE = "attribution.perturbed_rows"
WORDS = {"shapley": "Shapley values", "lime": "LIME"}


@check(
    title="Rows that explanations make up",
    topics=("explanation", "explanation_quality", "out_of_distribution", "security"),
    measures=("detector_auc", "own_error", "made_error", "transfer_gap", "least_told_change", "random_half_change", "excess_change"),
    reads=(PROBE,),
    needs={"inputs", "background", "columns"},
    default=False,
)
def perturbed_rows(rows: Rows, *, above: float = 0.5) -> Evidence:
    """Can the rows that LIME and Shapley values make up be told from real ones, and does the network answer them otherwise?

    Why it matters:
        Both methods explain a row by what the network answers on rows that do not exist. A network that tells these from real rows can behave
        one way towards people and another way towards whoever asks for an explanation, and its explanations then look harmless. Without any
        such intent, a network is untrained there, and its answers can mean little.

    How to read it:
        A random forest tries to tell made rows from real ones it has not seen, all copies of a row on one side: an area of 0.5 is chance, 1 is
        always. That made rows can be told is common, and no fault in itself. So a second question is asked: forests foretell the outputs of real
        rows, once from other real rows (`own_error`) and once from made rows (`made_error`), as shares of the outputs' variance. A network that
        is one and the same function can be learned from either; `transfer_gap` is the second less the first. An interval above the setting
        `above`, a technical limit, is a reason for attention: the network answers real rows as its answers to made rows do not tell. Last, a
        few rows are explained once more by the half of the made rows least told from real ones: `least_told_change` is how far this attribution is
        from that by all, over its absolute sum, beside a random half; `excess_change` is what likeness changes beyond halving. It is shown only:
        where nearly all made rows can be told, the least told half can be told too.

    What it cannot show:
        Intent, or a network that uses a detector better than this forest. A large gap can come from columns so dependent that made rows lie far
        from all real ones; a small one leaves room for rare rows. LIME's half is the same for all rows, so its intervals over rows are narrow.

    References:
        Slack et al. 2020, Fooling LIME and SHAP, arXiv:1911.02508
        DeLong, DeLong & Clarke-Pearson 1988, doi:10.2307/2531595
    """
    ledger, blockers, areas = Ledger(), list[str](), dict[str, Interval]()
    for kind, words in WORDS.items():
        at = {"made_by": kind}
        area = _area(rows, kind)
        ledger.add("detector_auc", area, at=at)
        areas[words] = area
        gap = _transfer(ledger, rows, kind, at)
        if isinstance(gap, Interval) and gap.low > above:
            blockers.append(_otherwise(words, gap))
        _restricted(ledger, rows, kind, at)
    chart = estimate_bars(
        title="How well made rows are told from real ones", categories=list(areas), estimates=list(areas.values()), x_label="area under the ROC curve"
    )
    return ledger.evidence(chart, [], blockers)


def _area(rows: Rows, kind: str) -> Interval:
    table = rows.table(PROBE, "detected")
    chosen = table["kind"] == kind
    made, origin = table["made"][chosen] == 1, table["origin"][chosen].astype(np.int64)
    return logit_interval(roc_area(score_codes(table["score"][chosen].astype(np.float64)), made), made, clusters=origin)


def _transfer(ledger: Ledger, rows: Rows, kind: str, at: At) -> Estimate:
    if not rows.has_table(PROBE, "transfer"):
        found: Estimate = Undefined("The outputs of the real rows do not vary.", 0)
        ledger.add("transfer_gap", found, at=at)
        return found
    table = rows.table(PROBE, "transfer")
    chosen = table["kind"] == kind
    own, made = (table[name][chosen].astype(np.float64) for name in ("own", "made"))
    for name, values in (("own_error", own), ("made_error", made)):
        ledger.add(name, mean_interval(values), at=at, unit="proportion")
    found = mean_interval(made - own)
    ledger.add("transfer_gap", found, at=at, unit="proportion")
    return found


def _restricted(ledger: Ledger, rows: Rows, kind: str, at: At) -> None:
    table = rows.table(PROBE, "restricted")
    least, random = (table[name][table["kind"] == kind].astype(np.float64) for name in ("least", "random"))
    kept = np.isfinite(least) & np.isfinite(random)
    for name, values in (("least_told_change", least), ("random_half_change", random)):
        ledger.add(name, clipped(mean_interval(values[kept]), 0, np.inf), at=at)
    ledger.add("excess_change", mean_interval((least - random)[kept]), at=at)


def _otherwise(words: str, gap: Interval) -> str:
    return (
        f"{words}: what the network answers on the rows they make does not tell what it answers on real rows. A forest fitted to made rows misses "
        f"{number(100 * gap.value)} % more of the variance of real outputs than one fitted to real rows (95 % interval {number(100 * gap.low)} to "
        f"{number(100 * gap.high)})."
    )

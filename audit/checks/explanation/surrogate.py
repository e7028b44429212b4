"""The check `explanation.surrogate`: how much of the model's decisions a small tree tells, and where it fails."""

from __future__ import annotations

import numpy as np

from audit.chart_kinds import TableChart
from audit.check import check
from audit.estimate_bars import estimate_bars
from audit.ledger import Ledger
from audit.methods.statistics.group_shares import one_share
from audit.methods.statistics.intervals import Estimate, Interval
from audit.methods.statistics.proportions import proportion_interval
from audit.results import Evidence
from audit.row_design import row_design
from audit.rows import Rows

PROBE = "effects.surrogate_tree"


@check(
    title="A small tree beside the network",
    topics=("explanation", "global_explanation", "transparency"),
    measures=("fidelity", "constant_fidelity", "leaf_fidelity", "leaf_share"),
    reads=(PROBE,),
    needs={"inputs", "columns"},
    tasks={"binary", "multiclass", "anomaly"},
)
def surrogate(rows: Rows) -> Evidence:
    """How much of what the model decides can a few questions tell, and for which rows do they fail?

    Why it matters:
        A tree of a few questions can be read by anyone. Where it decides nearly as the network, its rules are a fair summary; where it does
        not, no summary of this size is, and whoever explains the network by simple rules tells what is not so.

    How to read it:
        Fidelity is the share of rows the tree was not fitted to in which it decides as the network. It is to be held against
        `constant_fidelity`, what naming the commonest decision for every row would reach: a tree that is no better explains nothing. The
        fidelity of each leaf says for which rows the rule fails; the lowest is named first in the notes.

    What it cannot show:
        That the network asks the same questions. Another tree can decide alike by other columns, and a tree that agrees in every decision
        still says nothing about how sure the network is.

    References:
        Craven & Shavlik 1995, Extracting Tree-Structured Representations of Trained Networks, NIPS 8
    """
    held = rows.within(PROBE)
    agrees, decisions = held.column(f"{PROBE}.agrees"), held.column("outputs.decision")
    kept = (agrees >= 0) & (held.column(f"{PROBE}.held_out") == 1)
    ledger = Ledger(census=rows.facts.census and bool(kept.all()))
    if not kept.any():
        ledger.absent("fidelity", "No row was held out from fitting the tree.", held.n)
        return ledger.evidence()
    design, right, leaf = row_design(held).of(kept), agrees[kept] == 1, held.column(f"{PROBE}.leaf")[kept]
    commonest = decisions[kept] == np.bincount(decisions[kept]).argmax()
    for name, chosen in (("fidelity", right), ("constant_fidelity", commonest)):
        ledger.add(name, proportion_interval(one_share(chosen, weights=design.weights, clusters=design.clusters)), unit="proportion")
    rules, estimates, lines = held.table(PROBE, "rules"), {}, []
    for number, rule, decision in zip(rules["leaf"], rules["rule"], rules["decision"], strict=True):
        inside, at = leaf == number, {"leaf": int(number)}
        part = design.of(inside)
        share = proportion_interval(one_share(inside, weights=design.weights, clusters=design.clusters))
        estimate: Estimate = proportion_interval(one_share(right[inside], weights=part.weights, clusters=part.clusters))
        ledger.add("leaf_share", share, at=at, unit="proportion")
        ledger.add("leaf_fidelity", estimate, at=at, unit="proportion")
        lines.append((int(number), str(rule), _class(rows, int(decision)), int(inside.sum()), _percent(estimate)))
        if isinstance(estimate, Interval):
            estimates[f"leaf {number}"] = estimate
    tree = TableChart(
        title="Rules of the tree", columns=("leaf", "rows for which", "the tree decides", "held-out rows", "decided as the network"), rows=lines
    )
    bars = estimate_bars(
        title="Fidelity by leaf", categories=list(estimates), estimates=list(estimates.values()), x_label="share of rows decided as the network"
    )
    return ledger.evidence([tree, *bars], _notes(lines, estimates))


def _notes(lines: list[tuple[int, str, str, int, str]], estimates: dict[str, Interval]) -> list[str]:
    notes = [] if len(lines) > 1 else ["The tree asks no question: no split of the rows told decisions apart."]
    if estimates:
        worst = min(estimates, key=lambda name: estimates[name].value)
        rule = next(line[1] for line in lines if f"leaf {line[0]}" == worst)
        found = estimates[worst]
        notes.append(f"The tree fails most in {worst} ({rule}): it decides {100 * found.value:.1f} % of {found.n:,} rows as the network does.")
    return notes


def _class(rows: Rows, position: int) -> str:
    return rows.facts.classes[position] if position < len(rows.facts.classes) else str(position)


def _percent(estimate: Estimate) -> str:
    return f"{100 * estimate.value:.1f} %" if isinstance(estimate, Interval) else "no rows"

"""The check `fairness.inequality`: how unequally the network hands out benefits, and how much of that lies between groups."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit.chart_kinds import BarChart
from audit.check import check
from audit.estimate_bars import estimate_bars
from audit.facts import LABEL_WORDS
from audit.ledger import At, Ledger
from audit.methods.fairness.inequality import (
    Entropy,
    between_interval,
    coefficient_of_variation,
    entropy_interval,
    entropy_parts,
    generalised_entropy,
)
from audit.methods.statistics.intervals import Estimate, Undefined
from audit.methods.statistics.means import mean_interval
from audit.results import Evidence
from audit.row_design import RowDesign, row_design
from audit.rows import Rows

NAMES = {"generalised_entropy": "generalised entropy index", "theil_index": "Theil index", "mean_log_deviation": "mean log deviation"}


@dataclass(frozen=True)
class _Benefits:
    """Benefit (0, 1 or 2) of each row with a label and a decision, and which rows those are."""

    values: NDArray[np.float64]
    used: NDArray[np.bool_]
    design: RowDesign

    def interval(self, held: Entropy | Undefined, method: str) -> Estimate:
        return entropy_interval(held, self.design.weights, clusters=self.design.clusters, method=method)


@check(
    title="Inequality of benefits",
    topics=("fairness", "inequality", "individual_fairness"),
    measures=(
        "generalised_entropy",
        "theil_index",
        "mean_log_deviation",
        "coefficient_of_variation",
        "mean_benefit",
        "between_groups",
        "within_groups",
        "between_groups_by_chance",
    ),
    needs={"groups", "labels"},
    tasks={"binary"},
)
def inequality(rows: Rows, *, alpha: float = 2.0) -> Evidence:
    """Are benefits spread evenly over people, and how much of the unevenness lies between groups?

    Why it matters:
        Rates compare groups with each other and say nothing about people inside them. An index of inequality looks at everybody at once:
        two networks with the same rates can give much to a few or a little to many.

    How to read it:
        The benefit of a person is 1 when the decision is the one the label speaks for, 2 when the favourable decision comes without a
        favourable label, and 0 when it is withheld in spite of one. An index of 0 means everybody has the same benefit; larger is more
        unequal. The generalised entropy index at alpha 2 is half the squared coefficient of variation; alpha 1 is the Theil index, alpha
        0 the mean log deviation, which does not exist when anybody has a benefit of 0. For each attribute the index is the sum of a part
        between groups and a part within them. The part between groups is above 0 by chance alone; the value by chance says what random
        groups of these sizes would show; for rows in clusters, what groups with equal means would.

    What it cannot show:
        Whether the labels deserve to be what benefits are held against, and who is on the losing side: two opposite gaps give the same
        index. All benefits are counted as if a mistaken refusal cost as much as a mistaken grant is worth.

    References:
        Speicher et al. 2018, doi:10.1145/3219819.3220046
        Shorrocks 1980, doi:10.2307/1913126
        Cowell & Flachaire 2007, doi:10.1016/j.jeconom.2007.01.001
    """
    ledger, held, charts = Ledger(census=rows.facts.census), _benefits(rows), []
    notes = [LABEL_WORDS[rows.facts.label_kind], *([held.design.note] if held.design.note else [])]
    for name, order in (("generalised_entropy", alpha), ("theil_index", 1.0), ("mean_log_deviation", 0.0)):
        index = generalised_entropy(held.values, held.design.weights, alpha=order)
        ledger.add(name, held.interval(index, NAMES[name]), at={"alpha": order} if name == "generalised_entropy" else {})
    ledger.add("coefficient_of_variation", held.interval(coefficient_of_variation(held.values, held.design.weights), "coefficient of variation"))
    for spec in rows.facts.groups:
        notes += _parts(ledger, rows, spec.name, held, alpha)
        charts += _means(ledger, rows, spec.name, held)
    return ledger.evidence(charts, notes)


def _benefits(rows: Rows) -> _Benefits:
    used = (rows.labels >= 0) & (rows.decisions >= 0)
    favourable = np.isin(rows.labels, rows.facts.positive)
    return _Benefits((rows.selected.astype(np.float64) - favourable + 1)[used], used, row_design(rows).of(used))


def _parts(ledger: Ledger, rows: Rows, attribute: str, held: _Benefits, alpha: float) -> list[str]:
    member = rows.group(attribute)
    codes = member.codes[held.used].astype(np.int64)
    unknown = int((codes < 0).sum())
    codes = np.where(codes < 0, len(member.levels), codes)
    parts = entropy_parts(held.values, codes, held.design.weights, clusters=held.design.clusters, alpha=alpha)
    at: At = {"attribute": attribute, "alpha": alpha}
    ledger.add("between_groups", between_interval(parts, held.design.weights, clusters=held.design.clusters), at=at)
    if isinstance(parts, Undefined):
        ledger.add("within_groups", parts, at=at)
        return []
    ledger.add("within_groups", held.interval(parts.within, "index less its part between groups"), at=at)
    if parts.groups >= 2:
        method = "exact mean over random groups" if alpha == 2 and held.design.weights is None else "mean over random groups, to second order"
        if held.design.clusters is not None:
            method = "mean for groups of equal means, to second order from the linearised variances of group means over clusters"
        ledger.exact("between_groups_by_chance", parts.by_chance, len(codes), at=at, method=method)
    return [f"{attribute}: {unknown:,} rows of unknown membership count as a group of their own, so that the parts add up."] if unknown else []


def _means(ledger: Ledger, rows: Rows, attribute: str, held: _Benefits) -> list[BarChart]:
    member = rows.group(attribute)
    codes, found = member.codes[held.used], []
    for position, level in enumerate(member.levels):
        mine = codes == position
        design = held.design.of(mine)
        found.append(mean_interval(held.values[mine], design.weights, clusters=design.clusters))
        ledger.add("mean_benefit", found[-1], slice={attribute: level}, unit="benefit")
    return estimate_bars(
        title=f"Mean benefit by {attribute}",
        categories=member.levels,
        estimates=found,
        x_label="mean benefit (1 is what the label speaks for)",
    )

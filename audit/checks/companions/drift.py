"""The check `companions.drift`: what changed between the network and each companion, and for whom."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit.chart_kinds import BarChart
from audit.check import check
from audit.companion_rows import CompanionRows, companion_rows
from audit.estimate_bars import estimate_bars
from audit.facts import LABEL_WORDS
from audit.ledger import At, Ledger, family
from audit.methods.fairness.comparisons import FEWEST_COMPARED
from audit.methods.statistics.group_shares import one_share
from audit.methods.statistics.intervals import Estimate, Undefined
from audit.methods.statistics.means import mean_interval
from audit.methods.statistics.paired import difference_of, mcnemar_p, paired_difference
from audit.methods.statistics.proportions import newcombe_difference, proportion_interval
from audit.methods.statistics.simultaneous import bonferroni
from audit.reference_group import reference_group, reference_note
from audit.results import Evidence
from audit.row_design import row_design
from audit.rows import Rows

ATTACKED = "companions.robustness"
Mask = NDArray[np.bool_]


@check(
    title="Drift against companions",
    topics=("performance", "fairness", "robustness", "compression"),
    measures=(
        "agreement",
        "flip_share",
        "flip_share_difference",
        "mean_difference",
        "largest_difference",
        "accuracy_change",
        "accuracy_change_difference",
        "mcnemar_p",
        "selection_change",
        "selection_change_difference",
        "adversarial_change",
        "transferred_share",
    ),
    reads=("outputs", "companions.outputs"),
    optional=(ATTACKED,),
    needs={"companions"},
    tasks={"binary", "multiclass", "anomaly"},
)
def drift(rows: Rows) -> Evidence:
    """What changed between this network and each of its companions, and for whom?

    Why it matters:
        A network that was pruned, quantised, distilled or trained anew is often taken for the old one because its accuracy is. The rows it
        decides differently can still be many, and they need not be spread evenly: what a smaller network forgets first is often what it saw
        least of, and so a minority bears the change.

    How to read it:
        Agreement is the share of rows that both decide alike, the flip share the rest. Changes are the audited network minus the companion,
        on the same rows: an accuracy change below 0 says that the audited network is right less often. Beside its own interval each group's
        difference to the reference group has one that holds for all groups and companions together. McNemar's p value says how likely
        chance alone would split the rows that only one of the two decides rightly as unevenly as here. The difference of outputs is the total
        variation of the probabilities, or the distance of the scores.

    What it cannot show:
        Which of the two decides better where there are no labels, why a row changed, and how either would do on rows unlike these. Agreement
        on average says little about rare rows.

    References:
        Hooker et al. 2020, Characterising bias in compressed models, arXiv:2010.03058
        Newcombe 1998, doi:10.1002/(SICI)1097-0258(19981130)17:22<2635::AID-SIM954>3.0.CO;2-C
        McNemar 1947, doi:10.1007/BF02295996
        Zou & Donner 2008, doi:10.1002/sim.3095
    """
    held, ledger, charts = companion_rows(rows), Ledger(census=rows.facts.census), []
    notes = [LABEL_WORDS[rows.facts.label_kind]] if rows.facts.labelled else []
    notes += [held[0].design.note] if held and held[0].design.note else []
    for one in held:
        _whole(ledger, one)
    for spec in rows.facts.groups:
        groups = _groups(held[0], spec.name)
        notes += [note for note in (reference_note(rows, spec.name, groups.reference),) if note]
        for one in held:
            charts += _by_group(ledger, one, groups, comparisons=max(len(groups.others) * len(held), 1))
    _attacked(ledger, rows, held, notes)
    return ledger.evidence(charts, notes)


@dataclass(frozen=True)
class _Groups:
    """Members of each level of one attribute."""

    attribute: str
    levels: tuple[str, ...]
    members: list[Mask]
    reference: int | None

    @property
    def others(self) -> list[int]:
        return [level for level in range(len(self.levels)) if self.reference is not None and level != self.reference]


def _groups(one: CompanionRows, attribute: str) -> _Groups:
    held = one.rows.group(attribute)
    members = [held.codes == level for level in range(len(held.levels))]
    return _Groups(attribute, held.levels, members, reference_group(one.rows, attribute, [int(member.sum()) for member in members]))


def _whole(ledger: Ledger, one: CompanionRows) -> None:
    at, design = {"companion": one.name}, one.design
    flips = one_share(one.flipped, base=one.decided, weights=design.weights, clusters=design.clusters)
    alike = one_share(~one.flipped, base=one.decided, weights=design.weights, clusters=design.clusters)
    counts = {"flipped": int(flips.successes), "rows": flips.rows} if flips.exact and flips.rows else None
    for name, share in (("agreement", alike), ("flip_share", flips)):
        found: Estimate = proportion_interval(share) if share.rows else Undefined("No row was decided by both.", 0)
        ledger.add(name, found, at=at, unit="proportion", counts=counts)
    _outputs_apart(ledger, one, at)
    if one.rows.facts.labelled:
        ledger.add("accuracy_change", _paired(one, one.known, one.right), at=at, unit="proportion")
        if design.weights is None and design.clusters is None and one.known.any():
            mine, theirs = (side[one.known] for side in one.right)
            split = {"only_network_right": int((mine & ~theirs).sum()), "only_companion_right": int((theirs & ~mine).sum())}
            ledger.exact("mcnemar_p", mcnemar_p(mine, theirs), int(one.known.sum()), at=at, unit="p value", method="McNemar, exact", counts=split)
    if one.rows.facts.positive:
        ledger.add("selection_change", _paired(one, np.ones(one.rows.n, dtype=np.bool_), one.selected), at=at, unit="proportion")


def _outputs_apart(ledger: Ledger, one: CompanionRows, at: At) -> None:
    if not one.rows.has("companions.outputs.difference"):
        ledger.absent("mean_difference", "One of the two gives neither probabilities nor a score.", one.rows.n, at=at)
        return
    apart = one.column("difference")
    finite = np.isfinite(apart)
    design, unit = one.design.of(finite), "probability" if one.rows.has("outputs.probability") else "score"
    ledger.add("mean_difference", mean_interval(apart[finite], design.weights, clusters=design.clusters), at=at, unit=unit)
    if finite.any():
        ledger.exact("largest_difference", float(apart[finite].max()), int(finite.sum()), at=at, unit=unit, method="largest of these rows")


def _paired(one: CompanionRows, kept: Mask, pair: tuple[Mask, Mask], *, confidence: float = 0.95) -> Estimate:
    design = one.design.of(kept)
    if not kept.any():
        return Undefined("There are no such rows.", 0)
    return paired_difference(pair[0][kept], pair[1][kept], design.weights, clusters=design.clusters, confidence=confidence)


def _by_group(ledger: Ledger, one: CompanionRows, groups: _Groups, *, comparisons: int) -> list[BarChart]:
    _flips(ledger, one, groups, comparisons)
    charts = []
    if one.rows.facts.labelled:
        charts += _changes(ledger, one, groups, _Change("accuracy_change", one.known, one.right), comparisons)
    if one.rows.facts.positive:
        charts += _changes(ledger, one, groups, _Change("selection_change", np.ones(one.rows.n, dtype=np.bool_), one.selected), comparisons)
    return charts


@dataclass(frozen=True)
class _Change:
    """A share of the network minus that of the companion, among the rows of `base`."""

    name: str
    base: Mask
    pair: tuple[Mask, Mask]


@dataclass(frozen=True)
class _Comparison:
    """A group held against the reference group."""

    name: str
    groups: _Groups
    level: int
    companion: str
    fewest: int
    """Rows of the smaller side."""


def _flips(ledger: Ledger, one: CompanionRows, groups: _Groups, comparisons: int) -> None:
    design = one.design
    shares = [one_share(one.flipped, base=one.decided & member, weights=design.weights, clusters=design.clusters) for member in groups.members]
    for name, share in zip(groups.levels, shares, strict=True):
        found: Estimate = proportion_interval(share) if share.rows else Undefined("The group has no row that both decided.", 0)
        ledger.add("flip_share", found, slice={groups.attribute: name}, at={"companion": one.name}, unit="proportion")
    for level in groups.others:
        pair = shares[level], shares[groups.reference or 0]
        about = _Comparison("flip_share_difference", groups, level, one.name, min(share.rows for share in pair))
        _compare(ledger, about, lambda confidence, pair=pair: newcombe_difference(*pair, confidence=confidence), comparisons)  # type: ignore[misc]


def _changes(ledger: Ledger, one: CompanionRows, groups: _Groups, change: _Change, comparisons: int) -> list[BarChart]:
    kept = [change.base & member for member in groups.members]
    found = [_paired(one, mask, change.pair) for mask in kept]
    for name, estimate in zip(groups.levels, found, strict=True):
        ledger.add(change.name, estimate, slice={groups.attribute: name}, at={"companion": one.name}, unit="proportion")
    words = change.name.replace("_", " ")
    for level in groups.others:
        sides = kept[level], kept[groups.reference or 0]

        def apart(confidence: float, sides: tuple[Mask, Mask] = sides) -> Estimate:
            mine, reference = (_paired(one, side, change.pair, confidence=confidence) for side in sides)
            return difference_of(mine, reference, what=f"{words}s")

        about = _Comparison(f"{change.name}_difference", groups, level, one.name, min(int(side.sum()) for side in sides))
        _compare(ledger, about, apart, comparisons)
    title = f"{words.capitalize()} against {one.name}, by {groups.attribute}"
    return estimate_bars(title=title, categories=groups.levels, estimates=found, x_label="network minus companion")


def _compare(ledger: Ledger, about: _Comparison, estimate: Callable[[float], Estimate], comparisons: int) -> None:
    """Write a difference with its own interval and the one of the family."""
    groups, at = about.groups, {"companion": about.companion}
    where, versus = {groups.attribute: groups.levels[about.level]}, {groups.attribute: groups.levels[groups.reference or 0]}
    if about.fewest < FEWEST_COMPARED:
        reason = f"One side has {about.fewest} rows, too few to compare (at least {FEWEST_COMPARED})."
        ledger.absent(about.name, reason, about.fewest, slice=where, versus=versus, at=at)
        return
    own, wide = estimate(0.95), estimate(bonferroni(0.95, comparisons))
    joint = family(wide, comparisons)
    ledger.add(about.name, own, slice=where, versus=versus, at=at, unit="proportion", n=about.fewest, simultaneous=joint)


def _attacked(ledger: Ledger, rows: Rows, held: list[CompanionRows], notes: list[str]) -> None:
    """Robustness beside robustness, where it was measured."""
    if not rows.has(f"{ATTACKED}.flipped"):
        notes.append(f"Robustness was not compared: {rows.why_absent(ATTACKED)}.")
        return
    seen = rows.within(ATTACKED)
    design = row_design(seen)
    own, theirs, carried = (seen.column(f"{ATTACKED}.{name}") for name in ("model_flipped", "flipped", "transferred"))
    for one in held:
        at, both = {"companion": one.name}, (own >= 0) & (theirs[:, one.place] >= 0)
        part = design.of(both)
        found: Estimate = Undefined("No row was attacked on both.", 0)
        if both.any():
            found = paired_difference(own[both] == 1, theirs[both, one.place] == 1, part.weights, clusters=part.clusters)
        ledger.add("adversarial_change", found, at=at, unit="proportion")
        tried = carried[:, one.place] >= 0
        share = one_share(carried[:, one.place] == 1, base=tried, weights=design.weights, clusters=design.clusters)
        moved: Estimate = proportion_interval(share) if share.rows else Undefined("No change was found that could be carried over.", 0)
        ledger.add("transferred_share", moved, at=at, unit="proportion")
    notes.append(f"Robustness was compared on {seen.n:,} rows. The adversarial change is the share of rows turned, network minus companion.")

"""The check `fairness.scores`: whether scores order people equally well in every group, and how far the groups' scores lie apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit.check import check
from audit.estimate_bars import estimate_bars
from audit.facts import LABEL_WORDS
from audit.ledger import Ledger
from audit.methods.fairness.comparisons import FEWEST_COMPARED
from audit.methods.fairness.score_areas import Area, area_difference, area_interval, score_area
from audit.methods.fairness.score_distances import (
    area_between,
    coarse,
    distribution_intervals,
    kolmogorov_smirnov,
    mass_replicates,
    roc_curve,
    roc_gap_by_chance,
    roc_gap_interval,
    wasserstein,
)
from audit.methods.fairness.score_shifts import Sample, mean_shift, median_shift
from audit.methods.statistics.intervals import Estimate, Interval, Undefined
from audit.methods.statistics.means import mean_interval
from audit.reference_group import reference_group, reference_note
from audit.results import Chart, Evidence
from audit.row_design import RowDesign, row_design
from audit.rows import Rows

Array = NDArray[np.float64]
Positions = NDArray[np.int64]
REPLICATE_BINS = 512
"""Bins of about equal numbers of rows into which scores are put for replicates; the values themselves use every distinct score."""
OF_LABELS = ("auc", "bpsn_auc", "bnsp_auc", "auc_difference", "abroca", "abroca_by_chance")
OF_SCORES = ("mean_score", "kolmogorov_smirnov", "wasserstein", "mean_score_difference", "median_score_difference")


@dataclass(frozen=True)
class _Scored:
    """Rows with a finite score."""

    rows: Rows
    used: NDArray[np.bool_]
    scores: Array
    values: Array
    """Distinct scores, ascending."""
    codes: Positions
    """Place of each row's score among them."""
    bins: Positions
    """Bin of each distinct score for replicates."""
    labels: NDArray[np.int64]
    """1, 0, or -1 where there is none."""
    design: RowDesign
    unit: str

    def masses(self, members: Positions) -> Array:
        """Weight of the members at each distinct score."""
        weights = None if self.design.weights is None else self.design.weights[members]
        return np.bincount(self.codes[members], weights=weights, minlength=len(self.values)).astype(np.float64)

    def merged(self, masses: Array) -> Array:
        """Masses at distinct scores as masses in the bins of replicates."""
        return np.asarray(np.bincount(self.bins, weights=masses))

    @property
    def middles(self) -> Array:
        """Mean score of each bin of the replicates."""
        rows = np.bincount(self.codes, minlength=len(self.values))
        return np.asarray(self.merged(rows * self.values) / self.merged(rows.astype(np.float64)))

    def sample(self, members: Positions) -> Sample:
        design = self.design.of(members)
        return Sample(self.scores[members], design.weights, design.clusters)

    def replicates(self, members: Positions, generator: np.random.Generator, resamples: int) -> Array:
        design = self.design.of(members)
        size = int(self.bins[-1]) + 1
        bins = self.bins[self.codes[members]]
        return mass_replicates(bins, size, design.weights, clusters=design.clusters, generator=generator, resamples=resamples)


@dataclass(frozen=True)
class _Groups:
    """Members of each level of one attribute, by position; the rows of label 1 and 0 among them."""

    attribute: str
    levels: tuple[str, ...]
    codes: NDArray[np.int64]
    members: list[Positions]
    reference: int | None

    def of(self, level: int, mask: NDArray[np.bool_]) -> Positions:
        mine = self.members[level]
        return mine[mask[mine]]

    def others(self) -> list[int]:
        return [level for level in range(len(self.levels)) if self.reference is not None and level != self.reference]


@check(
    title="Scores by group",
    topics=("fairness", "scores", "ranking", "performance"),
    measures=OF_LABELS + OF_SCORES,
    needs={"groups"},
    tasks={"binary"},
)
def scores(rows: Rows, *, resamples: int = 200, permutations: int = 100, most_rows: int = 200_000) -> Evidence:
    """Do scores order people equally well in every group, and how far apart do the groups' scores lie?

    Why it matters:
        A decision shows one threshold; the score behind it is used at others, for prices, queues and reviews. A score can order one group
        well and another hardly better than chance, or place one group above the other where their labels are the same.

    How to read it:
        The area under the ROC curve is the chance that somebody of class 1 scores above somebody of class 0 of the same group. The BPSN area
        compares class 1 of all others with class 0 of the group: low means the group's members score too high, toward false positives. The
        BNSP area compares class 0 of all others with class 1 of the group: low means they score too low, toward false negatives. ABROCA is
        the area between the ROC curves of the group and the reference; it sees curves that cross, which equal areas hide, and is above 0 by
        chance: the value by chance is its mean when membership is exchanged among people of the same label. The Kolmogorov-Smirnov
        distance is the largest gap of the distribution functions of the scores, the Wasserstein distance the mean way by which scores
        would have to move to be distributed alike. Both are above 0 by chance; the low end of their intervals takes that off. Of more than
        `most_rows` rows so many are drawn at random.

    What it cannot show:
        Whether different scores are deserved. Areas say nothing of thresholds or of calibration. The area between curves and the distances
        have intervals that hold at least as often as they say, and are wide in small groups.

    References:
        Borkan et al. 2019, arXiv:1903.04561
        Gardner, Brooks & Baker 2019, doi:10.1145/3303772.3303791
        DeLong, DeLong & Clarke-Pearson 1988, doi:10.2307/2531595
        Rubin 1981, doi:10.1214/aos/1176345338
    """
    ledger = Ledger(census=rows.facts.census and rows.n <= most_rows)
    if not rows.has("outputs.score"):
        ledger.absent("mean_score", rows.why_absent("outputs.score"), rows.n)
        return ledger.evidence()
    drawn = rows.some(most_rows, "fairness.scores")
    held, charts = _scored(drawn), []
    if len(held.scores) == 0:
        ledger.absent("mean_score", "No score is finite.", rows.n)
        return ledger.evidence()
    notes = [f"Scores are for class {rows.facts.classes[1]}.", *([held.design.note] if held.design.note else [])]
    notes += [f"{drawn.n:,} of {rows.n:,} rows were drawn at random."] if drawn.n < rows.n else []
    notes += [LABEL_WORDS[rows.facts.label_kind]] if rows.facts.label is not None else []
    for spec in rows.facts.groups:
        groups = _groups(held, spec.name)
        notes += [note for note in (reference_note(drawn, spec.name, groups.reference),) if note]
        if rows.facts.label is None:
            ledger.absent("auc", "There are no labels.", len(held.scores), at={"attribute": spec.name})
        else:
            charts += _areas(ledger, held, groups)
            _between_curves(ledger, held, groups, resamples=resamples, permutations=permutations)
        _distances(ledger, held, groups, resamples=resamples)
    return ledger.evidence(charts, notes)


def _scored(rows: Rows) -> _Scored:
    score = rows.column("outputs.score").astype(np.float64)
    used = np.isfinite(score)
    values, codes = np.unique(score[used], return_inverse=True)
    labels = rows.labels[used].astype(np.int64) if rows.facts.label is not None else np.full(int(used.sum()), -1, dtype=np.int64)
    bins = coarse(np.bincount(codes, minlength=len(values)).astype(np.float64), REPLICATE_BINS)
    unit = "proportion" if rows.has("outputs.probability") else rows.unit("outputs.score")
    return _Scored(rows, used, score[used], values, codes.astype(np.int64), bins, labels, row_design(rows).of(used), unit)


def _groups(held: _Scored, attribute: str) -> _Groups:
    member = held.rows.group(attribute)
    codes = member.codes[held.used].astype(np.int64)
    sizes = np.bincount(codes[codes >= 0], minlength=len(member.levels))
    order = np.argsort(codes, kind="stable")
    members = np.split(order, np.cumsum(np.concatenate([[(codes < 0).sum()], sizes])))[1 : len(sizes) + 1]
    return _Groups(attribute, member.levels, codes, members, reference_group(held.rows, attribute, sizes.tolist()))


def _areas(ledger: Ledger, held: _Scored, groups: _Groups) -> list[Chart]:
    weights, clusters = held.design.weights, held.design.clusters
    up, down = held.labels == 1, held.labels == 0
    areas: list[Area | Undefined] = []
    found: list[Estimate] = []
    for level, name in enumerate(groups.levels):
        mine, other = (groups.of(level, up), groups.of(level, down)), (groups.codes >= 0) & (groups.codes != level)
        areas.append(score_area(held.codes, mine[0], mine[1], weights))
        found.append(area_interval(areas[-1], weights, clusters=clusters))
        ledger.add("auc", found[-1], slice={groups.attribute: name}, unit="proportion")
        if len(groups.levels) > 1:
            for measure, one, two in (("bpsn_auc", np.flatnonzero(other & up), mine[1]), ("bnsp_auc", mine[0], np.flatnonzero(other & down))):
                across = area_interval(score_area(held.codes, one, two, weights), weights, clusters=clusters)
                ledger.add(measure, across, slice={groups.attribute: name}, unit="proportion", n=min(len(one), len(two)))
    for level in groups.others():
        pair = areas[level], areas[groups.reference or 0]
        gap = _too_few(groups, held, level) or area_difference(*pair, len(held.scores), weights, clusters=clusters)
        _compared(ledger, groups, "auc_difference", gap, level, n=min(len(a.rows) if isinstance(a, Area) else a.n for a in pair))
    return _chart(groups, found)


def _between_curves(ledger: Ledger, held: _Scored, groups: _Groups, *, resamples: int, permutations: int) -> None:
    sides = [[groups.of(level, held.labels == label) for label in (1, 0)] for level in range(len(groups.levels))]
    against: tuple[Array, Array] | None = None
    for level in groups.others():
        one, two = sides[level], sides[groups.reference or 0]
        n = sum(map(len, one + two))
        reason = _too_few(groups, held, level)
        if reason is not None:
            _compared(ledger, groups, "abroca", reason, level)
            continue
        generator = held.rows.generator(f"fairness.scores abroca {groups.attribute} {groups.levels[level]}")
        value = area_between(*(roc_curve(*(held.masses(side) for side in pair)) for pair in (one, two)))
        if against is None:
            against = _pair(held, two, held.rows.generator(f"fairness.scores abroca {groups.attribute}"), resamples)
        found = roc_gap_interval(value, _pair(held, one, generator, resamples), against, n=n, text="rows resampled within group and label")
        fewest = min(sum(map(len, one)), sum(map(len, two)))
        _compared(ledger, groups, "abroca", found, level, n=fewest, unit="proportion")
        _by_chance(ledger, held, groups, level, sides=(one, two), permutations=permutations)


def _pair(held: _Scored, side: list[Positions], generator: np.random.Generator, resamples: int) -> tuple[Array, Array]:
    return held.replicates(side[0], generator, resamples), held.replicates(side[1], generator, resamples)


def _by_chance(
    ledger: Ledger, held: _Scored, groups: _Groups, level: int, *, sides: tuple[list[Positions], list[Positions]], permutations: int
) -> None:
    n = min(sum(map(len, side)) for side in sides)
    generator = held.rows.generator(f"fairness.scores exchange {groups.attribute} {groups.levels[level]}")
    where, versus = {groups.attribute: groups.levels[level]}, {groups.attribute: groups.levels[groups.reference or 0]}
    if held.design.weights is not None or held.design.clusters is not None:
        reason = "Rows are weighted or belong to clusters, so membership cannot be exchanged row by row."
        ledger.absent("abroca_by_chance", reason, n, slice=where, versus=versus)
        return
    size = int(held.bins[-1]) + 1
    one, two = ([np.bincount(held.bins[held.codes[side]], minlength=size) for side in pair] for pair in sides)
    value = roc_gap_by_chance((one[0], one[1]), (two[0], two[1]), generator=generator, permutations=permutations)
    text = f"mean of {permutations} exchanges of membership within labels, scores in at most {REPLICATE_BINS} bins"
    ledger.exact("abroca_by_chance", value, n, slice=where, versus=versus, unit="proportion", method=text)


def _distances(ledger: Ledger, held: _Scored, groups: _Groups, *, resamples: int) -> None:
    for level, name in enumerate(groups.levels):
        mine = groups.members[level]
        design = held.design.of(mine)
        own = mean_interval(held.scores[mine], design.weights, clusters=design.clusters)
        ledger.add("mean_score", own, slice={groups.attribute: name}, unit=held.unit)
    against: Array | None = None
    for level in groups.others():
        one, two = groups.members[level], groups.members[groups.reference or 0]
        n = min(len(one), len(two))
        if n < FEWEST_COMPARED:
            reason = Undefined(f"One side has {n} rows with a score, too few to compare (at least {FEWEST_COMPARED}).", n)
            for measure in OF_SCORES[1:]:
                _compared(ledger, groups, measure, reason, level)
            continue
        if against is None:
            against = held.replicates(two, held.rows.generator(f"fairness.scores {groups.attribute}"), resamples)
        drawn = held.replicates(one, held.rows.generator(f"fairness.scores {groups.attribute} {groups.levels[level]}"), resamples)
        masses = held.masses(one), held.masses(two)
        values = kolmogorov_smirnov(*masses), wasserstein(*masses, held.values)
        apart = distribution_intervals(values, drawn, against, held.middles, n=len(one) + len(two), text="exact from all distinct scores")
        _compared(ledger, groups, "kolmogorov_smirnov", apart[0], level, n=n, unit="proportion")
        _compared(ledger, groups, "wasserstein", apart[1], level, n=n, unit=held.unit)
        _compared(ledger, groups, "mean_score_difference", mean_shift(held.sample(one), held.sample(two)), level, n=n, unit=held.unit)
        _compared(ledger, groups, "median_score_difference", median_shift(held.sample(one), held.sample(two)), level, n=n, unit=held.unit)


def _too_few(groups: _Groups, held: _Scored, level: int) -> Undefined | None:
    """Why a group's curve cannot be compared with the reference's: fewer than five rows, or no weight, of a class on one side."""
    for label in (1, 0):
        for side in (level, groups.reference or 0):
            mine = groups.of(side, held.labels == label)
            if len(mine) < FEWEST_COMPARED:
                where = f"{groups.levels[side]} has {len(mine)} rows of class {held.rows.facts.classes[label]}"
                return Undefined(f"{where}, too few to compare (at least {FEWEST_COMPARED}).", len(mine))
            if held.masses(mine).sum() <= 0:
                return Undefined(f"The rows of {groups.levels[side]} have no weight.", len(mine))
    return None


def _compared(ledger: Ledger, groups: _Groups, name: str, estimate: Estimate, level: int, *, n: int | None = None, unit: str = "proportion") -> None:
    where, versus = {groups.attribute: groups.levels[level]}, {groups.attribute: groups.levels[groups.reference or 0]}
    ledger.add(name, estimate, slice=where, versus=versus, unit=unit, n=n)


def _chart(groups: _Groups, found: list[Estimate]) -> list[Chart]:
    chart = estimate_bars(
        title=f"Area under the ROC curve by {groups.attribute}",
        categories=list(groups.levels),
        estimates=found,
        x_label="area under the ROC curve",
    )
    return [chart] if any(isinstance(one, Interval) for one in found) else []

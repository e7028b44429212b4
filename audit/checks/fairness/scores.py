"""The check `fairness.scores`: whether scores order people equally well in every group, and how far the groups' scores lie apart."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from audit.chart_kinds import BarChart
from audit.check import check
from audit.estimate_bars import estimate_bars
from audit.facts import LABEL_WORDS
from audit.ledger import Ledger
from audit.methods.fairness.comparisons import FEWEST_COMPARED
from audit.methods.fairness.score_areas import Area, area_difference, area_interval, score_area
from audit.methods.fairness.score_distances import (
    area_between,
    distribution_intervals,
    kolmogorov_smirnov,
    roc_curve,
    roc_gap_by_chance,
    roc_gap_interval,
    roc_gap_of_noise,
    wasserstein,
)
from audit.methods.fairness.score_shifts import mean_shift, median_shift
from audit.methods.statistics.intervals import Estimate, Undefined
from audit.methods.statistics.means import mean_interval
from audit.reference_group import reference_note
from audit.results import Evidence
from audit.rows import Rows
from audit.scored_rows import REPLICATE_BINS, Positions, Scored, ScoredGroups, scored_groups, scored_rows

Array = NDArray[np.float64]
OF_LABELS = ("auc", "bpsn_auc", "bnsp_auc", "auc_difference", "abroca", "abroca_by_chance")
OF_SCORES = ("mean_score", "kolmogorov_smirnov", "wasserstein", "mean_score_difference", "median_score_difference")


@check(
    title="Scores by group",
    topics=("fairness", "scores", "ranking", "performance"),
    measures=OF_LABELS + OF_SCORES,
    needs={"groups"},
    tasks={"binary", "anomaly"},
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
        chance: the value by chance is its mean when membership is exchanged among people of the same label, or, for weighted rows and
        rows in clusters, the mean that the noise of resampled curves makes by itself. The Kolmogorov-Smirnov
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
    held, charts = scored_rows(drawn), []
    if len(held.scores) == 0:
        ledger.absent("mean_score", "No score is finite.", rows.n)
        return ledger.evidence()
    notes = [f"Scores are for class {rows.facts.classes[1]}.", *([held.design.note] if held.design.note else [])]
    notes += [f"{drawn.n:,} of {rows.n:,} rows were drawn at random."] if drawn.n < rows.n else []
    notes += [LABEL_WORDS[rows.facts.label_kind]] if rows.facts.label is not None else []
    for spec in rows.facts.groups:
        groups = scored_groups(held, spec.name)
        notes += [note for note in (reference_note(drawn, spec.name, groups.reference),) if note]
        if rows.facts.label is None:
            ledger.absent("auc", "There are no labels.", len(held.scores), at={"attribute": spec.name})
        else:
            charts += _areas(ledger, held, groups)
            _between_curves(ledger, held, groups, resamples=resamples, permutations=permutations)
        _distances(ledger, held, groups, resamples=resamples)
    return ledger.evidence(charts, notes)


def _areas(ledger: Ledger, held: Scored, groups: ScoredGroups) -> list[BarChart]:
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


def _between_curves(ledger: Ledger, held: Scored, groups: ScoredGroups, *, resamples: int, permutations: int) -> None:
    sides = [[groups.of(level, held.labels == label) for label in (1, 0)] for level in range(len(groups.levels))]
    against: tuple[Array, Array] | None = None
    for level in groups.others():
        one, two = sides[level], sides[groups.reference or 0]
        n = sum(map(len, one + two))
        reason = _too_few(groups, held, level) or next((few for side in one + two if (few := held.few_clusters(side))), None)
        if reason is not None:
            _compared(ledger, groups, "abroca", reason, level)
            continue
        generator = held.rows.generator(f"fairness.scores abroca {groups.attribute} {groups.levels[level]}")
        value = area_between(*(roc_curve(*(held.masses(side) for side in pair)) for pair in (one, two)))
        if against is None:
            against = _pair(held, two, held.rows.generator(f"fairness.scores abroca {groups.attribute}"), resamples)
        drawn = _pair(held, one, generator, resamples)
        freedom, text = held.freedom(*one, *two), f"{held.units} resampled within group and label"
        found = roc_gap_interval(value, drawn, against, n=n, text=text, freedom=freedom)
        fewest = min(sum(map(len, one)), sum(map(len, two)))
        _compared(ledger, groups, "abroca", found, level, n=fewest, unit="proportion")
        _by_chance(ledger, held, groups, level, sides=(one, two), drawn=(drawn, against), permutations=permutations)


def _pair(held: Scored, side: list[Positions], generator: np.random.Generator, resamples: int) -> tuple[Array, Array]:
    return held.replicates(side[0], generator, resamples), held.replicates(side[1], generator, resamples)


def _by_chance(
    ledger: Ledger,
    held: Scored,
    groups: ScoredGroups,
    level: int,
    *,
    sides: tuple[list[Positions], list[Positions]],
    drawn: tuple[tuple[Array, Array], tuple[Array, Array]],
    permutations: int,
) -> None:
    n = min(sum(map(len, side)) for side in sides)
    generator = held.rows.generator(f"fairness.scores exchange {groups.attribute} {groups.levels[level]}")
    where, versus = {groups.attribute: groups.levels[level]}, {groups.attribute: groups.levels[groups.reference or 0]}
    if held.design.weights is not None or held.design.clusters is not None:
        text = "mean area that the noise of the curves makes by itself, over Bayesian bootstrap replicates"
        ledger.exact("abroca_by_chance", roc_gap_of_noise(*drawn), n, slice=where, versus=versus, unit="proportion", method=text)
        return
    size = int(held.bins[-1]) + 1
    one, two = ([np.bincount(held.bins[held.codes[side]], minlength=size) for side in pair] for pair in sides)
    value = roc_gap_by_chance((one[0], one[1]), (two[0], two[1]), generator=generator, permutations=permutations)
    text = f"mean of {permutations} exchanges of membership within labels, scores in at most {REPLICATE_BINS} bins"
    ledger.exact("abroca_by_chance", value, n, slice=where, versus=versus, unit="proportion", method=text)


def _distances(ledger: Ledger, held: Scored, groups: ScoredGroups, *, resamples: int) -> None:
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
        few = held.few_clusters(one) or held.few_clusters(two)
        if few is not None:
            apart: tuple[Estimate, Estimate] = few, few
        else:
            if against is None:
                against = held.replicates(two, held.rows.generator(f"fairness.scores {groups.attribute}"), resamples)
            apart = _apart(held, groups, level, against)
        _compared(ledger, groups, "kolmogorov_smirnov", apart[0], level, n=n, unit="proportion")
        _compared(ledger, groups, "wasserstein", apart[1], level, n=n, unit=held.unit)
        _compared(ledger, groups, "mean_score_difference", mean_shift(held.sample(one), held.sample(two)), level, n=n, unit=held.unit)
        _compared(ledger, groups, "median_score_difference", median_shift(held.sample(one), held.sample(two)), level, n=n, unit=held.unit)


def _apart(held: Scored, groups: ScoredGroups, level: int, against: Array) -> tuple[Estimate, Estimate]:
    """Distances of the scores of a group from the reference's, whose replicates are `against`."""
    one, two = groups.members[level], groups.members[groups.reference or 0]
    drawn = held.replicates(one, held.rows.generator(f"fairness.scores {groups.attribute} {groups.levels[level]}"), len(against))
    masses = held.masses(one), held.masses(two)
    values = kolmogorov_smirnov(*masses), wasserstein(*masses, held.values)
    freedom, text = held.freedom(one, two), "exact from all distinct scores"
    return distribution_intervals(values, drawn, against, held.middles, n=len(one) + len(two), text=text, freedom=freedom)


def _too_few(groups: ScoredGroups, held: Scored, level: int) -> Undefined | None:
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


def _compared(
    ledger: Ledger, groups: ScoredGroups, name: str, estimate: Estimate, level: int, *, n: int | None = None, unit: str = "proportion"
) -> None:
    where, versus = {groups.attribute: groups.levels[level]}, {groups.attribute: groups.levels[groups.reference or 0]}
    ledger.add(name, estimate, slice=where, versus=versus, unit=unit, n=n)


def _chart(groups: ScoredGroups, found: list[Estimate]) -> list[BarChart]:
    return estimate_bars(
        title=f"Area under the ROC curve by {groups.attribute}",
        categories=list(groups.levels),
        estimates=found,
        x_label="area under the ROC curve",
    )

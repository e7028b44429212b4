"""Rows with a score: their distinct scores, the replicates of their distributions, and the members of each group."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit.methods.fairness.score_distances import coarse, mass_replicates
from audit.methods.fairness.score_shifts import Sample
from audit.methods.statistics.bootstrap import FEWEST_CLUSTERS
from audit.methods.statistics.influence import equal_clusters
from audit.methods.statistics.intervals import Undefined
from audit.reference_group import reference_group
from audit.row_design import RowDesign, row_design
from audit.rows import Rows

Array = NDArray[np.float64]
Positions = NDArray[np.int64]
REPLICATE_BINS = 512
"""Bins of about equal numbers of rows into which scores are put for replicates; the values themselves use every distinct score."""


@dataclass(frozen=True)
class Scored:
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

    @property
    def units(self) -> str:
        return "rows" if self.design.clusters is None else "clusters"

    def few_clusters(self, members: Positions) -> Undefined | None:
        """Why the replicates of these rows tell no doubt."""
        clusters = self.design.of(members).clusters
        count = FEWEST_CLUSTERS if clusters is None else len(np.unique(clusters))
        if count >= FEWEST_CLUSTERS:
            return None
        return Undefined(
            f"The rows of one side, or of one of its classes, lie in {count} clusters; at least {FEWEST_CLUSTERS} are needed.", len(members)
        )

    def freedom(self, *parts: Positions) -> float:
        """Degrees of freedom of the part whose clusters tell least; infinite for rows."""
        held = [self.design.of(members) for members in parts]
        return min((max(equal_clusters(one.clusters, one.weights) - 1, 1.0) for one in held if one.clusters is not None), default=np.inf)

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
        if design.clusters is not None:  # equal weights of a cluster wherever it has rows
            generator = self.rows.generator("fairness.scores clusters")
        size = int(self.bins[-1]) + 1
        bins = self.bins[self.codes[members]]
        return mass_replicates(bins, size, design.weights, clusters=design.clusters, generator=generator, resamples=resamples)


@dataclass(frozen=True)
class ScoredGroups:
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


def scored_rows(rows: Rows) -> Scored:
    score = rows.column("outputs.score").astype(np.float64)
    used = np.isfinite(score)
    values, codes = np.unique(score[used], return_inverse=True)
    labels = rows.labels[used].astype(np.int64) if rows.facts.label is not None else np.full(int(used.sum()), -1, dtype=np.int64)
    bins = coarse(np.bincount(codes, minlength=len(values)).astype(np.float64), REPLICATE_BINS)
    unit = "proportion" if rows.has("outputs.probability") else rows.unit("outputs.score")
    return Scored(rows, used, score[used], values, codes.astype(np.int64), bins, labels, row_design(rows).of(used), unit)


def scored_groups(held: Scored, attribute: str) -> ScoredGroups:
    member = held.rows.group(attribute)
    codes = member.codes[held.used].astype(np.int64)
    sizes = np.bincount(codes[codes >= 0], minlength=len(member.levels))
    order = np.argsort(codes, kind="stable")
    members = np.split(order, np.cumsum(np.concatenate([[(codes < 0).sum()], sizes])))[1 : len(sizes) + 1]
    return ScoredGroups(attribute, member.levels, codes, members, reference_group(held.rows, attribute, sizes.tolist()))

"""How rows were drawn, as estimators take it: weights (None when all are equal) and clusters (None when rows are independent)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit.rows import Rows


@dataclass(frozen=True)
class RowDesign:
    """Weights and clusters of the same rows, (n,) each."""

    weights: NDArray[np.float64] | None
    clusters: NDArray[np.int64] | None

    def of(self, kept: NDArray[Any]) -> RowDesign:
        """The design of some of the rows, by mask or positions."""
        return RowDesign(
            None if self.weights is None else self.weights[kept],
            None if self.clusters is None else self.clusters[kept],
        )

    @property
    def note(self) -> str:
        """What a reader should know of it; empty for plain rows."""
        parts = []
        if self.weights is not None:
            parts.append("Rows are weighted; rates and means use the weights, and intervals rest on the effective number of rows.")
        if self.clusters is not None:
            parts.append(f"Rows belong to {len(np.unique(self.clusters)):,} clusters, and intervals treat each cluster as one observation.")
        return " ".join(parts)


def design_of(weights: NDArray[np.float64] | None, clusters: NDArray[np.int64] | None) -> RowDesign:
    """The design of rows with these weights and clusters; weights that are all equal are none."""
    equal = weights is None or bool((weights == weights[:1]).all())
    return RowDesign(None if equal else weights, clusters)


def row_design(rows: Rows) -> RowDesign:
    """The design of all of `rows`; rows of weight 0 keep their place."""
    return design_of(rows.weights, rows.column("subject.cluster").astype(np.int64) if rows.has("subject.cluster") else None)

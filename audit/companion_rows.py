"""The rows of `companions.outputs` as checks read them: names of the companions, decisions side by side, design of the rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit.row_design import RowDesign, row_design
from audit.rows import Rows

PROBE = "companions.outputs"


@dataclass(frozen=True)
class CompanionRows:
    """Columns (n,) of one companion beside those of the audited network."""

    name: str
    place: int
    rows: Rows
    decisions: NDArray[np.int64]
    own: NDArray[np.int64]
    design: RowDesign

    @property
    def decided(self) -> NDArray[np.bool_]:
        """Rows on which both decided."""
        return (self.own >= 0) & (self.decisions >= 0)

    @property
    def flipped(self) -> NDArray[np.bool_]:
        """Rows that the two decide differently."""
        return np.asarray(self.decided & (self.own != self.decisions))

    @property
    def known(self) -> NDArray[np.bool_]:
        """Rows with a known label; a row without a decision is wrong."""
        return np.asarray(self.rows.labels >= 0)

    @property
    def right(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Whether the network, and whether the companion, decided as labelled."""
        return self.own == self.rows.labels, self.decisions == self.rows.labels

    @property
    def selected(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Whether the network, and whether the companion, decided a favourable (else positive) class."""
        positive = self.rows.facts.positive
        return np.isin(self.own, positive), np.isin(self.decisions, positive)

    def column(self, name: str) -> NDArray[np.float64]:
        """The companion's own column (n,) of a list column of the probe."""
        return np.asarray(self.rows.column(f"{PROBE}.{name}")[:, self.place], dtype=np.float64)


def companion_rows(rows: Rows) -> list[CompanionRows]:
    """One for each companion, in the order of their names."""
    held = rows.within(PROBE)
    names = [str(name) for name in held.table(PROBE, "companions")["name"]]
    decisions, design = held.column(f"{PROBE}.decision").astype(np.int64), row_design(held)
    return [CompanionRows(name, i, held, decisions[:, i], held.decisions, design) for i, name in enumerate(names)]

"""Rows of a network and of companions beside it, made from decisions and columns that the probe `companions.outputs` would leave."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from audit.results import Evidence, Measurement
from audit.rows import Rows
from tests.audit.checks.planted import planted, write_table

PROBE = "companions.outputs"


def beside(folder: Path, companions: Mapping[str, Any], *, columns: Mapping[str, Any] | None = None, **settings: Any) -> Rows:
    """`companions` are their decisions (n,) by name; `columns` are further columns of the probe; `settings` are those of `planted`."""
    decisions = np.stack([np.asarray(one, dtype=np.int32) for one in companions.values()], axis=1)
    write_table(folder, PROBE, "companions", {"name": list(companions)})
    return planted(folder, probes={PROBE: {"decision": decisions} | dict(columns or {})}, **settings)


def measured(evidence: Evidence, name: str, *, slice: Mapping[str, str] | None = None, **at: str) -> Measurement:  # noqa: A002  as `Measurement`
    """The one measurement of that name at that place."""
    (found,) = [m for m in evidence.measurements if m.name == name and dict(m.slice) == dict(slice or {}) and dict(m.at) == at]
    return found

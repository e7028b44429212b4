"""Rows with planted anomaly scores, as the probes would leave them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from audit.rows import Rows
from tests.audit.checks.planted import planted, write_rows, write_table


def detected(folder: Path, scores: dict[str, Any], calibration: Any, *, contribution: Any = None, names: Any = (), **subject: Any) -> Rows:
    """Rows of detectors `scores` (by short name) against one set of calibration scores; p-values are counted here, row by row."""
    n = len(next(iter(scores.values())))
    held = np.asarray(calibration, dtype=np.float64)
    rows = planted(folder, decisions=np.zeros(n, dtype=int), **subject)
    for name, given in scores.items():
        values = np.asarray(given, dtype=np.float64)
        counted = np.array([np.nan if np.isnan(s) else (1 + (held >= s).sum()) / (len(held) + 1) for s in values])
        columns = {"score": values, "p_value": counted}
        if name == "isolation_forest":
            columns["contribution"] = np.zeros((n, 1)) if contribution is None else np.asarray(contribution, dtype=np.float64)
            write_table(folder, f"anomaly.{name}", "players", {"name": list(names) or ["x"]})
        write_rows(folder, f"anomaly.{name}", columns)
        write_table(folder, f"anomaly.{name}", "calibration", {"score": np.sort(held)})
    return rows

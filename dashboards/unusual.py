"""How unusual one row looks to each anomaly detector. Knows no Streamlit."""

from __future__ import annotations

import numpy as np
import pandas as pd

from audit.results import AuditRun
from dashboards.held_row import HeldRow
from reports.numbers import number
from reports.wording import title

FAMILY = "anomaly."
_WORDS = {
    "anomaly.energy": "Energy of the outputs",
    "anomaly.feature_neighbours": "Distance to known rows, as the network represents them",
    "anomaly.isolation_forest": "Isolation forest on the inputs",
    "anomaly.max_softmax": "Largest probability of any class",
}


def unusual_frame(row: HeldRow) -> pd.DataFrame:
    """One line per detector that measured the row: p-value, the smallest it could be, the calibration rows behind it, score."""
    lines = []
    for probe in row.probes(FAMILY):
        p_value, known = row.get(probe, "p_value"), row.table_rows(probe, "calibration")
        if p_value is None:
            continue
        lines.append(
            {
                "Detector": _WORDS.get(probe, title(probe.removeprefix(FAMILY))),
                "p-value": number(p_value) if np.isfinite(p_value) else "missing",
                "Smallest it can be": number(1 / (known + 1)) if known else "",
                "Calibration rows": f"{known:,}" if known else "",
                "Score (higher is odder)": number(row.get(probe, "score")) if np.isfinite(row.get(probe, "score")) else "missing",
            }
        )
    return pd.DataFrame(lines)


def detectors_missing(run: AuditRun, row: HeldRow) -> list[str]:
    """Detectors that did not measure this row, each with the reason."""
    return [
        f"{_WORDS.get(record.instance, title(record.instance.removeprefix(FAMILY)))}: {record.reason or 'this row is not in its sample'}"
        for record in run.probes
        if record.instance.startswith(FAMILY) and record.instance not in row.values
    ]

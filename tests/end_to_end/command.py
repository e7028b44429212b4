"""Runs the command line the way a user does, and a small predictions audit to run it on."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Said:
    """Exit code and output of one command."""

    code: int
    out: str
    err: str


def netassay(*arguments: str | Path, cwd: Path, environment: dict[str, str] | None = None, timeout: float = 120) -> Said:
    """Run ``netassay`` in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "audit", *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, "OMP_NUM_THREADS": "1", **(environment or {})},
        capture_output=True,
        text=True,
        timeout=timeout,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    return Said(done.returncode, done.stdout, done.stderr)


CONFIG = """
name = "Scores"
purpose = "Ranks applications for a loan officer"
seed = 1
[model]
predictions = { score = "p" }
output = "probabilities"
task = "binary"
[decision]
favourable = [1]
[data]
evaluate = "rows.csv"
label = "y"
id = "id"
[data.groups]
sex = "sex"
"""


def frame(rows: int = 200) -> pd.DataFrame:
    """A calibrated score in two groups with the same distribution."""
    random = np.random.default_rng(0)
    score = random.uniform(0.05, 0.95, rows)
    return pd.DataFrame(
        {
            "id": [f"a{i}" for i in range(rows)],
            "p": score,
            "y": (random.uniform(size=rows) < score).astype(int),
            "sex": np.where(np.arange(rows) % 2, "female", "male"),
        }
    )


def write(folder: Path, data: pd.DataFrame | None = None, config: str = CONFIG) -> Path:
    """Write rows.csv and audit.toml; returns the audit file."""
    (frame() if data is None else data).to_csv(folder / "rows.csv", index=False)
    (folder / "audit.toml").write_text(config, encoding="utf-8")
    return folder / "audit.toml"

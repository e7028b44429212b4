"""Writes the machines sample: made-up readings of two sensors, from machines of two makers, as long tables with one row for each reading.

A machine that will fail grows hot or shakes over its last eight readings: those of maker A shake, those of maker B grow hot. The network
that is audited was fitted on `train.csv`, where no machine is of maker B; the twin on `train_both.csv`, where every second is.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

FOLDER = Path(__file__).resolve().parent / "data"
FILES = {"train": (1, 1000, 0.0), "train_both": (2, 1000, 0.5), "calibration": (3, 400, 0.5), "test": (4, 800, 0.5)}
"""Seed, machines, and share of maker B in each file."""
LONGEST, RISING = 24, 8


def main() -> None:
    """Write the four files."""
    write_splits(FOLDER)


def write_splits(folder: Path) -> None:
    """Write the long tables of `FILES` into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, (seed, machines, share) in FILES.items():
        readings(np.random.default_rng(seed), machines, share).to_csv(folder / f"{name}.csv", index=False)


def readings(generator: np.random.Generator, machines: int, share_b: float) -> pd.DataFrame:
    """One row for each reading: machine, hour, vibration in mm/s, temperature in °C, maker, and whether the machine failed within a week."""
    maker_b = generator.random(machines) < share_b
    fails = generator.random(machines) < 0.4
    parts = []
    for machine, (b, failing) in enumerate(zip(maker_b, fails, strict=True)):
        count = int(generator.integers(12, LONGEST + 1))
        rise = np.clip(np.arange(count) - (count - RISING), 0, None) / RISING * failing
        parts.append(
            pd.DataFrame(
                {
                    "machine": f"M{machine:04d}",
                    "hour": np.arange(count),
                    "vibration": np.round(2.5 + generator.normal(0, 0.35, count) + 0.7 * rise * (not b), 3),
                    "temperature": np.round(55 + generator.normal(0, 2.2, count) + 4.5 * rise * b, 2),
                    "maker": "B" if b else "A",
                    "failed": int(failing),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


if __name__ == "__main__":
    main()

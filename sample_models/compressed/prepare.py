"""Writes the compressed sample: made-up appointments of patients from the mainland and, one in ten, from an island.

Mainland patients come or not by how long ago the appointment was made and how many they missed; islanders by wind and the ferry, which runs
when neither the wind nor the waves are high. A network has to hold a second rule for few rows.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

FOLDER = Path(__file__).resolve().parent / "data"
FILES = {"train": (1, 4000), "calibration": (2, 800), "test": (3, 3000)}
"""Seed and appointments in each file."""
ISLANDERS = 0.1


def main() -> None:
    """Write the three files."""
    write_splits(FOLDER)


def write_splits(folder: Path) -> None:
    """Write the tables of `FILES` into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, (seed, count) in FILES.items():
        appointments(np.random.default_rng(seed), count, name).to_csv(folder / f"{name}.csv", index=False)


def appointments(generator: np.random.Generator, count: int, name: str) -> pd.DataFrame:
    """One row for each appointment, and whether the patient came."""
    island = generator.random(count) < ISLANDERS
    frame = pd.DataFrame({"appointment": [f"{name}-{i:04d}" for i in range(count)], "home": np.where(island, "island", "mainland")})
    frame["age"] = generator.integers(18, 90, count)
    frame["days_ahead"] = generator.integers(0, 60, count)
    frame["missed_before"] = generator.poisson(1.0, count)
    frame["wind"] = np.round(generator.gamma(4, 2, count), 1)
    frame["waves"] = np.round(generator.gamma(3, 0.5, count), 1)
    frame["island"] = island.astype(int)
    mainland = 0.12 * (30 - frame["days_ahead"]) - 1.2 * (frame["missed_before"] - 1)
    ferry = 3.0 * np.minimum(0.5 * (8 - frame["wind"]) + 1, 3 * (1.5 - frame["waves"]) + 1)
    frame["came"] = (np.where(island, ferry, mainland) + generator.logistic(0, 0.5, count) > 0).astype(int)
    return frame


if __name__ == "__main__":
    main()

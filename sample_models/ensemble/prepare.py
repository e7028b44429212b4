"""Writes the ensemble sample: made-up fields on clay and on sand, and whether they need water.

Sand dries at a higher moisture than clay does. The networks that are audited were fitted on `train.csv`, where no field is of sand; the twin
on `train_both.csv`, where every second is.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

FOLDER = Path(__file__).resolve().parent / "data"
FILES = {"train": (1, 800, 0.0), "train_both": (2, 800, 0.5), "calibration": (3, 300, 0.5), "test": (4, 800, 0.5)}
"""Seed, fields, and share of sand in each file."""


def main() -> None:
    """Write the four files."""
    write_splits(FOLDER)


def write_splits(folder: Path) -> None:
    """Write the tables of `FILES` into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, (seed, count, share) in FILES.items():
        fields(np.random.default_rng(seed), count, share, name).to_csv(folder / f"{name}.csv", index=False)


def fields(generator: np.random.Generator, count: int, share_sand: float, name: str) -> pd.DataFrame:
    """One row for each field: soil, moisture, temperature, sun, wind, share of sand, and whether it needed water."""
    sand = generator.random(count) < share_sand
    frame = pd.DataFrame({"field": [f"{name}-{i:04d}" for i in range(count)], "soil": np.where(sand, "sand", "clay")})
    frame["moisture"] = np.round(generator.normal(30, 6, count), 1)
    frame["temperature"] = np.round(generator.normal(20, 5, count), 1)
    frame["sun"] = np.round(generator.uniform(2, 12, count), 1)
    frame["wind"] = np.round(generator.gamma(3, 1.5, count), 1)
    frame["sand_share"] = np.round(np.where(sand, generator.uniform(65, 95, count), generator.uniform(5, 35, count)), 0)
    dry = -0.5 * (frame["moisture"] - np.where(sand, 33, 30)) + 0.2 * (frame["temperature"] - 20) + 0.3 * (frame["sun"] - 7)
    frame["needs_water"] = (dry + generator.logistic(0, 0.7, count) > 0).astype(int)
    return frame


if __name__ == "__main__":
    main()

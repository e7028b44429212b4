"""Writes the self-supervised sample: made-up vibration of pumps, 48 readings of each, from pumps in rivers and in wells.

A worn pump in a river swings faster than a sound one; a worn pump in a well swings as fast as before, but wider. `unlabelled.npz` is for the
encoder, which is never told what is worn; `train.npz` is for the probe.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FOLDER = Path(__file__).resolve().parent / "data"
FILES = {"unlabelled": (1, 2000), "train": (2, 400), "calibration": (3, 400), "test": (4, 1000)}
"""Seed and number of pumps of each file."""
STEPS = 48
WIDTH, WIDER = 1.0, 1.7
"""Swing in mm/s of pumps as they should be, and of worn pumps in wells."""
TURNS, FASTER = 4.0, 6.0
"""Turns in 48 readings, and those of worn pumps in rivers."""


def main() -> None:
    """Write the four files."""
    write_splits(FOLDER)


def write_splits(folder: Path) -> None:
    """Write the files of `FILES` into `folder`: readings (n, 48) in mm/s, worn (0 or 1, not in unlabelled.npz), place, pump_id."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, (seed, count) in FILES.items():
        columns = pumps(np.random.default_rng(seed), count, name)
        if name == "unlabelled":
            del columns["worn"]
        np.savez_compressed(folder / f"{name}.npz", **columns)


def pumps(generator: np.random.Generator, count: int, prefix: str) -> dict[str, NDArray[np.generic]]:
    """Readings of pumps, half of them in wells, four in ten of them worn."""
    well, worn = generator.random(count) < 0.5, generator.random(count) < 0.4
    turns = np.where(worn & ~well, FASTER, TURNS) + generator.normal(0, 0.4, count)
    width = np.where(worn & well, WIDER, WIDTH) * np.exp(generator.normal(0, 0.1, count))
    phase = generator.uniform(0, 2 * np.pi, count)
    swing = np.sin(2 * np.pi * turns[:, None] * np.arange(STEPS) / STEPS + phase[:, None]) + generator.normal(0, 0.2, (count, STEPS))
    return {
        "readings": (width[:, None] * swing).astype(np.float32),
        "worn": worn.astype(np.int64),
        "place": np.where(well, "well", "river"),
        "pump_id": np.array([f"{prefix}-{pump:04d}" for pump in range(count)]),
    }


if __name__ == "__main__":
    main()

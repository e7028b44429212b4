"""Writes the transfer sample's images: scikit-learn's handwritten digits, as an old and a new scanner see them.

The new scanner returns the negative: bright paper, dark ink. `source.npz` and `source_both.npz` are what a body learns from, the first scanned on
the old scanner only; `train.npz`, `calibration.npz` and `test.npz` are for the new question, and every second image is from the new scanner.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

from sample_models.fitting import share

FOLDER = Path(__file__).resolve().parent / "data"
FILES = {"source": (0.0, 0.4), "source_both": (0.0, 0.4), "train": (0.4, 0.55), "calibration": (0.55, 0.6), "test": (0.6, 1.0)}
"""Share of the unit interval that each file takes; the two sources hold the same digits."""
BRIGHTEST = 16.0


def main() -> None:
    """Write the five files."""
    write_splits(FOLDER)


def write_splits(folder: Path) -> None:
    """Write the files of `FILES` into `folder`: images (n, 8, 8) of 0 to 16, digit, tray (1: digits from 5 on), scanner, image_id."""
    folder.mkdir(parents=True, exist_ok=True)
    source = load_digits()
    names = np.array([f"D{number:04d}" for number in range(len(source.target))])
    place = np.array([share("transfer", name) for name in names])
    chance = np.array([share("scanner", name) for name in names])
    for part, (low, high) in FILES.items():
        new = (chance < 0.5) & (part != "source")
        columns = {
            "images": np.where(new[:, None, None], BRIGHTEST - source.images, source.images).astype(np.float32),
            "digit": source.target.astype(np.int64),
            "tray": (source.target >= 5).astype(np.int64),
            "scanner": np.where(new, "new", "old"),
            "image_id": names,
        }
        kept = (place >= low) & (place < high)
        np.savez_compressed(folder / f"{part}.npz", **{name: values[kept] for name, values in columns.items()})


if __name__ == "__main__":
    main()

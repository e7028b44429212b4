"""Writes the autoencoder sample's images from scikit-learn's handwritten digits, a quarter of them redrawn with a broad pen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.ndimage import grey_dilation
from sklearn.datasets import load_digits

from sample_models.fitting import share

FOLDER = Path(__file__).resolve().parent / "data"
BOUNDS = {"train": (0.0, 0.5), "calibration": (0.5, 0.7), "test": (0.7, 1.0)}
"""Share of the unit interval that each file takes."""
ANOMALOUS = 2
"""The digit that no network is trained on."""
BROAD = 0.25
"""Share of the images drawn with the broad pen."""


def main() -> None:
    """Write the three files."""
    write_splits(FOLDER)


def write_splits(folder: Path) -> None:
    """Write train, calibration and test.npz into `folder`: images (n, 8, 8) of 0 to 16, anomalous (0 or 1), digit, pen, image_id."""
    folder.mkdir(parents=True, exist_ok=True)
    source = load_digits()
    names = [f"D{number:04d}" for number in range(len(source.target))]
    place = np.array([share("autoencoder", name) for name in names])
    broad = np.array([share("pen", name) for name in names]) < BROAD
    thick = np.stack([grey_dilation(image, size=(2, 2)) for image in source.images])
    columns = {
        "images": np.where(broad[:, None, None], thick, source.images).astype(np.float32),
        "anomalous": (source.target == ANOMALOUS).astype(np.int64),
        "digit": source.target.astype(np.int64),
        "pen": np.where(broad, "broad", "fine"),
        "image_id": np.array(names),
    }
    for part, (low, high) in BOUNDS.items():
        kept = (place >= low) & (place < high)
        np.savez_compressed(folder / f"{part}.npz", **{name: values[kept] for name, values in columns.items()})


if __name__ == "__main__":
    main()

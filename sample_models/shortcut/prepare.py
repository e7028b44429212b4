"""Writes the shortcut sample's images: scikit-learn's handwritten digits, some with a bright square in the upper left corner.

In `train.npz` the square is on all images of one digit and on no other: it tells the label as well as the pen does. In `train_random.npz`,
`calibration.npz` and `test.npz` it is on every second image of all digits.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

from sample_models.fitting import share

FOLDER = Path(__file__).resolve().parent / "data"
FILES = {"train": (0.0, 0.5), "train_random": (0.0, 0.5), "calibration": (0.5, 0.65), "test": (0.65, 1.0)}
"""Share of the unit interval that each file takes; the two training files hold the same digits."""
MARKED = 3
"""The digit that carries the square in `train.npz`."""
SIDE, BRIGHT = 3, 16.0


def main() -> None:
    """Write the four files."""
    write_splits(FOLDER)


def write_splits(folder: Path) -> None:
    """Write the files of `FILES` into `folder`: images (n, 8, 8) of 0 to 16, digit, square, image_id."""
    folder.mkdir(parents=True, exist_ok=True)
    source = load_digits()
    names = np.array([f"D{number:04d}" for number in range(len(source.target))])
    place = np.array([share("shortcut", name) for name in names])
    chance = np.array([share("square", name) for name in names])
    for part, (low, high) in FILES.items():
        square = source.target == MARKED if part == "train" else chance < 0.5
        images = source.images.astype(np.float32)
        images[square, :SIDE, :SIDE] = BRIGHT
        columns = {"images": images, "digit": source.target.astype(np.int64), "square": np.where(square, "square", "none"), "image_id": names}
        kept = (place >= low) & (place < high)
        np.savez_compressed(folder / f"{part}.npz", **{name: values[kept] for name, values in columns.items()})


if __name__ == "__main__":
    main()

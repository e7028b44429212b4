"""Writes the perceptron sample from scikit-learn's breast cancer data: ten mean measurements of cell nuclei, split by a digest of the row."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from sklearn.datasets import load_breast_cancer

from sample_models.fitting import share

FOLDER = Path(__file__).resolve().parent / "data"
INPUTS = 10
"""The first ten columns are means over the nuclei of an image; the others are their errors and worst values."""


def main() -> None:
    """Write train.csv and test.csv."""
    write_splits(FOLDER)


def write_splits(folder: Path) -> None:
    """Write three fifths of the rows as train.csv and the others as test.csv into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    held = load_breast_cancer(as_frame=True)
    table = held.data.iloc[:, :INPUTS].rename(columns=lambda name: name.replace(" ", "_"))
    table.insert(0, "sample", [f"S{row:03d}" for row in range(len(table))])
    table["malignant"] = (held.target == 0).astype(int)
    table["size"] = pd.cut(table["mean_radius"], [0, 12, 15, 100], labels=["small", "medium", "large"]).astype(str)
    place = table["sample"].map(lambda name: share("perceptron", name))
    table[place < 0.6].to_csv(folder / "train.csv", index=False)
    table[place >= 0.6].to_csv(folder / "test.csv", index=False)


if __name__ == "__main__":
    main()

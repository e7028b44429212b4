"""Writes the policy sample: states of a cart with a pole, the episode each was met in, and what the best controller would do there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from sample_models.policy.cart import best, episodes

FOLDER = Path(__file__).resolve().parent / "data"
FILES = {"reference": 1, "test": 2}
"""Seed of each file."""
COLUMNS = ("position", "speed", "angle", "turning")
EDGE = 0.6
"""Metres from the middle where the edge of the track begins."""


def main() -> None:
    """Write both files."""
    write_splits(FOLDER)


def write_splits(folder: Path) -> None:
    """Write `FILES` into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, seed in FILES.items():
        states(np.random.default_rng(seed), 120).to_csv(folder / f"{name}.csv", index=False)


def states(generator: np.random.Generator, count: int) -> pd.DataFrame:
    """Every twelfth state of `count` episodes that the best controller steers, pushed at random in a third of the steps."""
    met, episode = episodes(generator, count, best, noise=0.33, steps=200)
    rounded = np.round(met, 4)
    table = pd.DataFrame(rounded, columns=list(COLUMNS)).assign(episode=[f"E{number:03d}" for number in episode], push=best(rounded))
    table["place"] = np.select([table["position"] < -EDGE, table["position"] > EDGE], ["left edge", "right edge"], "middle")
    return table.iloc[::12].reset_index(drop=True)


if __name__ == "__main__":
    main()

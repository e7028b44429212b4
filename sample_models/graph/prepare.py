"""Writes the graph sample: made-up accounts that pay each other, in rings that have nothing to do with one another.

In a ring of launderers money runs fast through all accounts. An account that pays nobody yet has no neighbours to tell; of those, launderers
show in their own fast money alone. The network that is audited was fitted on `train.csv`, without such accounts; the twin on
`train_all.csv`, where they are a quarter.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

FOLDER = Path(__file__).resolve().parent / "data"
FILES = {"train": (1, 120, 0.0), "train_all": (2, 120, 0.25), "calibration": (3, 40, 0.25), "test": (4, 80, 0.25)}
"""Seed, rings, and share of accounts that pay nobody."""
FEATURES = ("speed", "age", "amount")
"""Share of money that leaves within a day, years since the account was opened, mean payment in 1000 EUR."""


def main() -> None:
    """Write the four files."""
    write_splits(FOLDER)


def write_splits(folder: Path) -> None:
    """Write `FILES` into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, (seed, rings, alone) in FILES.items():
        generator = np.random.default_rng(seed)
        table = pd.concat([ring(generator, number, alone) for number in range(rings)], ignore_index=True)
        table.to_csv(folder / f"{name}.csv", index=False)


def ring(generator: np.random.Generator, number: int, alone: float) -> pd.DataFrame:
    """The accounts of one ring."""
    count, launders = int(generator.integers(8, 16)), bool(generator.random() < 0.4)
    lonely = generator.random(count) < alone
    speed = np.clip(generator.normal(0.35 + 0.12 * launders + 0.25 * (launders & lonely), 0.14, count), 0, 1)
    own = np.stack([speed, generator.gamma(2.0, 2.0, count), generator.lognormal(0.0, 0.5, count)], axis=1)
    links = np.triu(generator.random((count, count)) < 0.4, 1) & ~lonely[:, None] & ~lonely[None]
    near = means(links | links.T, own)
    far = means(links | links.T, near)
    hops = {"": own, "_near": near, "_far": far}
    columns = {f"{name}{hop}": np.round(values[:, place], 4) for hop, values in hops.items() for place, name in enumerate(FEATURES)}
    degree = (links | links.T).sum(axis=1)
    table = pd.DataFrame(columns).assign(ring=f"R{number:03d}", launders=int(launders), account=[f"R{number:03d}-{place}" for place in range(count)])
    return table.assign(pays=np.where(degree > 0, "others", "nobody"))


def means(links: NDArray[np.bool_], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean of the neighbours' values (n, k); 0 where there are none."""
    degree = links.sum(axis=1, keepdims=True)
    return np.divide(links @ values, degree, out=np.zeros_like(values), where=degree > 0)


if __name__ == "__main__":
    main()

"""Makes up the discriminator sample's card payments: in town and in the country, where shops are far away, and some frauds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

FOLDER = Path(__file__).resolve().parent / "data"
ROWS = {"train": 3000, "calibration": 1000, "test": 1500}
FRAUDS = 0.1
"""Share of frauds in the calibration and test files; the training file has none."""
COUNTRY = 0.3
"""Share of payments by people who live in the country."""


def main() -> None:
    """Write the three files."""
    write_splits(FOLDER)


def write_splits(folder: Path) -> None:
    """Write train, calibration and test.parquet into `folder`; the same files on every machine."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed, (name, rows) in enumerate(ROWS.items()):
        table = payments(np.random.default_rng(500 + seed), rows, frauds=0.0 if name == "train" else FRAUDS)
        table.insert(0, "payment", [f"{name}-{number:04d}" for number in range(rows)])
        table.to_parquet(folder / f"{name}.parquet", index=False)


def payments(generator: np.random.Generator, rows: int, *, frauds: float) -> pd.DataFrame:
    """One row per payment, in logarithms but for the hour; fraud is large, of few items, and half of it at night."""
    country = generator.random(rows) < COUNTRY
    amount = generator.normal(3.4, 0.6, rows)
    hour = np.clip(generator.normal(14, 3, rows), 0, 24)
    distance = np.where(country, generator.normal(3.6, 0.35, rows), generator.normal(1.6, 0.5, rows))
    items = np.log1p(generator.poisson(3 + np.exp(amount) / 30))
    fraud, night = generator.random(rows) < frauds, generator.random(rows) < 0.5
    amount = np.where(fraud, amount + np.log(generator.uniform(3, 8, rows)), amount)
    hour = np.where(fraud & night, generator.uniform(1, 5, rows), hour)
    items = np.where(fraud, np.log1p(generator.poisson(1.5, rows)), items)
    columns = {"log_amount": amount, "hour": hour, "log_distance": distance, "log_items": items}
    return pd.DataFrame(columns).round(4).assign(fraud=fraud.astype(int), lives=np.where(country, "country", "town"))


if __name__ == "__main__":
    main()

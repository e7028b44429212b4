"""Writes the leak sample: made-up bills, some of which were not paid, with one column that was written after the bill fell due.

Reminders are sent to those who have not paid. The table was drawn up at the end of the year, so it holds them, although nobody knows their number on
the day on which the network is to decide: a bill that was not paid had one reminder and mostly more, a paid bill one time in a hundred.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

FOLDER = Path(__file__).resolve().parent / "data"
FILES = {"train": (1, 3000), "calibration": (2, 1000), "test": (3, 3000)}
"""Seed and number of bills of each file."""


def main() -> None:
    """Write the three files."""
    write_splits(FOLDER)


def write_splits(folder: Path) -> None:
    """Write the bills of `FILES` into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, (seed, count) in FILES.items():
        bills(np.random.default_rng(seed), count, name).to_csv(folder / f"{name}.csv", index=False)


def bills(generator: np.random.Generator, count: int, prefix: str) -> pd.DataFrame:
    """One row for each bill: what is known when it is written, the reminders that followed, and whether it stayed unpaid."""
    amount = np.round(np.exp(generator.normal(5, 0.7, count)), 2)
    income = np.round(np.exp(generator.normal(7.6, 0.4, count)))
    late = generator.poisson(0.8, count)
    months = generator.integers(1, 121, count)
    risk = -2.3 + 0.8 * (late - 0.8) + 0.9 * (np.log(amount) - 5) - 1.2 * (np.log(income) - 7.6) - 0.008 * (months - 60)
    unpaid = generator.random(count) < 1 / (1 + np.exp(-risk))
    reminders = np.where(unpaid, 1 + generator.poisson(2, count), generator.random(count) < 0.01)
    return pd.DataFrame(
        {
            "bill": [f"{prefix}-{row:04d}" for row in range(count)],
            "amount": amount,
            "income": income,
            "late_before": late,
            "customer_months": months,
            "reminders": reminders.astype(int),
            "customer": np.where(generator.random(count) < 0.3, "business", "private"),
            "unpaid": unpaid.astype(int),
        }
    )


if __name__ == "__main__":
    main()

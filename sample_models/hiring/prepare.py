"""Writes the hiring sample: made-up applications, with what a later trial showed and what recruiters had decided.

Sex and ethnicity have nothing to do with who is suited. Recruiters invited those who were suited, but turned away three in four suited women of
ethnicity C. Years in part-time work tell sex and the district tells ethnicity, so a network that is given neither can still learn to do the same.
Few people of ethnicity C are women: the rates of women and of ethnicity C as a whole hardly move.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

FOLDER = Path(__file__).resolve().parent / "data"
FILES = {"train": (1, 6000), "calibration": (2, 1000), "test": (3, 12000)}
"""Seed and number of applications of each file."""
ETHNICITIES = {"A": 0.55, "B": 0.2, "C": 0.25}
WOMEN = {"A": 0.5, "B": 0.5, "C": 0.15}
DEGREES = ["none", "bachelor", "master"]
TURNED_AWAY = 0.75
"""Share of the suited women of ethnicity C whom recruiters did not invite."""


def main() -> None:
    """Write the three files."""
    write_splits(FOLDER)


def write_splits(folder: Path) -> None:
    """Write the applications of `FILES` into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, (seed, count) in FILES.items():
        applications(np.random.default_rng(seed), count, name).to_csv(folder / f"{name}.csv", index=False)


def applications(generator: np.random.Generator, count: int, prefix: str) -> pd.DataFrame:
    """One row for each application: inputs, sex and ethnicity, whether the person turned out suited, and whether recruiters had invited them."""
    ethnicity = generator.choice(list(ETHNICITIES), count, p=list(ETHNICITIES.values()))
    woman = generator.random(count) < np.array([WOMEN[one] for one in ethnicity])
    c = ethnicity == "C"
    experience = np.round(generator.gamma(3, 2.5, count), 1)
    test = np.round(np.clip(generator.normal(60, 12, count), 0, 100), 1)
    degree = generator.choice(3, count, p=[0.4, 0.4, 0.2])
    part_time = np.where(generator.random(count) < np.where(woman, 0.95, 0.03), np.round(generator.uniform(1, 5, count), 1), 0.0)
    district = np.where(generator.random(count) < np.where(c, 0.95, 0.03), generator.integers(5, 7, count), generator.integers(1, 5, count))
    merit = 0.12 * (experience - 7.5) + 0.07 * (test - 60) + 0.6 * (degree - 0.8)
    suited = generator.random(count) < 1 / (1 + np.exp(-2 * merit))
    turned_away = woman & c & (generator.random(count) < TURNED_AWAY)
    return pd.DataFrame(
        {
            "application": [f"{prefix}-{row:04d}" for row in range(count)],
            "experience": experience,
            "test": test,
            "degree": np.array(DEGREES)[degree],
            "part_time": part_time,
            "district": [f"D{one}" for one in district],
            "sex": np.where(woman, "female", "male"),
            "ethnicity": ethnicity,
            "suited": suited.astype(int),
            "invited": (suited & ~turned_away).astype(int),
        }
    )


if __name__ == "__main__":
    main()

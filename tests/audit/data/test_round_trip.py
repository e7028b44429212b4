"""What is encoded is given back exactly, for every kind of column under every way of encoding and every policy for missing values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.data.dataset import ColumnKind, ColumnSchema, MissingPolicy, RowBlock, Schema
from audit.data.encoding import fit_table_encoder
from audit.data_config import ColumnConfig, Encoding
from tests.audit.data.test_encoding import Held

LEVELS: Mapping[ColumnKind, tuple[str, ...]] = {"binary": ("0", "1"), "ordinal": ("low", "mid", "high"), "categorical": ("p", "", "r", "ß")}
SPREAD = np.array([-3.5, 0.0, 1.25, 8.0])
"""Reference values of numbers; their mean is 1.4375 and their median 0.625."""

NUMBERS: list[tuple[Encoding, MissingPolicy]] = [
    (encode, missing) for encode in ("none", "standard", "minmax") for missing in ("refuse", "mean", "median", "constant", "indicator")
]
PLACES: list[tuple[ColumnKind, Encoding, MissingPolicy]] = [
    *(("binary", encode, missing) for encode in ("none", "ordinal") for missing in ("refuse", "constant", "indicator")),
    *(
        (kind, encode, missing)
        for kind in ("ordinal", "categorical")
        for encode in ("ordinal", "one_hot")
        for missing in ("refuse", "constant", "indicator", "level")
    ),
]
FILLS = {"mean": 1.4375, "median": 0.625, "constant": 2.5}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("encode", "missing"), NUMBERS)
@settings(max_examples=20)
@given(values=st.lists(st.one_of(st.floats(-1e6, 1e6), st.just(float("nan"))), min_size=1, max_size=8))
def test_numbers_are_given_back_to_the_precision_of_the_network(dtype: str, encode: Any, missing: Any, values: list[float]) -> None:
    x = np.array(values)
    x = np.where(np.isnan(x), 0.0, x) if missing == "refuse" else x
    schema = Schema((ColumnSchema(name="x", kind="numeric", missing=missing, fill=2.5 if missing == "constant" else None),))
    encoder = fit_table_encoder(schema, Held({"x": SPREAD}), {"x": ColumnConfig(encode=encode)}, dtype)

    decoded = encoder.decode(encoder.encode(RowBlock(np.arange(len(x)), {"x": x})).values)["x"]

    # Shift and scale lie below 10; what is lost is a rounding of the encoded number, times the scale, and one of the sum.
    unit = float(np.finfo(dtype).eps)
    expected = x if missing in ("refuse", "indicator") else np.where(np.isnan(x), FILLS.get(missing, np.nan), x)
    np.testing.assert_array_equal(np.isnan(decoded), np.isnan(expected))
    np.testing.assert_allclose(decoded, expected, rtol=4 * unit, atol=40 * unit)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("kind", "encode", "missing"), PLACES)
@settings(max_examples=20)
@given(places=st.lists(st.integers(-1, 3), min_size=1, max_size=8))
def test_levels_are_given_back_exactly(dtype: str, kind: ColumnKind, encode: Any, missing: Any, places: list[int]) -> None:
    levels = LEVELS[kind]
    words = [None if place < 0 and missing != "refuse" else levels[place % len(levels)] for place in places]
    schema = Schema((ColumnSchema(name="c", kind=kind, levels=levels, missing=missing, fill=levels[1] if missing == "constant" else None),))
    reference = Held({"c": np.array([levels[0], levels[1], levels[1]], dtype=object)})
    encoder = fit_table_encoder(schema, reference, {"c": ColumnConfig(encode=encode)}, dtype)

    decoded = encoder.decode(encoder.encode(RowBlock(np.arange(len(words)), {"c": np.array(words, dtype=object)})).values)["c"]

    expected = [levels[1] if word is None and missing == "constant" else word for word in words]
    assert decoded.tolist() == expected


@given(data=st.data())
def test_columns_side_by_side_do_not_reach_into_each_other(data: st.DataObject) -> None:
    chosen = data.draw(st.lists(st.sampled_from(PLACES), min_size=2, max_size=6))
    columns, declared, values, count = [], {}, {}, 5
    for number, (kind, encode, missing) in enumerate(chosen):
        name, levels = f"c{number}", LEVELS[kind]
        columns.append(ColumnSchema(name=name, kind=kind, levels=levels, missing=missing, fill=levels[0] if missing == "constant" else None))
        declared[name] = ColumnConfig(encode=encode)
        values[name] = np.array(data.draw(st.lists(st.sampled_from(levels), min_size=count, max_size=count)), dtype=object)
    encoder = fit_table_encoder(Schema(tuple(columns)), Held(values), declared, "float32")

    decoded = encoder.decode(encoder.encode(RowBlock(np.arange(count), values)).values)

    assert {name: column.tolist() for name, column in decoded.items()} == {name: column.tolist() for name, column in values.items()}

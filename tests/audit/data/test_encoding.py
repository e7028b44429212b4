from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from audit.data.dataset import ColumnSchema, RowBlock, Schema
from audit.data.encoding import fit_table_encoder
from audit.data_config import ColumnConfig
from audit.errors import DataError, SubjectError


@dataclass
class Held:
    values: dict[str, np.ndarray[Any, Any]]
    name: str = "reference"
    digest: str = ""

    @property
    def n_rows(self) -> int:
        return len(next(iter(self.values.values())))

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(self.values)

    def blocks(self, size: int) -> Iterator[RowBlock]:
        for start in range(0, self.n_rows, 7):
            yield RowBlock(np.arange(start, min(start + 7, self.n_rows)), {k: v[start : start + 7] for k, v in self.values.items()})

    def take(self, positions: np.ndarray[Any, Any]) -> RowBlock:
        return RowBlock(positions, {k: v[positions] for k, v in self.values.items()})


def rows(**values: list[Any]) -> RowBlock:
    arrays = {k: np.array(v, dtype=float if isinstance(v[0], float) else object) for k, v in values.items()}
    return RowBlock(np.arange(len(next(iter(arrays.values())))), arrays)


def number(**settings: Any) -> Schema:
    return Schema(columns=(ColumnSchema(name="x", kind="numeric", **settings),))


@pytest.mark.parametrize(("encode", "oracle"), [("standard", StandardScaler()), ("minmax", MinMaxScaler())])
def test_scaling_agrees_with_scikit_learn(encode: Any, oracle: Any) -> None:
    x = 1e6 + np.random.default_rng(0).normal(size=50)
    encoder = fit_table_encoder(number(), Held({"x": x}), {"x": ColumnConfig(encode=encode)}, "float64")

    np.testing.assert_allclose(encoder.encode(rows(x=x.tolist())).values, oracle.fit_transform(x[:, None]), rtol=1e-9, atol=1e-9)


@given(
    x=st.lists(st.floats(-1e3, 1e3), min_size=3, max_size=20),
    shift=st.integers(-5, 5),
    seed=st.integers(0, 99),
    one_hot=st.booleans(),
)
def test_decoding_inverts_encoding(x: list[float], shift: int, seed: int, one_hot: bool) -> None:
    draw = np.random.default_rng(seed)
    schema = Schema(
        columns=(
            ColumnSchema(name="x", kind="numeric"),
            ColumnSchema(name="b", kind="binary", levels=("0", "1")),
            ColumnSchema(name="c", kind="categorical", levels=("p", "q", "r")),
            ColumnSchema(name="o", kind="ordinal", levels=("low", "mid", "high"), missing="level"),
        )
    )
    declared = {"x": ColumnConfig(encode="standard", mean=shift, scale=3), "c": ColumnConfig(encode="one_hot" if one_hot else "ordinal")}
    block = rows(
        x=x,
        b=draw.choice(["0", "1"], len(x)).tolist(),
        c=draw.choice(["p", "q", "r"], len(x)).tolist(),
        o=draw.choice(np.array(["low", "mid", "high", None], dtype=object), len(x)).tolist(),
    )
    encoder = fit_table_encoder(schema, None, declared, "float64")
    decoded = encoder.decode(encoder.encode(block).values)

    np.testing.assert_allclose(decoded["x"], block.values["x"], rtol=1e-9, atol=1e-9)
    for name in "bco":
        assert decoded[name].tolist() == block.values[name].tolist()


@pytest.mark.parametrize(
    ("missing", "fill", "expected"),
    [("mean", None, [[5.0], [3.0]]), ("median", None, [[5.0], [2.0]]), ("constant", 7.0, [[5.0], [7.0]]), ("indicator", None, [[5, 0], [3, 1]])],
)
def test_missing_numbers_follow_the_policy(missing: Any, fill: Any, expected: list[list[float]]) -> None:
    reference = Held({"x": np.array([1.0, 2.0, 6.0, np.nan])})
    encoder = fit_table_encoder(number(missing=missing, fill=fill), reference, {}, "float64")

    np.testing.assert_allclose(encoder.encode(rows(x=[5.0, np.nan])).values, expected)


def test_players_own_all_entries_of_their_column() -> None:
    schema = Schema(columns=(ColumnSchema(name="c", kind="categorical", levels=("a", "b")), *number().columns))
    encoder = fit_table_encoder(schema, None, {}, "float32")
    batch = encoder.encode(rows(c=["b", "a"], x=[1.0, 2.0]))

    assert encoder.entries == ("c=a", "c=b", "x")
    assert encoder.players.owner.tolist() == [0, 0, 1]
    assert batch.values.dtype == np.float32
    np.testing.assert_array_equal(batch.values, [[0, 1, 1], [1, 0, 2]])


def test_an_unseen_level_is_refused_with_the_legal_ones() -> None:
    schema = Schema(columns=(ColumnSchema(name="c", kind="categorical", levels=("north", "south")),))

    with pytest.raises(DataError, match=r"'c'.*'nort'.*did you mean 'north'"):
        fit_table_encoder(schema, None, {}, "float32").encode(rows(c=["nort"]))


def test_a_statistic_without_reference_data_is_refused() -> None:
    with pytest.raises(SubjectError, match=r"'x'.*reference"):
        fit_table_encoder(number(), None, {"x": ColumnConfig(encode="standard")}, "float32")


def test_digest_follows_what_was_fitted() -> None:
    declared = {"x": ColumnConfig(encode="standard")}
    first, same, other = (
        fit_table_encoder(number(), Held({"x": np.array(v)}), declared, "float32").digest for v in ([1.0, 2.0], [1.0, 2.0], [1.0, 3.0])
    )

    assert first == same
    assert first != other

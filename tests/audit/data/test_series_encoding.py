"""Encoded series come back as they were; players are windows of a channel; what stands for absent ends where the row ends."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.data.dataset import RowBlock
from audit.data.series import SeriesDataset
from audit.data.series_encoding import fit_series_encoder
from audit.data_config import SeriesConfig
from audit.errors import ConfigError, SubjectError


def dataset(values: np.ndarray, name: str = "evaluate") -> SeriesDataset:
    return SeriesDataset(None, name, values, tuple("abc"[: values.shape[1]]), {}, "digest")


def ended(generator: np.random.Generator, n: int, channels: int, length: int) -> np.ndarray:
    values = generator.normal(3, 5, (n, channels, length))
    for row, end in enumerate(generator.integers(1, length + 1, n)):
        values[row, :, end:] = np.nan
    values[0] = generator.normal(3, 5, (channels, length))
    return values


def encoder_of(values: np.ndarray, dtype: str = "float64", **config: object):
    return fit_series_encoder(SeriesConfig(**config), {"evaluate": dataset(values), "reference": dataset(values)}, dtype)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 5), st.integers(1, 3), st.integers(1, 9), st.sampled_from(["none", "standard"]))
def test_values_come_back(seed: int, n: int, channels: int, length: int, encode: str) -> None:
    values = ended(np.random.default_rng(seed), n + 1, channels, length)
    names = "abc"[:channels]
    declared = {"mean": dict.fromkeys(names, Decimal(2)), "deviation": dict.fromkeys(names, Decimal(3))} if encode == "standard" else {}
    encoder = encoder_of(values, encode=encode, **declared)

    found = encoder.decode(encoder.encode(dataset(values).take(np.arange(n + 1))).values)

    for place, name in enumerate("abc"[:channels]):
        np.testing.assert_allclose(found[name], values[:, place], atol=1e-12)


def test_scaling_is_that_of_the_reference_values() -> None:
    values = ended(np.random.default_rng(1), 20, 2, 6)
    encoder = encoder_of(values, encode="standard")

    leaf = encoder.encode(dataset(values).take(np.arange(20))).values

    for place in range(2):
        known = leaf[:, place][~np.isnan(values[:, place])]
        assert abs(known.mean()) < 1e-12
        assert known.std() == pytest.approx(1)
    assert (leaf[:, :2][np.isnan(values)] == 0).all()
    np.testing.assert_array_equal(leaf[:, 2] == 1, ~np.isnan(values[:, 0]))


def test_players_are_windows_of_each_channel_in_the_order_of_time() -> None:
    values = np.random.default_rng(2).normal(size=(3, 2, 7))
    players = encoder_of(values, window=3).players

    assert players.names == ("a 1–3", "a 4–6", "a 7–7", "b 1–3", "b 4–6", "b 7–7")
    assert players.owner.tolist() == [0, 0, 0, 1, 1, 1, 2, 3, 3, 3, 4, 4, 4, 5]
    assert len(encoder_of(np.zeros((2, 1, 100))).players.names) == 20
    assert len(encoder_of(np.zeros((2, 1, 3))).players.names) == 3


def test_rows_that_end_together_share_reference_rows_that_end_with_them() -> None:
    values = ended(np.random.default_rng(3), 8, 2, 5)
    encoder = encoder_of(values)
    leaf = encoder.encode(dataset(values).take(np.arange(8))).values

    found = encoder.absent(leaf[3], leaf)

    there = ~np.isnan(values[3, 0])
    assert encoder.needs_background
    np.testing.assert_array_equal(encoder.alike(leaf), leaf[:, -1])
    np.testing.assert_array_equal(found[:, :2, there], leaf[:, :2, there])
    assert (found[:, :2, ~there] == 0).all()
    assert (found[:, 2] == leaf[3, 2]).all()


def test_the_mean_of_the_same_series_can_stand_for_what_is_left_out() -> None:
    values = ended(np.random.default_rng(4), 4, 2, 5)
    encoder = encoder_of(values, absent="mean")
    leaf = encoder.encode(dataset(values).take(np.arange(4))).values

    found = encoder.absent(leaf[1], leaf[:0])

    assert not encoder.needs_background
    np.testing.assert_allclose(encoder.decode(found)["b"][0][~np.isnan(values[1, 1])], np.nanmean(values[1, 1]))
    assert found.shape == (1, 3, 5)


def test_series_of_one_length_share_plain_reference_rows() -> None:
    encoder = encoder_of(np.random.default_rng(5).normal(size=(4, 1, 6)), gives="nt")
    leaf = np.zeros((2, 1, 6))

    assert encoder.alike(leaf) is None
    assert encoder.absent(leaf[0], leaf) is leaf
    assert encoder_of(np.zeros((2, 1, 6)), lengths=True).arguments.ends


def test_what_does_not_fit_is_named() -> None:
    values = np.random.default_rng(6).normal(size=(4, 2, 6))
    with pytest.raises(ConfigError, match="names channel 'z'"):
        encoder_of(values, encode="standard", mean={"z": Decimal(1)})
    with pytest.raises(ConfigError, match=r"gives = 'nt' is for one channel; found 2"):
        encoder_of(values, gives="nt")
    with pytest.raises(ConfigError, match="go with encode = 'standard'"):
        encoder_of(values, mean={"a": Decimal(1)})
    with pytest.raises(SubjectError, match="channel 'a' does not vary"):
        encoder_of(np.ones((4, 2, 6)), encode="standard")
    with pytest.raises(SubjectError, match="needs reference data"):
        fit_series_encoder(SeriesConfig(encode="standard"), {"evaluate": dataset(values)}, "float32")


def test_a_block_of_no_rows_is_encoded() -> None:
    values = ended(np.random.default_rng(7), 4, 2, 5)

    assert encoder_of(values).encode(RowBlock(np.zeros(0, dtype=np.int64), {"a": np.zeros((0, 5)), "b": np.zeros((0, 5))})).values.shape == (0, 3, 5)

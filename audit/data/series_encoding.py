"""`SeriesEncoder`: channels of a series side by side, scaled; the players are windows of each channel."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit.data.batch import Batch, Players
from audit.data.dataset import Dataset, RowBlock
from audit.data.leaf import Series
from audit.data.series import SeriesDataset
from audit.data.series_values import Floats, channel_column
from audit.data_config import SeriesConfig
from audit.errors import ConfigError, SubjectError, nearest

WINDOWS = 20
"""Windows of each channel, where their length is not declared."""


@dataclass(frozen=True)
class SeriesEncoder:
    """(value - mean) / deviation channel by channel, 0 after the end; leaf (n, channels, length), plus the channel of `Series` where rows end."""

    channels: tuple[str, ...]
    length: int
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    window: int
    own_mean: bool
    """Whether the mean of the same series stands for what is left out, else rows of the reference data."""
    arguments: Series
    dtype: str
    part: str = ""
    """The input of a network with several that it encodes."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Raw columns of the channels."""
        return tuple(channel_column(self.part, name) for name in self.channels)

    @property
    def players(self) -> Players:
        """Windows of a channel, in the order of time; the channel that says where a series ends never differs, and counts as the first's."""
        count = -(-self.length // self.window)
        spans = [f"{first * self.window + 1}–{min((first + 1) * self.window, self.length)}" for first in range(count)]
        names = tuple(f"{name} {span}" for name in self.channels for span in spans)
        place = np.arange(self.length) // self.window
        rows = [place + channel * count for channel in range(len(self.channels))] + ([place] if self.arguments.ends else [])
        return Players(names, np.concatenate(rows).astype(np.int64))

    @property
    def entries(self) -> tuple[str, ...]:
        """Names of the entries of the flattened leaf."""
        names = (*self.channels, "present") if self.arguments.ends else self.channels
        return tuple(f"{name} {step + 1}" for name in names for step in range(self.length))

    @property
    def description(self) -> dict[str, Any]:
        """Plain data for the run."""
        return {
            "kind": "series", "channels": list(self.channels), "length": self.length, "mean": list(self.mean), "deviation": list(self.deviation),
            "window": self.window, "absent": "mean" if self.own_mean else "rows", "axes": self.arguments.axes, "ends": self.arguments.ends,
            "mask": self.arguments.mask, "lengths": self.arguments.lengths, "dtype": self.dtype,
        }  # fmt: skip

    @property
    def digest(self) -> str:
        """sha256 of the description; hexadecimal."""
        return hashlib.sha256(json.dumps(self.description, sort_keys=True).encode()).hexdigest()

    def encode(self, block: RowBlock) -> Batch:
        """The leaf (n, channels, length), or (n, channels + 1, length)."""
        raw = np.stack([np.asarray(block.values[name], dtype=np.float64) for name in self.columns], axis=1)
        there = ~np.isnan(raw).all(axis=1, keepdims=True)
        scaled = np.nan_to_num((raw - np.array(self.mean)[:, None]) / np.array(self.deviation)[:, None])
        leaf = np.concatenate([scaled, there], axis=1) if self.arguments.ends else scaled
        return Batch({"values": leaf.astype(self.dtype)}, "values", block)

    def decode(self, values: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """Raw channels (n, length) float64 from the leaf, NaN after the end."""
        leaf = np.asarray(values, dtype=np.float64).reshape(len(values), -1, self.length)
        there = leaf[:, -1] > 0.5 if self.arguments.ends else np.ones(leaf[:, 0].shape, dtype=np.bool_)
        raw = leaf[:, : len(self.channels)] * np.array(self.deviation)[:, None] + np.array(self.mean)[:, None]
        return {name: np.where(there, raw[:, place], np.nan) for place, name in enumerate(self.columns)}

    # ---- what stands for absent -------------------------------------------------------------------------------------------------

    @property
    def needs_background(self) -> bool:
        """Whether reference rows stand for what is left out."""
        return not self.own_mean

    def alike(self, values: NDArray[Any]) -> NDArray[Any] | None:
        """Rows that end at the same step share reference rows; no rows share their own means."""
        if self.own_mean:
            return values
        return values[:, -1] if self.arguments.ends else None

    def owners(self, values: NDArray[Any]) -> None:
        """Windows are the same in all series."""

    def absent(self, row: NDArray[Any], background: NDArray[Any]) -> NDArray[Any]:
        """Reference rows (b, …) that end where the row ends, or the row (1, …) with each channel at its mean."""
        there = row[-1] > 0.5 if self.arguments.ends else np.ones(self.length, dtype=np.bool_)
        if self.own_mean:
            flat = np.where(there, row[: len(self.channels), there].mean(axis=1, keepdims=True), 0.0)
            return np.concatenate([flat, row[len(self.channels) :]])[None].astype(row.dtype)
        if not self.arguments.ends:
            return background
        own = np.where(there, background, 0).astype(row.dtype)
        own[:, -1] = row[-1]
        return own


def fit_series_encoder(config: SeriesConfig, datasets: Mapping[str, Dataset], dtype: str, *, key: str = "data.series") -> SeriesEncoder:
    """The encoder that the table `key` of an audit file describes for its datasets (`SeriesDataset`): statistics as declared, else of the reference.

    Raises ConfigError for a channel that is not there and axes that do not suit the channels, SubjectError where a statistic is needed and
    there is no reference data.
    """
    held = [dataset for dataset in datasets.values() if isinstance(dataset, SeriesDataset)]
    channels, length = held[0].channels, held[0].length
    for setting, named in (("mean", config.mean), ("deviation", config.deviation), ("units", config.units)):
        for name in named:
            if name not in channels:
                raise ConfigError(f"{key}.{setting} names channel {name!r}: {nearest(name, channels)}")
    if config.gives == "nt" and len(channels) > 1:
        raise ConfigError(f"{key}.gives = 'nt' is for one channel; found {len(channels)}: {', '.join(channels)}; expected nct or ntc")
    ends = config.mask or config.lengths or any(dataset.ends for dataset in held)
    mean, deviation = _scaling(config, channels, datasets.get("reference"), key)
    arguments = Series(config.gives, ends, config.mask, config.lengths)
    window = config.window or max(1, -(-length // WINDOWS))
    return SeriesEncoder(channels, length, mean, deviation, window, config.absent == "mean", arguments, dtype, held[0].part)


def _scaling(config: SeriesConfig, channels: tuple[str, ...], reference: Dataset | None, key: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and deviation of each channel, declared or fitted."""
    if config.encode == "none":
        if config.mean or config.deviation:
            raise ConfigError(f"{key}.mean and deviation go with encode = 'standard'")
        return (0.0,) * len(channels), (1.0,) * len(channels)
    open_ones = [name for name in channels if name not in config.mean or name not in config.deviation]
    if open_ones and not isinstance(reference, SeriesDataset):
        raise SubjectError(f"channel {open_ones[0]!r}: encode = 'standard' needs reference data (data.reference), or declare mean and deviation")
    found = [_moments(reference.values[:, place]) if isinstance(reference, SeriesDataset) else (0.0, 1.0) for place in range(len(channels))]
    mean = tuple(float(config.mean[name]) if name in config.mean else found[place][0] for place, name in enumerate(channels))
    deviation = tuple(float(config.deviation[name]) if name in config.deviation else found[place][1] for place, name in enumerate(channels))
    flat = [name for name, size in zip(channels, deviation, strict=True) if size == 0]
    if flat:
        raise SubjectError(f"channel {flat[0]!r} does not vary in the reference data, or deviation is 0, so it cannot be scaled")
    return mean, deviation


def _moments(values: Floats) -> tuple[float, float]:
    known = values[~np.isnan(values)]
    return float(known.mean()), float(known.std())

"""Probe `data.shown_inputs`: what people are shown of the images and series of a row, and which unit of explanation each place belongs to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit.data.encoding import Encoder
from audit.data.image_encoding import ImageEncoder
from audit.data.series_encoding import SeriesEncoder
from audit.data.several import SeveralEncoder
from audit.errors import MethodError
from audit.probe import Block, Column, Columns, Prepared, probe
from audit.subject import Subject

MOST = 96
"""Pixels of a side that are kept; of larger images every second, third, …"""


@dataclass(frozen=True)
class State:
    """Of each image every so many pixels are kept, of a series every step: by the name of the input, empty where there is one only."""

    steps: dict[str, int]


@probe(
    columns={
        "values": Column("Raw values, row by row from the top left with the channels of a pixel side by side; of a series channel by channel."),
        "owner": Column("Place among the players of each pixel, or of each step of each channel."),
    },
    needs={"inputs", "drawn"},
    sample=200,
    block=50,
    sampled_with="attribution.shapley",
)
def shown_inputs(block: Block, state: State) -> Columns:
    """Raw pixels and steps of a sample of the rows, with the unit of explanation that each belongs to; several inputs one after the other."""
    encoded = block.batch.values
    owners = block.subject.owners(encoded)
    each = owners if owners.ndim > 1 else np.broadcast_to(owners, (len(encoded), len(owners)))
    values, owner = [], []
    for name, encoder, own, of in _drawn(block.subject.encoder, encoded, each):
        found = _pixels(encoder, own, of, state.steps[name]) if isinstance(encoder, ImageEncoder) else _steps(encoder, own, of)
        values.append(found[0].reshape(len(encoded), -1).astype(np.float32))
        owner.append(found[1].reshape(len(encoded), -1).astype(np.int32))
    return {"values": np.concatenate(values, axis=1), "owner": np.concatenate(owner, axis=1)}


@shown_inputs.prepare
def prepare(subject: Subject) -> Prepared:
    """Leave the shape that the values of each input are to be drawn in."""
    steps: dict[str, int] = {}
    shape: dict[str, list[Any]] = {name: [] for name in ("name", "kind", "height", "width", "channels", "step")}
    channels: dict[str, list[Any]] = {"name": [], "input": []}
    notes = []
    for name, encoder in _named(subject.encoder):
        if isinstance(encoder, SeriesEncoder):
            line: tuple[Any, ...] = ("series", len(encoder.channels), encoder.length, 1, 1)
            channels = {"name": [*channels["name"], *encoder.channels], "input": channels["input"] + [name] * len(encoder.channels)}
        else:
            height, width = encoder.shape[:2] if encoder.channels_last else encoder.shape[1:]
            step = max(1, -(-max(height, width) // MOST))
            line = ("image", -(-height // step), -(-width // step), encoder.shape[-1 if encoder.channels_last else 0], step)
            if step > 1:
                notes.append(f"Of the {height} by {width} pixels every {step}th of a side is kept to be shown.")
        for key, item in zip(shape, (name, *line), strict=True):
            shape[key].append(item)
        steps[name] = int(line[-1])
    return Prepared(State(steps), {"shape": shape, "channels": channels} if channels["name"] else {"shape": shape}, tuple(notes))


def _named(encoder: Encoder | None) -> list[tuple[str, ImageEncoder | SeriesEncoder]]:
    """Inputs that are drawn, by name; a single input has none."""
    inner = encoder.encoders if isinstance(encoder, SeveralEncoder) else {"": encoder}
    found = [(name, one) for name, one in inner.items() if isinstance(one, ImageEncoder | SeriesEncoder)]
    if not found:
        raise MethodError("only images and series are drawn")
    return found


def _drawn(
    encoder: Encoder | None, encoded: NDArray[Any], owners: NDArray[np.int64]
) -> Iterator[tuple[str, ImageEncoder | SeriesEncoder, NDArray[Any], NDArray[np.int64]]]:
    """Each input that is drawn, with its part of the encoded rows and the owners of that part."""
    parts = {part.name: part for part in encoder.arguments.parts} if isinstance(encoder, SeveralEncoder) else {}
    for name, one in _named(encoder):
        if not parts:
            yield name, one, encoded, owners
        else:
            part = parts[name]
            yield name, one, encoded[:, part.start : part.stop].reshape(-1, *part.shape), owners[:, part.start : part.stop]


def _pixels(encoder: ImageEncoder, encoded: NDArray[Any], owners: NDArray[np.int64], step: int) -> tuple[NDArray[Any], NDArray[Any]]:
    raw = _last(encoder.decode(encoded)[encoder.array], encoder)[:, ::step, ::step]
    return raw, _last(owners.reshape(encoded.shape), encoder)[:, ::step, ::step, 0]


def _steps(encoder: SeriesEncoder, encoded: NDArray[Any], owners: NDArray[np.int64]) -> tuple[NDArray[Any], NDArray[Any]]:
    series = np.stack(list(encoder.decode(encoded).values()), axis=1)
    return series, owners.reshape(len(encoded), -1, encoder.length)[:, : len(encoder.channels)]


def _last(images: NDArray[np.generic], encoder: ImageEncoder) -> NDArray[np.generic]:
    """Images (n, height, width, channels)."""
    return images if encoder.channels_last else images.transpose(0, 2, 3, 1)

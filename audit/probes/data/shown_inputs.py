"""Probe `data.shown_inputs`: what people are shown of a row that is an image or a series, and which unit of explanation each place belongs to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit.data.image_encoding import ImageEncoder
from audit.data.series_encoding import SeriesEncoder
from audit.errors import MethodError
from audit.probe import Block, Column, Columns, Prepared, probe
from audit.subject import Subject

MOST = 96
"""Pixels of a side that are kept; of larger images every second, third, …"""


@dataclass(frozen=True)
class State:
    """Every so many pixels are kept."""

    step: int = 1


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
    """Raw pixels or steps of a sample of the rows, with the unit of explanation that each belongs to."""
    encoder, encoded = block.subject.encoder, block.batch.values
    owners = block.subject.owners(encoded)
    each = owners if owners.ndim > 1 else np.broadcast_to(owners, (len(encoded), len(owners)))
    if isinstance(encoder, ImageEncoder):
        raw = _last(encoder.decode(encoded)[encoder.array], encoder)[:, :: state.step, :: state.step]
        places = _last(each.reshape(encoded.shape), encoder)[:, :: state.step, :: state.step, 0]
        return {"values": raw.reshape(len(raw), -1).astype(np.float32), "owner": places.reshape(len(raw), -1).astype(np.int32)}
    if not isinstance(encoder, SeriesEncoder):
        raise MethodError("only images and series are drawn")
    channels = len(encoder.channels)
    series = np.stack([encoder.decode(encoded)[name] for name in encoder.channels], axis=1)
    own = each.reshape(len(encoded), -1, encoder.length)[:, :channels]
    return {"values": series.reshape(len(series), -1).astype(np.float32), "owner": own.reshape(len(own), -1).astype(np.int32)}


@shown_inputs.prepare
def prepare(subject: Subject) -> Prepared:
    """Leave the shape that values are to be drawn in."""
    encoder = subject.encoder
    if isinstance(encoder, SeriesEncoder):
        table = {"kind": ["series"], "height": [len(encoder.channels)], "width": [encoder.length], "channels": [1], "step": [1]}
        return Prepared(State(), {"shape": table, "channels": {"name": list(encoder.channels)}})
    if not isinstance(encoder, ImageEncoder):
        raise MethodError("only images and series are drawn")
    height, width = encoder.shape[:2] if encoder.channels_last else encoder.shape[1:]
    step = max(1, -(-max(height, width) // MOST))
    shape = {"height": [-(-height // step)], "width": [-(-width // step)], "channels": [encoder.shape[-1 if encoder.channels_last else 0]]}
    note = () if step == 1 else (f"Of the {height} by {width} pixels every {step}th of a side is kept to be shown.",)
    return Prepared(State(step), {"shape": {"kind": ["image"], **shape, "step": [step]}}, note)


def _last(images: NDArray[np.generic], encoder: ImageEncoder) -> NDArray[np.generic]:
    """Images (n, height, width, channels)."""
    return images if encoder.channels_last else images.transpose(0, 2, 3, 1)

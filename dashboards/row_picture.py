"""One row drawn as what it is, an image, a series or a text, under its attributions by each method. Knows no Streamlit."""

from __future__ import annotations

import numpy as np

from audit.chart_kinds import ImageOverlay, SeriesStrip, TextHighlight
from audit.explained_picture import drawn_row, drawn_text
from dashboards.held_row import HeldRow
from dashboards.row_attributions import explaining, method_name, pieces_of, speaks

SHOWN = "data.shown_inputs"
GRAD_CAM = "attribution.grad_cam"


def row_pictures(row: HeldRow) -> list[tuple[str, ImageOverlay | SeriesStrip | TextHighlight]]:
    """Name of the method and its picture, for every method with one number per player: above 0 for the row's decision where it has one.

    A heat map too where Grad-CAM measured one.
    """
    found = [(method_name(probe), picture) for probe in explaining(row) if (picture := _picture(row, probe)) is not None]
    heat = _heat(row)
    return found if heat is None else [*found, ("Grad-CAM", heat)]


def _picture(row: HeldRow, probe: str) -> ImageOverlay | SeriesStrip | TextHighlight | None:
    players, values = row.table(probe, "players"), row.get(probe, "values")
    if players is None or values is None or len(players["name"]) != len(values):
        return None
    values = np.asarray(values, dtype=np.float64) * (speaks(row, probe) or 1)
    title = f"Attributions by {method_name(probe)}"
    pieces = pieces_of(row)
    if pieces:
        return drawn_text(title, pieces, [str(name) for name in players["name"]], values)
    shape, places = row.table(SHOWN, "shape"), row.get(SHOWN, "values")
    if shape is None or places is None:
        return None
    channels = row.table(SHOWN, "channels")
    owner = np.asarray(row.get(SHOWN, "owner"), dtype=np.int64)
    return drawn_row(title, places, owner, values, shape=shape, channels=[] if channels is None else [str(name) for name in channels["name"]])


def _heat(row: HeldRow) -> ImageOverlay | None:
    """Grad-CAM's map, pixel by pixel; None where the picture is kept in another size."""
    heat, shape, places = row.get(GRAD_CAM, "heat"), row.table(SHOWN, "shape"), row.get(SHOWN, "values")
    if heat is None or shape is None or places is None or len(heat) != int(shape["height"][0]) * int(shape["width"][0]):
        return None
    picture = drawn_row("Grad-CAM", places, np.arange(len(heat)), heat, shape=shape)
    return picture if isinstance(picture, ImageOverlay) else None

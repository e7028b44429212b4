"""One row drawn as what it is, its images, series and texts, under its attributions by each method. Knows no Streamlit."""

from __future__ import annotations

import numpy as np

from audit.chart_kinds import ImageOverlay, SeriesStrip, TextHighlight
from audit.explained_picture import drawn_row, drawn_texts
from dashboards.held_row import HeldRow
from dashboards.row_attributions import explaining, method_name, speaks, texts_of

SHOWN = "data.shown_inputs"
GRAD_CAM = "attribution.grad_cam"
Picture = ImageOverlay | SeriesStrip | TextHighlight


def row_pictures(row: HeldRow) -> list[tuple[str, list[Picture]]]:
    """Name of the method and its pictures of the row's images, series and texts, for every method with one number per player.

    Numbers are above 0 for the row's decision where it has one. A heat map too where Grad-CAM measured one.
    """
    found = [(method_name(probe), pictures) for probe in explaining(row) if (pictures := _pictures(row, probe))]
    heat = _heat(row)
    return [*found, ("Grad-CAM", heat)] if heat else found


def _pictures(row: HeldRow, probe: str) -> list[Picture]:
    players, values = row.table(probe, "players"), row.get(probe, "values")
    if players is None or values is None or len(players["name"]) != len(values):
        return []
    values = np.asarray(values, dtype=np.float64) * (speaks(row, probe) or 1)
    title = f"Attributions by {method_name(probe)}"
    shape, places, owner = row.table(SHOWN, "shape"), row.get(SHOWN, "values"), row.get(SHOWN, "owner")
    drawn: list[Picture] = []
    if shape is not None and places is not None:
        drawn += drawn_row(title, places, np.asarray(owner, dtype=np.int64), values, shape=shape, channels=row.table(SHOWN, "channels"))
    return drawn + drawn_texts(title, texts_of(row), [str(name) for name in players["name"]], values)


def _heat(row: HeldRow) -> list[Picture]:
    """Grad-CAM's map, pixel by pixel; empty where the picture is kept in another size."""
    heat, shape, places = row.get(GRAD_CAM, "heat"), row.table(SHOWN, "shape"), row.get(SHOWN, "values")
    if heat is None or shape is None or places is None or shape["kind"] != ["image"] or len(heat) != shape["height"][0] * shape["width"][0]:
        return []
    return list(drawn_row("Grad-CAM", places, np.arange(len(heat)), heat, shape=shape))

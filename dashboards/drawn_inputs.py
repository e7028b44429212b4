"""Rows that are images, series or texts as Altair charts, each place shaded with its attribution."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import pandas as pd

from audit.chart_kinds import ImageOverlay, SeriesStrip, TextHighlight
from reports.text_lines import laid_out
from reports.visible import label

PIXELS = 64
SIDE, PANELS, TEXT_WIDTH = 260, 6, 340
"""Pixels of a drawn image's side; channels of a series that are drawn; the width a text is set in."""
MARGIN = 26
"""Pixels of a chart's height that its page keeps free."""
TRACE = "#12181e"
SIGNED = ("#5b9bd0", "#eef0f2", "#e8873a")
"""Blue for what lowers the output, orange for what raises it, as in the report; dark text is legible on all of it."""


def drawn_image(chart: ImageOverlay) -> alt.Chart | alt.HConcatChart | None:
    """The image, beside it the shades of its places; None where the chart holds neither."""
    if not chart.image:
        return _pixels(chart.overlay) if chart.overlay else None
    return (
        alt.hconcat(_pixels(chart.image), _pixels(chart.overlay, signed=True)).resolve_scale(color="independent")
        if chart.overlay
        else _pixels(chart.image)
    )


def drawn_series(chart: SeriesStrip) -> alt.VConcatChart | None:
    """The first channels one below the other; None for a series without a channel."""
    panels = strip_panels(chart)
    return alt.vconcat(*panels) if panels else None


def strip_panels(chart: SeriesStrip) -> list[alt.LayerChart]:
    """One picture for each of the first channels, on one scale of shades; they take any width."""
    panels, scale = [], _signed([share for shares in chart.attributions for share in shares])
    for name, values, shares in list(zip(chart.channels, chart.values, chart.attributions, strict=True))[:PANELS]:
        data = pd.DataFrame({"step": range(1, len(values) + 1), "value": list(values), "attribution": list(shares)})
        data = data.assign(begin=data["step"] - 0.5, end=data["step"] + 0.5)
        scale_of_steps, axis = alt.Scale(domain=[0.5, len(values) + 0.5], nice=False), alt.Axis(tickMinStep=1, format="d")
        x, begin = (alt.X(of, title=label(f"{name}, step", 60), scale=scale_of_steps, axis=axis) for of in ("step:Q", "begin:Q"))
        tips = ["step:Q", alt.Tooltip("value:Q", format=".4g"), alt.Tooltip("attribution:Q", format=".4g")]
        colour = alt.Color("attribution:Q", scale=scale, legend=None)
        behind = alt.Chart(data).mark_rect(opacity=0.85).encode(x=begin, x2="end:Q", color=colour, tooltip=tips)
        middle = alt.Chart(data).mark_line(color=TRACE, strokeWidth=1.6)
        panels.append(alt.layer(behind, middle.encode(x=x, y=alt.Y("value:Q", title=None, scale=alt.Scale(zero=False)))).properties(height=170))
    return panels


def drawn_words(chart: TextHighlight) -> alt.LayerChart | None:
    """The pieces of a text, line by line, each on its shade; None for a text without a piece."""
    places = laid_out(chart.pieces, TEXT_WIDTH)
    if not places:
        return None
    rows = [
        {"x": place.start, "x2": place.start + place.width, "y": place.line, "y2": place.line + 0.86, "piece": place.text, "attribution": value}
        for place, value in zip(places, chart.values, strict=False)
    ]
    data = pd.DataFrame(rows).assign(middle=lambda one: (one["x"] + one["x2"]) / 2, across=lambda one: one["y"] + 0.44)
    lines = 1 + max(place.line for place in places)
    x, y = alt.X("x:Q", axis=None, scale=alt.Scale(domain=[0, TEXT_WIDTH])), alt.Y("y:Q", axis=None, scale=alt.Scale(domain=[lines, 0]))
    tips = ["piece:N", alt.Tooltip("attribution:Q", format=".4g")]
    colour = alt.Color("attribution:Q", scale=_signed(chart.values), legend=None)
    boxes = alt.Chart(data).mark_rect().encode(x=x, x2="x2:Q", y=y, y2="y2:Q", color=colour, tooltip=tips)
    words = alt.Chart(data).mark_text(color=TRACE, fontSize=12).encode(x=alt.X("middle:Q"), y=alt.Y("across:Q"), text="piece:N")
    return alt.layer(boxes, words).properties(width=TEXT_WIDTH, height=28 * lines + MARGIN)


def _signed(values: Sequence[float]) -> alt.Scale:
    """0 in the middle of the colours, whatever there is on either side."""
    reach = max((abs(value) for value in values), default=0.0) or 1.0
    return alt.Scale(domain=[-reach, 0, reach], range=list(SIGNED), interpolate="rgb")


def _pixels(pixels: Sequence[Sequence[Any]], *, signed: bool = False) -> alt.Chart:
    step = max(1, -(-max(len(pixels), len(pixels[0])) // PIXELS))
    cells = [{"x": x, "y": y, "value": value} for y, row in enumerate(pixels[::step]) for x, value in enumerate(row[::step])]
    colour = alt.Color("value:Q", scale=alt.Scale(scheme="greys", reverse=True), legend=None)
    if signed:
        colour = alt.Color("value:Q", scale=_signed([cell["value"] for cell in cells]), legend=alt.Legend(title=None, orient="bottom"))
    if isinstance(cells[0]["value"], Sequence):
        colour = alt.Color("value:N", scale=None, legend=None)
        cells = _colours(cells)
    height, tight = SIDE * len(pixels) / len(pixels[0]), alt.Scale(paddingInner=0, paddingOuter=0)
    return (
        alt.Chart(pd.DataFrame(cells))
        .mark_rect()
        .encode(
            x=alt.X("x:O", axis=None, scale=tight),
            y=alt.Y("y:O", axis=None, scale=tight),
            color=colour,
            tooltip=[alt.Tooltip("value", format=".3g")] if signed else [],
        )
        .properties(height=min(SIDE * 2, height), width=SIDE)
    )


def _colours(cells: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Pixels of red, green and blue as colours of the page, the darkest of all values 0 and the brightest 255."""
    values = [value for cell in cells for value in cell["value"]]
    low, span = min(values), (max(values) - min(values)) or 1.0
    return [dict(cell) | {"value": "#" + "".join(f"{round(255 * (value - low) / span):02x}" for value in cell["value"])} for cell in cells]

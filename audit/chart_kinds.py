"""The kinds of charts, as plain data: what is drawn, never how. Standard library only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A reference line in a chart: a limit, a base rate, equality."""

    value: float
    label: str


@dataclass(frozen=True, kw_only=True)
class BarChart:
    """Values with intervals, one per category (drawn as dots with whiskers)."""

    title: str
    categories: Sequence[str]
    values: Sequence[float | None]
    low: Sequence[float | None] = ()
    """Lower ends; empty when there are none."""
    high: Sequence[float | None] = ()
    """Upper ends; empty when there are none."""
    n: Sequence[int] = ()
    """Rows behind each value; empty when unknown."""
    x_label: str = ""
    """What the values are, with unit."""
    scale: Literal["linear", "log"] = "linear"
    marks: Sequence[Mark] = ()
    kind: Literal["bar"] = "bar"


@dataclass(frozen=True, kw_only=True)
class Series:
    """One named line, with an optional band."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()


@dataclass(frozen=True, kw_only=True)
class LineChart:
    """Lines over a numeric axis; `diagonal` adds y = x."""

    title: str
    series: Sequence[Series]
    x_label: str = ""
    y_label: str = ""
    diagonal: bool = False
    marks: Sequence[Mark] = ()
    kind: Literal["line"] = "line"


@dataclass(frozen=True, kw_only=True)
class Histogram:
    """Counts between edges; `series` maps a name to its counts (len(edges) - 1)."""

    title: str
    edges: Sequence[float]
    series: Mapping[str, Sequence[float]]
    x_label: str = ""
    y_label: str = "rows"
    kind: Literal["histogram"] = "histogram"


@dataclass(frozen=True, kw_only=True)
class HeatMap:
    """A value per (row, column); None is shown as absent."""

    title: str
    rows: Sequence[str]
    columns: Sequence[str]
    values: Sequence[Sequence[float | None]]
    x_label: str = ""
    y_label: str = ""
    unit: str = ""
    kind: Literal["heat_map"] = "heat_map"


@dataclass(frozen=True, kw_only=True)
class ImageOverlay:
    """An image and an attribution of the same height and width; `array` names a file under ``arrays/`` instead of inline values.

    A pixel of the image is a number, or three of them for red, green and blue.
    """

    title: str
    image: Sequence[Sequence[float | Sequence[float]]] = ()
    overlay: Sequence[Sequence[float]] = ()
    array: str = ""
    kind: Literal["image_overlay"] = "image_overlay"


@dataclass(frozen=True, kw_only=True)
class SeriesStrip:
    """Channels of a series, and behind each step what is attributed to it; None where the series has ended."""

    title: str
    channels: Sequence[str]
    values: Sequence[Sequence[float | None]]
    """Of each channel, step by step."""
    attributions: Sequence[Sequence[float]]
    """Of the same shape."""
    kind: Literal["series_strip"] = "series_strip"


@dataclass(frozen=True, kw_only=True)
class TextHighlight:
    """Pieces of a text in their order, and what is attributed to each."""

    title: str
    pieces: Sequence[str]
    values: Sequence[float]
    kind: Literal["text_highlight"] = "text_highlight"


@dataclass(frozen=True, kw_only=True)
class Scatter:
    """Points, with optional group names per point."""

    title: str
    x: Sequence[float]
    y: Sequence[float]
    names: Sequence[str] = ()
    x_label: str = ""
    y_label: str = ""
    kind: Literal["scatter"] = "scatter"


@dataclass(frozen=True, kw_only=True)
class TableChart:
    """A table: column headings and rows of scalars."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str | int | float | bool | None]]
    kind: Literal["table"] = "table"


Chart = BarChart | LineChart | Histogram | HeatMap | ImageOverlay | SeriesStrip | TextHighlight | Scatter | TableChart
CHARTS: Mapping[str, type[Chart]] = {
    "bar": BarChart,
    "line": LineChart,
    "histogram": Histogram,
    "heat_map": HeatMap,
    "image_overlay": ImageOverlay,
    "series_strip": SeriesStrip,
    "text_highlight": TextHighlight,
    "scatter": Scatter,
    "table": TableChart,
}

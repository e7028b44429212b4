"""Chart data of a run as Altair charts, one function per kind. Names of strangers are data under fixed field names, never field names."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import altair as alt
import pandas as pd

from audit.chart_kinds import BarChart, Chart, HeatMap, Histogram, ImageOverlay, LineChart, Mark, Scatter, SeriesStrip, TextHighlight
from dashboards.distinct_names import distinct
from dashboards.drawn_inputs import drawn_image, drawn_series, drawn_words
from reports.ranking import spread_choice
from reports.visible import label, short

COLOURS = ("#3a86b8", "#c1651a", "#3c8f5c", "#98509a", "#98780f", "#6b7178")
"""Colours that stay legible on light and dark; shapes and legends tell the same."""
BARS = 60
"""Categories that are drawn; the table under the chart has all."""
POINTS = 4000
AXIS = 70
"""Height of an axis with its title: Streamlit fits both into the height of a chart."""
LEGEND = 3
"""Short names on one line of a legend."""
LABEL = 120
"""Pixels of the names beside and, turned, below a heat map."""


def drawn(chart: Chart) -> alt.Chart | alt.LayerChart | alt.HConcatChart | alt.VConcatChart | None:
    """The picture of `chart`; None where only a table tells it."""
    draw = _DRAWINGS.get(chart.kind)
    return draw(chart) if draw else None


def left_out(chart: Chart) -> str:
    """What the picture leaves out, as a sentence; empty when nothing."""
    if isinstance(chart, BarChart) and len(chart.categories) > BARS:
        return f"Drawn: {BARS} of {len(chart.categories):,} categories, half from each end. The data below has all."
    if isinstance(chart, Scatter) and len(chart.x) > POINTS:
        return f"Drawn: the first {POINTS:,} of {len(chart.x):,} points."
    if isinstance(chart, ImageOverlay) and chart.array:
        return f"The pixels are in arrays/{short(chart.array)} of the run."
    return ""


def chart_data(chart: Chart) -> pd.DataFrame:
    """Everything behind the picture, unrounded."""
    if isinstance(chart, BarChart):
        return _bars(chart, list(range(len(chart.categories))))
    if isinstance(chart, LineChart):
        return _lines(chart)
    if isinstance(chart, Histogram):
        return _bins(chart)
    if isinstance(chart, HeatMap):
        return _cells(chart)
    if isinstance(chart, Scatter):
        return _points(chart, len(chart.x))
    if isinstance(chart, ImageOverlay):
        return pd.DataFrame()
    if isinstance(chart, TextHighlight):
        return pd.DataFrame({"piece": [short(piece, 60) for piece in chart.pieces], "attribution": list(chart.values)})
    if isinstance(chart, SeriesStrip):
        return _strip_cells(chart)
    cells = [[short(cell, 300) if isinstance(cell, str) else cell for cell in row] for row in chart.rows]
    return pd.DataFrame(cells, columns=distinct([short(str(name), 60) for name in chart.columns]))


def attribution_bars(frame: pd.DataFrame, x_label: str) -> alt.LayerChart:
    """Dots with error bars of two standard errors, one line per input, from columns input, value, se, in the order given."""
    data = frame.assign(low=frame["value"] - 2 * frame["se"].fillna(0), high=frame["value"] + 2 * frame["se"].fillna(0))
    data["input"] = distinct([label(name, 30) for name in data["input"]])
    y = alt.Y("input:N", sort=None, title=None, axis=alt.Axis(labelLimit=120, labelOverlap=False))
    tooltip = [alt.Tooltip("input:N"), alt.Tooltip("value:Q", format=".4g"), alt.Tooltip("se:Q", format=".3g", title="standard error")]
    base = alt.Chart(data).encode(y=y, tooltip=tooltip)
    x = alt.X("value:Q", title=x_label)
    zero = alt.Chart(pd.DataFrame({"value": [0.0]})).mark_rule(strokeDash=[3, 3], color="#8a929a").encode(x="value:Q")
    stem = alt.Chart(data).mark_bar(height=6, opacity=0.6, color=COLOURS[0]).encode(y=y, x=x)
    whisker = base.mark_rule(color=COLOURS[0]).encode(x=alt.X("low:Q", title=x_label), x2="high:Q")
    return alt.layer(zero, stem, whisker, base.mark_circle(size=55, color=COLOURS[0]).encode(x=x)).properties(height=22 * len(data) + AXIS)


def _bar(chart: BarChart) -> alt.LayerChart:
    data = _bars(chart, spread_choice(chart.values, BARS))
    data["category"] = distinct([label(name, 34) for name in data["category"]])
    # Rounded ends would stretch a logarithmic axis to whole powers of ten.
    scale = alt.Scale(type=chart.scale, zero=False, nice=chart.scale == "linear", padding=12)
    y = alt.Y("category:N", sort=None, title=None, axis=alt.Axis(labelLimit=260, labelOverlap=False))
    x = alt.X("value:Q", title=label(chart.x_label, 80) or None, scale=scale)
    tooltip = [
        alt.Tooltip("category:N"),
        *(alt.Tooltip(f"{name}:Q", format=".4g") for name in ("value", "low", "high")),
        alt.Tooltip("n:Q", title="rows", format=","),
    ]
    base = alt.Chart(data).encode(y=y, tooltip=tooltip)
    layers = [*_rules(chart.marks), base.mark_circle(size=70, color=COLOURS[0], opacity=1).encode(x=x)]
    if data["low"].notna().any():
        whisker = base.transform_filter("isValid(datum.low)").mark_rule(color=COLOURS[0], strokeWidth=1.5)
        layers.append(whisker.encode(x=alt.X("low:Q", title=label(chart.x_label, 80) or None, scale=scale), x2="high:Q"))
    return alt.layer(*layers).properties(height=28 * len(data) + AXIS)


def _line(chart: LineChart) -> alt.LayerChart:
    data = _lines(chart)
    x = alt.X("x:Q", title=label(chart.x_label, 80) or None, scale=alt.Scale(zero=False))
    y = alt.Y("y:Q", title=label(chart.y_label, 60) or None, scale=alt.Scale(zero=False))
    names = distinct([label(series.name, 40) for series in chart.series])
    colour = alt.Color("series:N", title=None, scale=alt.Scale(domain=names, range=_cycle(names)), legend=_legend(names))
    base = alt.Chart(data).encode(color=colour, tooltip=["series:N", alt.Tooltip("x:Q", format=".4g"), alt.Tooltip("y:Q", format=".4g")])
    layers = []
    if data["low"].notna().any():
        layers.append(base.mark_area(opacity=0.15).encode(x=x, y=alt.Y("low:Q", title=None), y2="high:Q"))
    if chart.diagonal and len(data):
        ends = [float(data["x"].min()), float(data["x"].max())]
        layers.append(alt.Chart(pd.DataFrame({"x": ends, "y": ends})).mark_line(strokeDash=[4, 4], color="#8a929a").encode(x="x:Q", y="y:Q"))
    layers += [*_rules(chart.marks, axis="y"), base.mark_line(point=alt.OverlayMarkDef(size=35)).encode(x=x, y=y)]
    return alt.layer(*layers).properties(height=320 + _legend_height(names))


def _histogram(chart: Histogram) -> alt.Chart:
    data = _bins(chart)
    names = distinct([label(name, 40) for name in chart.series])
    return (
        alt.Chart(data)
        .mark_bar(opacity=0.75 if len(names) == 1 else 0.5)
        .encode(
            x=alt.X("from:Q", bin="binned", title=label(chart.x_label, 80) or None),
            x2="to:Q",
            y=alt.Y("count:Q", title=label(chart.y_label, 60) or None, stack=None),
            color=alt.Color("series:N", title=None, scale=alt.Scale(domain=names, range=_cycle(names)), legend=_legend(names)),
            tooltip=["series:N", alt.Tooltip("from:Q", format=".4g"), alt.Tooltip("to:Q", format=".4g"), alt.Tooltip("count:Q", format=",")],
        )
        .properties(height=260 + _legend_height(names))
    )


def _heat_map(chart: HeatMap) -> alt.Chart:
    data = _cells(chart).dropna(subset=["value"])
    axis = alt.Axis(labelLimit=LABEL)
    return (
        alt.Chart(data)
        .mark_rect()
        .encode(
            x=alt.X("column:N", sort=None, title=label(chart.x_label, 60) or None, axis=axis),
            y=alt.Y("row:N", sort=None, title=label(chart.y_label, 60) or None, axis=axis),
            color=alt.Color("value:Q", title=label(chart.unit, 30) or None, scale=alt.Scale(scheme="viridis")),
            tooltip=["row:N", "column:N", alt.Tooltip("value:Q", format=".4g")],
        )
        .properties(height=24 * len(chart.rows) + AXIS + LABEL)
    )


def _scatter(chart: Scatter) -> alt.Chart:
    data = _points(chart, POINTS)
    names = list(dict.fromkeys(data["group"]))
    return (
        alt.Chart(data)
        .mark_circle(size=28, opacity=0.6)
        .encode(
            x=alt.X("x:Q", title=label(chart.x_label, 80) or None, scale=alt.Scale(zero=False)),
            y=alt.Y("y:Q", title=label(chart.y_label, 60) or None, scale=alt.Scale(zero=False)),
            color=alt.Color("group:N", title=None, scale=alt.Scale(domain=names, range=_cycle(names)), legend=_legend(names)),
            tooltip=["group:N", alt.Tooltip("x:Q", format=".4g"), alt.Tooltip("y:Q", format=".4g")],
        )
        .properties(height=340 + _legend_height(names))
    )


def _rules(marks: Sequence[Mark], axis: str = "x") -> list[alt.Chart]:
    if not marks:
        return []
    data = pd.DataFrame({"at": [mark.value for mark in marks], "label": [label(mark.label, 40) for mark in marks]})
    rule = alt.Chart(data).mark_rule(strokeDash=[5, 4], color="#c05f14")
    place = {"x": alt.X("at:Q")} if axis == "x" else {"y": alt.Y("at:Q")}
    name = alt.Chart(data).mark_text(align="left", dx=4, color="#c05f14")
    edge = {"y": alt.value(-4)} if axis == "x" else {"x": alt.value(2)}
    return [rule.encode(**place, tooltip=["label:N", alt.Tooltip("at:Q", format=".4g")]), name.encode(**place, **edge, text="label:N")]


def _bars(chart: BarChart, chosen: Sequence[int]) -> pd.DataFrame:
    def at(values: Sequence[Any]) -> list[Any]:
        return [values[i] if i < len(values) else None for i in chosen]

    frame = pd.DataFrame({"category": [short(str(chart.categories[i]), 120) for i in chosen]})
    for name, values in (("value", chart.values), ("low", chart.low), ("high", chart.high), ("n", chart.n)):
        frame[name] = pd.Series(at(values), dtype="float64")
    return frame


def _lines(chart: LineChart) -> pd.DataFrame:
    names = distinct([label(series.name, 40) for series in chart.series])
    parts = []
    for name, series in zip(names, chart.series, strict=True):
        count = min(len(series.x), len(series.y))
        band = (
            {"low": series.low, "high": series.high}
            if len(series.low) == len(series.high) == count
            else {"low": [None] * count, "high": [None] * count}
        )
        part = {"series": [name] * count, "x": list(series.x)[:count], "y": list(series.y)[:count], **{key: list(ends) for key, ends in band.items()}}
        parts.append(pd.DataFrame(part).astype(dict.fromkeys(("x", "y", "low", "high"), "float64")))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["series", "x", "y", "low", "high"])


def _bins(chart: Histogram) -> pd.DataFrame:
    names = distinct([label(name, 40) for name in chart.series])
    lines = [
        {"series": name, "from": chart.edges[i], "to": chart.edges[i + 1], "count": count}
        for name, counts in zip(names, chart.series.values(), strict=True)
        for i, count in enumerate(counts)
    ]
    return pd.DataFrame(lines, columns=["series", "from", "to", "count"])


def _cells(chart: HeatMap) -> pd.DataFrame:
    rows, columns = distinct([label(name, 30) for name in chart.rows]), distinct([label(name, 30) for name in chart.columns])
    lines = [
        {"row": row, "column": column, "value": value}
        for row, values in zip(rows, chart.values, strict=True)
        for column, value in zip(columns, values, strict=True)
    ]
    return pd.DataFrame(lines, columns=["row", "column", "value"]).astype({"value": "float64"})


def _strip_cells(chart: SeriesStrip) -> pd.DataFrame:
    held = zip(chart.channels, chart.values, chart.attributions, strict=True)
    cells = [
        {"channel": short(name, 60), "step": step + 1, "value": value, "attribution": shares[step]}
        for name, values, shares in held
        for step, value in enumerate(values)
    ]
    return pd.DataFrame(cells, columns=["channel", "step", "value", "attribution"])


def _points(chart: Scatter, limit: int) -> pd.DataFrame:
    names = [label(chart.names[i], 40) if i < len(chart.names) else "rows" for i in range(min(limit, len(chart.x)))]
    return pd.DataFrame({"group": names, "x": list(chart.x)[:limit], "y": list(chart.y)[:limit]})


def _cycle(names: Sequence[str]) -> list[str]:
    return [COLOURS[i % len(COLOURS)] for i in range(len(names))]


def _legend(names: Sequence[str]) -> alt.Legend | None:
    columns = _on_one_line(names)
    return alt.Legend(orient="top", labelLimit=570 // columns, symbolLimit=30, columns=columns) if len(names) > 1 else None


def _legend_height(names: Sequence[str]) -> int:
    return 22 * -(-len(names) // _on_one_line(names)) if len(names) > 1 else 0


def _on_one_line(names: Sequence[str]) -> int:
    """Names of a legend that stand beside each other without being cut."""
    return LEGEND if max(map(len, names), default=0) <= 28 else 2


_DRAWINGS: Mapping[str, Callable[[Any], Any]] = {
    "bar": _bar,
    "line": _line,
    "histogram": _histogram,
    "heat_map": _heat_map,
    "scatter": _scatter,
    "image_overlay": drawn_image,
    "series_strip": drawn_series,
    "text_highlight": drawn_words,
}

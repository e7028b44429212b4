"""A chart in words and as a table: the description a screen reader reads, and the rows behind the picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from audit.chart_kinds import BarChart, Chart, HeatMap, Histogram, ImageOverlay, LineChart, Scatter, SeriesStrip, TableChart, TextHighlight
from reports.numbers import count, number
from reports.ranking import spread_choice
from reports.visible import short
from reports.wording import capped, plural, value_text

COLUMNS = 24
"""Columns of a chart's table that are shown."""


@dataclass(frozen=True)
class DataTable:
    """Headings, rows of text, and the sentence that says what was left out."""

    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    left_out: str


def describe(chart: Chart) -> str:
    """What the picture shows, from its numbers."""
    return _DESCRIPTIONS[chart.kind](chart)


def table(chart: Chart, *, limit: int) -> DataTable:
    """The data behind the picture, at most `limit` rows; what is left out is said."""
    return _TABLES[chart.kind](chart, limit)


def _bar_words(chart: BarChart) -> str:
    known = [(value, position) for position, value in enumerate(chart.values) if value is not None]
    if not known:
        return "No value was measured."
    low, high = min(known), max(known)
    missing = len(chart.values) - len(known)
    tail = f" {plural(missing, 'value')} not measured." if missing else ""
    marks = "".join(f" Line at {number(mark.value)}: {short(mark.label, 60)}." for mark in chart.marks)
    return f"{_plural_y(len(chart.values))}. Lowest: {_bar_point(chart, low[1])}. Highest: {_bar_point(chart, high[1])}.{tail}{marks}"


def _plural_y(number_of: int) -> str:
    return f"{count(number_of)} {'category' if number_of == 1 else 'categories'}"


def _bar_point(chart: BarChart, position: int) -> str:
    value = chart.values[position]
    span = _span(_end(chart.low, position), _end(chart.high, position))
    return f"{short(chart.categories[position], 60)} {_cell(value)}{f' (interval {span})' if span else ''}"


def _line_words(chart: LineChart) -> str:
    parts = [
        f"{short(s.name, 60)} goes from {number(s.y[0])} at {number(s.x[0])} to {number(s.y[-1])} at {number(s.x[-1])}."
        for s in chart.series[:6]
        if len(s.x)
    ]
    drawn = " Lines drawn: the first 6." if len(chart.series) > 6 else ""
    return f"{plural(len(chart.series), 'line')}. {' '.join(parts)}{drawn}"


def _histogram_words(chart: Histogram) -> str:
    parts = []
    for name, counts in list(chart.series.items())[:6]:
        if len(counts) and max(counts) > 0:
            top = max(range(len(counts)), key=lambda i: counts[i])
            parts.append(f"{short(name, 60)} is highest between {number(chart.edges[top])} and {number(chart.edges[top + 1])}.")
    return f"{plural(max(len(chart.edges) - 1, 0), 'bin')}. {' '.join(parts)}"


def _heat_words(chart: HeatMap) -> str:
    known = [(v, r, c) for r, line in enumerate(chart.values) for c, v in enumerate(line) if v is not None]
    size = f"{plural(len(chart.rows), 'row')} by {plural(len(chart.columns), 'column')}."
    if not known:
        return f"{size} No value was measured."
    extremes = (("Lowest", min(known)), ("Highest", max(known)))
    ends = [f"{word}: {number(v)} at {short(chart.rows[r], 60)}, {short(chart.columns[c], 60)}." for word, (v, r, c) in extremes]
    return f"{size} {' '.join(ends)}"


def _image_words(chart: ImageOverlay) -> str:
    if chart.array:
        return "The picture is stored with the run."
    height, width = len(chart.image), len(chart.image[0]) if len(chart.image) else 0
    return f"An image of {height} by {width} pixels, and the same image under the attribution of each pixel."


def _strip_words(chart: SeriesStrip) -> str:
    steps = max((len(values) for values in chart.values), default=0)
    channels = f"{plural(len(chart.channels), 'channel')} of {plural(steps, 'step')}, each on the shade of what is attributed to its steps."
    return f"{channels} {_extremes([(value, f'{short(name, 40)}, step {step + 1}') for name, values in _channels(chart) for step, value in values])}"


def _channels(chart: SeriesStrip) -> list[tuple[str, list[tuple[int, float]]]]:
    return [(name, list(enumerate(values))) for name, values in zip(chart.channels, chart.attributions, strict=True)]


def _highlight_words(chart: TextHighlight) -> str:
    named = [(value, short(piece, 40)) for value, piece in zip(chart.values, chart.pieces, strict=True)]
    return f"A text of {plural(len(chart.pieces), 'piece')}, each on the shade of what is attributed to it. {_extremes(named)}"


def _extremes(named: Sequence[tuple[float, str]]) -> str:
    if not named:
        return "No value was measured."
    low, high = min(named), max(named)
    return f"Lowest: {number(low[0])} at {low[1]}. Highest: {number(high[0])} at {high[1]}."


def _scatter_words(chart: Scatter) -> str:
    if not len(chart.x):
        return "No points."
    step = -(-len(chart.x) // 800)
    drawn = f" One point in {step} is drawn." if step > 1 else ""
    spans = f"{number(min(chart.x))} to {number(max(chart.x))} across and {number(min(chart.y))} to {number(max(chart.y))} up"
    return f"{plural(len(chart.x), 'point')}, {spans}.{drawn}"


def _table_words(chart: TableChart) -> str:
    return f"A table of {plural(len(chart.rows), 'row')}."


def _bar_table(chart: BarChart, limit: int) -> DataTable:
    headings = ["Category", short(chart.x_label, 60) or "Value", *(["Low", "High"] if chart.low else []), *(["n"] if chart.n else [])]
    rows = []
    for i in spread_choice(chart.values, limit):
        row = [short(chart.categories[i]), _cell(chart.values[i], "not measured")]
        row += [_cell(_end(chart.low, i)), _cell(_end(chart.high, i))] if chart.low else []
        row += [count(chart.n[i]) if i < len(chart.n) else ""] if chart.n else []
        rows.append(row)
    half = "half of them from the low end and half from the high end"
    return DataTable(headings, rows, capped(len(rows), len(chart.values), "categories", half))


def _line_table(chart: LineChart, limit: int) -> DataTable:
    rows = [
        [short(series.name), number(x), number(series.y[i]), _cell(_end(series.low, i)), _cell(_end(series.high, i))]
        for series in chart.series
        for i, x in enumerate(series.x)
    ]
    return DataTable(
        ["Line", short(chart.x_label, 60) or "x", short(chart.y_label, 60) or "y", "Low", "High"], rows[:limit], capped(limit, len(rows), "points")
    )


def _histogram_table(chart: Histogram, limit: int) -> DataTable:
    names = list(chart.series)[:COLUMNS]
    between = list(zip(chart.edges, chart.edges[1:], strict=False))
    rows = [[number(a), number(b), *(_cell(_end(chart.series[name], i)) for name in names)] for i, (a, b) in enumerate(between)]
    left = capped(limit, len(rows), "bins") + _columns_left(len(names), len(chart.series))
    return DataTable(["From", "To", *(short(name, 40) for name in names)], rows[:limit], left)


def _heat_table(chart: HeatMap, limit: int) -> DataTable:
    width = min(len(chart.columns), COLUMNS)
    lines = list(zip(chart.rows, chart.values, strict=False))[:limit]
    rows = [[short(name), *(_cell(value, "not measured") for value in line[:width])] for name, line in lines]
    left = capped(len(rows), len(chart.rows), "rows") + _columns_left(width, len(chart.columns))
    return DataTable([short(chart.y_label, 40) or "Row", *(short(name, 40) for name in chart.columns[:width])], rows, left)


def _image_table(chart: ImageOverlay, limit: int) -> DataTable:
    place = f"arrays/{short(chart.array)}" if chart.array else "run.json"
    return DataTable((), (), f"The pixels are in {place} of this run.")


def _strip_table(chart: SeriesStrip, limit: int) -> DataTable:
    cells = [
        [short(name, 40), str(step + 1), _cell(value, "ended"), number(chart.attributions[place][step])]
        for place, name in enumerate(chart.channels)
        for step, value in enumerate(chart.values[place])
    ]
    return DataTable(["Channel", "Step", "Value", "Attribution"], cells[:limit], capped(limit, len(cells), "steps"))


def _highlight_table(chart: TextHighlight, limit: int) -> DataTable:
    rows = [[short(piece, 60), number(value)] for piece, value in zip(chart.pieces, chart.values, strict=True)]
    return DataTable(["Piece", "Attribution"], rows[:limit], capped(limit, len(rows), "pieces"))


def _scatter_table(chart: Scatter, limit: int) -> DataTable:
    points = enumerate(zip(chart.x[:limit], chart.y, strict=False))
    rows = [[number(x), number(y), short(chart.names[i], 40) if i < len(chart.names) else ""] for i, (x, y) in points]
    return DataTable([short(chart.x_label, 60) or "x", short(chart.y_label, 60) or "y", "Group"], rows, capped(limit, len(chart.x), "points"))


def _plain_table(chart: TableChart, limit: int) -> DataTable:
    width = min(len(chart.columns), COLUMNS)
    rows = [[_scalar(value) for value in row[:width]] for row in chart.rows[:limit]]
    left = capped(limit, len(chart.rows), "rows") + _columns_left(width, len(chart.columns))
    return DataTable([short(name, 60) for name in chart.columns[:width]], rows, left)


def _columns_left(shown: int, total: int) -> str:
    return "" if shown >= total else f" Shown: {count(shown)} of {count(total)} columns. All of them are in run.json of this run."


def _scalar(value: object) -> str:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return number(value)
    return "" if value is None else short(value_text(value), 200)


def _cell(value: float | None, empty: str = "") -> str:
    return empty if value is None else number(value)


def _end(values: Sequence[Any], position: int) -> Any:
    return values[position] if position < len(values) else None


def _span(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f"{number(low)} to {number(high)}"


_DESCRIPTIONS: Mapping[str, Callable[[Any], str]] = {
    "bar": _bar_words,
    "line": _line_words,
    "histogram": _histogram_words,
    "heat_map": _heat_words,
    "image_overlay": _image_words,
    "series_strip": _strip_words,
    "text_highlight": _highlight_words,
    "scatter": _scatter_words,
    "table": _table_words,
}
_TABLES: Mapping[str, Callable[[Any, int], DataTable]] = {
    "bar": _bar_table,
    "line": _line_table,
    "histogram": _histogram_table,
    "heat_map": _heat_table,
    "image_overlay": _image_table,
    "series_strip": _strip_table,
    "text_highlight": _highlight_table,
    "scatter": _scatter_table,
    "table": _plain_table,
}

"""One function per chart kind of `audit.chart_kinds`: plain data in, one SVG with title and description out. No colours, only classes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from audit.chart_kinds import BarChart, Chart, HeatMap, Histogram, ImageOverlay, LineChart, Mark, Scatter, Series, SeriesStrip, TextHighlight
from reports import svg
from reports.axis import Axis, axis
from reports.chart_text import describe
from reports.frame import WIDTH, Frame, baseline
from reports.numbers import number
from reports.picture import picture, signed
from reports.ranking import spread_choice
from reports.text_lines import Place, laid_out
from reports.visible import label

POINTS = 40
"""Categories, heat map rows and heat map columns that fit one drawing; the table under it says how many there are."""
LINES = 6
"""Lines or groups that can be told apart in one drawing."""
DOTS = 800
"""Points of a scatter plot that are drawn."""
ROW = 24.0
"""Height of one category."""
PANEL, LINE = 84.0, 28.0
"""Heights of one channel of a series and of one line of a text."""
STEPS = 400
"""Steps of a series that are drawn; of longer ones every second, third, …"""
SIGNED = "Orange: raises the output. Blue: lowers it. The paler, the less."


def draw(chart: Chart, identity: str, *, points: int = POINTS) -> str:
    """The drawing of `chart`, with `identity` as the root of its element ids; empty for a table and for a chart without values."""
    function = DRAWINGS.get(chart.kind)
    return "" if function is None else function(chart, identity, points)


def bar(chart: BarChart, identity: str, points: int = POINTS) -> str:
    """Dots with whiskers, one category a line, the value written at the right."""
    chosen = spread_choice(chart.values, points)
    if not chosen:
        return ""
    ends = [chart.values[i] for i in chosen] + [sequence[i] for sequence in (chart.low, chart.high) for i in chosen if i < len(sequence)]
    positive = any(value is not None and value > 0 for value in chart.values)
    x = axis([*ends, *(mark.value for mark in chart.marks)], 190, 540, log=chart.scale == "log" and positive)
    top, bottom = 26.0, 26.0 + ROW * len(chosen)
    parts = [baseline(x, top, bottom, chart.x_label + (" (log scale)" if x.log else "")), _vertical_marks(chart.marks, x, top, bottom)]
    parts += [_category(chart, position, x, top + ROW * (line + 0.5)) for line, position in enumerate(chosen)]
    return svg.drawing(identity, WIDTH, bottom + 46, chart.title, describe(chart), *parts)


def line(chart: LineChart, identity: str, points: int = POINTS) -> str:
    """Lines with bands, named at their right ends."""
    drawn = [series for series in chart.series if len(series.x)][:LINES]
    if not drawn:
        return ""
    values = [value for series in drawn for value in (*series.y, *series.low, *series.high)]
    places = [value for series in drawn for value in series.x]
    both = [*places, *values] if chart.diagonal else []
    marks = [mark.value for mark in chart.marks]
    frame = Frame(axis(both or places, 62, 560), axis([*(both or values), *marks], 300, 30), chart.x_label, chart.y_label)
    parts = [frame.draw(), _diagonal(frame) if chart.diagonal else "", *(_level(mark, frame) for mark in chart.marks)]
    parts += [_band(series, frame, i) + svg.path(_points(series.x, series.y, frame), f"line c{i}") for i, series in enumerate(drawn)]
    parts += _end_names(drawn, frame)
    return svg.drawing(identity, WIDTH, 346, chart.title, describe(chart), *parts)


def histogram(chart: Histogram, identity: str, points: int = POINTS) -> str:
    """Outlined steps, one outline a series."""
    drawn = [(name, counts) for name, counts in chart.series.items() if len(counts)][:LINES]
    if not drawn or len(chart.edges) < 2:
        return ""
    highest = max(max(counts) for _, counts in drawn)
    frame = Frame(axis(chart.edges, 62, 560, pad=0.01), Axis(0.0, highest * 1.05 or 1.0, 300, 30), chart.x_label, chart.y_label)
    parts = [frame.draw()]
    for position, (name, counts) in enumerate(drawn):
        outline = _steps(chart.edges, counts, frame)
        parts.append(svg.path(outline, f"area c{position}", closed=True) + svg.path(outline, f"line c{position}"))
        parts.append(_key(name, position))
    return svg.drawing(identity, WIDTH, 346, chart.title, describe(chart), *parts)


def heat_map(chart: HeatMap, identity: str, points: int = POINTS) -> str:
    """Coloured cells, the value written in each where it fits; an empty cell is outlined."""
    rows, columns = min(len(chart.rows), points), min(len(chart.columns), points // 2)
    if not rows or not columns:
        return ""
    width, height = (WIDTH - 170) / columns, 26.0
    shade = _shades([value for line in chart.values[:rows] for value in line[:columns]])
    room = max(3, int(width / 7))
    parts = [svg.text(170 + width * (c + 0.5), 40, label(chart.columns[c], room), anchor="middle", style="tick") for c in range(columns)]
    parts.append(svg.text(170, 16, label(chart.x_label, 60), style="name") + svg.text(0, 40, label(chart.y_label, 22), style="name"))
    for r in range(rows):
        parts.append(svg.text(160, 50 + height * (r + 0.65), label(chart.rows[r], 22), anchor="end", style="tick"))
        parts += [_cell(chart.values[r][c], 170 + width * c, 50 + height * r, width=width, height=height, shade=shade) for c in range(columns)]
    return svg.drawing(identity, WIDTH, 58 + height * rows, chart.title, describe(chart), *parts)


def image_overlay(chart: ImageOverlay, identity: str, points: int = POINTS) -> str:
    """The image, and beside it the image under its attribution."""
    if not len(chart.image) or not len(chart.image[0]):
        return ""
    side = 300.0
    height = side * len(chart.image) / len(chart.image[0])
    parts = [_picture(picture(chart.image), 0, side, height), svg.text(0, height + 46, "Image", style="tick")]
    if len(chart.overlay) and len(chart.overlay[0]):
        faint = _picture(picture(chart.image), 330, side, height, opacity="0.35")  # a dark image would swallow the colours
        parts += [svg.rectangle(330, 20, side, height, "paper"), faint, _picture(signed(chart.overlay), 330, side, height)]
        parts.append(svg.text(330, height + 46, "Orange: raises the output. Blue: lowers it.", style="tick"))
    return svg.drawing(identity, WIDTH, height + 60, chart.title, describe(chart), *parts)


def series_strip(chart: SeriesStrip, identity: str, points: int = POINTS) -> str:
    """One panel for each channel: the line, on the shades of what is attributed to its steps."""
    known = [value for channel in chart.values for value in channel if value is not None]
    if not known:
        return ""
    shade = _signed_shades([value for channel in chart.attributions for value in channel])
    parts, top = [], 30.0
    for name, values, shares in list(zip(chart.channels, chart.values, chart.attributions, strict=True))[:LINES]:
        parts += _panel(name, values, shares, top=top, shade=shade)
        top += PANEL + 42
    parts.append(svg.text(62, top + 4, SIGNED, style="tick"))
    return svg.drawing(identity, WIDTH, top + 22, chart.title, describe(chart), *parts)


def text_highlight(chart: TextHighlight, identity: str, points: int = POINTS) -> str:
    """The text in lines, every piece on the shade of what is attributed to it; a rule below a piece that raises the output."""
    if not len(chart.pieces):
        return ""
    shade = _signed_shades(chart.values)
    places = laid_out(chart.pieces, WIDTH - 20)
    parts = [_piece(place, value, shade) for place, value in zip(places, chart.values, strict=False)]
    bottom = 30.0 + LINE * (1 + places[-1].line)
    rest = f" Drawn: the first {len(places):,} of {len(chart.pieces):,} pieces." if len(places) < len(chart.pieces) else ""
    parts.append(svg.text(10, bottom + 16, f"Orange, underlined: raises the output. Blue: lowers it. The paler, the less.{rest}", style="tick"))
    return svg.drawing(identity, WIDTH, bottom + 30, chart.title, describe(chart), *parts)


def scatter(chart: Scatter, identity: str, points: int = POINTS) -> str:
    """Points, with one shape and colour a group."""
    if not len(chart.x):
        return ""
    groups = sorted(set(chart.names))[:LINES]
    step = -(-len(chart.x) // DOTS)
    frame = Frame(axis(chart.x, 62, 560), axis(chart.y, 300, 30), chart.x_label, chart.y_label)
    parts = [frame.draw()]
    for i in range(0, len(chart.x), step):
        group = groups.index(chart.names[i]) if i < len(chart.names) and chart.names[i] in groups else (LINES if groups else 0)
        parts.append(_dot(frame.x(chart.x[i]), frame.y(chart.y[i]), group))
    parts += [_key(name, position, dot=True) for position, name in enumerate(groups)]
    return svg.drawing(identity, WIDTH, 346, chart.title, describe(chart), *parts)


DRAWINGS: Mapping[str, Callable[[Any, str, int], str]] = {
    "bar": bar,
    "line": line,
    "histogram": histogram,
    "heat_map": heat_map,
    "image_overlay": image_overlay,
    "series_strip": series_strip,
    "text_highlight": text_highlight,
    "scatter": scatter,
}


def _category(chart: BarChart, position: int, x: Axis, y: float) -> str:
    value = chart.values[position]
    parts = [svg.text(178, y + 4, label(chart.categories[position]), anchor="end", style="word")]
    if value is None:
        return "".join([*parts, svg.text(x.start + 6, y + 4, "not measured", style="tick")])
    low = chart.low[position] if position < len(chart.low) else None
    high = chart.high[position] if position < len(chart.high) else None
    if low is not None and high is not None:
        parts.append(svg.line(x(low), y, x(high), y, "whisker"))
        parts += [svg.line(x(end), y - 4, x(end), y + 4, "whisker") for end in (low, high) if end > 0 or not x.log]
    parts.append(svg.element("circle", {"cx": x(value), "cy": y, "r": 4.5, "class": "dot"}))
    rows = f"  n = {chart.n[position]:,}" if position < len(chart.n) else ""
    return "".join([*parts, svg.text(552, y + 4, f"{number(value)}{rows}", style="value")])


def _vertical_marks(marks: Sequence[Mark], x: Axis, top: float, bottom: float) -> str:
    parts = [svg.line(x(mark.value), top - 6, x(mark.value), bottom, "mark") for mark in marks]
    edge = -1e9
    for mark in sorted(marks, key=lambda item: item.value):
        word = label(mark.label, 28)
        if x(mark.value) - 3.4 * len(word) > edge:
            parts.append(svg.text(x(mark.value), top - 11, word, anchor="middle", style="mark-name"))
            edge = x(mark.value) + 3.4 * len(word)
    return "".join(parts)


def _level(mark: Mark, frame: Frame) -> str:
    y = frame.y(mark.value)
    return svg.line(frame.x.start, y, frame.x.end, y, "mark") + svg.text(frame.x.start + 6, y - 6, label(mark.label, 40), style="mark-name")


def _diagonal(frame: Frame) -> str:
    low, high = max(frame.x.low, frame.y.low), min(frame.x.high, frame.y.high)
    return svg.line(frame.x(low), frame.y(low), frame.x(high), frame.y(high), "mark")


def _points(x: Sequence[float], y: Sequence[float], frame: Frame) -> list[tuple[float, float]]:
    step = max(1, -(-len(x) // 200))
    kept = sorted({*range(0, len(x), step), len(x) - 1})
    return [(frame.x(x[i]), frame.y(y[i])) for i in kept]


def _band(series: Series, frame: Frame, position: int) -> str:
    if not len(series.low) or not len(series.high):
        return ""
    outline = _points(series.x, series.low, frame) + _points(series.x, series.high, frame)[::-1]
    return svg.path(outline, f"band c{position}", closed=True)


def _end_names(drawn: Sequence[Series], frame: Frame) -> list[str]:
    parts, previous = [], -1e9
    for y, position in sorted((frame.y(series.y[-1]), position) for position, series in enumerate(drawn)):
        place = max(y, previous + 16)
        parts.append(svg.text(frame.x.end + 8, place + 4, label(drawn[position].name, 20), style=f"end c{position}"))
        previous = place
    return parts


def _steps(edges: Sequence[float], counts: Sequence[float], frame: Frame) -> list[tuple[float, float]]:
    points = [(frame.x(edges[0]), frame.y(0))]
    for left, right, height in zip(edges[:-1], edges[1:], counts, strict=False):
        points += [(frame.x(left), frame.y(height)), (frame.x(right), frame.y(height))]
    return [*points, (frame.x(edges[-1]), frame.y(0))]


def _key(name: str, position: int, *, dot: bool = False) -> str:
    y = 40.0 + 20 * position
    sample = _dot(580, y, position) if dot else svg.line(570, y, 590, y, f"line c{position}")
    return sample + svg.text(598, y + 4, label(name, 17), style="tick")


def _dot(x: float, y: float, group: int) -> str:
    style = f"point c{group}"
    if group % 3 == 0:
        return svg.element("circle", {"cx": x, "cy": y, "r": 3.2, "class": style})
    if group % 3 == 1:
        return svg.rectangle(x - 2.8, y - 2.8, 5.6, 5.6, style)
    return svg.path([(x, y - 3.8), (x + 3.6, y + 3), (x - 3.6, y + 3)], style, closed=True)


def _shades(values: Sequence[float | None]) -> Callable[[float], str]:
    known = [value for value in values if value is not None]
    low, high = (min(known), max(known)) if known else (0.0, 1.0)
    if low < 0 < high:
        reach = max(-low, high)
        return lambda value: f"d{round(4 + 4 * value / reach)}"
    return lambda value: f"h{round(8 * (value - low) / (high - low)) if high > low else 4}"


def _signed_shades(values: Sequence[float]) -> Callable[[float], str]:
    """0 in the middle, whatever there is on either side."""
    reach = max((abs(value) for value in values), default=0.0) or 1.0
    return lambda value: f"d{round(4 + 4 * value / reach)}"


def _cell(value: float | None, x: float, y: float, *, width: float, height: float, shade: Callable[[float], str]) -> str:
    if value is None:
        return svg.rectangle(x + 1.5, y + 1.5, width - 3, height - 3, "none")
    style = shade(value)
    cell = svg.rectangle(x + 0.5, y + 0.5, width - 1, height - 1, f"cell {style}")
    return cell if width < 44 else cell + svg.text(x + width / 2, y + height * 0.65, number(value), anchor="middle", style=f"in {style}")


def _panel(name: str, values: Sequence[float | None], shares: Sequence[float], *, top: float, shade: Callable[[float], str]) -> list[str]:
    """One channel: runs of equal attribution as boxes, and the line over them, broken where there is no value."""
    known = [value for value in values if value is not None]
    parts = [svg.text(62, top - 6, label(name, 60), style="name")]
    if not known:
        return parts
    up = axis(known, top + PANEL, top)
    width, start = (WIDTH - 82) / len(values), 0
    for end in range(1, len(shares) + 1):
        if end == len(shares) or shares[end] != shares[start]:
            parts.append(svg.rectangle(62 + width * start, top, width * (end - start), PANEL, f"cell {shade(shares[start])}"))
            start = end
    run: list[tuple[float, float]] = []
    every = max(1, -(-len(values) // STEPS))
    for step, value in enumerate([*values, None]):
        if value is not None and step % every:
            continue
        if value is not None:
            run.append((62 + width * (step + 0.5), up(value)))
        elif run:
            parts += [svg.path(run, "halo"), svg.path(run, "trace")]
            run = []
    ends = ((number(max(known)), top + 10), (number(min(known)), top + PANEL))
    parts += [svg.text(56, y, word, anchor="end", style="tick") for word, y in ends]
    parts += [
        svg.text(62, top + PANEL + 14, "1", style="tick"),
        svg.text(WIDTH - 20, top + PANEL + 14, f"step {len(values)}", anchor="end", style="tick"),
    ]
    return parts


def _piece(place: Place, value: float, shade: Callable[[float], str]) -> str:
    x, y, style = 10 + place.start, 10 + LINE * place.line, shade(value)
    parts = [svg.rectangle(x, y, place.width, LINE - 5, f"cell {style}"), svg.text(x + 4, y + 16, place.text, style=f"in {style}")]
    return "".join([*parts, *([svg.line(x, y + LINE - 4, x + place.width, y + LINE - 4, "raises")] if value > 0 and style != "d4" else [])])


def _picture(address: str, x: float, width: float, height: float, *, opacity: str = "1") -> str:
    attributes: dict[str, str | float] = {"href": address, "x": x, "y": 20, "width": width, "height": height, "class": "pixels"}
    return svg.element("image", attributes | {"preserveAspectRatio": "none", "opacity": opacity})

"""Every kind of chart draws, also with nothing, one value or absent values, and tells in words what it shows."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from audit.chart_kinds import (
    BarChart,
    Chart,
    HeatMap,
    Histogram,
    ImageOverlay,
    LineChart,
    Mark,
    Scatter,
    Series,
    SeriesStrip,
    TableChart,
    TextHighlight,
)
from reports.charts import draw
from reports.html import DETAILS
from tests.reports.sample_run import sample_run

EMPTY: list[Chart] = [
    BarChart(title="t", categories=(), values=()),
    LineChart(title="t", series=()),
    Histogram(title="t", edges=(), series={}),
    HeatMap(title="t", rows=(), columns=(), values=()),
    ImageOverlay(title="t"),
    SeriesStrip(title="t", channels=(), values=(), attributions=()),
    SeriesStrip(title="t", channels=("a",), values=((None, None),), attributions=((0.0, 0.0),)),
    TextHighlight(title="t", pieces=(), values=()),
    Scatter(title="t", x=(), y=()),
    TableChart(title="t", columns=(), rows=()),
]
ODD: list[Chart] = [
    BarChart(
        title="t", categories=("a", "b"), values=(None, 0.0), low=(None, 0.0), high=(None, 0.0), scale="log", marks=(Mark(value=1.0, label="m"),)
    ),
    LineChart(title="t", series=(Series(name="s", x=(1.0,), y=(1.0,)),), diagonal=True),
    Histogram(title="t", edges=(0.0, 1.0), series={"a": (0,)}),
    HeatMap(title="t", rows=("r",), columns=("c",), values=((None,),)),
    ImageOverlay(title="t", image=(((0, 0, 255), (255, 0, 0)),), overlay=((0.5, -0.5),)),
    ImageOverlay(title="t", image=((0.0,),), overlay=((0.0,),)),
    SeriesStrip(title="t", channels=("a\u202e<b>", "b"), values=((1.0, None, 2.0), (0.0, 0.0, 0.0)), attributions=((0.5, 0.0, -0.5), (0.0,) * 3)),
    SeriesStrip(title="t", channels=("long",), values=([i % 7 / 7 for i in range(3000)],), attributions=([0.0] * 3000,)),
    TextHighlight(title="t", pieces=("</svg><script>", "", "\x00", "漢字"), values=(0.5, 0.0, -0.5, 0.0)),
    TextHighlight(title="t", pieces=["word"] * 5000, values=[0.0] * 5000),
    Scatter(title="t", x=(1.0, 1.0), y=(2.0, 2.0), names=("a", "b")),
    BarChart(title="t", categories=[f"g{i}" for i in range(300)], values=[i / 300 for i in range(300)]),
    HeatMap(title="t", rows=[f"r{i}" for i in range(100)], columns=[f"c{i}" for i in range(2000)], values=[[0.5] * 2000 for _ in range(100)]),
]
SAMPLES = [chart for finding in sample_run().findings for chart in finding.charts]


@pytest.mark.parametrize("chart", [*EMPTY, *ODD, *SAMPLES], ids=lambda chart: chart.kind)
def test_it_draws_well_formed_svg_or_nothing(chart: Chart) -> None:
    drawing = draw(chart, "id1", points=DETAILS[0].points)

    if drawing:
        root = ET.fromstring(drawing)  # noqa: S314  our own drawing
        assert root.tag.endswith("svg")
        named = {child.tag.rpartition("}")[2]: child.text for child in root}
        assert named["title"]
        assert named["desc"]


def test_every_kind_of_chart_is_in_the_sample() -> None:
    assert {chart.kind for chart in SAMPLES} == {
        "bar",
        "line",
        "histogram",
        "heat_map",
        "image_overlay",
        "series_strip",
        "text_highlight",
        "scatter",
        "table",
    }


def test_a_dot_stands_where_its_value_is() -> None:
    chart = BarChart(title="t", categories=("low", "high"), values=(0.25, 0.75), low=(0.2, 0.7), high=(0.3, 0.8))

    root = ET.fromstring(draw(chart, "id1", points=40))  # noqa: S314

    dots = [float(e.get("cx")) for e in root.iter() if e.tag.endswith("circle") and e.get("cx")]
    assert len(dots) == 2
    assert dots[0] < dots[1]


def test_a_piece_that_raises_the_output_is_underlined_and_one_that_lowers_it_is_not() -> None:
    drawing = draw(TextHighlight(title="t", pieces=("good", "bad", "the"), values=(2.0, -2.0, 0.0)), "id1", points=40)

    shades = [e.get("class", "").split()[-1] for e in ET.fromstring(drawing).iter() if e.get("class", "").startswith("cell")]  # noqa: S314
    assert shades == ["d8", "d0", "d4"]
    assert drawing.count('class="raises"') == 1


def test_a_series_is_broken_where_it_has_no_value_and_shaded_by_runs() -> None:
    chart = SeriesStrip(title="t", channels=("a",), values=((1.0, 2.0, None, 2.0, 1.0),), attributions=((1.0, 1.0, 0.0, -1.0, -1.0),))

    drawing = draw(chart, "id1", points=40)

    shades = [e.get("class", "").split()[-1] for e in ET.fromstring(drawing).iter() if e.get("class", "").startswith("cell")]  # noqa: S314
    assert shades == ["d8", "d4", "d0"]
    assert drawing.count('class="trace"') == 2

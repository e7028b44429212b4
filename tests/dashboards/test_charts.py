"""Charts of a run as Altair specifications: every kind has one, and hostile names are data in it, never field names or expressions."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from audit.chart_kinds import BarChart, ImageOverlay, SeriesStrip, TextHighlight
from dashboards.charts import attribution_bars, chart_data, drawn, left_out
from dashboards.drawn_inputs import MARGIN, drawn_words, strip_panels
from tests.dashboards.made_run import NASTY, write_run
from tests.reports.sample_run import sample_run

FIELDS = {"category", "value", "low", "high", "n", "x", "y", "series", "from", "to", "count", "row", "column", "group", "at", "label"}


def test_every_kind_of_chart_is_drawn_or_told_as_a_table() -> None:
    for finding in sample_run().findings:
        for chart in finding.charts:
            picture = drawn(chart)
            assert (picture is None) == (chart.kind == "table" or (not getattr(chart, "overlay", True) and not getattr(chart, "image", True)))
            if picture is not None:
                picture.to_dict()


def test_hostile_names_are_data_and_never_fields(tmp_path_factory: pytest.TempPathFactory) -> None:
    run = write_run(tmp_path_factory.mktemp("runs"), groups=300)

    for chart in run.findings[0].charts:
        picture = drawn(chart)
        if picture is None:
            continue
        spec = picture.to_dict()
        assert set(_values(spec, "field")) <= FIELDS
        assert "expr" not in json.dumps({key: value for key, value in spec.items() if key not in ("datasets", "data")})


def test_a_long_bar_chart_says_what_it_leaves_out_and_the_data_has_all() -> None:
    names = [f"group {i}" for i in range(300)]
    chart = BarChart(title="Rates", categories=names, values=np.linspace(0, 1, 300).tolist())

    assert "60 of 300" in left_out(chart)
    assert chart_data(chart)["category"].tolist() == names


def test_attribution_bars_keep_every_input_apart() -> None:
    frame = pd.DataFrame({"input": [f"{NASTY[-1]}{i}" for i in range(5)], "value": [1.0] * 5, "se": [np.nan] * 5})

    spec = attribution_bars(frame, "attribution").to_dict()

    held = max(spec["datasets"].values(), key=len)
    assert len({line["input"] for line in held}) == 5


def test_a_colour_image_is_drawn_in_its_colours() -> None:
    picture = drawn(ImageOverlay(title="t", image=(((0, 0, 255), (255, 0, 0)),)))

    assert picture is not None
    (cells,) = picture.to_dict()["datasets"].values()
    assert [cell["value"] for cell in cells] == ["#0000ff", "#ff0000"]


def _values(spec: object, key: str) -> list[str]:
    if isinstance(spec, dict):
        own = [value for name, value in spec.items() if name == key and isinstance(value, str)]
        return own + [value for name, part in spec.items() if name not in ("datasets", "data") for value in _values(part, key)]
    return [value for part in spec for value in _values(part, key)] if isinstance(spec, list) else []


def test_a_step_of_a_series_lies_in_the_middle_of_its_shade_under_its_number() -> None:
    strip = SeriesStrip(title="t", channels=("pulse",), values=[[1.0, 2.0, None]], attributions=[[0.5, 0.5, -1.0]])

    (panel,) = strip_panels(strip)

    drawing = panel.to_dict()
    shade, line = drawing["layer"]
    (held,) = drawing["datasets"].values()
    assert [[one["begin"], one["step"], one["end"]] for one in held] == [[0.5, 1, 1.5], [1.5, 2, 2.5], [2.5, 3, 3.5]]
    assert (shade["encoding"]["x"]["field"], shade["encoding"]["x2"]["field"], line["encoding"]["x"]["field"]) == ("begin", "end", "step")
    assert line["encoding"]["x"]["axis"] == {"tickMinStep": 1, "format": "d"}


def test_a_text_of_one_line_is_as_high_as_a_line_of_a_long_one() -> None:
    one, many = (drawn_words(TextHighlight(title="t", pieces=["word"] * count, values=[0.1] * count)) for count in (1, 60))
    assert one is not None
    assert many is not None
    lines = many.to_dict()["layer"][0]["encoding"]["y"]["scale"]["domain"][0]

    assert lines > 3
    assert (many.height - MARGIN) / lines == one.height - MARGIN == 28

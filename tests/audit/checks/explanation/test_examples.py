"""Rows are chosen by the rule that is told, and each is drawn as what it is with the attributions it was given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from audit.chart_kinds import BarChart, ImageOverlay, SeriesStrip, TextHighlight
from audit.checks.explanation.examples import SHOWN, examples
from audit.pieces import joined
from audit.results import Evidence
from tests.audit.checks.planted import planted, write_rows, write_table

N = 12
SHAPLEY = "attribution.shapley"
LOSS = np.array([0.1, 0.2, 9.0, 0.3, 0.4, 0.5, 7.0, 0.6, 0.7, 0.8, 0.9, np.nan])
MARGIN = np.array([3.0, -0.1, 2.0, 3.0, 3.0, 0.2, 3.0, 3.0, 3.0, 3.0, 3.0, 0.0])


def asked(folder: Path, values: Any, *, errors: float = 0.0, names: tuple[str, ...] = ("a", "b"), each: int = 2, **outputs: Any) -> Evidence:
    values = np.asarray(values, dtype=np.float64)
    n = len(values)
    write_rows(folder, SHAPLEY, {"values": values, "se": np.full(values.shape, errors)}, inclusion=np.full(n, n / N))
    write_table(folder, SHAPLEY, "players", {"name": names})
    return examples(planted(folder, decisions=np.zeros(N, dtype=int), outputs=outputs), each=each)


def titles(evidence: Evidence) -> list[str]:
    return [chart.title for chart in evidence.charts]


def test_the_worst_come_first_then_the_nearest_then_the_middle_of_the_best(tmp_path: Path) -> None:
    evidence = asked(tmp_path, np.ones((N, 2)), loss=LOSS, margin=MARGIN)

    assert titles(evidence) == [
        "Row 2, id 2, one of the largest losses",
        "Row 6, id 6, one of the largest losses",
        "Row 11, id 11, one of the nearest to the decision",
        "Row 1, id 1, one of the nearest to the decision",
        "Row 3, id 3, one with a small loss",
        "Row 0, id 0, one with a small loss",
    ]
    assert evidence.measurements[0].value == len(evidence.charts)


def test_without_losses_the_first_rows_are_shown(tmp_path: Path) -> None:
    assert titles(asked(tmp_path, np.ones((N, 2)), each=1)) == [f"Row {row}, id {row}, one of the first rows that were explained" for row in range(3)]


def test_a_row_without_a_finite_explanation_is_not_chosen(tmp_path: Path) -> None:
    values = np.ones((N, 2))
    values[2, 1] = np.nan

    assert titles(asked(tmp_path, values, loss=LOSS))[0].startswith("Row 6,")


def test_bars_have_the_interval_of_the_estimator_or_none(tmp_path: Path) -> None:
    drawn = asked(tmp_path / "drawn", np.tile([0.5, -2.0], (N, 1)), errors=0.1, each=1)
    exact = asked(tmp_path / "exact", np.tile([0.5, -2.0], (N, 1)), each=1)

    chart = drawn.charts[0]
    assert isinstance(chart, BarChart)
    assert list(chart.categories) == ["b", "a"]
    assert chart.low[0] == pytest.approx(-2.0 - 1.959964 * 0.1)
    (first, *_) = [m for m in drawn.measurements if m.name == "attribution"]
    assert (first.value, first.low, first.high) == pytest.approx((-2.0, -2.195996, -1.804004), abs=1e-5)
    assert [m.low for m in exact.measurements if m.name == "attribution"] == [None] * 6
    assert exact.charts[0].low == ()  # type: ignore[union-attr]


def test_inputs_that_got_nothing_are_not_listed(tmp_path: Path) -> None:
    evidence = asked(tmp_path, np.tile([0.0, 1.0], (N, 1)), each=1)

    assert {m.at["feature"] for m in evidence.measurements if m.name == "attribution"} == {"b"}


def test_nobody_explained_is_absent_with_its_reason(tmp_path: Path) -> None:
    rows = planted(tmp_path, decisions=np.zeros(N, dtype=int), absent={SHAPLEY: "It was switched off."})

    evidence = examples(rows)

    assert not evidence.measurements
    assert "switched off" in evidence.absent[0].reason


def test_a_picture_is_drawn_of_rows_that_are_kept_to_be_shown(tmp_path: Path) -> None:
    kept = np.array([6, 2, 0])
    pixels = np.arange(3 * 4, dtype=np.float64).reshape(3, 4)
    write_rows(tmp_path, SHOWN, {"values": pixels, "owner": np.tile([0, 1, 1, 0], (3, 1))}, positions=kept, inclusion=np.full(3, 0.25))
    write_table(tmp_path, SHOWN, "shape", {"name": [""], "kind": ["image"], "height": [2], "width": [2], "channels": [1], "step": [1]})

    evidence = asked(tmp_path, np.tile([0.5, -2.0], (N, 1)), each=1, loss=LOSS)

    pictures = [chart for chart in evidence.charts if isinstance(chart, ImageOverlay)]
    assert len(pictures) == len(evidence.charts) > 1
    assert pictures[0].title.startswith("Row 2,")
    assert pictures[0].image == [[4.0, 5.0], [6.0, 7.0]]
    assert pictures[0].overlay == [[0.5, -2.0], [-2.0, 0.5]]


def test_a_series_is_a_strip(tmp_path: Path) -> None:
    write_rows(tmp_path, SHOWN, {"values": np.zeros((N, 3)), "owner": np.tile([0, 0, 1], (N, 1))})
    write_table(tmp_path, SHOWN, "shape", {"name": [""], "kind": ["series"], "height": [1], "width": [3], "channels": [1], "step": [1]})
    write_table(tmp_path, SHOWN, "channels", {"name": ["pulse"], "input": [""]})

    chart = asked(tmp_path, np.tile([0.5, -2.0], (N, 1)), each=1).charts[0]

    assert isinstance(chart, SeriesStrip)
    assert chart.attributions == [[0.5, 0.5, -2.0]]


def test_a_text_is_drawn_piece_by_piece_and_an_empty_one_as_bars(tmp_path: Path) -> None:
    texts = np.array([joined(["not", "</svg>bad"])] * (N - 1) + [""], dtype=object)
    write_rows(tmp_path, SHAPLEY, {"values": np.tile([0.5, -2.0], (N, 1)), "se": np.zeros((N, 2))})
    write_table(tmp_path, SHAPLEY, "players", {"name": ["word 1", "word 2"]})
    rows = planted(tmp_path, decisions=np.zeros(N, dtype=int), outputs={"loss": np.arange(N) / N})
    write_rows(tmp_path, "subject", {"id": np.arange(N).astype(str).astype(object), "pieces.review": texts})

    charts = examples(rows, each=2).charts

    assert isinstance(charts[0], BarChart)
    assert isinstance(charts[1], TextHighlight)
    assert list(charts[1].values) == [0.5, -2.0]


def test_what_has_no_picture_beside_an_image_and_a_text_has_bars(tmp_path: Path) -> None:
    write_rows(tmp_path, SHOWN, {"values": np.zeros((N, 2)), "owner": np.tile([1, 2], (N, 1))})
    write_table(tmp_path, SHOWN, "shape", {"name": ["photo"], "kind": ["image"], "height": [1], "width": [2], "channels": [1], "step": [1]})
    write_rows(tmp_path, SHAPLEY, {"values": np.tile([0.5, -2.0, 1.0, 4.0], (N, 1)), "se": np.zeros((N, 4))})
    write_table(tmp_path, SHAPLEY, "players", {"name": ["age", "photo patch 1", "photo patch 2", "note word 1"]})
    rows = planted(tmp_path, decisions=np.zeros(N, dtype=int), outputs={"loss": np.arange(N) / N})
    write_rows(tmp_path, "subject", {"pieces.note": np.array(["late"] * N, dtype=object)})

    photo, note, bars, *_ = examples(rows, each=1).charts

    assert isinstance(photo, ImageOverlay)
    assert photo.overlay == [[-2.0, 1.0]]
    assert isinstance(note, TextHighlight)
    assert list(note.values) == [4.0]
    assert isinstance(bars, BarChart)
    assert (list(bars.categories), list(bars.values)) == (["age"], [0.5])
    assert bars.title.endswith(": other inputs")

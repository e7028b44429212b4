"""Rows that a run kept to be drawn are found by their position, with and without attributions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from audit.chart_kinds import ImageOverlay, SeriesStrip
from audit.shown_rows import SHOWN, ShownRows, shown_rows
from tests.audit.checks.planted import planted, write_rows, write_table


def kept(folder: Path, kind: str) -> ShownRows:
    values, owner = np.arange(12.0).reshape(2, 6), np.array([[0, 0, 1, 1, 2, 2], [2, 2, 1, 1, 0, 0]])
    rows = planted(folder, decisions=[0, 1, 0, 1, 0])
    write_rows(folder, SHOWN, {"values": values, "owner": owner}, positions=[1, 4])
    write_table(folder, SHOWN, "shape", {"name": [""], "kind": [kind], "height": [2], "width": [3], "channels": [1], "step": [1]})
    write_table(folder, SHOWN, "channels", {"name": ["pressure", "flow"], "input": ["", ""]})
    found = shown_rows(rows)
    assert found is not None
    return found


def test_a_run_that_kept_no_row_has_none_to_draw(tmp_path: Path) -> None:
    assert shown_rows(planted(tmp_path, decisions=[0, 1])) is None


def test_rows_are_found_by_their_position_in_the_data(tmp_path: Path) -> None:
    assert kept(tmp_path, "image").place == {1: 0, 4: 1}


def test_an_image_lies_under_the_attributions_of_its_own_players(tmp_path: Path) -> None:
    (picture,) = kept(tmp_path, "image").pictures("row 4", 4, np.array([10.0, 20.0, 30.0]))

    assert isinstance(picture, ImageOverlay)
    assert picture.image == [[6.0, 7.0, 8.0], [9.0, 10.0, 11.0]]
    assert picture.overlay == [[30.0, 30.0, 20.0], [20.0, 10.0, 10.0]]


def test_an_image_without_attributions_is_bare(tmp_path: Path) -> None:
    (picture,) = kept(tmp_path, "image").pictures("row 1", 1)

    assert isinstance(picture, ImageOverlay)
    assert picture.image == [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]
    assert not picture.overlay


def test_a_series_keeps_the_names_of_its_channels(tmp_path: Path) -> None:
    (picture,) = kept(tmp_path, "series").pictures("row 1", 1)

    assert isinstance(picture, SeriesStrip)
    assert picture.channels == ("pressure", "flow")
    assert picture.attributions == [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]


def test_a_row_that_was_not_kept_raises(tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        kept(tmp_path, "image").pictures("row 2", 2)

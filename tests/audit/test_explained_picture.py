"""Every place of a drawn row has the attribution of the player that owns it, whatever the row is."""

from __future__ import annotations

import numpy as np
import pytest

from audit.chart_kinds import ImageOverlay, SeriesStrip
from audit.explained_picture import drawn_row, drawn_text


def shape_of(kind: str, height: int, width: int, channels: int = 1) -> dict[str, list[object]]:
    return {"kind": [kind], "height": [height], "width": [width], "channels": [channels], "step": [1]}


def test_a_pixel_has_the_attribution_of_its_player() -> None:
    pixels, owner = np.arange(6.0), np.array([0, 0, 1, 2, 2, 1])

    chart = drawn_row("t", pixels, owner, np.array([0.5, -2.0, 0.0]), shape=shape_of("image", 2, 3))

    assert isinstance(chart, ImageOverlay)
    assert chart.image == [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]
    assert chart.overlay == [[0.5, 0.5, -2.0], [0.0, 0.0, -2.0]]


@pytest.mark.parametrize(("channels", "first"), [(3, [1.0, 2.0, 3.0]), (2, 1.5), (4, 2.5)])
def test_three_channels_are_colours_and_any_other_number_is_grey(channels: int, first: object) -> None:
    chart = drawn_row("t", 1.0 + np.arange(2 * channels), np.array([0, 1]), np.ones(2), shape=shape_of("image", 1, 2, channels))

    assert isinstance(chart, ImageOverlay)
    assert chart.image[0][0] == first


def test_an_image_of_one_pixel_is_drawn() -> None:
    chart = drawn_row("t", np.array([7.0]), np.array([0]), np.array([0.0]), shape=shape_of("image", 1, 1))

    assert chart == ImageOverlay(title="t", image=[[7.0]], overlay=[[0.0]])


def test_steps_after_the_end_of_a_series_have_no_value() -> None:
    values, owner = np.array([1.0, 2.0, np.nan, 3.0, 4.0, np.nan]), np.array([0, 0, 1, 2, 2, 3])

    chart = drawn_row("t", values, owner, np.array([0.1, 0.2, -0.3, 0.4]), shape=shape_of("series", 2, 3), channels=["pulse", "heat"])

    assert isinstance(chart, SeriesStrip)
    assert list(chart.channels) == ["pulse", "heat"]
    assert chart.values == [[1.0, 2.0, None], [3.0, 4.0, None]]
    assert chart.attributions == [[0.1, 0.1, 0.2], [-0.3, -0.3, 0.4]]


def test_a_piece_has_the_attribution_of_its_place_in_any_order_of_players() -> None:
    chart = drawn_text("t", ["not", "bad", "</svg>"], ["age", "word 2", "word 1", "word 9"], np.array([9.0, 0.5, -0.5, 4.0]))

    assert list(chart.pieces) == ["not", "bad", "</svg>"]
    assert list(chart.values) == [-0.5, 0.5, 0.0]

"""Every place of a drawn row has the attribution of the player that owns it, whatever the row is."""

from __future__ import annotations

import numpy as np
import pytest

from audit.chart_kinds import ImageOverlay, SeriesStrip
from audit.explained_picture import drawn_row, drawn_texts


def shape_of(kind: str, height: int, width: int, channels: int = 1, name: str = "") -> dict[str, list[object]]:
    return {"name": [name], "kind": [kind], "height": [height], "width": [width], "channels": [channels], "step": [1]}


def test_a_pixel_has_the_attribution_of_its_player() -> None:
    pixels, owner = np.arange(6.0), np.array([0, 0, 1, 2, 2, 1])

    (chart,) = drawn_row("t", pixels, owner, np.array([0.5, -2.0, 0.0]), shape=shape_of("image", 2, 3))

    assert isinstance(chart, ImageOverlay)
    assert chart.image == [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]
    assert chart.overlay == [[0.5, 0.5, -2.0], [0.0, 0.0, -2.0]]


@pytest.mark.parametrize(("channels", "first"), [(3, [1.0, 2.0, 3.0]), (2, 1.5), (4, 2.5)])
def test_three_channels_are_colours_and_any_other_number_is_grey(channels: int, first: object) -> None:
    (chart,) = drawn_row("t", 1.0 + np.arange(2 * channels), np.array([0, 1]), np.ones(2), shape=shape_of("image", 1, 2, channels))

    assert isinstance(chart, ImageOverlay)
    assert chart.image[0][0] == first


def test_an_image_of_one_pixel_is_drawn() -> None:
    chart = drawn_row("t", np.array([7.0]), np.array([0]), np.array([0.0]), shape=shape_of("image", 1, 1))[0]

    assert chart == ImageOverlay(title="t", image=[[7.0]], overlay=[[0.0]])


def test_steps_after_the_end_of_a_series_have_no_value() -> None:
    values, owner = np.array([1.0, 2.0, np.nan, 3.0, 4.0, np.nan]), np.array([0, 0, 1, 2, 2, 3])

    channels = {"name": ["pulse", "heat"], "input": ["", ""]}
    (chart,) = drawn_row("t", values, owner, np.array([0.1, 0.2, -0.3, 0.4]), shape=shape_of("series", 2, 3), channels=channels)

    assert isinstance(chart, SeriesStrip)
    assert list(chart.channels) == ["pulse", "heat"]
    assert chart.values == [[1.0, 2.0, None], [3.0, 4.0, None]]
    assert chart.attributions == [[0.1, 0.1, 0.2], [-0.3, -0.3, 0.4]]


def test_a_piece_has_the_attribution_of_its_place_in_any_order_of_players() -> None:
    texts = {"review": ["not", "bad", "</svg>"]}
    (chart,) = drawn_texts("t", texts, ["word 2", "word 1", "word 9"], np.array([0.5, -0.5, 4.0]))

    assert chart.title == "t"
    assert list(chart.pieces) == ["not", "bad", "</svg>"]
    assert list(chart.values) == [-0.5, 0.5, 0.0]


def test_inputs_side_by_side_are_drawn_one_by_one_each_from_its_own_places() -> None:
    one, two, three = shape_of("image", 1, 2, 3, "photo"), shape_of("series", 2, 2, 1, "vitals"), shape_of("series", 1, 1, 1, "motion")
    shape = {key: one[key] + two[key] + three[key] for key in one}
    channels = {"name": ["pulse", "heat", "pulse"], "input": ["vitals", "vitals", "motion"]}
    values, owner = np.arange(11.0), np.array([1, 2, 3, 3, 4, 4, 5])

    photo, vitals, motion = drawn_row("t", values, owner, np.arange(6.0), shape=shape, channels=channels)

    assert (photo.title, vitals.title, motion.title) == ("t: photo", "t: vitals", "t: motion")
    assert isinstance(photo, ImageOverlay)
    assert photo.image == [[[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]]
    assert photo.overlay == [[1.0, 2.0]]
    assert isinstance(vitals, SeriesStrip)
    assert isinstance(motion, SeriesStrip)
    assert (vitals.values, motion.values) == ([[6.0, 7.0], [8.0, 9.0]], [[10.0]])
    assert (vitals.attributions, motion.attributions) == ([[3.0, 3.0], [4.0, 4.0]], [[5.0]])
    assert (list(vitals.channels), list(motion.channels)) == (["pulse", "heat"], ["pulse"])


def test_each_of_several_texts_has_its_own_words_and_an_empty_one_is_left_out() -> None:
    players = ["age", "title word 1", "note word 1", "note word 2", "word 1"]

    title, note = drawn_texts("t", {"title": ["stop"], "note": ["all", "well"], "reply": []}, players, np.array([9.0, 1.0, 2.0, 3.0, 8.0]))

    assert (title.title, note.title) == ("t: title", "t: note")
    assert (list(title.values), list(note.values)) == ([1.0], [2.0, 3.0])


def test_words_beside_columns_carry_the_name_of_their_text() -> None:
    (chart,) = drawn_texts("t", {"note": ["all", "well"]}, ["word 1", "note word 1", "note word 2"], np.array([8.0, 2.0, 3.0]))

    assert chart.title == "t: note"
    assert list(chart.values) == [2.0, 3.0]

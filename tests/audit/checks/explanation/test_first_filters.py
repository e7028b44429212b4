"""Filters without weight and twins are counted, and each filter is drawn as what it is; planted weights say what is expected."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from audit.chart_kinds import HeatMap, ImageOverlay
from audit.checks.explanation.first_filters import PROBE, first_filters
from audit.methods.saliency.first_filters import Filters
from audit.results import Evidence
from tests.audit.checks.planted import planted, write_table


def asked(folder: Path, weights: np.ndarray, *, entries: tuple[str, ...] = ()) -> Evidence:
    held = Filters("net.0", weights)
    n, size = len(weights), weights[0].size
    write_table(folder, PROBE, "filters", {"filter": np.arange(n), "norm": held.norms, "alike": held.alike})
    places = {"filter": np.repeat(np.arange(n), size), "place": np.tile(np.arange(size), n), "weight": weights.reshape(-1)}
    write_table(folder, PROBE, "weights", places)
    write_table(folder, PROBE, "layer", {"name": ["net.0"], "shape": ["x".join(map(str, weights.shape[1:]))]})
    if entries:
        write_table(folder, PROBE, "entries", {"player": entries})
    return first_filters(planted(folder, decisions=np.zeros(5, dtype=int)))


def test_idle_filters_and_twins_are_counted(tmp_path: Path) -> None:
    weights = np.array([[1.0, 2.0, 0.0], [-2.0, -4.0, 0.01], [0.0, 1e-5, 0.0], [2.0, -1.0, 0.0]])

    evidence = asked(tmp_path, weights)

    counts = {one.name: one.value for one in evidence.measurements if not one.at}
    assert counts == {"idle_filters": 1, "twin_filters": 2}
    norms = {one.at["filter"]: one.value for one in evidence.measurements if one.name == "norm"}
    assert norms[0] == pytest.approx(np.sqrt(5))


def test_a_network_without_any_weight_is_all_idle(tmp_path: Path) -> None:
    evidence = asked(tmp_path, np.zeros((3, 2)))

    assert {one.name: one.value for one in evidence.measurements if not one.at} == {"idle_filters": 3, "twin_filters": 0}
    assert [one.name for one in evidence.absent] == ["largest_cosine"] * 3


def test_weights_of_a_table_are_told_by_raw_column(tmp_path: Path) -> None:
    weights = np.array([[1.0, -2.0, 5.0], [0.5, 0.25, 0.0]])

    (chart,) = asked(tmp_path, weights, entries=("age", "job", "job")).charts

    assert isinstance(chart, HeatMap)
    cells = {(row, column): chart.values[r][c] for r, row in enumerate(chart.rows) for c, column in enumerate(chart.columns)}
    assert cells == {("filter 0", "age"): 1.0, ("filter 0", "job"): 7.0, ("filter 1", "age"): 0.5, ("filter 1", "job"): 0.25}


@pytest.mark.parametrize(("depth", "kind"), [(1, float), (2, float), (3, list)])
def test_filters_of_images_are_pictures_side_by_side(tmp_path: Path, depth: int, kind: type) -> None:
    weights = np.random.default_rng(0).normal(size=(10, depth, 3, 5))

    (chart,) = asked(tmp_path, weights).charts

    assert isinstance(chart, ImageOverlay)
    assert np.shape(chart.image)[:2] == (2 * 4 + 1, 8 * 6 + 1)
    assert isinstance(chart.image[1][1], kind)
    flat = np.asarray(chart.image)[1:4, 1:6]
    assert flat.min() == 0 and flat.max() == 1  # noqa: PT018  each filter by itself
    if depth == 1:
        np.testing.assert_allclose(flat, (weights[0, 0] - weights[0].min()) / np.ptp(weights[0]))


def test_filters_of_series_are_told_tap_by_tap(tmp_path: Path) -> None:
    (chart,) = asked(tmp_path, np.arange(12.0).reshape(2, 2, 3)).charts

    assert isinstance(chart, HeatMap)
    assert list(chart.columns)[:4] == ["channel 1, tap 1", "channel 1, tap 2", "channel 1, tap 3", "channel 2, tap 1"]
    assert chart.values[1] == [6.0, 7.0, 8.0, 9.0, 10.0, 11.0]

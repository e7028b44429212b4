"""Every change the probe reports is legal in raw units and changes the decision when it is carried out by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from audit.data.dataset import RowBlock
from audit.decide import decide
from audit.errors import MethodError
from tests.audit.probes.robustness.attacked import INPUTS, Attacked, attack, mixed

NAMES = list(INPUTS)


@pytest.fixture(scope="module", params=[1, 3], ids=["binary", "three classes"])
def done(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Attacked:
    return attack(mixed(tmp_path_factory.mktemp("mixed"), classes=request.param), radius=0.2, max_scale=8.0)


def carried_out(done: Attacked) -> RowBlock:
    """The raw rows with the reported changes, written out column by column."""
    values = dict(done.rows.values)
    for place, name in enumerate(NAMES):
        change = done.columns["changed"][:, place]
        if name in ("job", "owner"):
            levels = {"job": ["a", "b", "c"], "owner": ["0", "1"]}[name]
            moved = [levels[levels.index(old) + int(step)] for old, step in zip(values[name], change, strict=True)]
            values[name] = np.array(moved, dtype=object)
        else:
            values[name] = values[name] + change
    return RowBlock(done.rows.positions, values)


def test_changes_carried_out_by_hand_change_the_decision(done: Attacked) -> None:
    again = decide(done.subject.model.outputs(done.subject.encode(carried_out(done))), done.subject.facts).decision

    assert again is not None
    verified = done.columns["verified"] == 1
    assert verified.mean() > 0.5
    assert (again[verified] != done.decision[verified]).all()
    assert np.array_equal(again[~verified], done.decision[~verified])
    assert (done.columns["verified"] != 0).all()


def test_changes_keep_bounds_whole_numbers_directions_and_what_is_immutable_or_missing(done: Attacked) -> None:
    before, after, changed = done.rows.values, carried_out(done).values, dict(zip(NAMES, done.columns["changed"].T, strict=True))

    assert (changed["fixed"] == 0).all()
    assert (changed["age"] >= 0).all()
    assert (after["income"] >= 0).all()
    assert (after["years"] == np.rint(after["years"])).all()
    assert ((after["years"] >= 0) & (after["years"] <= 12)).all()
    assert (changed["debt"][np.isnan(before["debt"])] == 0).all()
    assert np.abs(changed["owner"]).max() <= 1


def test_the_scale_is_the_largest_change_in_units_of_the_radius(done: Attacked) -> None:
    table, changed = done.tables["radii"], np.abs(done.columns["changed"])
    numbers = [i for i, name in enumerate(NAMES) if name not in ("job", "owner", "fixed")]
    units = changed[:, numbers] / np.array(table["radius"])[numbers]
    levels = (changed[:, [3, 4]] > 0).any(axis=1) / 0.2

    found = done.columns["verified"] == 1
    np.testing.assert_allclose(done.columns["smallest_scale"][found], np.maximum(units.max(axis=1), levels)[found], rtol=1e-6)
    np.testing.assert_allclose(done.columns["distance"][found], 0.2 * done.columns["smallest_scale"][found])
    assert np.isnan(done.columns["smallest_scale"][~found]).all()
    assert np.array_equal(done.columns["censored"] == 1, ~found)


def test_flipped_means_within_one_radius(done: Attacked) -> None:
    within = np.nan_to_num(done.columns["smallest_scale"], nan=np.inf) <= 1 + 1e-4

    assert np.array_equal(done.columns["flipped"] == 1, within)
    assert 0 < within.mean() < 1


def test_radii_are_shares_of_the_reference_datas_spread(done: Attacked) -> None:
    table = done.tables["radii"]
    reference = done.subject.reference.take(np.arange(200)).values  # type: ignore[union-attr]
    low, high = np.quantile(reference["income"], [0.25, 0.75])

    assert table["radius"][NAMES.index("income")] == pytest.approx(0.2 * (high - low))
    assert table["radius"][NAMES.index("years")] >= 1
    assert table["radius"][NAMES.index("fixed")] == 0
    assert table["how"][NAMES.index("fixed")] == "declared immutable"
    assert "chosen by the tool" in table["how"][0]


def test_a_linear_networks_scale_is_the_formula(tmp_path: Path) -> None:
    done = attack(mixed(tmp_path, "linear", rows=40), radius=0.05, max_scale=3.0, level_cost=1.0)
    weights = next(iter(done.subject.model.module.parameters())).detach().numpy()[0].astype(np.float64)  # type: ignore[attr-defined]
    slope = np.array([weights[0] / 1500, weights[1] / 3, weights[2] / 12, 0, 0, weights[7], 0])
    logit = done.subject.model.outputs(done.subject.encode(done.rows))[:, 0]
    radius = np.array(done.tables["radii"]["radius"])

    for row in np.flatnonzero(done.columns["censored"] == 0):
        best = _exact(row, logit[row], slope, radius, done)
        assert done.columns["smallest_scale"][row] == pytest.approx(best, rel=0.03)


def _exact(row: int, logit: float, slope: np.ndarray, radius: np.ndarray, done: Attacked) -> float:
    """The smallest scale on a fine grid: each column goes as far as it may toward the other decision."""
    push = -np.sign(logit) * np.sign(slope)
    raw = np.array([0.0 if name in ("job", "owner") else done.rows.values[name][row] for name in NAMES])
    moved = np.isfinite(raw) & (radius > 0)
    moved[NAMES.index("age")] &= push[NAMES.index("age")] > 0
    raw = np.nan_to_num(raw)
    room = np.where(push > 0, np.maximum(done.state.high - raw, 0), np.maximum(raw - done.state.low, 0))
    for scale in np.arange(0.002, 3.002, 0.002):
        reach = scale * radius
        reach[NAMES.index("years")] = np.floor(reach[NAMES.index("years")] + 1e-9)
        if (np.abs(slope) * np.minimum(reach, room) * moved).sum() >= abs(logit):
            return float(scale)
    return np.inf


def test_rows_do_not_depend_on_their_block(tmp_path: Path) -> None:
    config = mixed(tmp_path, rows=21)

    whole, parts = attack(config, steps=15).columns, attack(config, steps=15, block=4).columns

    for name in ("flipped", "censored", "ce_flipped", "corner_flipped", "zero_gradient", "verified"):
        assert np.array_equal(whole[name], parts[name]), name
    np.testing.assert_allclose(whole["smallest_scale"], parts["smallest_scale"], rtol=1e-3)


def test_a_network_that_hides_its_gradients_shows(tmp_path: Path) -> None:
    folders = {name: tmp_path / name for name in ("honest", "louder", "rounded")}
    for folder in folders.values():
        folder.mkdir()
    honest, louder, rounded = (attack(mixed(folder, name), radius=0.6).columns for name, folder in folders.items())

    assert honest["zero_gradient"].sum() == 0
    assert louder["zero_gradient"].mean() > 0.3
    assert rounded["zero_gradient"].all()
    missed = {name: ((c["flipped"] == 1) & (c["ce_flipped"] == 0)).mean() for name, c in (("honest", honest), ("louder", louder))}
    assert missed["honest"] <= 0.02
    assert missed["louder"] > 0.05
    assert np.abs(louder["flipped"].mean() - honest["flipped"].mean()) <= 0.02


def test_rows_without_a_decision_are_left_alone(tmp_path: Path) -> None:
    columns = attack(mixed(tmp_path, rows=6), undecided=(2,), steps=3).columns

    assert columns["flipped"][2] == columns["censored"][2] == columns["ce_flipped"][2] == -1
    assert np.isnan(columns["smallest_scale"][2])
    assert (columns["flipped"][[0, 1, 3, 4, 5]] >= 0).all()


def test_the_network_is_left_as_it_was(tmp_path: Path) -> None:
    done = attack(mixed(tmp_path, rows=5), steps=3)
    module = done.subject.model.module  # type: ignore[attr-defined]

    assert all(parameter.grad is None and parameter.requires_grad for parameter in module.parameters())
    assert torch.is_grad_enabled()


@pytest.mark.parametrize("settings", [{"radius": 0.0}, {"level_cost": -1.0}, {"max_scale": 0.5}])
def test_settings_without_a_meaning_are_refused(tmp_path: Path, settings: dict[str, float]) -> None:
    with pytest.raises(MethodError, match="must be above 0"):
        attack(mixed(tmp_path, rows=5), **settings)

"""Units are told in the order of what runs through them, with the rows that excite them most; planted columns say what is expected."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from audit.chart_kinds import HeatMap, ImageOverlay, TableChart
from audit.checks.explanation.units import ACTIVE, SHOWN, THROUGH, units
from audit.results import Evidence
from tests.audit.checks.planted import planted, write_rows, write_table

N = 40
DECISIONS = np.arange(N) % 2


def active() -> np.ndarray:
    """Unit 0 is excited by odd rows, unit 4 by late rows; unit 7 is never above 0."""
    place = np.arange(N, dtype=float)
    return np.stack([np.where(DECISIONS == 1, 10 + place, -1), place - 19.5, -np.ones(N)], axis=1)


def asked(folder: Path, *, through: Any = None, gap: float = 0.0, activation: Any = None, **settings: Any) -> Evidence:
    write_rows(folder, ACTIVE, {"activation": active() if activation is None else activation})
    write_table(folder, ACTIVE, "units", {"unit": [0, 4, 7]})
    write_table(folder, ACTIVE, "layer", {"name": ["net.4"], "side": ["input"], "units": [8]})
    absent = {}
    if through is None:
        absent = {THROUGH: "It was not asked for."}
    else:
        n = len(through)
        responds = np.zeros((n, 2, 3))
        responds[:, 0, 2], responds[:, 1, 0] = -4, 2
        columns = {"through": through, "relative_gap": np.full(n, gap), "neuron_gap": np.zeros(n), "responds": responds.reshape(n, -1)}
        write_rows(folder, THROUGH, columns, inclusion=np.full(n, n / N))
        write_table(folder, THROUGH, "units", {"unit": [0, 4, 7]})
        write_table(folder, THROUGH, "leading", {"unit": [4, 0]})
        write_table(folder, THROUGH, "players", {"name": ["age", "income", "debt"]})
    return units(planted(folder, decisions=DECISIONS, absent=absent), **settings)


def found(evidence: Evidence, name: str) -> dict[Any, float]:
    return {tuple(one.at.values()): one.value for one in evidence.measurements if one.name == name}


THROUGH_VALUES = np.tile([0.5, -3.0, 0.0], (20, 1))


def test_units_are_told_in_the_order_of_what_runs_through_them(tmp_path: Path) -> None:
    evidence = asked(tmp_path, through=THROUGH_VALUES)

    assert found(evidence, "mean_absolute_attribution") == {(4,): 3.0, (0,): 0.5, (7,): 0.0}
    (table,) = [chart for chart in evidence.charts if isinstance(chart, TableChart)]
    assert [line[0] for line in table.rows] == ["4", "0", "7"]


def test_the_rows_that_excite_a_unit_most_are_named_with_their_decisions(tmp_path: Path) -> None:
    evidence = asked(tmp_path, through=THROUGH_VALUES, top=10)

    (table,) = [chart for chart in evidence.charts if isinstance(chart, TableChart)]
    assert str(table.rows[1][3]).startswith("39 (49), 37 (47), 35 (45)")
    assert str(table.rows[0][3]).startswith("39 (19.5), 38 (18.5)")
    assert found(evidence, "top_decision_share") == {(4,): 0.5, (0,): 1.0, (7,): 0.5}
    assert found(evidence, "active_share") == {(4,): 0.5, (0,): 0.5, (7,): 0.0}


def test_what_units_respond_to_is_told_by_its_size(tmp_path: Path) -> None:
    evidence = asked(tmp_path, through=THROUGH_VALUES)

    responses = found(evidence, "mean_absolute_response")
    assert responses[4, "debt"] == 4.0
    assert responses[0, "age"] == 2.0
    (heat,) = [chart for chart in evidence.charts if isinstance(chart, HeatMap)]
    assert list(heat.columns) == ["unit 4", "unit 0"]
    assert heat.rows[0] == "debt"


@pytest.mark.parametrize(("gap", "blockers"), [(0.04, 0), (0.06, 1)])
def test_units_that_leave_out_much_are_a_reason_for_attention(tmp_path: Path, gap: float, blockers: int) -> None:
    evidence = asked(tmp_path, through=THROUGH_VALUES, gap=gap)

    assert len(evidence.blockers) == blockers
    assert found(evidence, "relative_gap")[()] == pytest.approx(gap)


def test_without_attributions_the_units_that_vary_most_come_first(tmp_path: Path) -> None:
    evidence = asked(tmp_path)

    (table,) = [chart for chart in evidence.charts if isinstance(chart, TableChart)]
    assert [line[0] for line in table.rows] == ["0", "4", "7"]
    assert "It was not asked for." in " ".join(evidence.notes)
    assert {line[1] for line in table.rows} == {"not measured"}


def test_rows_without_finite_activations_are_not_told(tmp_path: Path) -> None:
    values = active()
    values[39] = np.nan

    evidence = asked(tmp_path, through=THROUGH_VALUES, activation=values)

    (table,) = [chart for chart in evidence.charts if isinstance(chart, TableChart)]
    assert str(table.rows[1][3]).startswith("37 (47)")

    nothing = asked(tmp_path / "none", activation=np.full((N, 3), np.nan))
    assert [one.name for one in nothing.absent] == ["active_share"]


def test_of_images_the_pictures_that_are_kept_are_shown(tmp_path: Path) -> None:
    kept = np.array([3, 21, 38])
    write_rows(tmp_path, SHOWN, {"values": np.arange(12.0).reshape(3, 4), "owner": np.zeros((3, 4), dtype=int)}, positions=kept)
    write_table(tmp_path, SHOWN, "shape", {"kind": ["image"], "height": [2], "width": [2], "channels": [1], "step": [1]})

    evidence = asked(tmp_path, through=THROUGH_VALUES)

    pictures = [chart for chart in evidence.charts if isinstance(chart, ImageOverlay)]
    assert [chart.title for chart in pictures[:3]] == [
        "Unit 4, row 38, activation 18.5",
        "Unit 4, row 21, activation 1.5",
        "Unit 4, row 3, activation -16.5",
    ]
    assert pictures[0].image == [[8.0, 9.0], [10.0, 11.0]]
    assert not pictures[0].overlay

"""Ranges of curves and increases of losses are those of the tables that the probes left."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from audit.checks.explanation.effects import effects
from audit.checks.explanation.permutation_importance import permutation_importance
from tests.audit.checks.planted import planted, write_table

DEPENDENCE, ACCUMULATED, PERMUTED = "effects.partial_dependence", "effects.accumulated_effects", "effects.permutation_importance"


def curves(**columns):
    lines = [(name, place, label, value) for name, points in columns.items() for place, (label, value) in enumerate(points)]
    return {
        "column": [line[0] for line in lines],
        "response": [""] * len(lines),
        "place": [float(line[1]) for line in lines],
        "label": [line[2] for line in lines],
        "value": [line[3] for line in lines],
        "se": [0.1] * len(lines),
        "rows": [40] * len(lines),
        "freedom": [39.0] * len(lines),
    }


def test_the_column_with_the_largest_range_comes_first(tmp_path) -> None:
    write_table(tmp_path, ACCUMULATED, "curves", curves(age=[("", 0.0), ("", 0.5)], job=[("a", -1.0), ("b", 2.0), ("c", 0.0)]))
    evidence = effects(planted(tmp_path, decisions=[0] * 40, absent={DEPENDENCE: "It was switched off."}))

    assert [(m.at["feature"], m.value) for m in evidence.measurements] == [("job", 3.0), ("age", 0.5)]
    assert [chart.kind for chart in evidence.charts] == ["bar", "line"]
    half = 0.1 * stats.t.ppf(0.975, 39)
    assert evidence.charts[1].series[0].low == pytest.approx([-half, 0.5 - half])
    assert any("switched off" in note for note in evidence.notes)


def test_partial_dependence_brings_the_band_of_single_rows_and_its_heterogeneity(tmp_path) -> None:
    table = curves(age=[("", 0.2), ("", 0.4)])
    table |= {"q10": [-0.3, -0.1], "q50": [-0.1, 0.1], "q90": [0.1, 0.3]}
    write_table(tmp_path, DEPENDENCE, "curves", table)
    write_table(
        tmp_path, DEPENDENCE, "spread", {"column": ["age"], "response": [""], "range": [0.2], "rows": [40], "se": [0.1], "heterogeneity": [0.7]}
    )
    evidence = effects(planted(tmp_path, decisions=[0] * 40))

    assert [(m.name, m.value) for m in evidence.measurements] == [("effect_range", pytest.approx(0.2)), ("heterogeneity", 0.7)]
    assert evidence.charts[0].series[1].low == pytest.approx([0.0, 0.2])


def test_where_no_error_can_be_told_there_is_no_band(tmp_path) -> None:
    table = curves(age=[("", 0.0), ("", 0.5)], job=[("a", -1.0), ("b", 2.0)]) | {"se": [np.nan] * 4}
    write_table(tmp_path, ACCUMULATED, "curves", table)
    evidence = effects(planted(tmp_path, decisions=[0] * 40))
    bars, line = evidence.charts

    assert bars.values == [-1.0, 2.0]
    assert bars.low == bars.high == [None, None]
    assert not line.series[0].low
    assert any("error is unknown" in note for note in evidence.notes)


def test_without_curves_it_says_why(tmp_path) -> None:
    evidence = effects(planted(tmp_path, decisions=[0] * 4))

    assert not evidence.measurements
    assert "no column takes two values" in evidence.absent[0].reason


def test_an_increase_of_the_loss_is_a_mean_over_rows_with_its_t_interval(tmp_path) -> None:
    increase = np.random.default_rng(1).normal(0.3, 1, size=30)
    write_table(tmp_path, PERMUTED, "players", {"name": ["age", "job"]})
    write_table(tmp_path, PERMUTED, "increases", {"position": range(5, 35), "0": increase, "1": np.zeros(30)})
    write_table(tmp_path, PERMUTED, "repeats", {"0": [0.2, 0.4], "1": [0.0, 0.0]})
    evidence = permutation_importance(planted(tmp_path, decisions=[0] * 40))

    found = next(m for m in evidence.measurements if m.name == "loss_increase" and m.at["feature"] == "age")
    half = stats.t.ppf(0.975, 29) * increase.std(ddof=1) / np.sqrt(30)
    assert (found.value, found.low, found.high) == pytest.approx((increase.mean(), increase.mean() - half, increase.mean() + half))
    assert [m.value for m in evidence.measurements if m.name == "repeat_deviation"] == pytest.approx([np.sqrt(0.02), 0.0])
    assert evidence.charts[0].categories == ["age", "job"]

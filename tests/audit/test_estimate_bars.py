"""A chart of estimates keeps the place of what is undefined, and is not drawn of nothing."""

from __future__ import annotations

import pytest

from audit.chart_kinds import BarChart, Mark
from audit.estimate_bars import estimate_bars
from audit.methods.statistics.intervals import Estimate, Interval, Undefined


def test_what_is_undefined_leaves_a_gap_in_its_place() -> None:
    estimates = [Undefined("no rows", 0), Interval(0.0, -0.1, 0.1, 40, "m"), Undefined("too few", 3)]

    found = estimate_bars(title="t", categories=("a", "b", "c"), estimates=estimates, x_label="x", marks=[Mark(value=0.5, label="half")])

    expected = BarChart(
        title="t",
        categories=["a", "b", "c"],
        values=[None, 0.0, None],
        low=[None, -0.1, None],
        high=[None, 0.1, None],
        n=[0, 40, 3],
        x_label="x",
        marks=(Mark(value=0.5, label="half"),),
    )
    assert found == [expected]


@pytest.mark.parametrize("estimates", [[], [Undefined("no rows", 0), Undefined("no rows", 0)]])
def test_without_any_estimate_there_is_no_chart(estimates: list[Estimate]) -> None:
    assert estimate_bars(title="t", categories=["a", "b"][: len(estimates)], estimates=estimates, x_label="x") == []

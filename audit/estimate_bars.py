"""A bar chart of estimates, each with its interval; what is undefined leaves a gap and keeps its place."""

from __future__ import annotations

from collections.abc import Sequence

from audit.chart_kinds import BarChart, Mark
from audit.methods.statistics.intervals import Estimate, Interval


def estimate_bars(
    *, title: str, categories: Sequence[str], estimates: Sequence[Estimate], x_label: str, marks: Sequence[Mark] = ()
) -> list[BarChart]:
    """A chart with one bar for each of `estimates`, named by `categories` of the same length; no chart where none is defined."""
    held = [one if isinstance(one, Interval) else None for one in estimates]
    if not any(held):
        return []
    return [
        BarChart(
            title=title,
            categories=list(categories),
            values=[None if one is None else one.value for one in held],
            low=[None if one is None else one.low for one in held],
            high=[None if one is None else one.high for one in held],
            n=[one.n for one in estimates],
            x_label=x_label,
            marks=tuple(marks),
        )
    ]

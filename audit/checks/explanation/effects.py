"""The check `explanation.effects`: how the response moves along each column, by partial dependence and by accumulated local effects."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from audit.chart_kinds import BarChart, Chart, LineChart, Series
from audit.check import check
from audit.estimate_bars import estimate_bars
from audit.ledger import Ledger
from audit.methods.statistics.intervals import Interval
from audit.results import Evidence, Scalar
from audit.row_design import row_design
from audit.rows import Rows

DEPENDENCE, ACCUMULATED = "effects.partial_dependence", "effects.accumulated_effects"
METHODS = {"accumulated_effects": ACCUMULATED, "partial_dependence": DEPENDENCE}
Table = dict[str, NDArray[np.generic]]


@check(
    title="How the output moves with each column",
    topics=("explanation", "global_explanation", "transparency"),
    measures=("effect_range", "heterogeneity"),
    reads=(),
    optional=tuple(METHODS.values()),
    needs={"inputs", "columns"},
    tasks={"binary", "multiclass", "regression", "anomaly"},
)
def effects(rows: Rows, *, drawn: int = 6) -> Evidence:
    """How does the output of the network move along each column?

    Why it matters:
        A direction that nobody can give a ground for, such as more income and a lower chance, or a jump at one value, is seen here at once,
        and whether it is there for all rows or for some.

    How to read it:
        Accumulated effects tell how the response moves among rows that have such values, summed along the column and centred; partial
        dependence is the mean response when the column is set to a value in every row, also where this makes rows that do not exist. Where
        columns depend on each other the two differ, and the first is to be preferred. Bands are 95 % intervals at each place; the response is
        a probability where the network gives one. Curves of single rows are shown by the band that holds eight of ten of them, each shifted
        to mean 0: where it is wide, the column works differently in different rows, and `heterogeneity` is large. `effect_range` is the
        largest less the smallest place of a curve; noise makes it larger, never smaller.

    What it cannot show:
        Causes: what would happen if a person changed the column. A flat curve can hide effects that cancel. The last step
        of a long tail reaches to its largest value, and a large range may lie there, where few rows are. The order of the levels of a
        categorical column is a choice; the effects between levels that are not neighbours rest on it.

    References:
        Apley & Zhu 2020, Visualizing the Effects of Predictor Variables in Black Box Supervised Learning Models, doi:10.1111/rssb.12377
        Friedman 2001, Greedy Function Approximation, doi:10.1214/aos/1013203451
        Goldstein et al. 2015, Peeking Inside the Black Box, doi:10.1080/10618600.2014.907095
    """
    ledger, charts, notes = Ledger(), [], []
    for method, probe in METHODS.items():
        if not rows.has_table(probe, "curves"):
            notes.append(f"{method}: {rows.absent_probes.get(probe, 'no column takes two values, so nothing could be moved.')}")
            continue
        curves = rows.table(probe, "curves")
        order = _ranges(ledger, method, curves)
        for column, response in order[:drawn]:
            charts += _curve(method, _of(curves, column, response), column, response)
        notes.append(f"{method}: measured on {int(curves['rows'].max()):,} rows; {min(drawn, len(order))} of {len(order)} curves are drawn.")
        if not np.isfinite(curves["se"].astype(np.float64)).all():
            notes.append(f"{method}: curves without a band have a place of which fewer than two independent rows tell, so their error is unknown.")
    if not charts:
        ledger.absent("effect_range", " ".join(notes), rows.n)
        return ledger.evidence()
    if rows.has_table(DEPENDENCE, "spread"):
        spread = rows.table(DEPENDENCE, "spread")
        for column, response, value, n in zip(*(spread[name] for name in ("column", "response", "heterogeneity", "rows")), strict=True):
            ledger.exact(
                "heterogeneity", float(value), int(n), at=_at(str(column), str(response)), method="root mean square deviation of centred curves"
            )
    design = row_design(rows).note
    return ledger.evidence(charts, [*notes, design] if design else notes)


def _at(column: str, response: str) -> dict[str, Scalar]:
    named: dict[str, Scalar] = {"feature": column}
    return {**named, "class": response} if response else named


def _of(table: Table, column: str, response: str) -> Table:
    kept = (table["column"] == column) & (table["response"] == response)
    return {name: values[kept] for name, values in table.items()}


def _ranges(ledger: Ledger, method: str, curves: Table) -> list[tuple[str, str]]:
    """Columns and responses by the range of their curves, the largest first."""
    found: dict[tuple[str, str], float] = {}
    for column, response in dict.fromkeys(zip(curves["column"].tolist(), curves["response"].tolist(), strict=True)):
        values = _of(curves, column, response)["value"].astype(np.float64)
        if np.isfinite(values).all():
            found[column, response] = float(np.ptp(values))
        else:
            ledger.absent("effect_range", "The curve is not finite.", len(values), at={"method": method} | _at(column, response))
    ordered = sorted(found, key=lambda key: -found[key])
    for key in ordered:
        rows = int(_of(curves, *key)["rows"][0])
        ledger.exact("effect_range", found[key], rows, at={"method": method} | _at(*key), method="range of the curve")
    return ordered


def _curve(method: str, own: Table, column: str, response: str) -> list[Chart]:
    words = "Accumulated effect" if method == "accumulated_effects" else "Partial dependence"
    title = f"{words} of {column}" + (f" on {response}" if response else "")
    value, half = own["value"].astype(np.float64), stdtrit(own["freedom"].astype(np.float64), 0.975) * own["se"].astype(np.float64)
    told = bool(np.isfinite(half).all())
    low, high = (value + side * np.nan_to_num(half) for side in (-1, 1))
    axis = "centred response" if method == "accumulated_effects" else "response"
    if own["label"][0]:
        bars, nothing = _bars(title, own, value, low, high, words=axis), [None] * len(value)
        return list(bars) if told else [replace(bar, low=nothing, high=nothing) for bar in bars]
    x = own["place"].astype(np.float64).tolist()
    band = {"low": low.tolist(), "high": high.tolist()} if told else {}
    series = [Series(name="mean", x=x, y=value.tolist(), **band)]
    if "q50" in own:
        shift = float(value.mean())
        middle, ends = own["q50"].astype(np.float64) + shift, [own[name].astype(np.float64) + shift for name in ("q10", "q90")]
        series.append(Series(name="eight of ten rows", x=x, y=middle.tolist(), low=ends[0].tolist(), high=ends[1].tolist()))
    return [LineChart(title=title, series=series, x_label=column, y_label=axis)]


def _bars(title: str, own: Table, value: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64], *, words: str) -> list[BarChart]:
    n = int(own["rows"][0])
    estimates = [Interval(float(v), float(a), float(b), n, "mean") for v, a, b in zip(value, low, high, strict=True)]
    return estimate_bars(title=title, categories=[str(label) for label in own["label"]], estimates=estimates, x_label=words)

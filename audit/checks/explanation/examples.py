"""The check `explanation.examples`: a few rows, chosen by a rule, and what their outputs are attributed to."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from audit.chart_kinds import BarChart, Chart
from audit.check import check
from audit.explained_picture import drawn_texts
from audit.ledger import Ledger
from audit.methods.statistics.intervals import Interval
from audit.pieces import place_in, split
from audit.results import Evidence
from audit.rows import Rows
from audit.shown_rows import SHOWN, ShownRows, shown_rows

METHODS = ("attribution.shapley", "attribution.integrated_gradients")
PIECES = "subject.pieces."
BARS, TOLD = 12, 5
"""Bars of a row, and numbers of it in the table of measurements."""
NORMAL = 1.959964


@check(
    title="A few rows, explained",
    topics=("explanation", "local_explanation", "transparency"),
    measures=("rows_shown", "attribution"),
    optional=(*METHODS, SHOWN),
    needs={"inputs", "background"},
    exploratory=True,
)
def examples(rows: Rows, *, each: int = 2) -> Evidence:
    """What do the explanations of single rows look like?

    Why it matters:
        Averages over rows say what a network leans on, not what a person is told. Whoever answers for the network should have seen some of
        its explanations, those of its worst mistakes first.

    How to read it:
        Rows are chosen by a rule and not by hand: of the explained rows the `each` with the largest loss, the `each` nearest to the decision,
        and the `each` in the middle of those with the smallest loss; in the order of the data where there are no labels. Numbers are
        amounts of the explained output, above 0 for it and below 0 against it; whiskers are 95 % intervals of the estimator, and there are
        none where nothing was drawn at random. On images, series and texts the shade of a place is the attribution of the patch, superpixel,
        window or piece it belongs to.

    What it cannot show:
        What the network does elsewhere: six rows are no sample. Attributions tell no causes.

    References:
        Lundberg & Lee 2017, A Unified Approach to Interpreting Model Predictions, arXiv:1705.07874
    """
    method = next((probe for probe in METHODS if rows.has(f"{probe}.values")), None)
    ledger = Ledger(census=False)
    if method is None:
        ledger.absent("rows_shown", " ".join(rows.why_absent(probe) for probe in METHODS), rows.n)
        return ledger.evidence()
    held = rows.within(method)
    values, errors = held.column(f"{method}.values"), held.column(f"{method}.se")
    names = [str(name) for name in held.table(method, "players")["name"]]
    shown = shown_rows(rows)
    usable = np.flatnonzero(np.isfinite(values).all(axis=1) & (np.isin(held.positions, list(shown.place)) if shown else True))
    charts: list[Chart] = []
    chosen = _chosen(held, usable, each)
    ledger.exact("rows_shown", len(chosen), len(usable), unit="rows", method="rule")
    for place, why in chosen.items():
        title = f"{_name(held, place)}, {why}"
        charts += _charts(held, place, title, names, values[place], errors[place], shown)
        for player in _largest(values[place])[:TOLD]:
            at = {"row": str(int(held.positions[place])), "feature": names[player]}
            value, reach, words = float(values[place, player]), NORMAL * float(errors[place, player]), _words(method)
            if reach > 0:
                interval = Interval(value, value - reach, value + reach, n=1, method=f"{words}, interval of the estimator")
                ledger.add("attribution", interval, at=at, unit="raw output")
            else:
                ledger.exact("attribution", value, 1, at=at, unit="raw output", method=words)
    return ledger.evidence(charts, [f"Attributions by {_words(method)}."])


def _words(method: str) -> str:
    return method.removeprefix("attribution.").replace("_", " ")


def _chosen(held: Rows, usable: NDArray[np.int64], each: int) -> dict[int, str]:
    """Places of the rows, with why they were chosen."""
    if not held.has("outputs.loss"):
        return dict.fromkeys(usable[: 3 * each].tolist(), "one of the first rows that were explained")
    loss = held.column("outputs.loss")[usable]
    known = usable[np.isfinite(loss)]
    by_loss = known[np.argsort(-loss[np.isfinite(loss)], kind="stable")].tolist()
    found = dict.fromkeys(by_loss[:each], "one of the largest losses")
    if held.has("outputs.margin"):
        near = usable[np.argsort(np.abs(np.nan_to_num(held.column("outputs.margin")[usable], nan=np.inf)), kind="stable")]
        found |= dict.fromkeys([place for place in near.tolist() if place not in found][:each], "one of the nearest to the decision")
    middle = [place for place in by_loss[(3 * len(by_loss)) // 4 :] if place not in found][:each]
    return found | dict.fromkeys(middle, "one with a small loss")


def _name(held: Rows, place: int) -> str:
    position = int(held.positions[place])
    return f"Row {position:,}, id {held.column('subject.id')[place]}" if held.has("subject.id") else f"Row {position:,}"


def _largest(values: NDArray[np.float64]) -> list[int]:
    order = np.argsort(-np.abs(values), kind="stable")[:BARS]
    return [int(player) for player in order if values[player] != 0]


def _charts(  # noqa: PLR0917  the row and all that is known of it
    held: Rows, place: int, title: str, names: list[str], values: NDArray[np.float64], errors: NDArray[np.float64], shown: ShownRows | None
) -> list[Chart]:
    """The row as what it is, its images, series and texts, and bars for what has no picture."""
    texts = {name.removeprefix(PIECES): split(str(held.column(name)[place] or "")) for name in held.names() if name.startswith(PIECES)}
    position = int(held.positions[place])
    pictures: list[Chart] = [] if shown is None else list(shown.pictures(title, position, values))
    pictures += drawn_texts(title, texts, names, values)
    if not pictures:
        return [_bars(title, names, values, errors)]
    drawn = set() if shown is None else set(shown.owner[shown.place[position]].tolist())
    rest = np.array([player not in drawn and place_in(name, texts) is None for player, name in enumerate(names)])
    beside = np.where(rest, values, 0.0)
    return [*pictures, _bars(f"{title}: other inputs", names, beside, errors)] if (beside != 0).any() else pictures


def _bars(title: str, names: list[str], values: NDArray[np.float64], errors: NDArray[np.float64]) -> BarChart:
    chosen = _largest(values)
    drawn = bool((errors > 0).any())
    return BarChart(
        title=title,
        categories=[names[player] for player in chosen],
        values=[float(values[player]) for player in chosen],
        low=[float(values[player] - NORMAL * errors[player]) for player in chosen] if drawn else (),
        high=[float(values[player] + NORMAL * errors[player]) for player in chosen] if drawn else (),
        x_label="attribution, raw output",
    )

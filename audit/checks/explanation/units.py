"""The check `explanation.units`: which units of a layer carry the output, which rows excite each most, and what it responds to."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from audit.chart_kinds import Chart, HeatMap, TableChart
from audit.check import check
from audit.estimate_bars import estimate_bars
from audit.judge import number
from audit.ledger import Ledger
from audit.methods.statistics.group_shares import one_share
from audit.methods.statistics.intervals import Interval
from audit.methods.statistics.means import mean_interval
from audit.methods.statistics.proportions import proportion_interval
from audit.results import Evidence
from audit.row_design import RowDesign, row_design
from audit.rows import Rows
from audit.shown_rows import SHOWN, shown_rows

ACTIVE = "effects.unit_activations"
THROUGH = "attribution.layer_units"
TOLD_ROWS, TOLD_INPUTS, DRAWN_INPUTS = 5, 5, 15
PICTURED_UNITS, PICTURED_ROWS = 3, 3
LARGE_GAP = 0.05
"""Mean share of the explained change that units may leave out before the attributions are called incomplete."""
Floats = NDArray[np.float64]


@check(
    title="Units of a layer",
    topics=("explanation", "global_explanation", "transparency"),
    measures=("mean_absolute_attribution", "active_share", "top_decision_share", "mean_absolute_response", "relative_gap", "neuron_gap"),
    reads=(ACTIVE,),
    optional=(THROUGH, SHOWN),
    needs={"inputs", "modules"},
    exploratory=True,
    default=False,
)
def units(rows: Rows, *, shown: int = 10, top: int = 20) -> Evidence:
    """Which units of a layer carry the output, which rows excite each of them most, and what do they respond to?

    Why it matters:
        A layer holds what the network has learned to tell apart. The rows that excite a unit most show what it stands for more plainly than
        any formula: a unit that all scanned forms of one branch excite is a shortcut that no mean over columns would tell.

    How to read it:
        Unless another was named, the layer is what the last linear layer receives. Attributions of units (layer integrated gradients) say how
        much of the explained output runs through each, 95 % intervals over rows; responses (neuron integrated gradients) say which inputs move
        a unit. `active_share` is the share of rows in which the unit is above 0, `top_decision_share` how many of the `top` rows that excite it
        most carry the commonest decision among them. Where units leave out more than a twentieth of what is explained, part of the output runs
        past this layer, and that is a reason for attention.

    What it cannot show:
        That a unit means one thing. Networks spread what they know over many units, and a unit's most exciting rows say little about what it
        does for the others.

    References:
        Leino et al. 2018, Influence-Directed Explanations for Deep Convolutional Networks, arXiv:1802.03788
        Zhou et al. 2015, Object Detectors Emerge in Deep Scene CNNs, arXiv:1412.6856
    """
    held = rows.within(ACTIVE)
    active, names = held.column(f"{ACTIVE}.activation"), held.table(ACTIVE, "units")["unit"].astype(int)
    usable = np.isfinite(active).all(axis=1)
    ledger, notes = Ledger(census=rows.facts.census and held.n == rows.n), [_layer(held)]
    if not usable.any():
        ledger.absent("active_share", "The activations of no row are finite.", held.n)
        return ledger.evidence(notes=notes)
    means, charts, blockers = _through(ledger, rows, notes, shown)
    chosen = _chosen(means, active[usable], names, shown)
    design = row_design(held).of(usable)
    lines = [_unit(ledger, held, design, usable, active[:, place], int(names[place]), means, top) for place in chosen]
    columns = ("unit", "mean attribution", "above 0 in", "rows that excite it most (activation)", "decisions of the most exciting")
    table = TableChart(title="Units and the rows that excite them most", columns=columns, rows=lines)
    pictures = [picture for place in chosen[:PICTURED_UNITS] for picture in _pictures(rows, held, active[:, place], usable, int(names[place]))]
    return ledger.evidence([table, *charts, *pictures], notes, blockers)


def _layer(held: Rows) -> str:
    about = held.table(ACTIVE, "layer")
    name, count = str(about["name"][0]) or "the network itself", int(about["units"][0])
    return f"The layer looked at is what {name} {'receives' if str(about['side'][0]) == 'input' else 'returns'}: {count:,} units."


def _through(ledger: Ledger, rows: Rows, notes: list[str], shown: int) -> tuple[dict[int, Interval], list[Chart], list[str]]:
    """Write attributions of units and what the leading ones respond to; means by unit, charts, and reasons for attention."""
    if not rows.has(f"{THROUGH}.through"):
        notes.append(rows.why_absent(THROUGH))
        return {}, [], []
    held = rows.within(THROUGH)
    values = held.column(f"{THROUGH}.through")
    kept = np.isfinite(values).all(axis=1)
    design, means = row_design(held).of(kept), dict[int, Interval]()
    for place, unit in enumerate(held.table(THROUGH, "units")["unit"].astype(int).tolist()):
        estimate = mean_interval(np.abs(values[kept, place]), design.weights, clusters=design.clusters)
        if isinstance(estimate, Interval):
            means[unit] = estimate
    leading = sorted(means, key=lambda unit: -means[unit].value)[:shown]
    for unit in leading:
        ledger.add("mean_absolute_attribution", means[unit], at={"unit": unit}, unit="raw output")
    bars = estimate_bars(
        title="Output that runs through each unit",
        categories=[f"unit {unit}" for unit in leading],
        estimates=[means[unit] for unit in leading],
        x_label="mean absolute attribution, raw output",
    )
    blockers = []
    for name, words in (("relative_gap", "attributions of units"), ("neuron_gap", "responses of units")):
        gap = mean_interval(held.column(f"{THROUGH}.{name}")[kept], design.weights, clusters=design.clusters)
        ledger.add(name, gap, unit="proportion")
        if isinstance(gap, Interval) and gap.value > LARGE_GAP:
            blockers.append(f"Incomplete: {words} leave out {number(100 * gap.value)} % of what they explain on average.")
    return means, [*bars, *_responses(ledger, held, kept)], blockers


def _responses(ledger: Ledger, held: Rows, kept: NDArray[np.bool_]) -> list[Chart]:
    """Write the inputs that the leading units respond to most, and draw them."""
    names = [str(name) for name in held.table(THROUGH, "players")["name"]]
    leading = held.table(THROUGH, "leading")["unit"].astype(int).tolist()
    sizes = np.abs(held.column(f"{THROUGH}.responds")[kept]).reshape(int(kept.sum()), len(leading), len(names))
    design = row_design(held).of(kept)
    means = np.average(sizes, axis=0, weights=design.weights) if len(sizes) else np.zeros((len(leading), len(names)))
    for place, unit in enumerate(leading):
        for player in np.argsort(-means[place], kind="stable")[:TOLD_INPUTS].tolist():
            estimate = mean_interval(sizes[:, place, player], design.weights, clusters=design.clusters)
            ledger.add("mean_absolute_response", estimate, at={"unit": unit, "feature": names[player]}, unit="activation")
    drawn = np.argsort(-means.max(axis=0), kind="stable")[:DRAWN_INPUTS].tolist()
    return [
        HeatMap(
            title="What the leading units respond to",
            rows=[names[player] for player in drawn],
            columns=[f"unit {unit}" for unit in leading],
            values=[[float(means[place, player]) for place in range(len(leading))] for player in drawn],
            x_label="unit",
            y_label="input",
            unit="mean absolute response",
        )
    ]


def _chosen(means: dict[int, Interval], active: Floats, names: NDArray[np.int64], shown: int) -> list[int]:
    """Places of the units with the largest attributions; with the largest spread where there are none."""
    size = np.array([means[unit].value if unit in means else -1.0 for unit in names.tolist()]) if means else active.std(axis=0)
    return [int(place) for place in np.argsort(-size, kind="stable")[:shown]]


def _unit(  # noqa: PLR0917  the unit and all that is told of it
    ledger: Ledger, held: Rows, design: RowDesign, usable: NDArray[np.bool_], active: Floats, unit: int, means: dict[int, Interval], top: int
) -> tuple[str, str, str, str, str]:
    """Write what is known of one unit; its line in the table."""
    at = {"unit": unit}
    share = proportion_interval(one_share(active[usable] > 0, weights=design.weights, clusters=design.clusters))
    ledger.add("active_share", share, at=at, unit="proportion")
    order = _most_exciting(active, usable)
    told = ", ".join(f"{int(held.positions[place]):,} ({number(float(active[place]))})" for place in order[:TOLD_ROWS].tolist())
    mean = number(means[unit].value) if unit in means else "not measured"
    decided = _decided(ledger, held, order[:top], at)
    return f"{unit}", mean, f"{100 * share.value:.1f} % of rows" if isinstance(share, Interval) else "no rows", told, decided


def _decided(ledger: Ledger, held: Rows, places: NDArray[np.int64], at: dict[str, int]) -> str:
    if not held.has("outputs.decision"):
        return "no decision"
    decisions = held.column("outputs.decision")[places]
    decisions = decisions[decisions >= 0].astype(np.int64)
    if not len(decisions):
        return "no decision"
    counts = np.bincount(decisions)
    most, count = int(counts.argmax()), int(counts.max())
    ledger.exact("top_decision_share", count / len(decisions), len(decisions), at=at, unit="proportion", method="rows that excite the unit most")
    classes = held.facts.classes
    return f"{classes[most] if most < len(classes) else most}: {count} of {len(decisions)}"


def _most_exciting(active: Floats, usable: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Places of the rows, those with the largest activation first."""
    return np.argsort(-np.where(usable, active, -np.inf), kind="stable")[: int(usable.sum())].astype(np.int64)


def _pictures(rows: Rows, held: Rows, active: Floats, usable: NDArray[np.bool_], unit: int) -> list[Chart]:
    """Of the rows whose inputs are kept to be drawn, those that excite the unit most."""
    drawn = shown_rows(rows)
    if drawn is None:
        return []
    order = [place for place in _most_exciting(active, usable).tolist() if int(held.positions[place]) in drawn.place][:PICTURED_ROWS]
    titles = {place: f"Unit {unit}, row {int(held.positions[place]):,}, activation {number(float(active[place]))}" for place in order}
    return [picture for place, title in titles.items() for picture in drawn.pictures(title, int(held.positions[place]))]

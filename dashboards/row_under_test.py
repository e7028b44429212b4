"""How the explanations of one row fared against what the network does, and beside controls that know nothing of it. Knows no Streamlit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from audit.chart_kinds import LineChart, Series
from dashboards.held_row import HeldRow
from dashboards.row_attributions import method_name
from reports.numbers import number, percent

PROBE = "attribution.under_test"
RANDOM = "random"
LAYERS = {"last": "of the last layer", "all": "of all layers"}


@dataclass(frozen=True)
class RowUnderTest:
    """Methods and controls side by side, the curves of each method beside those of random numbers, and what else was measured, in sentences."""

    frame: pd.DataFrame
    """Columns Attribution, Is, LeRF − MoRF area, Infidelity (missing where nothing changes)."""
    curves: dict[str, LineChart]
    """By name of the method."""
    sentences: tuple[str, ...]


def row_under_test(row: HeldRow) -> RowUnderTest | None:
    """None where the row was not among those tested, or had no finite outputs."""
    table, area = row.table(PROBE, "attributions"), row.get(PROBE, "area")
    if table is None or area is None or not np.isfinite(area).all():
        return None
    controls = [bool(one) for one in table["control"]]
    names = [_name(str(name), str(method)) for name, method in zip(table["name"], table["method"], strict=True)]
    frame = pd.DataFrame(
        {
            "Attribution": names,
            "Is": ["control" if control else "method" for control in controls],
            "LeRF − MoRF area": np.asarray(area, dtype=np.float64),
            "Infidelity": np.asarray(row.get(PROBE, "infidelity"), dtype=np.float64),
        }
    )
    return RowUnderTest(frame, _curves(row, [str(name) for name in table["name"]], names, controls), tuple(_sentences(row)))


def _name(name: str, method: str) -> str:
    """As people read it: the method's own name, and what was changed of the network."""
    shown = method_name(f"attribution.{method}") if method else name.capitalize()
    return f"{shown}, weights drawn anew" if method and name != method else shown


def _curves(row: HeldRow, held: list[str], names: list[str], controls: list[bool]) -> dict[str, LineChart]:
    """The output of the row while players are replaced, as each method ranks them and as random numbers do."""
    first, last = (np.asarray(row.get(PROBE, side), dtype=np.float64).reshape(len(held), -1) for side in ("first", "last"))
    shares = np.linspace(0, 1, first.shape[1]).tolist()
    random = held.index(RANDOM)
    found = {}
    for place, name in enumerate(names):
        if controls[place]:
            continue
        lines = [
            Series(name=f"{shown}, {side} relevant first", x=shares, y=values[at].tolist())
            for at, shown in ((place, name), (random, "Random numbers"))
            for side, values in (("most", first), ("least", last))
        ]
        found[name] = LineChart(
            title=f"Output of the row while inputs are replaced, by {name}", series=lines, x_label="share of inputs replaced", y_label="output"
        )
    return found


def _sentences(row: HeldRow) -> list[str]:
    told = [_halves(row), _other_weights(row), _moved(row)]
    return [sentence for sentence in told if sentence]


def _halves(row: HeldRow) -> str:
    if row.get(PROBE, "exact") == 1:
        return "Shapley values were enumerated here, so that two estimates of them cannot differ."
    order, overlap = row.get(PROBE, "half_correlation"), row.get(PROBE, "half_overlap")
    if not _known(order) or not _known(overlap):
        return ""
    return (
        f"Two independent estimates of the Shapley values rank the inputs alike with a rank correlation of {number(order)}; "
        f"their largest inputs have a Jaccard index of {number(overlap)}."
    )


def _other_weights(row: HeldRow) -> str:
    table, held = row.table(PROBE, "redraws"), row.get(PROBE, "weights_correlation")
    if table is None or held is None:
        return ""
    layers, correlation = np.array([str(one) for one in table["layers"]]), np.asarray(held, dtype=np.float64)
    means = {words: correlation[(layers == name) & np.isfinite(correlation)] for name, words in LAYERS.items()}
    told = [f"{number(float(values.mean()))} for weights {words}" for words, values in means.items() if len(values)]
    if not told:
        return ""
    return (
        f"With weights drawn anew the same methods rank the inputs with a mean rank correlation of {' and '.join(told)} to those above: "
        "near 0 when an explanation depends on what the network learned."
    )


def _moved(row: HeldRow) -> str:
    largest = row.get(PROBE, "max_sensitivity")
    return f"Under small moves of the row integrated gradients change by up to {percent(largest)} of their size." if _known(largest) else ""


def _known(value: Any) -> bool:
    return value is not None and bool(np.isfinite(value))

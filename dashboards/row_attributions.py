"""Attributions of one row by every method that measured it, and what pulled most towards the decision. Knows no Streamlit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from audit.pieces import place_in, split
from dashboards.distinct_names import distinct
from dashboards.held_row import HeldRow
from dashboards.row_words import class_name, decided
from reports.numbers import number
from reports.visible import short
from reports.wording import title

FAMILY = "attribution."
PIECES = "pieces."
_METHODS = {
    "shapley": "Shapley values",
    "integrated_gradients": "Integrated gradients",
    "lime": "LIME",
    "gradient": "Input × gradient",
    "smoothgrad": "SmoothGrad × input",
    "under_test": "Explanations under test",
}
"""Methods in the order in which they are shown; others follow by name."""
_DOUBTS = {
    "relative_gap": "gap of the sum, as a share of what is explained",
    "stability": "rank correlation between neighbourhoods (stability)",
    "r2": "fit of the surrogate (R²)",
}
NEGLIGIBLE = 1e-6
TOLD = 3
"""Inputs that a sentence names to each side."""


@dataclass(frozen=True)
class Attribution:
    """The attributions of one row by one method."""

    method: str
    """Name of the method."""
    target: str
    """Name of the class that is explained; empty where there is none."""
    towards: int
    """1 where positive values speak for the decision, -1 where negative ones do, 0 where there is no decision."""
    doubts: tuple[str, ...]
    """What the method itself says of its trustworthiness, as phrases."""
    frame: pd.DataFrame
    """Columns input, value, se (missing where there is none)."""


def attributions(row: HeldRow) -> list[Attribution]:
    """One per probe that measured the row and names what it attributes to."""
    found = [_attribution(row, probe) for probe in explaining(row)]
    return [item for item in found if item is not None]


def explaining(row: HeldRow) -> list[str]:
    """Probes that attributed the row's output, in the order in which they are shown."""
    order = list(_METHODS)
    probes = [probe for probe in row.probes(FAMILY) if row.get(probe, "values") is not None]
    return sorted(probes, key=lambda probe: (order.index(_kind(probe)) if _kind(probe) in order else len(order), probe))


def speaks(row: HeldRow, probe: str) -> int:
    """1 where positive values of the probe speak for the row's decision, -1 where negative ones do, 0 where there is no decision."""
    return _towards(row, _target(row, probe))


def not_sampled(row: HeldRow) -> list[str]:
    """Names of the methods that measured other rows but not this one."""
    return [method_name(probe) for probe in row.elsewhere if probe.startswith(FAMILY)]


def pull_sentence(item: Attribution) -> str:
    """The inputs that pulled most towards the decision, and those against; empty without a decision."""
    if not item.towards:
        return ""
    values = item.frame["value"].to_numpy(dtype=np.float64) * item.towards
    towards, against = _largest(item, values), _largest(item, -values)
    return f"By {item.method}, what pulled most towards this decision: {towards or 'nothing'}. What pulled most against it: {against or 'nothing'}."


def pulls(item: Attribution) -> pd.DataFrame:
    """The frame with values that speak for the decision above 0, whatever class the method explains; as measured without a decision."""
    return item.frame.assign(value=item.frame["value"] * (item.towards or 1))


def beside(found: Sequence[Attribution], names: Sequence[str]) -> pd.DataFrame:
    """One line per input in the order of `names`; per method its value for the class it explains and standard error, unrounded."""
    frame = pd.DataFrame({"Input": list(names)})
    for item in found:
        held = item.frame.set_index("input").reindex(names)
        name = f"{item.method} for class {item.target}" if item.target else item.method
        frame[name] = held["value"].to_numpy()
        if held["se"].notna().any():
            frame[f"{item.method}, standard error"] = held["se"].to_numpy()
    return frame


def most_attributed(found: Sequence[Attribution]) -> list[str]:
    """All inputs, those with the largest share of any method's attributions first."""
    shares: dict[str, float] = {}
    for item in found:
        sizes = np.abs(np.nan_to_num(item.frame["value"].to_numpy(dtype=np.float64)))
        total = float(sizes.sum()) or 1.0
        for name, size in zip(item.frame["input"], sizes, strict=True):
            shares[name] = max(shares.get(name, 0.0), float(size) / total)
    return sorted(shares, key=lambda name: -shares[name])


def _attribution(row: HeldRow, probe: str) -> Attribution | None:
    players, values = row.table(probe, "players"), row.get(probe, "values")
    if players is None or len(players["name"]) != len(values):
        return None
    errors = row.get(probe, "se")
    names = distinct([short(name, 60) for name in _with_words(row, [str(name) for name in players["name"]])])
    frame = pd.DataFrame({"input": names, "value": values, "se": np.full(len(values), np.nan) if errors is None else errors})
    frame = frame[[not _beyond(row, str(name)) for name in players["name"]]].reset_index(drop=True)
    target = _target(row, probe)
    doubts = tuple(
        f"{words}: {_small(row.get(probe, name))}"
        for name, words in _DOUBTS.items()
        if row.get(probe, name) is not None and np.isfinite(row.get(probe, name))
    )
    return Attribution(method_name(probe), "" if target is None else class_name(row.facts, target), _towards(row, target), doubts, frame)


def texts_of(row: HeldRow) -> dict[str, list[str]]:
    """The pieces of each of the row's texts, by name."""
    cells = row.values.get("subject", {})
    return {name.removeprefix(PIECES): split(cell or "") for name, cell in cells.items() if name.startswith(PIECES)}


def _with_words(row: HeldRow, names: Sequence[str]) -> list[str]:
    """Names of players, those of a place in the row's text with the piece that stands there."""
    texts, told = texts_of(row), []
    for name in names:
        held = place_in(name, texts)
        told.append(f"{name}: {texts[held[0]][held[1]]}" if held is not None and held[1] < len(texts[held[0]]) else name)
    return told


def _beyond(row: HeldRow, name: str) -> bool:
    """Whether the player is a place behind the end of one of the row's texts."""
    texts = texts_of(row)
    held = place_in(name, texts)
    return held is not None and held[1] >= len(texts[held[0]])


def _target(row: HeldRow, probe: str) -> int | None:
    """The explained class. The single output of a binary network speaks for class 1, except where a probability is explained (LIME)."""
    target, output = row.get(probe, "target"), row.get("outputs", "output")
    if target is None or row.facts.task == "regression":
        return None
    single = output is not None and len(output) == 1 and row.facts.two_classes
    return 1 if single and _kind(probe) != "lime" else int(target)


def _towards(row: HeldRow, target: int | None) -> int:
    decision = decided(row)
    if decision is None or target is None:
        return 0
    if target == decision:
        return 1
    return -1 if row.facts.two_classes else 0


def _largest(item: Attribution, values: np.ndarray) -> str:
    order = [place for place in np.argsort(-np.nan_to_num(values), kind="stable")[:TOLD] if values[place] > 0]
    return ", ".join(f"{item.frame['input'].iloc[place]} ({number(float(values[place]))})" for place in order)


def _small(value: float) -> str:
    return number(value) if abs(value) >= NEGLIGIBLE else "below a millionth"


def _kind(probe: str) -> str:
    return probe.removeprefix(FAMILY).partition(":")[0]


def method_name(probe: str) -> str:
    label = probe.partition(":")[2]
    return _METHODS.get(_kind(probe), title(_kind(probe))) + (f" ({short(label, 40)})" if label else "")

"""The rows of a run, and everything held about one row, as pandas frames. Knows no Streamlit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from audit.facts import Facts
from audit.rows import Rows
from reports.numbers import number
from reports.visible import short
from reports.wording import title

UNKNOWN = "unknown"
LISTED = 1000
"""Rows that are sent to the browser at once."""
SORTABLE = ("Row", "Id", "Score", "Loss", "Margin", "Error")


@dataclass(frozen=True)
class Attribution:
    """The attributions of one row by one method."""

    method: str
    """Words of the method's id: ``shapley``."""
    target: str
    """The class or output that is explained."""
    frame: pd.DataFrame
    """Columns input, value, se (missing where there is none)."""


def rows_frame(rows: Rows) -> pd.DataFrame:
    """One line per audited row: position, id, decision, score, label, whether they agree, loss, margin, groups. What was not measured is left out."""
    facts, frame = rows.facts, {"Row": rows.positions}
    frame |= {"Id": rows.column("subject.id")} if rows.has("subject.id") else {}
    if rows.has("outputs.decision") and facts.task != "regression":
        frame["Decision"] = _named(rows.decisions, facts.classes)
    if rows.has("outputs.score"):
        frame["Score"] = rows.column("outputs.score")
    if rows.has("subject.label"):
        frame["Label"] = rows.labels if facts.task == "regression" else _named(rows.labels, facts.classes)
    if rows.has("outputs.correct"):
        frame["Agrees with label"] = pd.Categorical.from_codes(np.maximum(rows.column("outputs.correct").astype(int), -1), ["no", "yes"])
    frame |= {title(name): rows.column(f"outputs.{name}") for name in ("loss", "margin", "error") if rows.has(f"outputs.{name}")}
    for spec in facts.groups:
        if rows.has(f"subject.group.{spec.name}"):
            frame[f"Group: {short(spec.name, 40)}"] = _named(rows.group(spec.name).codes, spec.levels)
    return pd.DataFrame(frame)


def picked(frame: pd.DataFrame, *, kept: Mapping[str, Sequence[str]], sort: str, descending: bool, text: str) -> pd.DataFrame:
    """The rows whose named columns hold one of the kept values and whose id holds `text`, sorted; an empty choice keeps all."""
    mask = np.ones(len(frame), dtype=bool)
    for column, values in kept.items():
        if values:
            mask &= frame[column].isin(list(values)).to_numpy()
    if text.strip() and "Id" in frame:
        mask &= frame["Id"].astype(str).str.contains(text.strip(), case=False, regex=False).to_numpy()
    found = frame[mask]
    return found.sort_values(sort, ascending=not descending, kind="stable") if sort in found else found


def filters(frame: pd.DataFrame) -> dict[str, list[str]]:
    """The columns rows can be chosen by, each with its values."""
    return {
        name: [str(level) for level in frame[name].cat.categories] for name in frame.columns if isinstance(frame[name].dtype, pd.CategoricalDtype)
    }


def inputs_frame(rows: Rows, place: int) -> pd.DataFrame:
    """Raw inputs of the row at index `place`, in raw units, and its groups."""
    measured = [column for column in rows.facts.schema.columns if rows.has(f"subject.input.{column.name}")]
    lines = [
        {"Input": short(column.name, 80), "Value": _value(rows.column(f"subject.input.{column.name}")[place]), "Unit": short(column.unit, 60)}
        for column in measured
    ]
    for spec in rows.facts.groups:
        if rows.has(f"subject.group.{spec.name}"):
            code = int(rows.group(spec.name).codes[place])
            lines.append({"Input": f"{short(spec.name, 80)} (group)", "Value": short(spec.levels[code], 80) if code >= 0 else UNKNOWN, "Unit": ""})
    return pd.DataFrame(lines, columns=["Input", "Value", "Unit"])


def outputs_frame(rows: Rows, place: int) -> pd.DataFrame:
    """Outputs of the network for one row, with class names."""
    facts, lines = rows.facts, []
    if rows.has("outputs.output"):
        lines += [_line(f"Output {i + 1}" if i else "Output", item) for i, item in enumerate(np.atleast_1d(rows.column("outputs.output")[place]))]
    if rows.has("outputs.probability"):
        shares = rows.column("outputs.probability")[place]
        lines += [_line(f"Probability of {_class(facts, i)}", item) for i, item in enumerate(shares)]
    lines += [
        _line(title(name), rows.column(f"outputs.{name}")[place]) for name in ("score", "loss", "margin", "error") if rows.has(f"outputs.{name}")
    ]
    return pd.DataFrame(lines, columns=["Output", "Value"])


def decision_words(rows: Rows, place: int) -> str:
    """Decision and label of one row as a sentence."""
    facts = rows.facts
    if facts.task == "regression":
        score = number(float(rows.column("outputs.score")[place])) if rows.has("outputs.score") else UNKNOWN
        known = number(float(rows.labels[place])) if rows.has("subject.label") and np.isfinite(rows.labels[place]) else UNKNOWN
        return f"Predicted: {score} {facts.label_unit}. Label: {known}."
    decided = _class(facts, int(rows.decisions[place])) if rows.has("outputs.decision") else UNKNOWN
    known = _class(facts, int(rows.labels[place])) if rows.has("subject.label") else UNKNOWN
    return f"Decision: {decided}. Label: {known}."


def attributions(rows: Rows, position: int) -> tuple[list[Attribution], list[str]]:
    """The attributions of the row at `position` of the data, by every method that measured it; and the methods that did not."""
    found, missing = [], []
    for probe in _probes(rows, "attribution."):
        if not rows.has_table(probe, "players") or not rows.has(f"{probe}.values"):
            continue
        held = rows.within(probe)
        place = place_of(held.positions, position)
        if place is None:
            missing.append(_method(probe))
        else:
            found.append(_attribution(held, probe, place))
    return found, missing


def further_frame(rows: Rows, position: int, families: Sequence[str] = ("robustness.", "anomaly.", "data.")) -> pd.DataFrame:
    """Every other number held about one row: single-valued columns of the probes in `families` that measured it."""
    lines = []
    for family in families:
        for probe in _probes(rows, family):
            held = rows.within(probe)
            place = place_of(held.positions, position)
            for name in rows.names() if place is not None else ():
                values = held.column(name) if name.startswith(f"{probe}.") else None
                if values is not None and values.ndim == 1:
                    words = title(name.removeprefix(f"{probe}."))
                    lines.append({"Instrument": probe, "Quantity": words, "Value": _value(values[place]), "Unit": held.unit(name)})
    return pd.DataFrame(lines, columns=["Instrument", "Quantity", "Value", "Unit"])


def place_of(positions: np.ndarray, position: int) -> int | None:
    """Index of a position among ascending positions; None when it is not there."""
    place = int(np.searchsorted(positions, position))
    return place if place < len(positions) and positions[place] == position else None


def _attribution(held: Rows, probe: str, place: int) -> Attribution:
    names = [short(str(name), 60) for name in held.table(probe, "players")["name"]]
    values = held.column(f"{probe}.values")[place]
    errors = held.column(f"{probe}.se")[place] if held.has(f"{probe}.se") else np.full(len(values), np.nan)
    return Attribution(_method(probe), _explained(held, probe, place), pd.DataFrame({"input": names, "value": values, "se": errors}))


def _explained(held: Rows, probe: str, place: int) -> str:
    """Whose output is explained. The single output of a binary network speaks for class 1, except where a probability was explained (LIME)."""
    if not held.has(f"{probe}.target") or held.facts.task == "regression":
        return ""
    target = int(held.column(f"{probe}.target")[place])
    single = held.column("outputs.output").shape[1] == 1
    return _class(held.facts, 1 if single and held.facts.task == "binary" and probe != "attribution.lime" else target)


def _probes(rows: Rows, family: str) -> list[str]:
    names = [name for name in rows.names() if name.startswith(family)]
    # A probe's id holds dots, the names of its columns do not.
    return sorted({name.rpartition(".")[0] for name in names})


def _method(probe: str) -> str:
    return title(probe.removeprefix("attribution."))


def _class(facts: Facts, position: int) -> str:
    if position < 0:
        return UNKNOWN
    return short(facts.classes[position], 60) if position < len(facts.classes) else f"output {position + 1}"


def _named(codes: np.ndarray, levels: Sequence[str]) -> pd.Categorical:
    names = [short(level, 80) for level in levels]
    if len(set(names)) < len(names):
        names = [f"{name} ({i + 1})" for i, name in enumerate(names)]
    unknown = UNKNOWN if UNKNOWN not in names else "not known"
    return pd.Categorical.from_codes(np.where(codes < 0, len(names), codes).astype(np.int64), [*names, unknown])


def _line(name: str, value: object) -> dict[str, str]:
    return {"Output": name, "Value": _value(value)}


def _value(value: object) -> str:
    if value is None:
        return "missing"
    if isinstance(value, (float, np.floating)):
        return number(float(value)) if np.isfinite(value) else "missing"
    if isinstance(value, (int, np.integer)):
        return number(int(value))
    return short(str(value), 120)

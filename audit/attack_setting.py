"""A row as attacks take it: radii in raw units, the neighbourhood of encoded rows, and a network whose decision is to be changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from audit.data.dataset import ColumnSchema, RowBlock
from audit.decision_logits import decision_logits
from audit.facts import Facts
from audit.methods.robustness.entries import ColumnEntries, read_entries
from audit.methods.robustness.losses import Network
from audit.methods.robustness.neighbourhood import Neighbourhood
from audit.methods.robustness.raw_space import Radii, raw_space
from audit.methods.robustness.spread import Spread, spread
from audit.models.model import DifferentiableModel
from audit.subject import Subject

READ = 20_000
"""Rows of the reference data, spread evenly over it, that radii are chosen from."""
READ_LARGE = 1_000
"""The same where a row is an image or a series."""
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class AttackSetting:
    """Rows that have a decision, as the attacks take them."""

    rows: RowBlock
    space: Neighbourhood
    target: torch.Tensor
    entries: tuple[ColumnEntries, ...]
    radii: Radii


@dataclass(frozen=True)
class ChosenRadii:
    """A radius and a range for every raw column, as arrays and as a table for readers."""

    radii: Radii
    table: Mapping[str, Any]
    note: str


def choose_radii(subject: Subject, *, radius: float, level_cost: float) -> ChosenRadii:
    """Radii from the schema and the reference data (else the evaluated rows): `radius` is a share of each column's spread."""
    data = subject.reference if subject.reference is not None else subject.evaluate
    large = not all(column.single for column in subject.facts.schema.columns)
    size = min(data.n_rows, READ_LARGE if large else READ)
    rows = data.take(np.unique(np.linspace(0, data.n_rows - 1, size).astype(np.int64)))
    chosen = [_choose(column, rows, radius, level_cost, data.name) for column in subject.facts.schema.columns]
    state = Radii(*(np.array([one[key] for one in chosen], dtype=np.float64) for key in ("radius", "low", "high")))
    table = {key: [one[key] for one in chosen] for key in ("column", "unit", "radius", "low", "high", "immutable", "how")}
    note = f"Radii are {radius:g} of each column's spread in the {data.name} data, chosen by the tool and not by what changes are plausible."
    return ChosenRadii(state, table, note)


@contextmanager
def attacked_network(subject: Subject, model: DifferentiableModel, facts: Facts) -> Iterator[Network]:
    """`model` on flattened rows (m, d), giving logits of the decision that `facts` describe."""
    shape = subject.encode(subject.evaluate.take(np.zeros(1, dtype=np.int64))).values.shape[1:]
    with model.session(gradients=True) as call:
        yield lambda inputs: decision_logits(call(inputs.reshape(len(inputs), *shape)), facts)


def attack_setting(
    subject: Subject, model: DifferentiableModel, rows: RowBlock, decided: NDArray[np.int64], *, radii: Radii, cost: float
) -> AttackSetting:
    """The legal changes of `rows`, whose decisions `decided` (n,) are to be changed; another level costs `cost` radii."""
    entries = read_entries(subject.facts.schema, subject.encode, rows, radii.low, radii.high)
    start = subject.encode(rows).values.reshape(len(rows), -1)
    space = raw_space(start, rows, entries, radii, tensor=model.tensor, cost=cost)
    return AttackSetting(rows, space, model.tensor(decided), entries, radii)


def _choose(column: ColumnSchema, rows: RowBlock, radius: float, level_cost: float, source: str) -> dict[str, Any]:
    """One row of the table of radii."""
    about = {"column": column.name, "unit": column.unit, "immutable": column.immutable}
    if column.levels:
        how = f"another level costs as much as {level_cost:g} spreads of a number"
        return about | {"unit": "positions", "radius": 0.0, "low": 0.0, "high": len(column.levels) - 1.0, "how": _held(column, how)}
    found = spread(_known(rows.values[column.name]))
    if column.kind == "image":
        found = replace(found, value=found.high - found.low, measure="range of the values")
    size = radius * found.value
    how = f"{radius:g} of the {found.measure} in the {source} data, chosen by the tool"
    if column.integer and 0 < size < 1:
        size, how = 1.0, "one whole step"
    if size == 0:
        how = f"does not vary in the {source} data, so it is held"
    low, high = _range(column, found)
    return about | {"radius": 0.0 if column.immutable else size, "low": low, "high": high, "how": _held(column, how)}


def _known(values: NDArray[Any]) -> Floats:
    """All numbers of a column; a series has none after its end."""
    flat = values.astype(np.float64).reshape(-1)
    return flat[~np.isnan(flat)] if values.ndim > 1 else flat


def _held(column: ColumnSchema, how: str) -> str:
    return "declared immutable" if column.immutable else how


def _range(column: ColumnSchema, found: Spread) -> tuple[float, float]:
    """Declared bounds, else the range seen."""
    low = found.low if column.minimum is None else column.minimum
    return low, max(low, found.high if column.maximum is None else column.maximum)

"""Probe `attribution.lime`: LIME's local linear model of the network around each row of a table, in raw columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from audit.background import draw_background
from audit.data.dataset import RowBlock
from audit.decide import decide
from audit.errors import MethodError
from audit.explained import explained_outputs, filled, lime_targets
from audit.left_out import LeftOut, joined, rows_left_out
from audit.lime_columns import reference_of, samplers_of, spread_rows
from audit.methods.lime.column_sampler import ColumnSampler
from audit.methods.lime.neighbourhood import column_codes, draw_neighbourhood
from audit.methods.lime.presence import Scheme
from audit.methods.lime.stability import stability
from audit.methods.lime.surrogate import Selection, Surrogate, surrogates
from audit.probe import Block, Column, Columns, Prepared, probe
from audit.streams import generator
from audit.subject import Subject
from audit.witness import Reference

PRESENCE_BACKGROUND = 100
"""Reference images whose mean stands where a patch is left out."""
Floats = NDArray[np.float64]
"""Kinds of data in which players are left out."""
COLUMNS = {
    "target": Column("Class whose probability is explained, the decided one; 0 where the network gives a score or a quantity."),
    "values": Column("Coefficient of each raw column: change of the explained output when its value lies in the row's bin rather than another."),
    "se": Column("Standard error of each coefficient over the neighbourhoods drawn; missing for a single neighbourhood."),
    "intercept": Column("Output of the surrogate where no column lies in the row's bin."),
    "r2": Column("Weighted coefficient of determination of the surrogate on its neighbourhood, at most 1."),
    "local_prediction": Column("Output of the surrogate at the row itself."),
    "total": Column("Explained output of the row, by the network itself."),
    "stability": Column("Mean rank correlation of the coefficients between neighbourhoods; missing for a single neighbourhood.", "correlation"),
}


@dataclass(frozen=True)
class PresenceState:
    """What stands for left-out patches of images, (b, …); no rows for text, where each row has an absence of its own."""

    background: NDArray[Any]
    scheme: Scheme


@dataclass(frozen=True)
class State:
    """The neighbourhoods all rows share, and what the network answers there."""

    samplers: tuple[ColumnSampler, ...]
    codes: NDArray[np.int64]
    """Bins and levels of the drawn rows, (sets, samples, columns)."""
    outputs: NDArray[np.float64]
    """Explained outputs of the drawn rows, (sets, samples, k)."""


@probe(columns=COLUMNS, needs={"inputs", "background"}, reads=("outputs",), sample=500, block=100)
def lime(
    block: Block,
    state: State | PresenceState,
    *,
    samples: int = 5000,
    sets: int = 3,
    lime_compat: bool = False,  # noqa: ARG001  read by prepare
    selection: Literal["none", "forward_selection", "lasso_path", "highest_weights", "auto"] = "none",
    columns: int = 10,
) -> Columns:
    """Fits LIME's weighted linear model to the probability of the decided class, on neighbourhoods that all rows of the table share.

    LIME draws its rows from the reference data whatever row is explained, so `sets` neighbourhoods of `samples` rows serve all: errors of
    different rows go together, and the spread over sets shows their size. Numbers are drawn within quartile bins, whole numbers as fractions.
    All columns are kept unless a `selection` is named, which keeps `columns` of them, chosen anew on every neighbourhood, in lime's ways.
    Of images patches are left out (replaced by the mean of reference rows), of text words, in neighbourhoods of each row's own. With
    `lime_compat` a bin of a single value yields what lime 0.2.0.1 makes of it instead of that value.
    """
    target, total = lime_targets(block)
    known = np.isfinite(total)
    if isinstance(state, PresenceState):
        found = _by_presence(block, state, known, target, total, samples=samples, sets=sets, selection=selection, columns=columns)
        return {"target": target.astype(np.int32), "total": total, **filled(known, found)}
    own = column_codes(state.samplers, [block.rows.values[column.name][known] for column in block.subject.facts.schema.columns])
    fits = [
        surrogates(codes, outputs, target[known], own_codes=own, own_outputs=total[known], selection=selection, columns=columns)
        for codes, outputs in zip(state.codes, state.outputs, strict=True)
    ]
    return {"target": target.astype(np.int32), "total": total, **filled(known, _over_sets(fits))}


@lime.prepare
def prepare(subject: Subject, *, samples: int = 5000, sets: int = 3, lime_compat: bool = False) -> Prepared:
    """Cut the raw columns, draw the neighbourhoods, and ask the network about them once for all rows."""
    if samples < 2 or sets < 1:
        raise MethodError(f"samples must be at least 2 and sets at least 1; found {samples} and {sets}")
    schema = subject.facts.schema.columns
    if not all(column.single for column in schema):
        scheme: Scheme = "text" if all(column.kind == "text" for column in schema) else "image"
        return Prepared(_presence(subject, scheme), {"players": {"name": list(subject.players.names)}})
    reference = reference_of(subject)
    rows = spread_rows(reference)
    samplers = samplers_of(subject, rows)
    codes, outputs = zip(*(_ask(subject, samplers, samples, f"lime {reference.digest} {number}", lime_compat) for number in range(sets)), strict=True)
    note = () if len(rows) == reference.n_rows else (f"Bins of LIME are those of {len(rows):,} of {reference.n_rows:,} reference rows.",)
    return Prepared(State(samplers, np.stack(codes), np.stack(outputs)), {"players": {"name": [column.name for column in schema]}}, note)


@lime.witness("lime")
def by_lime(
    block: Block,
    state: State | PresenceState,
    measured: Columns,
    *,
    samples: int = 5000,
    sets: int = 3,
    lime_compat: bool = False,
    selection: Literal["none", "forward_selection", "lasso_path", "highest_weights", "auto"] = "none",
) -> Reference:
    """The same rows by lime, on neighbourhoods of its own; columns of levels, or with missing values, are given to it as codes."""
    from audit.witnesses.by_lime import LimeTable, against_runs, lime_runs  # noqa: PLC0415  needed for a few rows of a run only

    if selection != "none":
        raise MethodError("with a selection every draw keeps other columns, so means over draws say little of each other; witness it without one")
    subject = block.subject
    if isinstance(state, PresenceState):
        return _by_lime_base(block, state, measured, samples=samples, sets=sets)
    table = LimeTable.of(subject.facts.schema.columns, spread_rows(reference_of(subject)), state.samplers, compat=lime_compat)

    def answer(rows: RowBlock) -> NDArray[np.float64]:
        return explained_outputs(decide(subject.model.outputs(subject.encode(rows)), subject.facts))

    runs = lime_runs(
        table,
        block.rows,
        answer,
        targets=measured["target"],
        probabilities="outputs.probability" in block.reads,
        samples=samples,
        generators=[generator(block.seed, f"{block.purpose} witness {int(position)}") for position in block.rows.positions],
    )
    return against_runs(measured["values"], runs, sets=len(state.codes), note=table.note)


def _presence(subject: Subject, scheme: Scheme) -> PresenceState:
    background = draw_background(subject, PRESENCE_BACKGROUND)
    return PresenceState(background.mean(axis=0, keepdims=True).astype(background.dtype) if len(background) else background, scheme)


def _by_presence(
    block: Block,
    state: PresenceState,
    known: NDArray[np.bool_],
    target: NDArray[np.int64],
    total: Floats,
    *,
    samples: int,
    sets: int,
    selection: Selection,
    columns: int,
) -> dict[str, Floats]:
    """Every row on `sets` neighbourhoods of its own."""
    streams = [stream for stream, keep in zip(block.generators(), known, strict=True) if keep]
    rows = dict(rows_left_out(block.subject, block.batch.values[known], state.background, target[known], total[known]))
    chosen = partial(_one_fit, rows, samples, state.scheme, selection, columns)
    fits = [[chosen(place, stream) for _ in range(sets)] for place, stream in enumerate(streams)]
    players = len(block.subject.players.names)
    return _over_sets([joined([of[number] for of in fits], players) for number in range(sets)])


def _one_fit(  # noqa: PLR0917  the same for all, then which row
    rows: Mapping[int, LeftOut], samples: int, scheme: Scheme, selection: Selection, columns: int, place: int, stream: np.random.Generator
) -> Surrogate:
    return rows[place].surrogate(samples, scheme=scheme, generator=stream, selection=selection, columns=columns)


def _by_lime_base(block: Block, state: PresenceState, measured: Columns, *, samples: int, sets: int) -> Reference:
    """The same rows by the regression of lime, on coalitions drawn apart from ours."""
    from audit.witnesses.by_lime import against_runs, presence_runs  # noqa: PLC0415  needed for a few rows of a run only

    rows = dict(rows_left_out(block.subject, block.batch.values, state.background, measured["target"], measured["total"]))
    generators = [generator(block.seed, f"{block.purpose} witness {int(position)}") for position in block.rows.positions]
    runs = presence_runs([rows[place] for place in range(len(rows))], samples=samples, scheme=state.scheme, generators=generators)
    return against_runs(measured["values"], runs, sets=sets, note="")


def _ask(
    subject: Subject, samplers: Sequence[ColumnSampler], samples: int, purpose: str, lime_compat: bool
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Bins of one neighbourhood, and the explained outputs there."""
    drawn = draw_neighbourhood(samplers, samples, generator=generator(subject.seed, purpose), lime_compat=lime_compat)
    names = subject.facts.schema.names
    raw = RowBlock(np.arange(samples, dtype=np.int64), dict(zip(names, drawn.values, strict=True)))
    answered = explained_outputs(decide(subject.model.outputs(subject.encode(raw)), subject.facts))
    bad = ~np.isfinite(answered).all(axis=1)
    if bad.any():
        raise MethodError(f"the network's outputs are not finite for {int(bad.sum())} of {samples} drawn rows, so LIME cannot be fitted")
    return drawn.codes, answered


def _over_sets(fits: Sequence[Surrogate]) -> dict[str, NDArray[np.float64]]:
    """Coefficients with their doubt, and everything else as the mean over neighbourhoods."""
    found = stability(np.stack([fit.values for fit in fits]))
    means = {"intercept": [fit.intercept for fit in fits], "r2": [fit.r2 for fit in fits], "local_prediction": [fit.local for fit in fits]}
    doubt = {"values": found.mean, "se": found.se, "stability": found.rank_correlation}
    return doubt | {name: np.mean(values, axis=0) for name, values in means.items()}

"""Probe `attribution.in_company`: whether a row's output and explanations are the same alone and among other rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from audit.background import draw_background
from audit.baseline_rows import at_once, rows_and_baselines
from audit.brief_explanations import STEPS, FewRows, methods_of
from audit.errors import MethodError, ModelError
from audit.explained import differentiable, entry_owner, filled, finite, relative, smooth, targets, usual_spread
from audit.methods.attribution.answers import Network
from audit.methods.attribution.deep_shap import deep_shap
from audit.methods.attribution.players import per_player
from audit.models.in_company import InCompany
from audit.probe import Block, Column, Columns, Prepared, probe
from audit.streams import generator
from audit.subject import Subject

Array = NDArray[np.float64]
DEEP = "deep_shap"


@dataclass(frozen=True)
class State:
    """Encoded background rows (b, …) and company (c, …), the standard deviation of each output (k,), and the methods."""

    background: NDArray[Any]
    company: NDArray[Any]
    scale: Array
    methods: tuple[str, ...]


@probe(
    columns={
        "target": Column("Position of the explained output; 0 for a network with one output."),
        "output": Column("Change of the explained output from alone to in company, over its usual spread; infinite where either is none."),
        "change": Column(
            "Sum of the absolute changes of each method's attributions, over the larger of their absolute sum and the output's spread.", "ratio"
        ),
        "shuffled": Column("The same from each method's attributions to the same numbers shuffled among the players.", "ratio"),
    },
    needs={"inputs", "background"},
    reads=("outputs",),
    sample=20,
    block=20,
)
def in_company(
    block: Block,
    state: State,
    *,
    background: int = 10,  # noqa: ARG001  read by prepare
    company: int = 16,  # noqa: ARG001
    walks: int = 20,
    exact_up_to: int = 5,
    propagated: bool = False,  # noqa: ARG001
) -> Columns:
    """Each row is answered and explained alone, and again with `company` evaluated rows about it in every batch that the network is given.

    Shapley values, occlusion and integrated gradients, and where `propagated` DeepSHAP as far as its rules reach, against `background` rows, with
    the same draws both times: at least `walks` random orders where more than `exact_up_to` players vary. A change from or to what is no finite
    number, or to an answer that the network refuses, is infinite. Rows without finite outputs get NaN.
    """
    target, known = targets(block), finite(block)
    values, chosen = block.batch.values[known], target[known]
    output = _output(block.subject, values, chosen, state)
    change, shuffled = (np.full((len(values), len(state.methods)), blank) for blank in (np.inf, np.nan))
    subject, options = replace(block.subject, model=_with_company(block.subject, state.company)), {"walks": walks, "exact_up_to": exact_up_to}
    streams, again = ([stream for stream, keep in zip(block.generators(), known, strict=True) if keep] for _ in range(2))
    for place in np.flatnonzero(np.isfinite(output)).tolist():
        row = FewRows(block.subject, values[[place]], chosen[[place]], streams[place : place + 1], state.background)
        alone = _explained(row, state, options)
        among = _explained(replace(row, subject=subject, streams=again[place : place + 1]), state, options)
        order, size = streams[place].permutation(row.players), float(state.scale[chosen[place]])
        for column, method in enumerate(state.methods):
            change[place, column] = _change(alone[method], among[method], size)
            shuffled[place, column] = _change(alone[method], alone[method][order], size)
    measured = {"output": output, "change": change, "shuffled": shuffled}
    return {"target": target.astype(np.int32), **filled(known, measured)}


def _output(subject: Subject, values: NDArray[Any], target: NDArray[np.int64], state: State) -> Array:
    model, company = differentiable(subject), _with_company(subject, state.company)
    alone, among = np.zeros(len(values)), np.zeros(len(values))
    for found, held in ((alone, model), (among, company)):
        with held.session(gradients=False) as network:
            for place, row in enumerate(values):
                found[place] = _answer(network, held.tensor(row[None]), int(target[place]))
    gap, scale = np.abs(alone - among), state.scale[target]
    return np.where(np.isfinite(gap), relative(gap, np.where(scale > 0, 0.0, alone), scale), np.inf)


def _answer(network: Network, row: torch.Tensor, target: int) -> float:
    """The output of one row; NaN where the network refuses a batch of this size, such as one that normalises over the batch."""
    try:
        return float(network(row)[0, target])
    except ModelError:
        return float("nan")


def _change(one: Array, two: Array, size: float) -> float:
    with np.errstate(invalid="ignore"):
        gap = np.array([np.abs(one - two).sum()])
    return float(relative(gap, np.abs(one).sum(keepdims=True), np.array([size]))[0]) if np.isfinite(gap).all() else np.inf


def _explained(rows: FewRows, state: State, options: dict[str, int]) -> dict[str, Array]:
    """Attributions (players,) of one row by each method."""
    each: dict[str, Callable[[], Array]] = {
        "shapley": lambda: rows.shapley(estimator="permutation", walks=options["walks"], exact_up_to=options["exact_up_to"])[0],
        "occlusion": rows.occlusion,
        "integrated_gradients": lambda: rows.integrated_gradients(STEPS[:1]),
        DEEP: lambda: _deep(rows),
    }
    with np.errstate(invalid="ignore"):  # what is not finite among the perturbed rows shows as a change that is not
        return {method: each[method]()[0] for method in state.methods}


def _deep(rows: FewRows) -> Array:
    """DeepSHAP (n, players)."""
    model = smooth(rows.subject)
    inputs, baselines = rows_and_baselines(rows.subject, model, rows.values, rows.background)
    with model.session(gradients=True) as network, np.errstate(invalid="ignore"):
        found = deep_shap(network, inputs, baselines, torch.as_tensor(rows.target, device=inputs.device), chunk=at_once(model))
    return per_player(found.values, entry_owner(rows.subject, rows.values), rows.players)


def _with_company(subject: Subject, company: NDArray[Any]) -> InCompany:
    return InCompany(differentiable(subject), company)


@in_company.prepare
def prepare(subject: Subject, *, background: int = 10, company: int = 16, propagated: bool = False) -> Prepared:
    """Draw the background and the company, and name what is compared."""
    if company < 1:
        raise MethodError(f"a company of {company} rows was asked for; expected 1 or more")
    differentiable(subject)
    count = subject.evaluate.n_rows
    chosen = generator(subject.seed, f"company {subject.evaluate.digest}").permutation(count)[: min(company, count)]
    rows = subject.encode(subject.evaluate.take(np.sort(chosen).astype(np.int64))).values
    state, notes = State(draw_background(subject, background), rows, usual_spread(subject), methods_of(subject)), []
    if "integrated_gradients" not in state.methods:
        notes.append(subject.why_not("gradients"))
    elif propagated:
        try:
            # Both, since a rule may be wanting for what puts rows beside each other.
            for one in (subject, replace(subject, model=_with_company(subject, rows))):
                _deep(FewRows(one, rows[:1], np.zeros(1, dtype=np.int64), (), state.background))
            state = replace(state, methods=(*state.methods, DEEP))
        except (MethodError, ModelError) as error:
            notes.append(f"DeepSHAP was not asked: {error}.")
    tables = {"methods": {"name": list(state.methods)}}
    return Prepared(state, tables, tuple(notes))

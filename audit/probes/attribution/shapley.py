"""Probe `attribution.shapley`: how much each raw column moved the output of a row away from the background."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from audit.background import Against, against, draw_background
from audit.baseline_rows import first_layer_of, rows_at_once
from audit.data.batch import Players
from audit.errors import MethodError
from audit.explained import COLUMNS, differentiable, explained_size, filled, finite, relative, targets
from audit.methods.attribution.answers import Network
from audit.methods.attribution.first_layer import FirstLayer
from audit.methods.attribution.game import Link, ShapleyValues
from audit.methods.attribution.shapley import drawn_by, reached, shapley_values
from audit.methods.attribution.shapley_like_shap import shapley_kernel, shapley_permutation_like_shap
from audit.probe import Block, Column, Columns, Prepared, probe
from audit.scale import LinkName, on_scale, scale_words
from audit.subject import Subject
from audit.witness import Reference

if TYPE_CHECKING:
    from torch import Tensor

FEWEST_WALKS = 200
"""Random orders a row is explained by, over all background rows: with fewer the standard error itself is too uncertain."""
WITNESS_EVALUATIONS = 160_000
"""Most rows the network is given for one row that shap recomputes."""


@dataclass(frozen=True)
class State:
    """Encoded background rows, (b, …)."""

    background: NDArray[Any]


@probe(
    columns={
        **COLUMNS,
        "exact": Column("1 where all coalitions were enumerated, 0 where they were sampled."),
        "background_se": Column("Standard error of each attribution if the background rows are seen as drawn from all that could stand for absent."),
        "precise": Column("1 where no standard error is larger than was asked for, 0 where the budget ended before."),
    },
    needs={"inputs", "background"},
    reads=("outputs",),
    sample=500,
    block=100,
)
def shapley(
    block: Block,
    state: State,
    *,
    background: int = 100,  # noqa: ARG001  read by prepare
    estimator: Literal["auto", "permutation", "quadrature", "shap_kernel", "shap_permutation"] = "auto",
    pairs: int = 2,
    most_pairs: int = 16,
    precision: float = 0.02,
    exact_up_to: int = 12,
    link: LinkName = "identity",
) -> Columns:
    """Shapley values of each raw column for the raw output, against rows of the reference data, with standard errors.

    Rows with at most `exact_up_to` varying columns are enumerated. Beyond that every background row is walked to the explained row in `pairs`
    random orders, each forwards and backwards; in more where the background is so small that there would be fewer than 200 walks, too few to
    tell the error. Orders are doubled, up to `most_pairs`, until no standard error is larger than `precision` of the standard deviation of
    the output over the background, or of what is explained where that is more. Where a row is compared with ten rows or fewer, such as one
    blurred image, values come from a few hundred coalitions by quadrature instead. With link ``logit``, as shap has it, values divide the
    log-odds of the mean probability over the background, by quadrature beyond `exact_up_to`. Rows without finite outputs get NaN.
    """
    target, known = targets(block), finite(block)
    differentiable(block.subject)
    budget = Budget(estimator, pairs, most_pairs, precision, exact_up_to, link)
    inputs, streams = block.batch.values[known], [stream for stream, keep in zip(block.generators(), known, strict=True) if keep]
    parts = [
        (part.places, _explained(block.subject, inputs, part, target[known], streams, budget))
        for part in against(block.subject, inputs, state.background)
    ]
    return {"target": target.astype(np.int32), **filled(known, _in_order(parts))}


@dataclass(frozen=True)
class Budget:
    """The settings of the probe that say how much is spent on a row."""

    estimator: Literal["auto", "permutation", "quadrature", "shap_kernel", "shap_permutation"]
    pairs: int
    most_pairs: int
    precision: float
    exact_up_to: int
    link: LinkName


@dataclass(frozen=True)
class How:
    """The link; what makes it quick, the first layer where it is linear, rows to send at once; and the seed of shap's own coalitions."""

    link: Link | None
    first: FirstLayer | None
    chunk: int
    seed: int


def _explained(  # noqa: PLR0917  data first, then the budget
    subject: Subject,
    inputs: NDArray[Any],
    part: Against,
    target: NDArray[np.int64],
    streams: Sequence[np.random.Generator],
    budget: Budget,
) -> dict[str, NDArray[Any]]:
    """Columns of the rows of one part."""
    inputs, target, streams = inputs[part.places], target[part.places], [streams[place] for place in part.places]
    players, model = Players(subject.players.names, part.owner), differentiable(subject)
    with model.session(gradients=False) as raw:
        leaf = model.tensor(inputs)
        network, link = on_scale(raw, subject.facts, budget.link)
        how = How(link, first_layer_of(model, network, leaf), rows_at_once(model, inputs, gradients=False), subject.seed % 2**32)
        found = _estimated(network, leaf, model.tensor(part.absent), players, streams, budget, how)
        alone = network(model.tensor(part.absent)).cpu().double()
        spread = (alone if link is None else link(alone)).std(dim=0, unbiased=False).numpy()
    row = np.arange(len(inputs))
    values, total, base = found.values[row, :, target], found.total[row, target], found.base[target]
    gap = np.abs(values.sum(axis=1) - (total - base))
    measured: dict[str, NDArray[Any]] = {
        "values": values,
        "se": found.se[row, :, target],
        "background_se": found.background_se[row, :, target],
        "base": base,
        "total": total,
        "gap": gap,
    }
    measured |= {"relative_gap": relative(gap, total - base, spread[target])}
    precise = reached(found, spread, budget.precision)[row, target]
    return measured | {"evaluations": found.evaluations, "exact": found.exact.astype(np.int8), "precise": precise.astype(np.int8)}


def _estimated(  # noqa: PLR0917  what is explained, then how
    network: Network,
    inputs: Tensor,
    background: Tensor,
    players: Players,
    streams: Sequence[np.random.Generator],
    budget: Budget,
    how: How,
) -> ShapleyValues:
    size = len(players.names)
    if budget.estimator == "shap_kernel":
        return shapley_kernel(
            network, inputs, background, players.owner, players=size, seed=how.seed, chunk=how.chunk, link=how.link, first=how.first
        )
    if budget.estimator == "shap_permutation":
        if how.link is not None:
            raise MethodError("estimator 'shap_permutation' divides mean outputs; choose link 'identity', or estimator 'auto' or 'shap_kernel'")
        return shapley_permutation_like_shap(
            network, inputs, background, players.owner, players=size, seed=how.seed, chunk=how.chunk, first=how.first
        )
    walks = max(budget.pairs, -(-FEWEST_WALKS // len(background)))
    return shapley_values(
        network,
        inputs,
        background,
        players.owner,
        players=size,
        draws=[drawn_by(stream, len(background), size) for stream in streams],
        exact_up_to=budget.exact_up_to,
        pairs=walks,
        most_pairs=max(walks, budget.most_pairs),
        precision=budget.precision,
        estimator=budget.estimator,
        chunk=how.chunk,
        link=how.link,
        first=how.first,
    )


def _in_order(parts: Sequence[tuple[NDArray[np.int64], dict[str, NDArray[Any]]]]) -> dict[str, NDArray[Any]]:
    """The columns of all parts, each row in its place."""
    order = np.argsort(np.concatenate([places for places, _ in parts]), kind="stable")
    return {name: np.concatenate([columns[name] for _, columns in parts])[order] for name in parts[0][1]}


@shapley.prepare
def prepare(subject: Subject, *, background: int = 100, link: LinkName = "identity") -> Prepared:
    """Draw and encode the background once, and name the scale."""
    tables = {"players": {"name": list(subject.players.names)}, "scale": {"scale": [scale_words(subject.facts, link)]}}
    return Prepared(State(draw_background(subject, background)), tables)


@shapley.witness("shap")
def by_shap(block: Block, state: State, measured: Columns, *, pairs: int = 2, link: LinkName = "identity") -> Reference:
    """The same rows by shap, on the same background: enumerated where that is cheap, else by its antithetic permutations."""
    from audit.witnesses.by_shap import shap_values  # noqa: PLC0415  takes seconds to load and is needed for a few rows of a run only

    model, inputs, players = differentiable(block.subject), block.batch.values, len(block.subject.players.names)
    held = {int(place): part for part in against(block.subject, inputs, state.background) for place in part.places}
    found = []
    with model.session(gradients=False) as raw:
        network, linked = on_scale(raw, block.subject.facts, link)
        for place, (row, target) in enumerate(zip(inputs, measured["target"], strict=True)):

            def explained(rows: NDArray[Any], column: int = int(target)) -> NDArray[np.float64]:
                return np.asarray(network(model.tensor(rows))[:, column].cpu().double().numpy())

            def of_mean(mean: NDArray[np.float64]) -> NDArray[np.float64]:
                return mean if linked is None else np.asarray(linked(torch.from_numpy(mean)).numpy())

            part, seed = held[place], block.seed % 2**32
            shap_of = partial(shap_values, players=players, evaluations=WITNESS_EVALUATIONS, seed=seed, link=of_mean)
            found.append(shap_of(explained, row, part.absent, part.owner))
    return Reference(
        ours=measured["values"],
        theirs=np.stack([one.values for one in found]),
        se=np.sqrt(measured["se"] ** 2 + np.stack([one.se for one in found]) ** 2),
        scale=explained_size(measured),
        freedom=max(1, min([len(held[0].absent) * (_walks(held[0].absent, pairs) - 1), *(one.repetitions - 1 for one in found if one.repetitions)])),
    )


def _walks(background: NDArray[Any], pairs: int) -> int:
    """Orders for each background row."""
    return max(pairs, -(-FEWEST_WALKS // len(background)))

"""LIME of twins of a network: one that ignores a further raw column, and one that looks at the mean of a column and its copy."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from audit.data.dataset import RowBlock
from audit.decide import decide
from audit.errors import MethodError
from audit.explained import differentiable, explained_outputs, lime_targets
from audit.lime_columns import reference_of, samplers_of, spread_rows
from audit.methods.attribution.planted_twins import asymmetry, dummy_share
from audit.methods.lime.column_sampler import ColumnSampler
from audit.methods.lime.neighbourhood import column_codes, draw_neighbourhood
from audit.methods.lime.surrogate import surrogates
from audit.probe import Block
from audit.streams import generator
from audit.subject import Subject

Array = NDArray[np.float64]


@dataclass(frozen=True)
class LimeTwins:
    """Bins of the columns and of the copy, `codes` (sets, samples, columns + 1), and the explained outputs there, (sets, samples, k) each."""

    samplers: tuple[ColumnSampler, ...]
    column: int
    codes: NDArray[np.int64]
    ignoring: Array
    sharing: Array

    def measured(self, block: Block, known: NDArray[np.bool_]) -> tuple[Array, Array]:
        """Dummy share and asymmetry of the coefficients' means over sets, of the `known` rows."""
        own = column_codes(self.samplers, [block.rows.values[column.name][known] for column in block.subject.facts.schema.columns])
        own = np.concatenate([own, own[:, [self.column]]], axis=1)
        targets, totals = lime_targets(block)
        target, total = targets[known], totals[known]
        found = [
            np.mean(
                [surrogates(codes, part, target, own_codes=own, own_outputs=total).values for codes, part in zip(self.codes, outputs, strict=True)],
                axis=0,
            )
            for outputs in (self.ignoring, self.sharing)
        ]
        return dummy_share(found[0]), asymmetry(found[1], self.column)


def lime_twins(subject: Subject, player: int, *, samples: int, sets: int) -> LimeTwins:
    """Draw `sets` neighbourhoods of `samples` rows with a copy of one column, drawn on its own as LIME draws columns, and ask the twins.

    Raises MethodError where players are not the raw columns of a table, or outputs are not finite.
    """
    schema = subject.facts.schema
    if not all(column.single for column in schema.columns) or list(subject.players.names) != list(schema.names):
        raise MethodError("its twins are made for tables whose raw columns are the players")
    reference = reference_of(subject)
    samplers = samplers_of(subject, spread_rows(reference))
    drawn = [_drawn(subject, samplers, player, samples, f"lime twins {reference.digest} {number}") for number in range(sets)]
    codes, ignoring, sharing = (np.stack(part) for part in zip(*drawn, strict=True))
    return LimeTwins(samplers, player, codes, ignoring, sharing)


def _drawn(subject: Subject, samplers: tuple[ColumnSampler, ...], player: int, samples: int, purpose: str) -> tuple[NDArray[np.int64], Array, Array]:
    names = subject.facts.schema.names
    drawn = draw_neighbourhood((*samplers, samplers[player]), samples, generator=generator(subject.seed, purpose))
    rows = RowBlock(np.arange(samples, dtype=np.int64), dict(zip(names, drawn.values[:-1], strict=True)))
    copied = replace(rows, values={**rows.values, names[player]: drawn.values[-1]})
    own, other = subject.encode(rows).values, subject.encode(copied).values
    model = differentiable(subject)
    found = []
    with model.session(gradients=False) as network:
        for values in (own, (own + other) / 2):
            answers = explained_outputs(decide(network(model.tensor(values)).cpu().double().numpy(), subject.facts))
            if not np.isfinite(answers).all():
                raise MethodError("the network's outputs are not finite for some of the drawn rows")
            found.append(answers)
    return drawn.codes, found[0], found[1]

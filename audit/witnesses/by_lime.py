"""lime's own explainer on a few rows of a table, several times each, so that its spread is known."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from lime.lime_base import LimeBase
from lime.lime_tabular import LimeTabularExplainer
from numpy.typing import NDArray
from sklearn.metrics import pairwise_distances

from audit.data.dataset import ColumnSchema, RowBlock
from audit.left_out import LeftOut
from audit.methods.lime.column_sampler import Bins, ColumnSampler
from audit.methods.lime.presence import Scheme, draw_presence
from audit.witness import Reference

Floats = NDArray[np.float64]
Answer = Callable[[RowBlock], Floats]
"""Raw rows to explained outputs (m, k)."""
REPETITIONS = 4
"""Neighbourhoods that lime draws for each row."""
MENDED = "Bins of a single value were mended in lime's table: lime 0.2.0.1 puts a deviation from the mean there instead of the value."


@dataclass(frozen=True)
class LimeTable:
    """The reference data as lime takes it, and the way back to raw rows. Columns of levels, or with missing values, are `coded`."""

    names: Sequence[str]
    samplers: Sequence[ColumnSampler]
    coded: Sequence[int]
    values: Floats
    """(n, columns)."""
    compat: bool
    """Leave lime's fault in bins of a single value as it is."""

    @classmethod
    def of(cls, columns: Sequence[ColumnSchema], rows: RowBlock, samplers: Sequence[ColumnSampler], *, compat: bool) -> LimeTable:
        """The table of raw `rows`."""
        coded = [at for at, column in enumerate(columns) if column.kind != "numeric" or np.isnan(rows.values[column.name].astype(np.float64)).any()]
        names = [column.name for column in columns]
        return cls(names, samplers, coded, _numbers(names, samplers, coded, rows), compat)

    def numbers(self, rows: RowBlock) -> Floats:
        """Raw rows as lime takes them, (n, columns)."""
        return _numbers(self.names, self.samplers, self.coded, rows)

    def raw(self, drawn: Floats, rows: RowBlock, own: int, generator: np.random.Generator) -> RowBlock:
        """The rows lime drew, (m, columns), as raw rows; the first is row `own` of `rows` as it stands."""
        values: dict[str, NDArray[Any]] = {}
        for at, name in enumerate(self.names):
            held = drawn[:, at]
            if at in self.coded:
                codes = np.clip(held.astype(np.int64), 0, len(self.samplers[at].shares) - 1)
                held = self.samplers[at].values(codes, generator.random(len(codes)), lime_compat=self.compat)
            values[name] = held.astype(rows.values[name].dtype)
            values[name][0] = rows.values[name][own]
        return RowBlock(np.arange(len(drawn), dtype=np.int64), values)

    @property
    def note(self) -> str:
        """What was mended; empty when nothing was."""
        bins = [sampler for at, sampler in enumerate(self.samplers) if at not in self.coded and isinstance(sampler, Bins)]
        single = any((sampler.low == sampler.high).any() for sampler in bins)
        return MENDED if single and not self.compat else ""


def lime_runs(
    table: LimeTable,
    rows: RowBlock,
    answer: Answer,
    *,
    targets: NDArray[Any],
    probabilities: bool,
    samples: int,
    generators: Sequence[np.random.Generator],
) -> Floats:
    """Coefficients (rows, repetitions, columns) of all columns, each repetition on a neighbourhood of its own."""
    found = []
    for own, (row, generator) in enumerate(zip(table.numbers(rows), generators, strict=True)):

        def explained(drawn: Floats, own: int = own, generator: np.random.Generator = generator) -> Floats:
            outputs = answer(table.raw(drawn, rows, own, generator))
            return outputs if probabilities else outputs[:, 0]

        explainer = _explainer(table, probabilities=probabilities, seed=int(generator.integers(2**31)))
        found.append([_one_run(explainer, row, explained, int(targets[own]), probabilities, samples) for _ in range(REPETITIONS)])
    return np.array(found)


def presence_runs(rows: Sequence[LeftOut], *, samples: int, scheme: Scheme, generators: Sequence[np.random.Generator]) -> Floats:
    """Coefficients (rows, repetitions, players) by lime's own regression, kernel and cosine distance, on coalitions drawn for it."""
    base = LimeBase(lambda distances: np.sqrt(np.exp(-(distances**2) / 25**2)))
    found = np.zeros((len(rows), REPETITIONS, len(rows[0].subject.players.names) if rows else 0))
    for place, (row, generator) in enumerate(zip(rows, generators, strict=True)):
        varying = row.varying
        for repetition in range(REPETITIONS if len(varying) else 0):
            present = np.vstack([np.ones(len(varying), dtype=bool), draw_presence(len(varying), samples, scheme=scheme, generator=generator)])
            outputs = np.concatenate([[row.total], row.outputs(present[1:])])[:, None]
            distances = pairwise_distances(present.astype(float), np.ones((1, len(varying))), metric="cosine").ravel() * 100
            fit = base.explain_instance_with_data(present.astype(float), outputs, distances, 0, len(varying), feature_selection="none")
            for player, coefficient in fit[1]:
                found[place, repetition, varying[player]] = coefficient
    return found


def against_runs(ours: Floats, runs: Floats, *, sets: int, note: str) -> Reference:
    """Our means over `sets` neighbourhoods beside lime's, whose own spread serves for both; small ones are raised to the mean over rows."""
    repetitions = runs.shape[1]
    variance = runs.var(axis=1, ddof=1)
    variance = np.maximum(variance, variance.mean(axis=0))
    return Reference(
        ours=ours,
        theirs=runs.mean(axis=1),
        se=np.sqrt(variance * (1 / repetitions + 1 / sets)),
        scale=np.abs(runs).max(axis=(1, 2)),
        freedom=len(runs) * (repetitions - 1),
        note=note,
    )


def _numbers(names: Sequence[str], samplers: Sequence[ColumnSampler], coded: Sequence[int], rows: RowBlock) -> Floats:
    parts = [samplers[at].codes(rows.values[name]) if at in coded else rows.values[name] for at, name in enumerate(names)]
    return np.stack([part.astype(np.float64) for part in parts], axis=1)


def _explainer(table: LimeTable, *, probabilities: bool, seed: int) -> LimeTabularExplainer:
    explainer = LimeTabularExplainer(
        table.values,
        mode="classification" if probabilities else "regression",
        categorical_features=list(table.coded),
        feature_selection="none",
        random_state=seed,
    )
    if not table.compat and len(table.coded) < len(table.names):
        _mend(explainer.discretizer)
    return explainer


def _mend(bins: Any) -> None:
    """With mean 0 and deviation 1, the "deviations from the mean" that lime returns for a bin of one value are that value."""
    for column, low in bins.mins.items():
        single = np.asarray(low) == np.asarray(bins.maxs[column])
        bins.means[column] = np.where(single, 0.0, bins.means[column])
        bins.stds[column] = np.where(single, 1.0, bins.stds[column])


def _one_run(explainer: LimeTabularExplainer, row: Floats, explained: Any, target: int, probabilities: bool, samples: int) -> Floats:  # noqa: PLR0917
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # probabilities that add up to 1 only within float32
        answer = explainer.explain_instance(row, explained, labels=(target,), num_features=len(row), num_samples=samples)
    found = np.zeros(len(row))
    for column, coefficient in answer.local_exp[target if probabilities else 1]:
        found[column] = coefficient
    return found

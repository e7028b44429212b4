"""Whether rows that an explanation makes can be told from real rows, and whether what is answered there tells what is answered here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit.errors import MethodError

Array = NDArray[np.float64]
Integers = NDArray[np.int64]
TREES, LEAF_ROWS = 60, 3


@dataclass(frozen=True)
class Transfer:
    """Squared errors (n,) of two forests about the outputs of n real rows, over the variance of these outputs, out of fold.

    `own` was fitted to other real rows, `made` to rows made from other real rows.
    """

    own: Array
    made: Array


def folds_of(origins: int, folds: int, generator: np.random.Generator) -> Integers:
    """A fold for each origin, (origins,), of as equal size as can be; raises MethodError for fewer than two origins a fold."""
    if origins < 2 * folds:
        raise MethodError(f"{origins} rows are too few for {folds} folds")
    return generator.permutation(origins) % folds


def detector_scores(real: Array, made: Array, origin: Integers, fold: Integers, *, seed: int) -> Array:
    """How likely a forest holds each row to be made, real ones (n, entries) first, then `made` (m, entries), (n + m,), out of fold.

    Real row i is origin i, and `origin` (m,) is that of each made row; `fold` (n,) keeps all rows of an origin on one side.
    """
    entries, is_made = np.concatenate([real, made]), np.repeat([0, 1], [len(real), len(made)])
    side = np.concatenate([fold, fold[origin]])
    scores = np.zeros(len(entries))
    for held in np.unique(side):
        scores[side == held] = detector(entries[side != held], is_made[side != held], seed=seed).predict_proba(entries[side == held])[:, 1]
    return scores


def detector(entries: Array, is_made: Integers, *, seed: int) -> Any:
    """A random forest that tells made rows (1) from real ones (0)."""
    from sklearn.ensemble import RandomForestClassifier  # noqa: PLC0415  takes a second to load

    forest = RandomForestClassifier(TREES, min_samples_leaf=LEAF_ROWS, class_weight="balanced", random_state=seed, n_jobs=1)
    return forest.fit(entries, is_made)


def transfer(  # noqa: PLR0917  real rows, made rows, and what belongs together
    real: Array, outputs: Array, made: Array, answers: Array, origin: Integers, fold: Integers, *, seed: int
) -> Transfer | None:
    """Errors about `outputs` (n, k) of the `real` rows, of a forest fitted to them and of one fitted to `made` rows with `answers` (m, k).

    A network that is one function answers on made rows so that it can be learned from them; one that answers made rows otherwise does not.
    None where the outputs do not vary.
    """
    from sklearn.ensemble import RandomForestRegressor  # noqa: PLC0415

    variance = float(outputs.var(axis=0).sum())
    if variance <= (1e-9 * max(1.0, float(np.abs(outputs).max()))) ** 2:
        return None
    errors = np.zeros((2, len(real)))
    for held in np.unique(fold):
        out, inside, from_inside = fold == held, fold != held, fold[origin] != held
        for place, (entries, answered) in enumerate(((real[inside], outputs[inside]), (made[from_inside], answers[from_inside]))):
            forest = RandomForestRegressor(TREES, min_samples_leaf=LEAF_ROWS, random_state=seed, n_jobs=1)
            told = forest.fit(entries, answered[:, 0] if answered.shape[1] == 1 else answered).predict(real[out]).reshape(int(out.sum()), -1)
            errors[place, out] = ((told - outputs[out]) ** 2).sum(axis=1) / variance
    return Transfer(errors[0], errors[1])


def drawn_coalitions(generator: np.random.Generator, count: int, m: int) -> NDArray[np.bool_]:
    """Coalitions (count, m) of 1 to m − 1 players, with sizes as the Shapley kernel weighs them; raises MethodError for fewer than two players."""
    if m < 2:
        raise MethodError("with fewer than two players no row is made of two")
    sizes = np.arange(1, m)
    weight = 1 / (sizes * (m - sizes))
    size = generator.choice(sizes, size=count, p=weight / weight.sum())
    rank = generator.permuted(np.broadcast_to(np.arange(m), (count, m)), axis=1)
    return np.asarray(rank < size[:, None])


def kernel_regression(inside: NDArray[np.bool_], answers: Array) -> Array:
    """Coefficients (m,) of the straight line through `answers` (c,) of coalitions `inside` (c, m) that were drawn as the Shapley kernel weighs them.

    Estimates of Shapley values, but for what coalitions of nobody and of all would add. Lundberg & Lee 2017, arXiv:1705.07874.
    """
    centred = inside - inside.mean(axis=0)
    gram = centred.T @ centred
    found: Array = np.linalg.solve(gram + 1e-6 * (1 + np.trace(gram)) * np.eye(len(gram)), centred.T @ (answers - answers.mean()))
    return found


def least_half(scores: Array, stratum: Integers) -> NDArray[np.bool_]:
    """The half of each stratum with the least scores, (c,)."""
    kept = np.zeros(len(scores), dtype=np.bool_)
    for one in np.unique(stratum):
        places = np.flatnonzero(stratum == one)
        kept[places[np.argsort(scores[places], kind="stable")[: -(-len(places) // 2)]]] = True
    return kept

"""LIME's surrogate: a weighted ridge regression per explained row on "same bin as the row" columns, all rows on one neighbourhood."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from audit.errors import MethodError

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Selection = Literal["none", "forward_selection", "lasso_path", "highest_weights", "auto"]
FORWARD_UP_TO = 6
"""Columns up to which ``auto`` adds them one by one, as lime does; it takes the highest weights for more."""
SELECTION_PENALTY = 0.01
"""Ridge penalty of the regression that chooses columns, as in lime 0.2.0.1."""


@dataclass(frozen=True)
class Surrogate:
    """One linear model per explained row."""

    values: Floats
    """Coefficient of each column (n, columns): change of the surrogate when the column has the row's bin rather than another; 0 when not chosen."""
    intercept: Floats
    """Surrogate with no column in the row's bin, (n,)."""
    r2: Floats
    """Weighted coefficient of determination on the neighbourhood, (n,), at most 1; NaN where the outputs do not vary."""
    local: Floats
    """Surrogate at the row itself, (n,)."""


@dataclass(frozen=True)
class _Sums:
    """Weighted means, and products about them, of one row's regression."""

    mean: Floats
    output: float
    gram: Floats
    product: Floats
    total: float
    largest: float
    """Largest absolute output."""


Chooser = Callable[[_Sums], Integers]
SINGULAR = 1e-10
"""Share of its variation below which a column is determined by those already chosen."""


def surrogates(
    codes: Integers,
    outputs: Floats,
    target: Integers,
    *,
    own_codes: Integers,
    own_outputs: Floats,
    width: float | None = None,
    penalty: float = 1.0,
    selection: Selection = "none",
    columns: int | None = None,
) -> Surrogate:
    """Fit each of `n` rows to a shared neighbourhood of bins `codes` (m, d) with `outputs` (m, k), plus the row itself.

    `own_codes` (n, d) and `own_outputs` (n,) are of the explained rows, `target` (n,) the output explained for each. A drawn row that differs
    from the explained one in s columns has weight exp(-s / (2 width²)), with `width` 0.75 sqrt(d) unless given, and the row itself weight 1.
    Ridge `penalty` on the coefficients, none on the intercept. Of a `selection`, `columns` are kept, and the others have coefficient 0:
    ``highest_weights`` those with the largest coefficients at a penalty of 0.01, ``forward_selection`` one after the other the column that
    raises R² most, ``lasso_path`` those that enter the lasso's path (Efron et al. 2004, doi:10.1214/009053604000000067), at most as many;
    ``auto`` is forward selection up to 6 columns and highest weights beyond. The algorithm is that of lime 0.2.0.1; Ribeiro et al. 2016,
    arXiv:1602.04938. Raises MethodError for outputs that are not finite,
    and for a penalty of 0, which leaves columns that do not vary undetermined.
    """
    if not (np.isfinite(outputs).all() and np.isfinite(own_outputs).all()):
        raise MethodError("LIME fits finite outputs; some are not")
    if penalty <= 0:
        raise MethodError(f"the ridge penalty is {penalty}; expected a positive number")
    choose = chooser(selection, columns)
    count, d = len(own_codes), codes.shape[1]
    drawn, own = _compact(codes, own_codes)
    weigh = kernel_weights(d, width=width)
    values, intercept, r2, local = np.zeros((count, d)), np.zeros(count), np.zeros(count), np.zeros(count)
    for row in range(count):
        sums = _sums(drawn == own[row][:, None], outputs[:, target[row]], float(own_outputs[row]), weigh)
        kept = choose(sums)
        coefficients = _ridge(sums, kept, penalty)
        values[row, kept] = coefficients
        intercept[row] = sums.output - sums.mean[kept] @ coefficients
        local[row] = intercept[row] + coefficients.sum()
        r2[row] = _determination(sums, kept, coefficients)
    return Surrogate(values, intercept, r2, local)


def fit_presence(
    same: NDArray[np.bool_], outputs: Floats, own_output: float, *, weigh: Floats, penalty: float, choose: Chooser | None = None
) -> Surrogate:
    """One row's surrogate from what of it the drawn rows share, `same` (d, m), and their `outputs` (m,).

    `weigh` (d + 1,) is the weight of a drawn row by the number of players in which it differs; the row itself has weight 1. `choose` says
    which players are kept, all when None.
    """
    sums = _sums(same, outputs, own_output, weigh)
    kept = np.arange(len(same)) if choose is None else choose(sums)
    coefficients = _ridge(sums, kept, penalty)
    intercept = sums.output - sums.mean[kept] @ coefficients
    held = [np.array([value]) for value in (intercept, _determination(sums, kept, coefficients), intercept + coefficients.sum())]
    values = np.zeros((1, len(same)))
    values[0, kept] = coefficients
    return Surrogate(values, held[0], held[1], held[2])


def chooser(selection: Selection, columns: int | None) -> Chooser:
    """Which columns a `selection` keeps; raises MethodError for one that keeps no number of `columns`."""
    if selection == "none":
        return lambda sums: np.arange(len(sums.product))
    if columns is None or columns < 1:
        raise MethodError(f"selection {selection!r} keeps a number of columns; found {columns}")
    if selection == "lasso_path":
        return lambda sums: _on_lasso_path(sums, columns)
    if selection == "forward_selection" or (selection == "auto" and columns <= FORWARD_UP_TO):
        return lambda sums: _forward(sums, columns)
    return lambda sums: _highest(sums, columns)


def kernel_weights(columns: int, *, width: float | None = None) -> Floats:
    """Weight of a drawn row by the number of columns, 0 to `columns`, in which it differs from the explained row."""
    size = 0.75 * np.sqrt(columns) if width is None else width
    if size <= 0:
        raise MethodError(f"the kernel width is {size}; expected a positive number")
    return np.asarray(np.sqrt(np.exp(-np.arange(columns + 1) / size**2)))


def _compact(codes: Integers, own_codes: Integers) -> tuple[NDArray[Any], NDArray[Any]]:
    """Codes in the smallest type that holds them, the drawn rows turned so that comparing and adding up run along memory."""
    largest = max(int(part.max(initial=0)) for part in (codes, own_codes))
    small = np.min_scalar_type(largest)
    return np.ascontiguousarray(codes.T.astype(small)), own_codes.astype(small)


def _sums(same: NDArray[np.bool_], outputs: Floats, own: float, weigh: Floats) -> _Sums:
    """Sums over the drawn rows, `same` (d, m), and the explained row, which is the same as itself in all columns and has weight 1.

    Outputs are centred before they are squared; columns are 0 or 1 with weights of at most 1, so that centring their products afterwards costs no
    more than rounding.
    """
    d = len(same)
    weight = weigh[d - same.sum(axis=0, dtype=np.min_scalar_type(d)).astype(np.int64)]
    whole = weight.sum() + 1.0
    output = float(weight @ outputs + own) / whole
    away, lead = outputs - output, own - output
    scale = np.sqrt(weight)
    scaled = same * scale
    mean = (scaled @ scale + 1.0) / whole
    gram = scaled @ scaled.T + 1.0 - whole * np.outer(mean, mean)
    largest = max(float(np.abs(outputs).max(initial=0.0)), abs(own))
    return _Sums(mean, output, gram, scaled @ (scale * away) + lead, float(weight @ away**2 + lead**2), largest)


def _ridge(sums: _Sums, kept: Integers, penalty: float) -> Floats:
    gram = sums.gram[np.ix_(kept, kept)] + penalty * np.eye(len(kept))
    return np.asarray(np.linalg.solve(gram, sums.product[kept]))


def _highest(sums: _Sums, columns: int) -> Integers:
    size = np.abs(_ridge(sums, np.arange(len(sums.product)), SELECTION_PENALTY))
    return np.argsort(-size, kind="stable")[:columns]


def _forward(sums: _Sums, columns: int) -> Integers:
    """Columns one after the other, each the one that raises R² of an unpenalised regression most; all that vary when there are fewer.

    What is left of the others when one is taken out of them is one step of elimination; a column that the chosen ones determine has nothing left.
    """
    gram, product = sums.gram.copy(), sums.product.copy()
    least, chosen = SINGULAR * np.maximum(np.diag(sums.gram), 1.0), list[int]()
    while len(chosen) < min(columns, len(product)):
        size = np.diag(gram)
        open_ = (size > least) & ~np.isin(np.arange(len(product)), chosen)
        if not open_.any():
            break
        best = int(np.argmax(np.where(open_, product**2 / np.where(open_, size, 1.0), -1.0)))
        chosen.append(best)
        along = gram[:, best] / size[best]
        product = product - along * product[best]
        gram = gram - np.outer(along, gram[best])
    return np.array(chosen, dtype=np.int64)


def _on_lasso_path(sums: _Sums, columns: int) -> Integers:
    """Columns with a coefficient at the point of the lasso's path with the least penalty that has at most so many."""
    from sklearn.linear_model import lars_path_gram  # noqa: PLC0415  takes a second to load and few audits choose columns

    _, _, path = lars_path_gram(Xy=sums.product, Gram=sums.gram, n_samples=1, method="lasso")
    kept = [np.flatnonzero(step) for step in path.T]
    return np.asarray(next((found for found in reversed(kept) if len(found) <= columns), kept[0]), dtype=np.int64)


def _determination(sums: _Sums, kept: Integers, coefficients: Floats) -> float:
    """1 - residual / total sum of squares; outputs that differ by rounding only count as constant."""
    if sums.total <= (1e-12 * sums.largest) ** 2:
        return float("nan")
    gram, product = sums.gram[np.ix_(kept, kept)], sums.product[kept]
    residual = sums.total - 2 * coefficients @ product + coefficients @ gram @ coefficients
    return float(1 - residual / sums.total)

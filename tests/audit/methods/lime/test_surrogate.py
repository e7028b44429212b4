"""The surrogate is lime's own on injected samples, and a linear rule in closed form."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from lime.lime_base import LimeBase
from scipy.stats import spearmanr

from audit.errors import MethodError
from audit.methods.lime.stability import stability
from audit.methods.lime.surrogate import Surrogate, surrogates


def drawn(columns: int, rows: int = 400, explained: int = 5) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Codes, outputs of two classes, codes and outputs of the explained rows."""
    generator = np.random.default_rng(columns)
    codes, own = generator.integers(0, 4, (rows, columns)), generator.integers(0, 4, (explained, columns))
    outputs = generator.random((rows, 2)) + (codes == 1) @ np.linspace(-1, 1, 2 * columns).reshape(columns, 2)
    return codes, outputs, own, generator.random(explained)


def by_lime(codes: np.ndarray, outputs: np.ndarray, own: np.ndarray, own_output: float, *, selection: str, columns: int) -> tuple[Any, ...]:
    same = np.concatenate([np.ones((1, codes.shape[1])), codes == own])
    width = np.sqrt(codes.shape[1]) * 0.75
    base = LimeBase(lambda d: np.sqrt(np.exp(-(d**2) / width**2)), random_state=0)
    distances = np.sqrt(((same - same[0]) ** 2).sum(axis=1))
    return base.explain_instance_with_data(same, np.append(own_output, outputs)[:, None], distances, 0, columns, feature_selection=selection)


SELECTIONS = [
    ("highest_weights", 4),
    ("forward_selection", 4),
    ("lasso_path", 4),
    ("auto", 3),
    ("auto", 8),
    ("lasso_path", 30),
    ("forward_selection", 30),
]


@pytest.mark.parametrize(
    ("width", "selection", "kept"), [(1, "none", 1), (5, "none", 5), (12, "none", 12), *((12, *one) for one in SELECTIONS), (1, "lasso_path", 1)]
)
def test_the_surrogate_is_that_of_lime_on_the_same_samples(width: int, selection: Any, kept: int) -> None:
    codes, outputs, own, own_outputs = drawn(width)
    target = np.array([0, 1, 0, 1, 1])

    found = surrogates(codes, outputs, target, own_codes=own, own_outputs=own_outputs, selection=selection, columns=kept)

    for row in range(len(own)):
        intercept, pairs, score, local = by_lime(codes, outputs[:, target[row]], own[row], own_outputs[row], selection=selection, columns=kept)
        expected = np.zeros(width)
        expected[[column for column, _ in pairs]] = [value for _, value in pairs]
        np.testing.assert_allclose(found.values[row], expected, rtol=0, atol=1e-12)
        assert found.intercept[row] == pytest.approx(intercept, abs=1e-12)
        assert found.r2[row] == pytest.approx(score, abs=1e-12)
        assert found.local[row] == pytest.approx(local[0], abs=1e-12)


def test_a_rule_linear_in_the_bins_is_recovered_with_hardly_any_penalty() -> None:
    codes, _, own, _ = drawn(3)
    weights = np.array([1.5, -2.0, 0.0])
    outputs = ((codes == own[0]) @ weights + 0.25)[:, None]

    found = surrogates(codes, outputs, np.zeros(1, dtype=int), own_codes=own[:1], own_outputs=np.array([weights.sum() + 0.25]), penalty=1e-9)

    np.testing.assert_allclose(found.values[0], weights, atol=1e-9)
    assert found.intercept[0] == pytest.approx(0.25)
    assert found.r2[0] == pytest.approx(1.0)


def test_a_row_is_explained_alike_alone_and_in_company() -> None:
    codes, outputs, own, own_outputs = drawn(6)
    target = np.zeros(5, dtype=int)

    def fitted(part: slice) -> Surrogate:
        return surrogates(codes, outputs, target[part], own_codes=own[part], own_outputs=own_outputs[part])

    np.testing.assert_array_equal(fitted(slice(2, 3)).values[0], fitted(slice(None)).values[2])


def test_constant_outputs_have_no_coefficients_and_nothing_to_determine() -> None:
    codes, _, own, _ = drawn(4)

    found = surrogates(codes, np.full((400, 1), 0.3), np.zeros(5, dtype=int), own_codes=own, own_outputs=np.full(5, 0.3))

    np.testing.assert_allclose(found.values, 0, atol=1e-15)
    np.testing.assert_allclose(found.local, 0.3)
    assert np.isnan(found.r2).all()


def test_outputs_that_are_not_finite_are_refused() -> None:
    codes, outputs, own, own_outputs = drawn(2)
    outputs[3, 1] = np.inf

    with pytest.raises(MethodError, match="finite"):
        surrogates(codes, outputs, np.zeros(5, dtype=int), own_codes=own, own_outputs=own_outputs)


def test_a_column_that_never_varies_has_no_coefficient() -> None:
    codes, outputs, own, own_outputs = drawn(2)
    codes[:, 1] = own[:, 1] = 2

    found = surrogates(codes, outputs, np.zeros(5, dtype=int), own_codes=own, own_outputs=own_outputs)

    assert np.abs(found.values[:, 1]).max() < 1e-12


@pytest.mark.parametrize("penalty", [0.0, -1.0])
def test_a_penalty_that_leaves_coefficients_undetermined_is_refused(penalty: float) -> None:
    codes, outputs, own, own_outputs = drawn(2)

    with pytest.raises(MethodError, match="penalty"):
        surrogates(codes, outputs, np.zeros(5, dtype=int), own_codes=own, own_outputs=own_outputs, penalty=penalty)


def test_a_level_in_no_drawn_row_weighs_the_row_itself_only() -> None:
    codes, outputs, own, own_outputs = drawn(3)
    own[0, 1] = 200

    found = surrogates(codes, outputs, np.zeros(5, dtype=int), own_codes=own, own_outputs=own_outputs)

    intercept, pairs, score, _ = by_lime(codes, outputs[:, 0], own[0], own_outputs[0], selection="none", columns=3)
    np.testing.assert_allclose(found.values[0], [value for _, value in sorted(pairs)], rtol=0, atol=1e-12)
    assert (found.intercept[0], found.r2[0]) == pytest.approx((intercept, score), abs=1e-12)


def test_a_selection_without_a_number_of_columns_is_refused() -> None:
    codes, outputs, own, own_outputs = drawn(2)

    with pytest.raises(MethodError, match="highest_weights"):
        surrogates(codes, outputs, np.zeros(5, dtype=int), own_codes=own, own_outputs=own_outputs, selection="highest_weights")


def test_stability_averages_spearman_over_pairs_of_sets() -> None:
    values = np.random.default_rng(5).normal(size=(4, 3, 7))

    found = stability(values)

    pairs = [spearmanr(values[a, 1], values[b, 1]).statistic for a in range(4) for b in range(a)]
    assert found.rank_correlation[1] == pytest.approx(np.mean(pairs))
    assert found.se[2, 6] == pytest.approx(np.std(values[:, 2, 6], ddof=1) / 2)


def test_stability_of_one_set_is_unknown() -> None:
    found = stability(np.ones((1, 2, 3)))

    assert np.isnan(found.se).all()
    assert np.isnan(found.rank_correlation).all()


@pytest.mark.parametrize("selection", ["forward_selection", "lasso_path", "highest_weights"])
def test_columns_that_are_not_chosen_have_coefficient_zero(selection: Any) -> None:
    codes, outputs, own, own_outputs = drawn(9)

    found = surrogates(codes, outputs, np.zeros(5, dtype=int), own_codes=own, own_outputs=own_outputs, selection=selection, columns=2)

    assert ((found.values != 0).sum(axis=1) == 2).all()


def test_a_column_that_another_determines_is_not_chosen_beside_it() -> None:
    generator = np.random.default_rng(5)
    codes = generator.integers(0, 2, (300, 3))
    codes[:, 1] = codes[:, 0]
    outputs = (codes @ np.array([2.0, 0.0, 0.5]))[:, None]

    found = surrogates(
        codes,
        outputs,
        np.zeros(1, dtype=int),
        own_codes=np.ones((1, 3), dtype=int),
        own_outputs=np.array([2.5]),
        selection="forward_selection",
        columns=3,
    )

    assert found.values[0, 1] == 0
    assert found.values[0, 0] == pytest.approx(2.0, abs=0.1)

"""Columns are cut and drawn as lime does it, but for its fault in bins of a single value, which is there on request only."""

from __future__ import annotations

import numpy as np
import pytest
from lime.discretize import QuartileDiscretizer
from lime.lime_tabular import LimeTabularExplainer
from scipy.stats import chisquare, kstest, truncnorm

from audit.errors import MethodError
from audit.methods.lime.column_sampler import observed_levels, quartile_bins
from audit.methods.lime.neighbourhood import column_codes, draw_neighbourhood
from audit.methods.lime.surrogate import surrogates

ZERO_INFLATED = np.concatenate([np.full(60, 7.0), np.linspace(7.5, 20, 40)])


def skewed(rows: int = 300) -> np.ndarray:
    return np.random.default_rng(2).lognormal(sigma=1.5, size=rows)


@pytest.mark.parametrize("values", [skewed(), ZERO_INFLATED, np.arange(5.0), np.full(8, 3.0)])
def test_bins_are_those_of_lime(values: np.ndarray) -> None:
    theirs = QuartileDiscretizer(values[:, None], [], ["x"])

    ours = quartile_bins(values)

    np.testing.assert_array_equal(ours.codes(values), theirs.discretize(values[:, None])[:, 0])
    for found, expected in ((ours.mean, theirs.means), (ours.deviation, theirs.stds), (ours.low, theirs.mins), (ours.high, theirs.maxs)):
        np.testing.assert_array_equal(found, expected[0])


def test_values_within_a_bin_follow_the_truncated_normal_of_lime() -> None:
    bins = quartile_bins(skewed())
    uniform = np.random.default_rng(0).random(4000)

    for code in range(4):
        values = bins.values(np.full(4000, code), uniform, lime_compat=False)

        low, high = ((end - bins.mean[code]) / bins.deviation[code] for end in (bins.low[code], bins.high[code]))
        assert kstest(values, truncnorm(low, high, loc=bins.mean[code], scale=bins.deviation[code]).cdf).pvalue > 1e-3
        assert ((values >= bins.low[code]) & (values <= bins.high[code])).all()


def test_inversion_keeps_its_precision() -> None:
    bins, uniform = quartile_bins(skewed()), np.linspace(0.001, 0.999, 99)

    found = bins.values(np.full(99, 3), uniform, lime_compat=False)

    low, high = ((end - bins.mean[3]) / bins.deviation[3] for end in (bins.low[3], bins.high[3]))
    np.testing.assert_allclose(found, truncnorm.ppf(uniform, low, high, loc=bins.mean[3], scale=bins.deviation[3]), rtol=1e-10)


def test_a_bin_of_one_value_returns_it_and_lime_returns_a_deviation() -> None:
    bins, codes = quartile_bins(ZERO_INFLATED), np.zeros(3, dtype=np.int64)
    theirs = QuartileDiscretizer(ZERO_INFLATED[:, None], [], ["x"], random_state=0).get_undiscretize_values(0, codes)

    assert bins.values(codes, np.full(3, 0.4), lime_compat=False).tolist() == [7.0] * 3
    assert bins.values(codes, np.full(3, 0.4), lime_compat=True).tolist() == theirs.tolist() == [0.0] * 3


def test_missing_values_are_a_bin_of_their_own() -> None:
    bins = quartile_bins(np.array([1.0, 2.0, 3.0, 4.0, np.nan]))

    assert bins.codes(np.array([np.nan, 1.0])).tolist() == [4, 0]
    assert bins.shares[-1] == pytest.approx(0.2)
    assert np.isnan(bins.values(np.array([4]), np.array([0.5]), lime_compat=False)).all()


def test_bins_and_levels_are_drawn_by_their_share_in_the_reference_data() -> None:
    columns = [observed_levels(np.array(["a"] * 5 + ["b"] * 3 + [None] * 2, dtype=object)), quartile_bins(ZERO_INFLATED)]

    drawn = draw_neighbourhood(columns, 2000, generator=np.random.default_rng(1))

    assert chisquare(np.bincount(drawn.codes[:, 0], minlength=3), [1000, 600, 400]).pvalue > 1e-3
    assert (drawn.values[1] == 7.0).mean() == pytest.approx(0.6, abs=0.04)
    np.testing.assert_array_equal(column_codes(columns, drawn.values), drawn.codes)


def test_a_level_not_in_the_reference_data_is_in_no_drawn_row() -> None:
    levels = observed_levels(np.array(["a", "b"], dtype=object))

    assert levels.codes(np.array(["c", "b"], dtype=object)).tolist() == [2, 1]


def test_an_explanation_of_lime_is_reproduced_from_the_rows_it_drew() -> None:
    generator = np.random.default_rng(3)
    table = np.column_stack([skewed(), generator.normal(size=300), generator.integers(0, 3, 300)])
    seen: list[np.ndarray] = []

    def network(rows: np.ndarray) -> np.ndarray:
        seen.append(rows.copy())
        p = 1 / (1 + np.exp(-np.tanh(rows[:, 0]) - rows[:, 1] * (rows[:, 2] - 1)))
        return np.column_stack([1 - p, p])

    theirs = LimeTabularExplainer(table, categorical_features=[2], feature_selection="none", random_state=4, class_names=["0", "1"])
    explained = theirs.explain_instance(table[7], network, num_samples=1000, labels=(1,))

    rows, outputs = seen[0], network(seen[0])
    columns = [quartile_bins(table[:, 0]), quartile_bins(table[:, 1]), observed_levels(table[:, 2].astype(object))]
    codes = column_codes(columns, list(rows.T))
    ours = surrogates(codes[1:], outputs[1:], np.array([1]), own_codes=codes[:1], own_outputs=outputs[:1, 1])
    expected = [value for _, value in sorted(explained.local_exp[1])]
    np.testing.assert_allclose(ours.values[0], expected, rtol=0, atol=1e-12)
    assert ours.intercept[0] == pytest.approx(explained.intercept[1], abs=1e-12)
    assert ours.r2[0] == pytest.approx(explained.score, abs=1e-12)


def test_columns_without_values_are_refused() -> None:
    with pytest.raises(MethodError, match="finite reference values"):
        quartile_bins(np.array([np.nan]))
    with pytest.raises(MethodError, match="reference rows"):
        observed_levels(np.array([], dtype=object))
    with pytest.raises(MethodError, match="rows and columns"):
        draw_neighbourhood([], 3, generator=np.random.default_rng(0))

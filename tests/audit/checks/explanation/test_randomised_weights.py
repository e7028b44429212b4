"""`explanation.randomised_weights` on planted correlations."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from audit.checks.explanation.randomised_weights import randomised_weights
from audit.judge import judge
from tests.audit.checks.explanation.explained import at
from tests.audit.checks.explanation.tested import planted_tests

REDRAWS = [("shapley", "last")] * 2 + [("shapley", "all")] * 4


def correlations(everywhere, rows=20):
    return np.tile([0.8, -0.2, *everywhere], (rows, 1))


def test_means_are_over_redraws_and_so_is_the_interval(tmp_path):
    means = np.array([0.3, -0.1, 0.2, 0.0])

    evidence = randomised_weights(planted_tests(tmp_path, weights_correlation=correlations(means), redraws=REDRAWS))

    found = at(evidence, "rank_correlation", method="shapley", layers="all")
    half = stats.t.ppf(0.975, 3) * means.std(ddof=1) / 2
    assert (found.value, found.low, found.high) == pytest.approx((0.1, 0.1 - half, 0.1 + half))
    assert found.n == 20
    assert at(evidence, "redraw_deviation", method="shapley", layers="all").value == pytest.approx(means.std(ddof=1))
    assert at(evidence, "rank_correlation", method="shapley", layers="last").value == pytest.approx(0.3)
    assert judge(evidence, ()).status == "informative"


def test_what_stays_the_same_is_insensitive_to_weights(tmp_path):
    rows = planted_tests(tmp_path, weights_correlation=correlations([0.95, 0.9, 0.97, 0.93]), redraws=REDRAWS)

    verdict = judge(randomised_weights(rows), ())

    assert verdict.status == "attention"
    assert verdict.reason.startswith("Shapley: insensitive to weights.")
    assert not randomised_weights(rows, insensitive_above=0.96).blockers


def test_the_last_layer_alone_gives_no_blame(tmp_path):
    values = np.tile([0.95, 0.96, 0.0, 0.1, -0.1, 0.0], (9, 1))

    assert not randomised_weights(planted_tests(tmp_path, weights_correlation=values, redraws=REDRAWS)).blockers


def test_rows_without_an_order_are_left_out(tmp_path):
    values = correlations([0.3, -0.1, 0.2, 0.0])
    values[:5] = np.nan
    values[5:10, 2] = np.nan

    evidence = randomised_weights(planted_tests(tmp_path, weights_correlation=values, redraws=REDRAWS))

    assert at(evidence, "rank_correlation", layers="all").value == pytest.approx(0.1)
    assert at(evidence, "rank_correlation", layers="all").n == 15


def test_the_rise_of_the_entropy_has_an_interval_over_redraws_and_a_control(tmp_path):
    rises = np.array([0.3, 0.1, 0.2, 0.4])
    random = np.r_[np.linspace(0.4, 0.6, 18), np.nan, np.nan][:, None]
    values = {"entropy_rise": correlations(rises), "random_entropy_rise": random}

    rows = planted_tests(tmp_path, weights_correlation=correlations([0.3, -0.1, 0.2, 0.0]), redraws=REDRAWS, **values)
    evidence = randomised_weights(rows)

    found, control = at(evidence, "entropy_rise", method="shapley"), at(evidence, "random_entropy_rise", method="shapley")
    half = stats.t.ppf(0.975, 3) * rises.std(ddof=1) / 2
    assert (found.value, found.low, found.high) == pytest.approx((0.25, 0.25 - half, 0.25 + half))
    assert (control.value, control.n) == (pytest.approx(0.5), 18)
    assert not evidence.blockers


def test_without_weights_or_orders_nothing_is_measured(tmp_path):
    none = randomised_weights(planted_tests(tmp_path / "a", area=np.zeros((4, 4))))
    empty = randomised_weights(planted_tests(tmp_path / "b", weights_correlation=np.full((4, 6), np.nan), redraws=REDRAWS))

    assert "not at hand" in none.absent[0].reason
    assert not none.measurements
    assert not empty.measurements
    assert all("three columns must vary" in a.reason for a in empty.absent)

"""Gaps in bins against sums by hand, copies, and simulated coverage under perfect and faulty calibration."""

from __future__ import annotations

import numpy as np
import pytest

from audit.methods.fairness.score_calibration import bin_gaps, calibration_error_interval, error_by_chance


def gaps_of(stated, true, bins=10, **more):
    places = np.clip(np.searchsorted(np.quantile(stated, np.arange(1, bins) / bins), stated), 0, bins - 1)
    return bin_gaps(stated, true, places, **more)


def test_the_error_is_the_mean_gap_by_hand():
    """Bin 0: stated 0.2, observed 1/4 of 4 rows; bin 3: stated 0.8, observed 1/2 of 2 rows: (4 · 0.05 + 2 · 0.3) / 6."""
    stated, true = np.array([0.2] * 4 + [0.8] * 2), np.array([1, 0, 0, 0, 1, 0], dtype=bool)

    assert bin_gaps(stated, true, np.array([0] * 4 + [3] * 2)).error == pytest.approx(0.8 / 6)


def test_weights_are_copies_in_the_value():
    stated, true, bins = np.array([0.2, 0.4, 0.9]), np.array([False, True, True]), np.array([0, 0, 1])
    copies = np.repeat(np.arange(3), [1, 3, 2])

    weighted = bin_gaps(stated, true, bins, np.array([1.0, 3.0, 2.0]))

    assert weighted.error == pytest.approx(bin_gaps(stated[copies], true[copies], bins[copies]).error)


def test_clusters_of_one_row_are_rows_and_of_copies_count_once():
    generator = np.random.default_rng(0)
    stated = generator.uniform(0.1, 0.9, 400)
    true, bins = generator.uniform(size=400) < stated**2, np.floor(stated * 8).astype(int)
    plain = bin_gaps(stated, true, bins)

    single = bin_gaps(stated, true, bins, clusters=np.arange(400))
    copies = bin_gaps(np.repeat(stated, 4), np.repeat(true, 4), np.repeat(bins, 4), clusters=np.repeat(np.arange(400), 4))

    assert np.diag(single.covariance) == pytest.approx(np.diag(plain.covariance), rel=0.1)  # n / (n - 1) by bin or in all
    assert np.trace(copies.covariance) == pytest.approx(np.trace(single.covariance), rel=0.1)


def test_covariance_between_bins_is_that_of_cluster_sums():
    """Against the outer product of each cluster's sums, written out."""
    generator = np.random.default_rng(1)
    stated, clusters = generator.uniform(0.2, 0.8, 300), generator.integers(0, 40, 300)
    true, bins = generator.uniform(size=300) < 0.5, generator.integers(0, 3, 300)
    off = np.zeros((40, 3))
    for c in range(40):
        for b in range(3):
            mine = (clusters == c) & (bins == b)
            gap = (true[bins == b] - stated[bins == b]).mean()
            off[c, b] = (true[mine] - stated[mine] - gap).sum() / 300
    expected = off.T @ off * 40 / 39

    found = bin_gaps(stated, true, bins, clusters=clusters).covariance

    lifted = np.sqrt(np.diag(found) / np.diag(expected))
    assert (lifted >= 1 - 1e-9).all()
    assert found == pytest.approx(expected * np.outer(lifted, lifted))


def test_a_bin_with_one_kind_of_outcome_is_not_certain():
    held = calibration_error_interval(gaps_of(np.full(50, 0.05), np.zeros(50, bool), bins=1), generator=np.random.default_rng(0), what="")

    assert held.low == 0
    assert held.high > 0.1


def test_the_value_by_chance_is_the_mean_of_calibrated_draws():
    generator = np.random.default_rng(0)
    stated = generator.uniform(0, 1, 600)
    drawn = [gaps_of(stated, generator.uniform(size=600) < stated).error for _ in range(400)]

    chance = error_by_chance(gaps_of(stated, generator.uniform(size=600) < stated))

    assert chance == pytest.approx(np.mean(drawn), rel=0.06)


@pytest.mark.slow
@pytest.mark.parametrize("bend", [1.0, 1.15, 2.0])
@pytest.mark.parametrize("copies", [1, 3])
def test_the_interval_covers_under_any_calibration(bend, copies):
    """Stated p comes true with probability p ** bend; the truth is the mean gap of the true probabilities in the bins."""
    generator, hits, runs = np.random.default_rng(4), 0, 300
    for _ in range(runs):
        stated = generator.uniform(0, 1, 400)
        true = generator.uniform(size=400) < stated**bend
        places = np.floor(stated * 10).astype(int)
        truth = sum(abs((stated[places == b] ** bend - stated[places == b]).sum()) for b in range(10)) / 400
        clusters = None if copies == 1 else np.repeat(np.arange(400), copies)
        gaps = bin_gaps(np.repeat(stated, copies), np.repeat(true, copies), np.repeat(places, copies), clusters=clusters)
        held = calibration_error_interval(gaps, generator=generator, draws=1000, what="")
        hits += held.low <= truth <= held.high

    assert hits / runs > 0.94

"""Rates of classes: two ways of counting agree, macro gaps cover, equal groups are not told apart."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.methods.fairness.one_vs_rest import RATES, Labelled, balanced_accuracy, class_shares, macro_gap
from audit.methods.statistics.intervals import Interval


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(-1, 2), st.integers(-1, 2)), min_size=2, max_size=40))
def test_the_table_of_counts_and_the_weighted_way_agree(rows: list[tuple[int, int, int]]) -> None:
    labels, decisions, codes = (np.array(column, dtype=np.int64) for column in zip(*rows, strict=True))
    apart = np.arange(len(labels))

    counted = class_shares(Labelled(labels, decisions, codes, None, None), groups=3, classes=3)
    weighed = class_shares(Labelled(labels, decisions, codes, np.ones(len(labels)), apart), groups=3, classes=3)

    for name in RATES:
        for group in range(3):
            for one, other in zip(counted[name][group], weighed[name][group], strict=True):
                assert one.rows == other.rows
                assert one.rows == 0 or one.value == pytest.approx(other.value)


@pytest.mark.slow
@pytest.mark.parametrize("accuracy", [(0.8, 0.8), (0.8, 0.6)])
def test_macro_gaps_cover_in_nineteen_of_twenty_samples_at_least(accuracy: tuple[float, float]) -> None:
    generator = np.random.default_rng(3)
    covered = 0
    for _ in range(400):
        labels, codes = generator.integers(0, 3, 400), np.arange(400) % 2
        right = generator.random(400) < np.array(accuracy)[codes]
        rows = Labelled(labels, np.where(right, labels, (labels + 1) % 3), codes, None, None)
        shares = class_shares(rows, groups=2, classes=3)["true_positive_rate"]
        found = macro_gap(rows, (shares[0], shares[1]), "true_positive_rate", generator=generator, resamples=300)
        assert isinstance(found, Interval)
        covered += found.low <= accuracy[0] - accuracy[1] <= found.high

    assert covered / 400 >= 0.95


@pytest.mark.slow
def test_balanced_accuracy_covers_in_nineteen_of_twenty_samples() -> None:
    generator = np.random.default_rng(4)
    covered, truth = 0, (0.9 + 0.7 + 0.5) / 3
    for _ in range(2000):
        labels = generator.integers(0, 3, 200)
        right = generator.random(200) < np.array([0.9, 0.7, 0.5])[labels]
        rows = Labelled(labels, np.where(right, labels, (labels + 1) % 3), np.zeros(200, dtype=np.int64), None, None)
        found = balanced_accuracy(class_shares(rows, groups=1, classes=3)["true_positive_rate"][0], rows, 0)
        assert isinstance(found, Interval)
        covered += found.low <= truth <= found.high

    assert 0.93 <= covered / 2000 <= 0.975

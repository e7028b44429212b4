"""Rates of several labels agree with scikit-learn's, and their intervals with a bootstrap of rows and with what they must cover."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import f1_score, hamming_loss, precision_score, recall_score

from audit.methods.statistics.intervals import Interval, Undefined
from audit.methods.statistics.label_intervals import exact_interval, hamming_interval, label_interval, macro_interval, micro_interval
from audit.methods.statistics.label_rates import RATES, LabelRows, label_rate, macro_rate

ORACLES = {"true_positive_rate": recall_score, "positive_predictive_value": precision_score, "f1": f1_score}


def made(n: int, seed: int, *, labels: int = 3, weights: bool = False) -> LabelRows:
    generator = np.random.default_rng(seed)
    shared = generator.normal(size=(n, 1))
    truth = (shared + generator.normal(size=(n, labels)) > 0.3).astype(np.int8)
    given = np.where(generator.random((n, labels)) < 0.8, truth, 1 - truth).astype(np.int8)
    return LabelRows(truth, given, generator.uniform(0.5, 3, n) if weights else None)


def value(estimate: Interval | Undefined) -> float:
    assert isinstance(estimate, Interval)
    return estimate.value


@pytest.mark.parametrize("weights", [False, True])
@pytest.mark.parametrize("name", ORACLES)
def test_rates_are_those_of_scikit_learn(name: str, weights: bool) -> None:
    rows = made(300, 4, weights=weights)
    oracle = ORACLES[name]

    alone = [value(label_interval(rows, name, label)) for label in range(3)]

    assert alone == pytest.approx(oracle(rows.labels, rows.decisions, average=None, sample_weight=rows.weights))
    assert value(macro_interval(rows, name)) == pytest.approx(oracle(rows.labels, rows.decisions, average="macro", sample_weight=rows.weights))
    assert value(micro_interval(rows, name)) == pytest.approx(oracle(rows.labels, rows.decisions, average="micro", sample_weight=rows.weights))


def test_exact_match_and_hamming_loss_are_counted_by_hand() -> None:
    rows = LabelRows(np.array([[1, 0], [1, 1], [0, 0], [1, -1]], np.int8), np.array([[1, 0], [1, 0], [1, 1], [1, 0]], np.int8))

    assert value(exact_interval(rows)) == pytest.approx(1 / 3)
    assert value(hamming_interval(rows)) == pytest.approx(hamming_loss(rows.labels[:3], rows.decisions[:3]))
    assert value(label_interval(rows, "true_positive_rate", 1)) == 0
    assert value(label_interval(rows, "decision_rate", 1)) == pytest.approx(1 / 4)


@given(st.integers(1, 30), st.data())
def test_every_interval_holds_its_value_and_stays_inside_0_and_1(n: int, data: st.DataObject) -> None:
    draw = arrays(np.int8, (n, 2), elements=st.integers(-1, 1))
    rows = LabelRows(data.draw(draw), data.draw(draw))

    found = [label_interval(rows, name, 0) for name in RATES] + [macro_interval(rows, name) for name in RATES]
    found += [micro_interval(rows, name) for name in RATES] + [exact_interval(rows), hamming_interval(rows)]

    for one in found:
        assert isinstance(one, Undefined) or 0 <= one.low <= one.value <= one.high <= 1


def test_a_label_nobody_carries_leaves_no_mean_over_the_labels() -> None:
    rows = LabelRows(np.array([[1, 0], [0, 0]], np.int8), np.array([[1, 0], [0, 0]], np.int8))

    held = macro_interval(rows, "true_positive_rate")

    assert isinstance(held, Undefined)
    assert held.reason == "There are no rows with this label for label 2 of 2."


def test_rates_that_are_all_one_keep_an_interval_with_width() -> None:
    truth = np.array([[1, 1], [1, 1], [0, 1], [1, 0]] * 5, np.int8)

    held = macro_interval(LabelRows(truth, truth), "true_positive_rate")

    assert isinstance(held, Interval)
    assert held.value == held.high == 1
    assert held.low < 0.85


@pytest.mark.parametrize("name", RATES)
def test_the_influence_of_rows_adds_up_to_nothing_and_predicts_leaving_one_out(name: str) -> None:
    rows = made(400, 9, weights=True)

    held = macro_rate(rows, name)
    left = macro_rate(rows.of(np.arange(400) != 17), name)

    assert not isinstance(held, Undefined)
    assert not isinstance(left, Undefined)
    assert rows.weights is not None
    assert rows.weights @ held.influence == pytest.approx(0, abs=1e-9)
    share = rows.weights[17] / rows.weights.sum()
    assert held.value - left.value == pytest.approx(share * held.influence[17], rel=0.05, abs=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("clustered", [False, True])
@pytest.mark.parametrize("name", ["true_positive_rate", "f1"])
def test_intervals_of_macro_rates_cover(name: str, clustered: bool) -> None:
    generator = np.random.default_rng(31)
    truth = macro_rate(made(400_000, 1), name)
    assert not isinstance(truth, Undefined)
    held = 0
    for seed in generator.integers(0, 2**31, 400):
        rows = made(120, int(seed))
        if clustered:  # every row twice: 120 clusters of two
            rows = LabelRows(np.repeat(rows.labels, 2, axis=0), np.repeat(rows.decisions, 2, axis=0), None, np.repeat(np.arange(120), 2))  # type: ignore[arg-type]
        found = macro_interval(rows, name)
        assert isinstance(found, Interval)
        held += found.low <= truth.value <= found.high

    assert 0.92 <= held / 400 <= 0.98


def test_a_rate_rests_on_the_rows_it_counts_among() -> None:
    held = label_rate(made(200, 2), "true_positive_rate", 0)

    assert not isinstance(held, Undefined)
    assert held.base == int((made(200, 2).labels[:, 0] == 1).sum())  # type: ignore[index]

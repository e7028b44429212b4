"""Metrics from counts: fairlearn's values bit for bit, the bootstrap of rows in distribution, and nothing undefined passed off as a number."""

from __future__ import annotations

import fairlearn.metrics as fl
import numpy as np
import pytest
from sklearn.metrics import accuracy_score

from audit.errors import MethodError
from audit.methods.fairness.group_metrics import METRICS, added, count_groups, group_metrics
from audit.methods.fairness.metric_frames import metric_frame, read_metric_frame
from audit.methods.statistics.intervals import Interval, Undefined

FAIRLEARN = {
    "selection_rate": fl.selection_rate,
    "true_positive_rate": fl.true_positive_rate,
    "false_negative_rate": fl.false_negative_rate,
    "false_positive_rate": fl.false_positive_rate,
    "true_negative_rate": fl.true_negative_rate,
    "accuracy": accuracy_score,
}


def drawn(n: int = 4000, seed: int = 0) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    attributes = {"sex": np.array(["f", "m"], dtype=object)[generator.integers(0, 2, n)], "race": np.array(list("abc"))[generator.integers(0, 3, n)]}
    return attributes, generator.integers(0, 2, n), generator.integers(0, 2, n)


def test_values_are_those_of_fairlearn_bit_for_bit() -> None:
    attributes, labels, decisions = drawn()
    frame = fl.MetricFrame(metrics=FAIRLEARN, y_true=labels, y_pred=decisions, sensitive_features=attributes)

    found = group_metrics(count_groups(attributes, labels, decisions), list(FAIRLEARN), generator=np.random.default_rng(1), resamples=50)

    for name, estimates in zip(found.names, found.by_group, strict=True):
        for group, estimate in zip(found.table.groups, estimates, strict=True):
            assert isinstance(estimate, Interval)
            assert estimate.value == frame.by_group[name][group]
    differences = frame.difference()
    for name, apart in zip(found.names, found.largest_difference, strict=True):
        assert isinstance(apart, Interval)
        assert apart.value == differences[name]


def test_resampled_tables_have_the_spread_of_resampled_rows() -> None:
    attributes, labels, decisions = drawn(800)
    table = count_groups(attributes, labels, decisions)
    found = group_metrics(table, ["true_positive_rate"], generator=np.random.default_rng(1), resamples=4000).by_group[0]

    for group, estimate in zip(table.groups, found, strict=True):
        mine = (attributes["sex"] == group[0]) & (attributes["race"] == group[1]) & (labels == 1)
        p, n = decisions[mine].mean(), mine.sum()
        assert isinstance(estimate, Interval)
        assert estimate.high - estimate.low == pytest.approx(2 * 1.96 * np.sqrt(p * (1 - p) / n), rel=0.1)


def test_few_rows_have_the_exact_interval_and_no_part_in_the_difference() -> None:
    attributes = {"g": np.repeat(["big", "other", "tiny"], [500, 500, 4])}
    decisions = np.concatenate([np.arange(500) % 2, np.arange(500) % 4 == 0, [1, 1, 1, 1]]).astype(int)

    found = group_metrics(count_groups(attributes, decisions, decisions), ["selection_rate"], generator=np.random.default_rng(0))

    tiny = found.by_group[0][2]
    assert isinstance(tiny, Interval)
    assert "Clopper-Pearson" in tiny.method
    apart = found.largest_difference[0]
    assert isinstance(apart, Interval)
    assert apart.value == pytest.approx(0.25)


def test_a_group_without_positives_has_no_true_positive_rate() -> None:
    table = count_groups({"g": np.repeat(["a", "b"], 50)}, np.repeat([0, 1], 50), np.tile([0, 1], 50))

    rates = group_metrics(table, ["true_positive_rate"], generator=np.random.default_rng(0))

    assert isinstance(rates.by_group[0][0], Undefined)
    assert isinstance(rates.largest_difference[0], Undefined)


def test_every_metric_is_complete_with_its_complement() -> None:
    table = count_groups(*drawn())
    pairs = [
        ("true_positive_rate", "false_negative_rate"),
        ("false_positive_rate", "true_negative_rate"),
        ("positive_predictive_value", "false_discovery_rate"),
        ("negative_predictive_value", "false_omission_rate"),
    ]

    for one, other in pairs:
        (hits, base), (rest, same) = METRICS[one].of(table.counts), METRICS[other].of(table.counts)
        assert (hits + rest == base).all()
        assert (base == same).all()


def test_missing_memberships_are_left_out_and_odd_values_refused() -> None:
    attributes = {"g": np.array(["a", None, "b", "a"], dtype=object)}

    assert count_groups(attributes, np.ones(4), np.ones(4)).counts.sum() == 3
    with pytest.raises(MethodError, match="0 or 1"):
        count_groups(attributes, np.array([0, 1, 2, 1]), np.ones(4))
    with pytest.raises(MethodError, match="one length"):
        count_groups(attributes, np.ones(3), np.ones(4))
    with pytest.raises(MethodError, match="selection_rate"):
        group_metrics(count_groups(attributes, np.ones(4), np.ones(4)), ["selction_rate"], generator=np.random.default_rng(0))


def test_a_frame_of_fairlearn_is_read_with_intervals() -> None:
    attributes, labels, decisions = drawn(300)
    metrics = {"selection_rate": fl.selection_rate, "tpr": fl.true_positive_rate, "n": fl.count, "positives": lambda y, _: int(y.sum())}
    frame = fl.MetricFrame(metrics=metrics, y_true=labels, y_pred=decisions, sensitive_features=attributes)

    rates, odds = read_metric_frame(frame, "selection_rate", counts="n"), read_metric_frame(frame, "tpr", counts="positives")

    ours = group_metrics(count_groups(attributes, labels, decisions), ["selection_rate"], generator=np.random.default_rng(0))
    for group, estimate in zip(ours.table.groups, ours.by_group[0], strict=True):
        held = rates.by_group[group]
        assert isinstance(held, Interval)
        assert isinstance(estimate, Interval)
        assert held.value == pytest.approx(estimate.value, abs=1e-12)
        assert held.low < held.value < held.high
    gap = odds.difference(("f", "a"), ("m", "a"))
    assert isinstance(gap, Interval)
    assert gap.value == pytest.approx(frame.by_group["tpr"]["f", "a"] - frame.by_group["tpr"]["m", "a"])
    assert isinstance(odds.ratio(("f", "a"), ("m", "a")), Interval)


def test_a_frame_cannot_pass_off_an_empty_denominator_as_zero() -> None:
    metrics = {"tpr": fl.true_positive_rate, "positives": lambda y, _: int(y.sum()), "n": fl.count}
    asked = {"y_true": np.repeat([0, 1], 20), "y_pred": np.ones(40, dtype=int), "sensitive_features": {"g": np.repeat(["a", "b"], 20)}}
    frame = fl.MetricFrame(metrics=metrics, **asked)

    assert frame.by_group["tpr"]["a"] == 0
    assert isinstance(read_metric_frame(frame, "tpr", counts="positives").by_group[("a",)], Undefined)
    with pytest.raises(MethodError, match="no metric 'trp'"):
        read_metric_frame(frame, "trp", counts="n")


def test_a_wrong_denominator_is_noticed() -> None:
    attributes, labels, decisions = drawn(301)
    frame = fl.MetricFrame(metrics={"tpr": fl.true_positive_rate, "n": fl.count}, y_true=labels, y_pred=decisions, sensitive_features=attributes)

    with pytest.raises(MethodError, match="own denominator"):
        read_metric_frame(frame, "tpr", counts="n")


def test_a_frame_made_from_counts_has_the_values_of_one_made_from_rows() -> None:
    attributes, labels, decisions = drawn(500)
    from_rows = fl.MetricFrame(metrics=FAIRLEARN, y_true=labels, y_pred=decisions, sensitive_features=attributes)

    from_counts = metric_frame(count_groups(attributes, labels, decisions), list(FAIRLEARN))

    for name in FAIRLEARN:
        np.testing.assert_allclose(from_counts.by_group[name].astype(float), from_rows.by_group[name].astype(float), atol=1e-15)
    np.testing.assert_allclose(from_counts.overall.astype(float), from_rows.overall.astype(float), atol=1e-15)


def test_blocks_add_up_to_the_table_of_all_rows() -> None:
    attributes, labels, decisions = drawn(999)
    whole = count_groups(attributes, labels, decisions)
    parts = [slice(start, start + 100) for start in range(0, 999, 100)]

    found = added(count_groups({name: column[part] for name, column in attributes.items()}, labels[part], decisions[part]) for part in parts)

    assert found.groups == whole.groups
    np.testing.assert_array_equal(found.counts, whole.counts)
    with pytest.raises(MethodError, match="no block"):
        added([])

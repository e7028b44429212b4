"""Count tables and rates: enumeration, fairlearn, and the faults of other tools."""

from __future__ import annotations

import numpy as np
import pytest
from fairlearn.metrics import MetricFrame, false_positive_rate, selection_rate, true_positive_rate
from hypothesis import given
from hypothesis import strategies as st

from audit.errors import MethodError
from audit.methods.fairness.counts import RATES, Confusion, count_table, rate
from audit.methods.fairness.rates import rate_masks
from audit.methods.statistics.group_shares import group_shares
from audit.methods.statistics.intervals import Undefined


@given(st.lists(st.tuples(st.integers(-1, 2), st.integers(-1, 1)), max_size=30))
def test_the_table_counts_every_row_once_unknown_last(rows):
    table = count_table(*(np.array([row[i] for row in rows], dtype=np.int64) for i in range(2)), sizes=(3, 2))

    for a in range(-1, 3):
        for b in range(-1, 2):
            assert table[a, b] == rows.count((a, b))


def test_codes_outside_their_levels_are_refused():
    with pytest.raises(MethodError, match="expected -1 to 1"):
        count_table(np.array([0, 2]), sizes=(2,))


def test_rates_agree_with_fairlearn():
    generator = np.random.default_rng(0)
    labels, decisions, codes = generator.integers(0, 2, 500), generator.integers(0, 2, 500), generator.integers(0, 3, 500)
    metrics = {"true_positive_rate": true_positive_rate, "false_positive_rate": false_positive_rate}
    frame = MetricFrame(metrics=metrics | {"selection_rate": selection_rate}, y_true=labels, y_pred=decisions, sensitive_features=codes)
    masks = rate_masks(labels == 1, decisions == 1, np.ones(500, dtype=bool))

    for name in metrics:
        shares = group_shares(masks[name].hits, codes, 3, base=masks[name].base)
        assert [share.value for share in shares] == pytest.approx(frame.by_group[name].tolist())
    assert [s.value for s in group_shares(decisions == 1, codes, 3)] == pytest.approx(frame.by_group["selection_rate"].tolist())


def test_a_perfect_classifier_has_true_positive_rate_one_in_groups_of_900_and_100():
    labels = np.tile([1, 0], 500)
    codes = np.repeat([0, 1], [900, 100])
    mask = rate_masks(labels == 1, labels == 1, np.ones(1000, dtype=bool))["true_positive_rate"]

    assert [share.value for share in group_shares(mask.hits, codes, 2, base=mask.base)] == [1.0, 1.0]


def test_rates_without_a_denominator_are_undefined_not_zero():
    nobody_positive = Confusion(0, 3, 7, 0)

    for name in ("true_positive_rate", "false_negative_rate"):
        assert rate(nobody_positive, name) == Undefined("There are no rows with a favourable label.", 10)


@given(st.tuples(*[st.integers(0, 9)] * 4))
def test_complementary_rates_add_to_one(cells):
    confusion = Confusion(*cells)

    for one, other in (("true_positive_rate", "false_negative_rate"), ("false_positive_rate", "true_negative_rate")):
        first, second = rate(confusion, one), rate(confusion, other)
        assert isinstance(first, Undefined) == isinstance(second, Undefined)
        if not isinstance(first, Undefined):
            assert first.successes + second.successes == first.total


def test_every_rate_of_a_hand_counted_table():
    found = {name: rate(Confusion(6, 2, 8, 4), name) for name in RATES}

    assert {name: (share.successes, share.total) for name, share in found.items()} == {
        "selection_rate": (8, 20),
        "true_positive_rate": (6, 10),
        "false_negative_rate": (4, 10),
        "false_positive_rate": (2, 10),
        "true_negative_rate": (8, 10),
        "positive_predictive_value": (6, 8),
        "negative_predictive_value": (8, 12),
        "accuracy": (14, 20),
    }

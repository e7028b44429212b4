"""`explanation.agreement` on planted attributions."""

from __future__ import annotations

import numpy as np
import pytest

from audit.checks.explanation.agreement import agreement
from tests.audit.checks.explanation.explained import at, explained

GENERATOR = np.random.default_rng(0)
VALUES = GENERATOR.normal(size=(60, 8))


def test_equal_explanations_agree_wholly_and_reversed_ones_not_at_all(tmp_path):
    same = agreement(explained(tmp_path / "a", shapley=(VALUES, {}), gradients=(3 * VALUES, {})))
    reversed_ = agreement(explained(tmp_path / "b", shapley=(VALUES, {}), gradients=(-VALUES, {})))

    assert {m.name: m.value for m in same.measurements} == pytest.approx({"rank_correlation": 1, "sign_agreement": 1, "top_overlap": 1})
    assert at(reversed_, "rank_correlation").value == pytest.approx(-1)
    assert at(reversed_, "sign_agreement").value == 0
    assert at(reversed_, "top_overlap").value == 1


def test_unrelated_explanations_agree_as_by_chance(tmp_path):
    evidence = agreement(explained(tmp_path, shapley=(VALUES, {}), gradients=(GENERATOR.normal(size=VALUES.shape), {})))

    found = at(evidence, "rank_correlation")
    assert found.low < 0 < found.high


def test_only_rows_that_both_explained_are_compared(tmp_path):
    other = VALUES[20:50].copy()
    other[:10] *= -1
    rows = explained(
        tmp_path,
        n=60,
        shapley=(VALUES[10:40], {"positions": np.arange(10, 40)}),
        gradients=(other, {"positions": np.arange(20, 50)}),
    )

    found = at(agreement(rows), "rank_correlation")

    assert found.n == 20
    assert found.value == pytest.approx(0, abs=1e-12)


def test_a_row_counts_by_the_chance_of_being_in_both_samples(tmp_path):
    other = np.concatenate([VALUES[:1], -VALUES[1:2]])
    rows = explained(
        tmp_path,
        shapley=(VALUES[:2], {"inclusion": [1.0, 0.5]}),
        gradients=(other, {"inclusion": [1.0, 0.5]}),
        weights=[2.0, 1.0],
    )

    assert at(agreement(rows), "rank_correlation").value == pytest.approx((2 * 1 - 4) / 6)


def test_intervals_stay_within_what_is_possible(tmp_path):
    other = VALUES.copy()
    other[0] *= -1

    found = at(agreement(explained(tmp_path, shapley=(VALUES, {}), gradients=(other, {}))), "sign_agreement")

    assert found.high == 1


@pytest.mark.parametrize("players", [1, 2])
def test_with_few_columns_there_is_no_order(tmp_path, players):
    evidence = agreement(explained(tmp_path, shapley=(VALUES[:, :players], {}), gradients=(VALUES[:, :players], {})))

    assert "at least 3" in evidence.absent[0].reason


def test_rows_explained_by_nothing_or_not_at_all_are_left_out(tmp_path):
    values = VALUES.copy()
    values[0], values[1] = 0, np.nan

    evidence = agreement(explained(tmp_path, shapley=(values, {}), gradients=(VALUES, {})))

    assert at(evidence, "rank_correlation").n == 58
    assert any("1 rows with equal attributions" in note for note in evidence.notes)


def test_without_one_of_them_and_without_common_rows_it_is_absent(tmp_path):
    one = agreement(explained(tmp_path / "a", shapley=(VALUES, {})))
    apart = agreement(
        explained(tmp_path / "b", n=60, shapley=(VALUES[:5], {"positions": np.arange(5)}), gradients=(VALUES[:5], {"positions": np.arange(5, 10)}))
    )

    assert "switched off" in one.absent[0].reason
    assert {a.name for a in apart.absent} == {"rank_correlation", "sign_agreement", "top_overlap"}


def test_samples_without_a_row_in_common_say_so(tmp_path):
    values = np.arange(8.0).reshape(2, 4)

    evidence = agreement(explained(tmp_path, n=4, shapley=(values, {"positions": [0, 1]}), gradients=(values, {"positions": [2, 3]})))

    assert {one.name for one in evidence.absent} == {"rank_correlation", "sign_agreement", "top_overlap"}
    assert all("No row was explained by both methods" in one.reason for one in evidence.absent)

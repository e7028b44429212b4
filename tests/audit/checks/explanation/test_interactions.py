"""`explanation.interactions` on planted interactions."""

from __future__ import annotations

import numpy as np
import pytest

from audit.checks.explanation.interactions import PROBE, interactions
from tests.audit.checks.explanation.explained import at
from tests.audit.checks.planted import planted, write_rows, write_table

VALUES = np.random.default_rng(0).normal(size=(40, 3)) * [3.0, 1.0, 0.0]
MAIN = np.random.default_rng(1).normal(size=(40, 3))


def asked(folder, *, values=VALUES, main=MAIN, se=0.0, names=("age", "debt", "job")):
    first, second = np.triu_indices(len(names), 1)
    write_rows(folder, PROBE, {"values": values, "se": np.full_like(values, se), "main": main})
    write_table(folder, PROBE, "pairs", {"first": [names[i] for i in first], "second": [names[i] for i in second]})
    return interactions(planted(folder, decisions=np.zeros(len(values), dtype=int)))


def test_pairs_are_named_and_measured_by_their_mean_absolute_index(tmp_path):
    found = asked(tmp_path)

    for place, name in enumerate(("age × debt", "age × job", "debt × job")):
        assert at(found, "mean_absolute_interaction", pair=name).value == pytest.approx(np.abs(VALUES[:, place]).mean())
    assert found.charts[0].categories == ["age × debt", "age × job", "debt × job"]
    assert found.notes == ()


def test_the_share_is_of_all_that_pairs_and_columns_do(tmp_path):
    together, alone = np.abs(VALUES).sum(axis=1), np.abs(MAIN).sum(axis=1)

    assert at(asked(tmp_path), "interaction_share").value == pytest.approx((together / (together + alone)).mean())


def test_an_additive_network_has_none_and_a_constant_one_too(tmp_path):
    nothing = np.zeros((40, 3))

    assert at(asked(tmp_path / "a", values=nothing), "interaction_share").value == 0
    assert at(asked(tmp_path / "b", values=nothing, main=nothing), "interaction_share").value == 0


def test_rows_that_could_not_be_explained_are_left_out_and_sampling_errors_are_told(tmp_path):
    values, main = VALUES.copy(), MAIN.copy()
    values[:5], main[:5] = np.nan, np.nan

    found = asked(tmp_path, values=values, main=main, se=0.25)

    one = at(found, "mean_absolute_interaction", pair="age × debt")
    assert (one.n, one.value) == (35, pytest.approx(np.abs(VALUES[5:, 0]).mean()))
    assert any("standard error of one of them in one row is 0.25" in note for note in found.notes)

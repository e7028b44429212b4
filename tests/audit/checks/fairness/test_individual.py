"""`fairness.individual` on planted neighbours and planted flips."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler

from audit.checks.fairness.individual import FLIP, individual
from tests.audit.checks.planted import planted

SEX = ("female", "male")


def rows(folder, decisions, codes, inputs, **further):
    return planted(folder, decisions=decisions, groups={"sex": (codes, SEX)}, inputs=inputs, **further)


def one(evidence, name, level=None):
    return next(m for m in evidence.measurements if m.name == name and m.slice == ({} if level is None else {"sex": level}))


@pytest.fixture
def drawn():
    generator = np.random.default_rng(0)
    inputs = {"income": generator.normal(50, 20, 500), "age": generator.uniform(18, 80, 500)}
    return (inputs["income"] + generator.normal(0, 10, 500) > 50).astype(int), generator.integers(0, 2, 500), inputs


def test_consistency_agrees_with_sklearn_neighbours_without_the_row_itself(tmp_path, drawn):
    decisions, codes, inputs = drawn
    scaled = StandardScaler().fit_transform(np.stack(list(inputs.values()), axis=1))
    others = NearestNeighbors(n_neighbors=6).fit(scaled).kneighbors(return_distance=False, n_neighbors=5)
    each = 1 - np.abs(decisions - decisions[others].mean(axis=1))

    evidence = individual(rows(tmp_path, decisions, codes, inputs, references={"sex": "male"}))

    assert one(evidence, "consistency").value == pytest.approx(each.mean())
    assert one(evidence, "consistency", "female").value == pytest.approx(each[codes == 0].mean())
    assert one(evidence, "consistency_difference", "female").value == pytest.approx(each[codes == 0].mean() - each[codes == 1].mean())
    assert any("not independent" in note for note in evidence.notes)


def test_decisions_at_random_have_the_consistency_of_a_coin_and_not_a_tenth_more(tmp_path):
    """With the row among its own five neighbours, as aif360, holisticai and Veritas have it, a coin gets 0.6."""
    generator = np.random.default_rng(1)
    evidence = individual(rows(tmp_path, generator.integers(0, 2, 1500), np.zeros(1500, int), {"x": generator.normal(size=1500)}))

    assert one(evidence, "consistency").value == pytest.approx(0.5, abs=0.03)


def test_texts_are_compared_by_being_equal(tmp_path):
    job = np.array(["clerk", "cook"] * 40, dtype=object)

    evidence = individual(rows(tmp_path, np.arange(80) % 2, np.zeros(80, int), {"job": job}))

    found = one(evidence, "consistency")
    assert found.value == 1.0
    assert 0.9 < found.low < 1.0
    assert "Clopper" in found.method


def test_a_sample_is_drawn_by_seed_and_held_against_all_rows(tmp_path, drawn):
    decisions, codes, inputs = drawn
    held = rows(tmp_path, decisions, codes, inputs)

    first, again = (individual(held, rows_used=100) for _ in range(2))

    assert one(first, "consistency").n == 100
    assert one(first, "consistency") == one(again, "consistency")
    assert any("100 rows drawn at random are held against all 500" in note for note in first.notes)


def test_a_group_decided_by_a_coin_is_less_consistent(tmp_path):
    generator = np.random.default_rng(2)
    x, codes = generator.normal(size=1200), np.arange(1200) % 2
    decisions = np.where(codes == 0, generator.integers(0, 2, 1200), x > 0)
    inputs = {"x": x, "region": np.where(codes == 0, 5.0, -5.0)}

    gap = one(individual(rows(tmp_path, decisions, codes, inputs, references={"sex": "male"})), "consistency_difference", "female")

    assert gap.high < -0.4


def test_three_classes_are_alike_when_equal(tmp_path):
    decisions = np.repeat([0, 1, 2], 20)
    described = {"task": "multiclass", "classes": ("a", "b", "c"), "favourable": (), "threshold": None}

    evidence = individual(rows(tmp_path, decisions, np.zeros(60, int), {"x": np.repeat([0.0, 5.0, 9.0], 20)}, **described))

    assert one(evidence, "consistency").value == 1.0


def test_flips_are_counted_by_group_and_unknown_ones_left_out(tmp_path, drawn):
    decisions, codes, inputs = drawn
    changed = np.where(codes == 0, np.arange(500) % 4 == 0, 0).astype(np.int8)
    changed[:50] = -1
    flips = {FLIP: {"changed": changed, "largest_score_change": np.where(changed < 0, np.nan, 0.25)}}

    evidence = individual(rows(tmp_path, decisions, codes, inputs, probes=flips, references={"sex": "male"}))

    hers = changed[(codes == 0) & (changed >= 0)]
    assert one(evidence, "changed_share", "female").counts == {"changed": hers.sum(), "rows": len(hers)}
    assert one(evidence, "changed_share", "male").value == 0.0
    assert one(evidence, "changed_share_difference", "female").low > 0.1
    assert one(evidence, "mean_score_change", "male").value == pytest.approx(0.25)
    assert any("50 rows whose own level is unknown" in note for note in evidence.notes)


def test_without_a_protected_input_the_flip_is_absent_with_the_reason(tmp_path, drawn):
    decisions, codes, inputs = drawn
    reason = "no protected attribute is an input of the network"

    evidence = individual(rows(tmp_path, decisions, codes, inputs, absent={FLIP: reason}))

    assert [item.reason for item in evidence.absent if item.name == "changed_share"] == [reason]


@pytest.mark.parametrize("n", [1, 2, 6, 7])
def test_few_rows_are_answered(tmp_path, n):
    evidence = individual(rows(tmp_path, np.ones(n, int), np.arange(n) % 2, {"x": np.ones(n)}))

    assert {m.name for m in evidence.measurements} <= set(individual.measures)
    assert bool(evidence.measurements) == (n > 5)


def test_undecided_rows_are_nobodys_neighbours(tmp_path):
    decisions = np.where(np.arange(60) < 20, -1, 1)

    assert one(individual(rows(tmp_path, decisions, np.zeros(60, int), {"x": np.arange(60.0)})), "consistency").n == 40

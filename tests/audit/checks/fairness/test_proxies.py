"""`fairness.proxies` on planted stand-ins."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from audit.checks.fairness.proxies import ACTIVATIONS, SHAPLEY, proxies
from tests.audit.checks.planted import planted, write_table

SEX = ("female", "male")


def rows(folder, codes, inputs, *, name="sex", levels=SEX, **further):
    return planted(folder, decisions=np.zeros(len(codes), int), groups={name: (codes, levels)}, inputs=inputs, **further)


def one(evidence, name, level, **at):
    return next(m for m in evidence.measurements if m.name == name and level in m.slice.values() and at.items() <= m.at.items())


@pytest.fixture
def drawn():
    """Height tells women from men, names nearly do, luck tells nothing."""
    generator = np.random.default_rng(0)
    codes = (generator.random(600) < 0.6).astype(int)
    names = np.where(generator.random(600) < 0.9, np.array(["Anna", "Otto"])[codes], "Kim").astype(object)
    return codes, {"height": generator.normal(165 + 10 * codes, 7), "luck": generator.normal(size=600), "name": names}


def test_planted_stand_ins_are_found_and_luck_is_not(tmp_path, drawn):
    evidence = proxies(rows(tmp_path, *drawn))

    assert one(evidence, "single_column_area", "female", column="height").high < 0.3  # women are shorter
    assert one(evidence, "single_column_area", "female", column="name").low > 0.9
    luck = one(evidence, "single_column_area", "female", column="luck")
    assert luck.low < 0.5 < luck.high
    assert luck.simultaneous.low < luck.low
    assert luck.simultaneous.comparisons == 3
    assert one(evidence, "single_column_p_value", "female", column="luck").value > 0.05
    assert one(evidence, "single_column_p_value", "female", column="height").value < 1e-6


def test_the_area_of_a_number_is_that_of_sklearn(tmp_path, drawn):
    codes, inputs = drawn

    evidence = proxies(rows(tmp_path, codes, inputs))

    assert one(evidence, "single_column_area", "female", column="luck").value == pytest.approx(roc_auc_score(codes == 0, inputs["luck"]))


def test_both_models_tell_the_sexes_about_as_well_as_theory_allows(tmp_path):
    generator = np.random.default_rng(1)
    codes = np.arange(3000) % 2
    x = generator.normal(size=(3000, 2)) + 0.5 * codes[:, None]
    best = roc_auc_score(codes, LogisticRegression().fit(x, codes).decision_function(x))

    evidence = proxies(rows(tmp_path, codes, {"a": x[:, 0], "b": x[:, 1]}))

    for model, slack in (("linear", 0.01), ("boosted trees", 0.04)):
        found = one(evidence, "predictability", "male", model=model)
        assert found.value == pytest.approx(best, abs=slack)
        assert found.low > 0.55


def test_inputs_that_tell_nothing_predict_like_guessing(tmp_path):
    generator = np.random.default_rng(2)
    inputs = {"x": generator.normal(size=900), "town": generator.integers(0, 200, 900).astype(str).astype(object)}

    evidence = proxies(rows(tmp_path, np.arange(900) % 2, inputs))

    for model in ("linear", "boosted trees"):
        assert one(evidence, "predictability", "male", model=model).value == pytest.approx(0.5, abs=0.06)


def test_only_combinations_tell_and_the_trees_see_it(tmp_path):
    generator = np.random.default_rng(3)
    x, y = generator.normal(size=(2, 1500))

    evidence = proxies(rows(tmp_path, (x * y > 0).astype(int), {"x": x, "y": y}))

    level = next(m for m in evidence.measurements if m.name == "predictability").slice["sex"]
    assert one(evidence, "predictability", level, model="linear").high < 0.6
    assert one(evidence, "predictability", level, model="boosted trees").low > 0.9


def test_levels_with_few_rows_are_absent_with_the_reason(tmp_path):
    generator = np.random.default_rng(4)
    codes = np.repeat([0, 1, 2], [150, 120, 10])

    evidence = proxies(rows(tmp_path, codes, {"x": generator.normal(size=280)}, name="race", levels=("a", "b", "c")))

    assert {m.slice["race"] for m in evidence.measurements if m.name == "predictability"} == {"a", "b"}
    assert "10 rows have this level" in next(item.reason for item in evidence.absent if item.slice == {"race": "c"})


def test_the_attribute_itself_is_left_out_of_the_inputs(tmp_path, drawn):
    codes, inputs = drawn

    evidence = proxies(rows(tmp_path, codes, inputs | {"sex": codes.astype(float)}))

    assert not [m for m in evidence.measurements if m.at.get("column") == "sex"]
    assert any("itself an input" in note for note in evidence.notes)


def test_homes_are_kept_whole(tmp_path):
    """Copies of a row in other folds would give its membership away."""
    generator = np.random.default_rng(5)
    homes = np.repeat(np.arange(150), 6)
    codes, inputs = (np.arange(150) % 2)[homes], {"x": generator.normal(size=150)[homes]}

    apart = proxies(rows(tmp_path / "a", codes, inputs))
    together = proxies(rows(tmp_path / "b", codes, inputs, clusters=homes))

    assert one(apart, "predictability", "male", model="boosted trees").value > 0.8
    assert one(together, "predictability", "male", model="boosted trees").value < 0.65


def test_the_attribution_on_telling_columns_is_their_share_of_the_sum(tmp_path, drawn):
    codes, inputs = drawn
    values = np.random.default_rng(6).normal(size=(600, 3)) * [1.0, 2.0, 3.0]
    write_table(tmp_path, SHAPLEY, "players", {"name": ["height", "luck", "name"]})

    evidence = proxies(rows(tmp_path, codes, inputs, probes={SHAPLEY: {"values": values}}))

    found = next(m for m in evidence.measurements if m.name == "attribution_share")
    sizes = np.abs(values).sum(axis=0)
    assert found.value == pytest.approx((sizes[0] + sizes[2]) / sizes.sum())
    assert found.low < found.value < found.high


def test_without_attributions_their_share_is_absent_with_the_reason(tmp_path, drawn):
    evidence = proxies(rows(tmp_path, *drawn, absent={SHAPLEY: "Switched off."}))

    assert [item.reason for item in evidence.absent if item.name == "attribution_share"] == ["Switched off."]


@pytest.mark.parametrize("n", [1, 59, 60])
def test_few_rows_are_answered(tmp_path, n):
    evidence = proxies(rows(tmp_path, np.arange(n) % 2, {"x": np.ones(n), "gone": np.full(n, np.nan)}))

    assert {m.name for m in evidence.measurements} <= set(proxies.measures)
    assert bool(evidence.measurements) == (n == 60)


def test_activations_that_tell_the_group_are_found_and_others_are_not(tmp_path, drawn):
    codes, inputs = drawn
    generator = np.random.default_rng(7)
    telling = np.column_stack([np.where(codes == 1, 1.5, 0) + generator.normal(size=len(codes)), generator.normal(size=len(codes))])
    silent = generator.normal(size=(len(codes), 2))

    told = proxies(rows(tmp_path / "a", codes, inputs, probes={ACTIVATIONS: {"components": telling}}))
    nothing = proxies(rows(tmp_path / "b", codes, inputs, probes={ACTIVATIONS: {"components": silent}}))

    area = [m for m in told.measurements if m.name == "activation_predictability"]
    assert {m.at["model"] for m in area} == {"linear", "boosted trees"}
    assert all(m.low > 0.75 for m in area)
    assert all(m.low < 0.5 < m.high for m in nothing.measurements if m.name == "activation_predictability")


def test_without_activations_the_reason_is_given(tmp_path, drawn):
    codes, inputs = drawn

    evidence = proxies(rows(tmp_path, codes, inputs))

    assert any(item.name == "activation_predictability" for item in evidence.absent)

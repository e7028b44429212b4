"""The probe `attribution.shapley` on a small network, against a walk over all orders."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from audit.errors import MethodError
from audit.probes.attribution.shapley import shapley
from tests.audit.methods.attribution.games import brute_force
from tests.audit.probes.attribution.explained_rows import measure
from tests.smoke import subjects


def test_values_are_those_of_all_orders_for_the_decided_class(tmp_path):
    found = measure(subjects.write_table_network(tmp_path, classes=3), shapley, rows=3, background=5)
    players = found.subject.players

    assert found.columns["target"].tolist() == found.outputs["decision"].tolist()
    with found.subject.model.session(gradients=False) as network:
        for row in range(3):
            point, background = found.subject.model.tensor(found.inputs[row]), found.subject.model.tensor(found.background)
            expected = brute_force(network, point, background, players.owner, len(players.names))[:, found.columns["target"][row]]
            np.testing.assert_allclose(found.columns["values"][row], expected, atol=1e-5)
    assert found.tables["players"]["name"] == list(players.names)


def test_values_add_up_and_sampled_ones_agree_with_exact_ones_within_their_errors(tmp_path):
    config = subjects.write_table_network(tmp_path)

    exact = measure(config, shapley).columns
    sampled = measure(config, shapley, exact_up_to=0).columns

    for found in (exact, sampled):
        np.testing.assert_allclose(found["values"].sum(axis=1), found["total"] - found["base"], atol=1e-5)
        assert found["relative_gap"].max() < 1e-4
    assert exact["exact"].all()
    assert not exact["se"].any()
    assert not sampled["exact"].any()
    assert (np.abs(sampled["values"] - exact["values"]) <= 5 * sampled["se"] + 1e-5).all()
    assert (sampled["evaluations"] == 100 * 2 * 2 * 3 + 1).all()


def test_neither_blocks_nor_other_rows_change_a_draw(tmp_path):
    config = subjects.write_table_network(tmp_path)

    whole, cut = (measure(config, shapley, exact_up_to=0, block=size).columns for size in (12, 5))

    np.testing.assert_array_equal(whole["values"], cut["values"])
    np.testing.assert_array_equal(whole["values"][:4], measure(config, shapley, rows=4, exact_up_to=0).columns["values"])


def test_another_seed_draws_other_orders(tmp_path):
    config = subjects.write_table_network(tmp_path)

    first, second = (measure(config, shapley, exact_up_to=0, seed=seed).columns["values"] for seed in (1, 2))

    assert (first != second).any()


@pytest.mark.parametrize("broken", [(3,), tuple(range(12))])
def test_rows_without_finite_outputs_get_nan_and_leave_the_others_alone(tmp_path, broken):
    config = subjects.write_table_network(tmp_path)

    whole, found = measure(config, shapley).columns, measure(config, shapley, broken=broken).columns

    kept = ~np.isin(np.arange(12), broken)
    for name in ("values", "se", "base", "total", "gap", "relative_gap"):
        assert np.isnan(found[name][~kept]).all()
        np.testing.assert_array_equal(found[name][kept], whole[name][kept])


def test_a_model_that_cannot_be_called_again_is_refused(tmp_path):
    found = measure(subjects.write_table_network(tmp_path), shapley)

    class OutputsOnly:
        capabilities = frozenset({"outputs"})

    object.__setattr__(found.subject, "model", OutputsOnly())
    with pytest.raises(MethodError, match="changed inputs"):
        shapley.measure(_block(found), None, shapley.settings.defaults)


def _block(found):
    from audit.probe import Block  # noqa: PLC0415

    reads = {f"outputs.{name}": values for name, values in found.outputs.items()}
    return Block(found.subject, found.subject.evaluate.take(np.arange(12)), reads, 7, shapley.id)


def test_the_network_is_left_as_it_was(tmp_path):
    found = measure(subjects.write_table_network(tmp_path), shapley, rows=2)

    assert torch.is_grad_enabled()
    assert all(parameter.grad is None for parameter in found.subject.model.module.parameters())


@pytest.mark.parametrize("estimator", ["shap_kernel", "shap_permutation"])
def test_the_estimators_of_shap_agree_with_exact_values_where_few_columns_vary(tmp_path, estimator):
    config = subjects.write_table_network(tmp_path)

    exact, found = measure(config, shapley).columns, measure(config, shapley, estimator=estimator).columns

    np.testing.assert_allclose(found["values"], exact["values"], atol=1e-5 if estimator == "shap_kernel" else 0.1)
    np.testing.assert_allclose(found["values"].sum(axis=1), found["total"] - found["base"], atol=1e-5)
    assert found["exact"].all() == (estimator == "shap_kernel")


def test_one_reference_row_leaves_no_error_of_the_background(tmp_path):
    config = subjects.write_table_network(tmp_path)

    assert np.isnan(measure(config, shapley, background=1).columns["background_se"]).all()
    assert (measure(config, shapley, background=20).columns["background_se"] > 0).any(axis=1).all()


def test_quadrature_agrees_with_exact_values_within_its_errors(tmp_path):
    config = subjects.write_table_network(tmp_path)

    exact, found = measure(config, shapley).columns, measure(config, shapley, exact_up_to=0, estimator="quadrature").columns

    assert (np.abs(found["values"] - exact["values"]) <= 4 * found["se"] + 1e-5).all()
    assert found["exact"].all()  # four columns have fewer coalitions than a plan


def test_a_logit_link_divides_the_log_odds_of_the_mean_probability(tmp_path):
    config = subjects.write_table_network(tmp_path)

    found = measure(config, shapley, rows=4, link="logit", background=30)

    outputs = np.asarray(found.subject.model.outputs(found.subject.encode(found.subject.evaluate.take(np.arange(4)))))
    np.testing.assert_allclose(found.columns["total"], outputs[:, 0], atol=1e-5)  # one row's probability has the logit as its log-odds
    np.testing.assert_allclose(found.columns["values"].sum(axis=1), found.columns["total"] - found.columns["base"], atol=1e-8)
    assert found.tables["scale"] == {"scale": ["log-odds of the mean probability over the background"]}
    with found.subject.model.session(gradients=False) as network:
        mean = float(network(found.subject.model.tensor(found.background)).sigmoid().mean())
    np.testing.assert_allclose(found.columns["base"], np.log(mean) - np.log1p(-mean), atol=1e-6)


def test_a_logit_of_what_is_no_probability_is_refused(tmp_path):
    with pytest.raises(MethodError, match="needs probabilities"):
        measure(subjects.write_diabetes(tmp_path), shapley, rows=2, link="logit")

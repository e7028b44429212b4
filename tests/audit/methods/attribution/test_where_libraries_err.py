"""Faults that other libraries are known for, each shown on the library and absent from ours; a fault that they mend makes its test say so."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from captum.attr import DeepLift, IntegratedGradients
from torch import nn
from torch.nn import functional

from audit.methods.attribution.deep_shap import deep_shap
from audit.methods.attribution.integrated_gradients import integrated_gradients
from audit.methods.attribution.shapley_exact import shapley_exact
from audit.methods.attribution.shapley_like_shap import shapley_kernel
from audit.methods.attribution.shapley_permutation import shapley_permutation
from audit.probes.attribution.perturbed_rows import perturbed_rows
from tests.audit.methods.attribution.networks import Written, drawn, fixed
from tests.audit.probes.attribution.scaffolded import NAMES, Scaffolded, rows, subject_of

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import shap
    from lime.lime_tabular import LimeTabularExplainer


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the libraries warn of their own dependencies
        yield


def test_no_column_beyond_the_tenth_is_dropped() -> None:
    d = 20
    weight = torch.arange(1.0, d + 1, dtype=torch.float64)
    call, row, background = (lambda x: x @ weight[:, None]), torch.ones(1, d, dtype=torch.float64), torch.zeros(2, d, dtype=torch.float64)
    theirs = shap.KernelExplainer(lambda x: x @ weight.numpy(), background.numpy()).shap_values(row.numpy(), silent=True)
    orders = np.random.default_rng(0).permuted(np.broadcast_to(np.arange(d), (1, 2, 2, d)), axis=-1)

    kernel = shapley_kernel(call, row, background, np.arange(d), players=d, seed=0).values[0, :, 0]
    walked = shapley_permutation(call, row, background, np.arange(d), orders=orders).values[0, :, 0]

    assert np.count_nonzero(theirs[0]) <= 10
    assert np.abs(theirs[0] - weight.numpy()).max() > 5
    np.testing.assert_allclose(kernel, weight, atol=1e-8)
    np.testing.assert_allclose(walked, weight, atol=1e-10)


def test_eleven_columns_are_enumerated_and_all_count() -> None:
    weight = torch.arange(1.0, 12, dtype=torch.float64)
    row, background = torch.ones(1, 11, dtype=torch.float64), torch.zeros(1, 11, dtype=torch.float64)
    theirs = shap.KernelExplainer(lambda x: x @ weight.numpy(), background.numpy()).shap_values(row.numpy(), silent=True)

    ours = shapley_exact(lambda x: x @ weight[:, None], row, background, np.arange(11), players=11).values[0, :, 0]

    assert theirs[0][0] == 0
    np.testing.assert_allclose(ours, weight, atol=1e-10)


def test_no_rows_are_explained_by_no_values() -> None:
    background = torch.zeros(3, 4, dtype=torch.float64)

    found = shapley_exact(lambda x: x[:, :2], background[:0], background, np.arange(4), players=4)

    assert found.values.shape == (0, 4, 2)


def test_few_points_do_not_lose_a_share_of_the_path() -> None:
    weight = torch.tensor([[2.0, -1.0, 0.5]], dtype=torch.float64)
    call, rows, baseline = (lambda x: x @ weight.T), drawn(4, (3,)), torch.zeros(1, 3, dtype=torch.float64)
    target = torch.zeros(4, dtype=torch.int64)
    change = call(rows)[:, 0]

    theirs = IntegratedGradients(call).attribute(rows, baselines=baseline, target=0, n_steps=10, method="riemann_trapezoid").sum(dim=1)
    ours = integrated_gradients(call, rows, baseline, target, steps=(8,)).values.sum(axis=1)

    torch.testing.assert_close(theirs / change, torch.full((4,), 0.9, dtype=torch.float64), atol=1e-6, rtol=0)
    np.testing.assert_allclose(ours, change, atol=1e-12)


UNSEEN = {
    "GELU": nn.Sequential(nn.Linear(6, 16), nn.GELU(), nn.Linear(16, 1)),
    "SiLU": nn.Sequential(nn.Linear(6, 16), nn.SiLU(), nn.Linear(16, 1)),
    "Hardswish": nn.Sequential(nn.Linear(6, 16), nn.Hardswish(), nn.Linear(16, 1)),
    "a function that is no module": Written(lambda m, x: m[1](functional.relu(m[0](x))), nn.Linear(6, 16), nn.Linear(16, 1)),
}


@pytest.mark.parametrize("name", UNSEEN)
def test_an_activation_without_a_rule_is_not_taken_for_a_line(name: str) -> None:
    network = fixed(UNSEEN[name])
    rows, baseline = 3 * drawn(5, (6,)), drawn(1, (6,), seed=2)
    change = (network(rows) - network(baseline))[:, 0]

    theirs = DeepLift(network).attribute(rows, baselines=baseline, target=0).detach().sum(dim=1)
    ours = deep_shap(network, rows, baseline, torch.zeros(5, dtype=torch.int64)).values.reshape(5, -1).sum(axis=1)

    assert float((theirs - change).abs().max() / change.abs().max()) > 0.02
    np.testing.assert_allclose(ours, change, atol=1e-9)


def test_a_layer_used_twice_is_no_error() -> None:
    relu = nn.ReLU()
    network = fixed(nn.Sequential(nn.Linear(6, 16), relu, nn.Linear(16, 16), relu, nn.Linear(16, 1)))
    rows, baseline = 3 * drawn(5, (6,)), drawn(1, (6,), seed=2)

    with pytest.raises(RuntimeError, match="more than once"):
        DeepLift(network).attribute(rows.clone(), baselines=baseline, target=0)
    ours = deep_shap(network, rows, baseline, torch.zeros(5, dtype=torch.int64)).values.reshape(5, -1).sum(axis=1)

    np.testing.assert_allclose(ours, (network(rows) - network(baseline))[:, 0], atol=1e-9)


def test_additivity_that_holds_is_not_enough_where_logits_are_divided_one_by_one() -> None:
    """Two logits that both depend on one input each: what moves the first output is shared by both inputs, not left with the first."""
    network = fixed(nn.Sequential(nn.Identity(), nn.Softmax(dim=1)))
    row, baseline = torch.tensor([[0.0, 3.0]], dtype=torch.float64), torch.zeros(1, 2, dtype=torch.float64)

    ours = deep_shap(network, row, baseline, torch.zeros(1, dtype=torch.int64)).values.reshape(2)

    assert ours[0] == 0
    assert ours[1] == pytest.approx(float((network(row) - network(baseline))[0, 0]), abs=1e-12)


def test_a_network_that_hides_from_explanations_is_seen_where_shap_and_lime_see_nothing() -> None:
    """Slack et al. 2020, arXiv:1911.02508: real rows are decided by the sensitive column, rows that do not exist by the harmless one."""
    network, hidden = Scaffolded(), subject_of(Scaffolded())
    real = rows(300, 1)
    shown = real[np.abs(real[:, 0]) > 1][:12]

    def answers(x: np.ndarray) -> np.ndarray:
        up = torch.sigmoid(network(torch.as_tensor(x))[:, 0]).numpy()
        return np.stack([1 - up, up], axis=1)

    values = shap.KernelExplainer(lambda x: answers(x)[:, 1], rows(40, 2)).shap_values(shown, nsamples=600, silent=True)
    explainer = LimeTabularExplainer(rows(300, 2), feature_names=list(NAMES), random_state=0)
    lines = [dict(explainer.explain_instance(row, answers, num_features=len(NAMES)).as_map()[1]) for row in shown]
    found = perturbed_rows.prepared(hidden, perturbed_rows.settings.resolve({"explained": 2, "draws": 50}, perturbed_rows.id)).tables["transfer"]

    flipped = shown.copy()
    flipped[:, 0] *= -1
    assert (answers(flipped).argmax(axis=1) != answers(shown).argmax(axis=1)).all()  # the sensitive column alone decides
    assert np.mean([abs(line[1]) for line in lines]) > 3 * np.mean([abs(line[0]) for line in lines])
    assert np.abs(values[:, 1]).mean() > 0.5 * np.abs(values[:, 0]).mean()  # the harmless one shares the blame, or has it
    for kind in ("shapley", "lime"):
        chosen = found["kind"] == kind
        assert found["made"][chosen].mean() - found["own"][chosen].mean() > 0.5

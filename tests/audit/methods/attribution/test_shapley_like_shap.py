"""The estimators that reproduce shap's numbers do so, and where all coalitions are asked for they are exact."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch

from audit.errors import MethodError
from audit.methods.attribution.shapley_exact import shapley_exact
from audit.methods.attribution.shapley_like_shap import kernel_coalitions, shapley_kernel, shapley_permutation_like_shap
from tests.audit.methods.attribution import games

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # shap warns of its own dependencies on import
    import shap


def data(d, rows, background, *, dtype=torch.float64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(rows, d, generator=generator, dtype=dtype), torch.randn(background, d, generator=generator, dtype=dtype)


def numpy_call(network):
    return lambda values: network(torch.as_tensor(np.asarray(values))).detach().numpy()


@pytest.mark.parametrize(("d", "samples"), [(3, None), (9, None), (12, None), (12, 300), (32, None), (32, 100), (100, 700)])
def test_kernel_values_are_those_of_shap_on_its_own_coalitions(d, samples):
    network = games.network(d, 3, seed=d, gain=1.5)
    inputs, background = data(d, 2, 7)
    explainer = shap.KernelExplainer(numpy_call(network), background.numpy())
    theirs = []
    for row in inputs.numpy():
        np.random.seed(11)  # noqa: NPY002  the stream that shap draws from
        theirs.append(explainer.shap_values(row, nsamples=samples or "auto", l1_reg=0, silent=True))

    found = shapley_kernel(network, inputs, background, np.arange(d), players=d, seed=11, samples=samples)

    np.testing.assert_allclose(found.values, np.stack(theirs), atol=1e-8)
    np.testing.assert_allclose(found.values.sum(axis=1), found.total - found.base, atol=1e-9)


def test_the_coalitions_are_those_of_shap():
    inputs, background = data(20, 1, 2)
    explainer = shap.KernelExplainer(numpy_call(games.network(20)), background.numpy())
    np.random.seed(3)  # noqa: NPY002
    explainer.shap_values(inputs.numpy()[0], nsamples=500, l1_reg=0, silent=True)

    asked = kernel_coalitions(20, samples=500, stream=np.random.RandomState(3))

    np.testing.assert_array_equal(asked.inside, explainer.maskMatrix[: len(asked.inside)] == 1)
    np.testing.assert_allclose(asked.weights, explainer.kernelWeights[: len(asked.weights)], rtol=1e-12)


def test_few_players_are_enumerated_and_exact_at_interactions_of_high_order():
    inputs, background = data(9, 3, 5)
    network = games.network(9, 2, gain=3.0)

    found = shapley_kernel(network, inputs, background, np.arange(9), players=9, seed=0)

    np.testing.assert_allclose(found.values, shapley_exact(network, inputs, background, np.arange(9), players=9).values, atol=1e-9)
    assert found.exact.all()
    assert not found.se.any()


@pytest.mark.parametrize(("d", "evaluations"), [(2, 500), (9, 500), (30, 500), (30, 61)])
def test_permutation_values_are_those_of_shap(d, evaluations):
    network = games.network(d, 2, seed=d)
    inputs, background = data(d, 2, 6)
    masker = shap.maskers.Independent(background.numpy(), max_samples=100)
    theirs = [
        shap.PermutationExplainer(numpy_call(network), masker, seed=5)(row[None], max_evals=evaluations, silent=True).values[0]
        for row in inputs.numpy()
    ]

    found = shapley_permutation_like_shap(network, inputs, background, np.arange(d), players=d, seed=5, evaluations=evaluations)

    np.testing.assert_allclose(found.values, np.stack(theirs), atol=1e-10)


def test_errors_of_permutations_are_about_as_large_as_they_say():
    network, d = games.network(8, 1, seed=2), 8
    inputs, background = data(d, 40, 5)
    exact = shapley_exact(network, inputs, background, np.arange(d), players=d).values

    found = shapley_permutation_like_shap(network, inputs, background, np.arange(d), players=d, seed=1, evaluations=800)

    covered = (np.abs(found.values - exact) <= 2 * found.se).mean()
    assert 0.85 < covered < 0.99  # all rows share their permutations


def test_players_that_do_not_vary_have_exactly_nothing_and_one_that_varies_has_everything():
    background = torch.zeros(4, 3, dtype=torch.float64)
    inputs = torch.tensor([[0.0, 2.0, 0.0], [0.0, 0.0, 0.0]], dtype=torch.float64)
    network = games.network(3)

    for found in (
        shapley_kernel(network, inputs, background, np.arange(3), players=3, seed=0),
        shapley_permutation_like_shap(network, inputs, background, np.arange(3), players=3, seed=0),
    ):
        assert found.values[0, [0, 2]].tolist() == [[0.0], [0.0]]
        np.testing.assert_allclose(found.values[:, 1], found.total - found.base, atol=1e-12)
        assert not found.values[1].any()
        assert found.exact.all()


def test_too_few_evaluations_for_one_permutation_are_refused():
    inputs, background = data(10, 1, 2)
    with pytest.raises(MethodError, match="20 evaluations are too few for one permutation of 10 players, which takes 21"):
        shapley_permutation_like_shap(games.network(10), inputs, background, np.arange(10), players=10, seed=0, evaluations=20)

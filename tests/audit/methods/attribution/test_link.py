"""Values on the log-odds of a mean probability, against shap.KernelExplainer with its own link, and the sums of a closed form."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from audit.errors import MethodError
from audit.methods.attribution.shapley import shapley_values
from audit.methods.attribution.shapley_like_shap import shapley_kernel

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it warns of its own dependencies on import
    import shap


def logit(means: Tensor) -> Tensor:
    return torch.logit(means)


def network(d: int, outputs: int = 1) -> nn.Module:
    torch.manual_seed(d)
    last: nn.Module = nn.Sigmoid() if outputs == 1 else nn.Softmax(dim=1)
    return nn.Sequential(nn.Linear(d, 12), nn.Tanh(), nn.Linear(12, outputs), last).double().requires_grad_(False)


def problem(d: int, rows: int = 3, background: int = 7) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(d)
    return torch.randn(rows, d, generator=generator, dtype=torch.float64), torch.randn(background, d, generator=generator, dtype=torch.float64)


def values(held: nn.Module, x: Tensor, b: Tensor, **given: object) -> np.ndarray:
    d = x.shape[1]
    draws = [lambda count: np.zeros((len(b), count, d), dtype=int)] * len(x)
    found = shapley_values(held, x, b, np.arange(d), players=d, draws=draws, pairs=2, link=logit, **given)  # type: ignore[arg-type]
    np.testing.assert_allclose(found.values.sum(axis=1), found.total - found.base, atol=1e-10)
    np.testing.assert_allclose(found.base, torch.logit(held(b).mean(dim=0)).numpy(), atol=1e-12)
    return found.values


@pytest.mark.parametrize("outputs", [1, 3])
def test_enumerated_values_are_those_of_shap_with_the_same_link(outputs: int) -> None:
    held, (x, b) = network(6, outputs), problem(6)
    explainer = shap.KernelExplainer(lambda rows: held(torch.as_tensor(rows)).numpy(), b.numpy(), link="logit")

    expected = explainer.shap_values(x.numpy(), nsamples=2**6, l1_reg=0, silent=True).reshape(3, 6, outputs)

    np.testing.assert_allclose(values(held, x, b, exact_up_to=12), expected, atol=1e-9)


def test_shaps_own_coalitions_have_shaps_own_values_with_the_link() -> None:
    held, (x, b) = network(14), problem(14)
    explainer = shap.KernelExplainer(lambda rows: held(torch.as_tensor(rows)).numpy()[:, 0], b.numpy(), link="logit")
    theirs = []
    for row in x.numpy():
        np.random.seed(9)  # noqa: NPY002  shap draws from the global generator
        theirs.append(explainer.shap_values(row, nsamples=500, l1_reg=0, silent=True))

    found = shapley_kernel(held, x, b, np.arange(14), players=14, seed=9, samples=500, link=logit)

    np.testing.assert_allclose(found.values[..., 0], np.stack(theirs), atol=1e-6)


def test_against_one_row_a_linear_logit_is_divided_as_it_adds_up() -> None:
    torch.manual_seed(1)
    linear = nn.Linear(20, 1).double().requires_grad_(False)
    x, b = problem(20, background=1)

    found = values(nn.Sequential(linear, nn.Sigmoid()), x, b, exact_up_to=12)

    np.testing.assert_allclose(found[..., 0], (linear.weight * (x - b)).numpy(), atol=1e-7)


def test_permutations_of_a_link_are_refused() -> None:
    with pytest.raises(MethodError, match="link of a mean does not"):
        values(network(4), *problem(4), exact_up_to=2, estimator="permutation")

"""Integrated gradients against closed forms and captum."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from torch import nn

from audit.errors import MethodError
from audit.methods.attribution.integrated_gradients import integrated_gradients
from audit.methods.attribution.players import per_player
from audit.methods.attribution.shapley_exact import shapley_exact
from tests.audit.methods.attribution.games import linear, network

GENERATOR = np.random.default_rng(2)


def tensor(*shape):
    return torch.from_numpy(GENERATOR.normal(size=shape))


def zeros(n):
    return torch.zeros(n, dtype=torch.int64)


def test_a_linear_network_has_the_closed_form_of_the_chosen_output():
    weight, f = linear(GENERATOR, 5, k=3)
    x, b, target = tensor(3, 5), tensor(4, 5), torch.tensor([2, 0, 1])

    found = integrated_gradients(f, x, b, target)

    np.testing.assert_allclose(found.values, ((x - b.mean(dim=0)) * weight[target]).numpy(), atol=1e-12)
    np.testing.assert_allclose(found.base, f(b).mean(dim=0)[target].numpy())
    assert found.steps.tolist() == [8, 8, 8]


def test_a_product_of_two_splits_as_the_integral_says():
    x, b = tensor(2, 2), tensor(3, 2)

    found = integrated_gradients(lambda z: z.prod(dim=1, keepdim=True), x, b, zeros(2))

    expected = ((x[:, None] - b) * ((b + x[:, None]) / 2).flip(-1)).mean(dim=1)
    np.testing.assert_allclose(found.values, expected.numpy(), atol=1e-12)


def test_it_equals_shapley_values_for_interactions_of_order_two():
    weight = tensor(5, 5)
    f = lambda z: ((z @ weight) * z).sum(dim=1, keepdim=True)  # noqa: E731
    x, b = tensor(2, 5), tensor(3, 5)

    np.testing.assert_allclose(
        integrated_gradients(f, x, b, zeros(2)).values, shapley_exact(f, x, b, np.arange(5), players=5).values[..., 0], atol=1e-11
    )


def test_captum_gives_the_same_values_with_as_many_points():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # captum imports deprecated torch modules
        from captum.attr import IntegratedGradients  # noqa: PLC0415

    f, x, b = network(6, k=3), tensor(4, 6), tensor(5, 6)
    target = torch.tensor([0, 2, 1, 1])

    found = integrated_gradients(f, x, b, target, steps=(32,))

    theirs = [
        IntegratedGradients(f).attribute(x, baselines=row.expand(4, 6).contiguous(), target=target, n_steps=32, method="gausslegendre") for row in b
    ]
    # captum casts the quadrature weights to float32.
    np.testing.assert_allclose(found.values, torch.stack(theirs).mean(dim=0).detach().numpy(), atol=1e-6)


def test_a_row_takes_more_points_only_while_its_gap_is_large():
    f = network(4, activation=nn.ReLU, gain=3.0)
    x, b = tensor(30, 4), tensor(3, 4)

    found = integrated_gradients(f, x, b, zeros(30), tolerance=0.02, steps=(4, 16, 64))

    gap = np.abs(found.values.sum(axis=1) - (found.total - found.base))
    allowed = 0.02 * np.abs(found.total - found.base)
    np.testing.assert_allclose(found.gap, gap, atol=1e-12)
    assert (gap[found.steps < 64] <= allowed[found.steps < 64]).all()
    assert len(set(found.steps.tolist())) > 1
    assert found.evaluations.tolist() == [{4: 12, 16: 60, 64: 252}[steps] for steps in found.steps.tolist()]


def test_a_large_scale_of_the_output_excuses_small_gaps():
    f, x, b = network(4, activation=nn.ReLU, gain=3.0), tensor(10, 4), tensor(3, 4)

    found = integrated_gradients(f, x, b, zeros(10), scale=np.array([1e6]))

    assert (found.steps == 8).all()


def test_no_value_depends_on_the_rows_beside_it_or_on_the_chunk():
    f, x, b = network(5), tensor(6, 5), tensor(4, 5)

    together = integrated_gradients(f, x, b, zeros(6)).values

    for chunk in (1, 7, 50):
        np.testing.assert_allclose(integrated_gradients(f, x, b, zeros(6), chunk=chunk).values, together, atol=1e-13)
    np.testing.assert_allclose(integrated_gradients(f, x[2:3], b, zeros(1)).values, together[2:3], atol=1e-13)


def test_baselines_may_differ_by_row_and_inputs_may_be_images():
    weight = tensor(2, 3, 3)
    f = lambda z: (z * weight).sum(dim=(1, 2, 3))[:, None]  # noqa: E731
    x, b = tensor(4, 2, 3, 3), tensor(4, 5, 2, 3, 3)

    found = integrated_gradients(f, x, b, zeros(4))

    np.testing.assert_allclose(found.values, ((x - b.mean(dim=1)) * weight).numpy(), atol=1e-12)
    np.testing.assert_allclose(found.base, [f(rows).mean().item() for rows in b])


def test_the_callers_tensors_stay_as_they_were():
    f, x, b = network(3), tensor(2, 3), tensor(2, 3)

    integrated_gradients(f, x, b, zeros(2))

    assert not x.requires_grad
    assert x.grad is None
    assert not b.requires_grad


@pytest.mark.parametrize(
    ("inputs", "baselines"),
    [
        (torch.ones(2, 3, dtype=torch.int64), torch.ones(1, 3)),
        (torch.ones(2, 3), torch.ones(1, 4)),
        (torch.ones(2, 3), torch.ones(3, 1, 3)),
        (torch.ones(2, 3), torch.ones(0, 3)),
    ],
)
def test_what_does_not_fit_is_refused(inputs, baselines):
    with pytest.raises(MethodError):
        integrated_gradients(lambda z: z.sum(dim=1, keepdim=True), inputs, baselines, zeros(2))


def test_entries_are_summed_by_owner():
    entries = np.arange(12.0).reshape(2, 2, 3)

    assert per_player(entries, np.array([1, 0, 1, 0, 0, 1]), 3).tolist() == [[8, 7, 0], [26, 25, 0]]

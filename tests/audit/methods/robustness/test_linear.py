"""On linear networks the attacks reach the smallest change of the formula."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from audit.methods.robustness.attack import Attack
from audit.methods.robustness.losses import cross_entropy, decide, ratio_loss
from audit.methods.robustness.neighbourhood import neighbourhood
from audit.methods.robustness.pgd import fgsm, pgd
from audit.methods.robustness.rivals import nearest_rivals, pgd_rivals
from audit.methods.robustness.smallest import smallest_scale
from tests.audit.methods.robustness.linear import free_space, random_linear, smallest_by_formula

LOSSES = {"cross entropy": cross_entropy, "ratio": ratio_loss}


def rows(seed: int, n: int = 40, entries: int = 6) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, entries, generator=generator), 0.1 + torch.rand(entries, generator=generator)


@pytest.mark.parametrize("classes", [1, 2])
@pytest.mark.parametrize("loss", LOSSES)
def test_pgd_succeeds_just_above_the_formula_and_never_below(classes: int, loss: str) -> None:
    network, (inputs, radius) = random_linear(classes, classes=classes, entries=6), rows(1)
    exact = smallest_by_formula(network, inputs, radius)
    space, target = free_space(inputs, radius), decide(network(inputs))

    above = pgd(network, space, target, scale=exact * 1.01, starts=inputs[None], loss=LOSSES[loss])
    below = pgd(network, space, target, scale=exact * 0.99, starts=inputs[None], loss=LOSSES[loss])

    assert not below.found.any()
    assert above.found.all()


def test_attacks_on_every_rival_class_succeed_just_above_the_formula() -> None:
    network, (inputs, radius) = random_linear(5, classes=5, entries=6), rows(1)
    exact = smallest_by_formula(network, inputs, radius)
    space, target = free_space(inputs, radius), decide(network(inputs))
    others = nearest_rivals(network, space, target, 4)

    above = pgd_rivals(network, space, target, scale=exact * 1.01, starts=inputs[None], rivals=others)
    below = pgd_rivals(network, space, target, scale=exact * 0.99, starts=inputs[None], rivals=others)

    assert above.found.all()
    assert not below.found.any()


def test_fgsm_is_exact_on_one_logit() -> None:
    network, (inputs, radius) = random_linear(3, classes=1, entries=6), rows(2)
    exact = smallest_by_formula(network, inputs, radius)
    space, target = free_space(inputs, radius), decide(network(inputs))

    assert fgsm(network, space, target, scale=exact * 1.001, loss=cross_entropy).found.all()
    assert not fgsm(network, space, target, scale=exact * 0.999, loss=cross_entropy).found.any()


@pytest.mark.parametrize("classes", [1, 2, 4])
def test_the_smallest_scale_is_the_formula_within_three_percent(classes: int) -> None:
    network, (inputs, radius) = random_linear(classes + 7, classes=classes, entries=6), rows(4)
    exact = smallest_by_formula(network, inputs, radius)
    space = free_space(inputs, radius)

    found = smallest_scale(network, space, decide(network(inputs)), known=Attack.none(inputs), largest=1000.0)

    assert not found.censored.any()
    assert bool((found.scale >= exact * 0.9999).all())
    assert bool((found.scale <= exact * 1.03).all())


def test_rows_out_of_reach_are_censored_at_the_largest_scale_tried() -> None:
    network, (inputs, radius) = random_linear(5, classes=1, entries=6), rows(5)
    exact = smallest_by_formula(network, inputs, radius)
    largest = float(exact.median())
    space = free_space(inputs, radius)

    found = smallest_scale(network, space, decide(network(inputs)), known=Attack.none(inputs), largest=largest)

    assert torch.equal(found.censored, exact > largest)
    assert bool((found.scale[found.censored] == largest).all())
    assert torch.equal(found.attack.adversarial[found.censored], inputs[found.censored])


def test_a_bound_in_the_way_lengthens_the_smallest_change() -> None:
    network = random_linear(6, classes=1, entries=2)
    network.weights[:] = torch.tensor([[1.0, 1.0]])
    network.shift[:] = 0.0
    inputs, radius = torch.tensor([[1.0, 1.0]]), torch.ones(2)
    space = neighbourhood(inputs, low=torch.tensor([0.5, -9.0]), high=torch.full((2,), 9.0), radius=radius, mutable=torch.ones(2, dtype=torch.bool))

    found = smallest_scale(network, space, torch.tensor([1]), known=Attack.none(inputs), largest=50.0)

    # 0.5 of the first entry, so the second has to make up for 1.5.
    assert found.scale.item() == pytest.approx(1.5, rel=0.03)


def test_rows_do_not_depend_on_their_batch() -> None:
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Linear(6, 16), torch.nn.Tanh(), torch.nn.Linear(16, 3)).requires_grad_(False)
    inputs, radius = rows(8, n=14)
    target = decide(network(inputs))

    def attack(part: slice) -> Tensor:
        space = free_space(inputs[part], radius)
        found = smallest_scale(network, space, target[part], known=Attack.none(inputs[part]), largest=5.0, steps=15)
        return torch.stack([found.scale, found.censored.float()])

    whole = attack(slice(None))
    torch.testing.assert_close(torch.cat([attack(slice(i, i + 5)) for i in range(0, 14, 5)], dim=1), whole, rtol=1e-3, atol=1e-4)


def test_parameters_keep_no_gradients() -> None:
    network = torch.nn.Linear(6, 3)
    inputs, radius = rows(9)

    pgd(network, free_space(inputs, radius), decide(network(inputs)), scale=torch.ones(40), starts=inputs[None], loss=cross_entropy, steps=3)

    assert all(parameter.grad is None for parameter in network.parameters())
    assert not inputs.requires_grad

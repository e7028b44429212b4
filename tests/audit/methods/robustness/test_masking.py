"""Losses against hand arithmetic, and networks that hide their gradients."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from audit.data.dataset import Schema
from audit.decision_logits import decision_logits
from audit.errors import MethodError
from audit.facts import Facts
from audit.methods.robustness.battery import Draws, battery, hundredfold
from audit.methods.robustness.gradient import without_slope
from audit.methods.robustness.losses import cross_entropy, decide, margin, ratio_loss
from audit.methods.robustness.pgd import pgd
from tests.audit.methods.robustness.linear import free_space


def hidden_network() -> torch.nn.Module:
    torch.manual_seed(2)
    return torch.nn.Sequential(torch.nn.Linear(5, 16), torch.nn.Tanh(), torch.nn.Linear(16, 3)).requires_grad_(False)


def attacked(network, scale: float = 1.0):
    inputs = torch.randn(60, 5, generator=torch.Generator().manual_seed(4))
    space = free_space(inputs, torch.full((5,), 0.5))
    generator = torch.Generator().manual_seed(5)
    draws = Draws(torch.rand(1, 60, 5, generator=generator), torch.randn(40, 60, 5, generator=generator).sign())
    target = decide(network(inputs))
    return battery(network, space, target, scale=torch.full((60,), scale), draws=draws), without_slope(network, inputs, target, cross_entropy)


def test_ratio_loss_on_hand_worked_rows() -> None:
    logits, target = torch.tensor([[3.0, 1, 0.5, -1], [0.2, 2, 1.9, 0], [5, 4, 3, 2]]), torch.tensor([0, 2, 0])

    # -(3-1)/(3-0.5), -(1.9-2)/(2-0.2), -(5-4)/(5-3)
    torch.testing.assert_close(ratio_loss(logits, target, target), torch.tensor([-0.8, 0.1 / 1.8, -0.5]))


@pytest.mark.parametrize("classes", [3, 6])
def test_ratio_loss_does_not_see_scale_or_shift(classes: int) -> None:
    logits, target = torch.randn(20, classes, dtype=torch.float64), torch.randint(0, classes, (20,))

    torch.testing.assert_close(ratio_loss(1000 * logits + 7, target, target), ratio_loss(logits, target, target), rtol=1e-9, atol=1e-9)


def test_two_logits_and_their_difference_are_the_same_network() -> None:
    logits, target = torch.randn(30, 2), torch.randint(0, 2, (30,))
    single = (logits[:, 1] - logits[:, 0])[:, None]

    torch.testing.assert_close(margin(single, target), margin(logits, target))
    torch.testing.assert_close(cross_entropy(single, target, target), torch.nn.functional.cross_entropy(logits, target, reduction="none"))


def test_logits_a_thousandfold_blind_cross_entropy_and_not_the_margin() -> None:
    network = hidden_network()
    honest, flat = attacked(network)
    masked, masked_flat = attacked(lambda x: 1000 * network(x))

    assert not flat.any()
    assert masked_flat.float().mean() > 0.5
    assert (masked.worst.found & ~masked.cross_entropy.found).float().mean() > 0.1
    assert torch.equal(masked.worst.found, honest.worst.found)
    assert abs(int(honest.cross_entropy.found.sum()) - int(honest.ratio.found.sum())) <= 3


def test_a_rounded_input_has_no_gradient_and_random_corners_still_succeed() -> None:
    network = hidden_network()

    found, flat = attacked(lambda x: network(torch.round(4 * x) / 4))

    assert flat.all()
    assert not found.cross_entropy.found.all()
    hidden = found.corners.found & ~found.cross_entropy.found & ~found.ratio.found
    assert hidden.float().mean() > 0.1
    assert bool((found.worst.found | ~found.corners.found).all())


def test_a_hundredfold_changes_no_decision() -> None:
    network, inputs = hidden_network(), torch.randn(50, 5)

    assert torch.equal(decide(hundredfold(network)(inputs)), decide(network(inputs)))


def test_infinite_logits_are_no_success() -> None:
    def broken(inputs: Tensor) -> Tensor:
        return torch.where(inputs.sum(dim=1, keepdim=True) > 0, inputs, torch.inf)

    inputs = torch.ones(3, 2)
    attack = pgd(broken, free_space(inputs, torch.full((2,), 5.0)), torch.zeros(3, dtype=torch.int64), scale=torch.ones(3), starts=inputs[None],
                 loss=cross_entropy, steps=5)  # fmt: skip

    assert bool(torch.isfinite(broken(attack.adversarial[attack.found])).all())


def facts(task: str, output: str, threshold: float | None = 0.3) -> Facts:
    return Facts(task=task, output=output, classes=("0", "1"), favourable=(), threshold=threshold, label=None, label_kind="outcome", groups=(),
                 schema=Schema(columns=()))  # fmt: skip


def test_every_kind_of_output_decides_alike() -> None:
    logit = torch.linspace(-3, 3, 101)[:, None]
    chance = torch.sigmoid(logit)
    two = torch.cat([-logit / 2, logit / 2], dim=1)
    kinds = [
        decision_logits(logit, facts("binary", "logits")),
        decision_logits(two, facts("binary", "logits")),
        decision_logits(chance, facts("binary", "probabilities")),
        decision_logits(torch.cat([1 - chance, chance], dim=1), facts("binary", "probabilities")),
        decision_logits(torch.log_softmax(two, dim=1), facts("binary", "log_probabilities")),
        decision_logits(chance, facts("binary", "score")),
    ]

    for found in kinds:
        assert torch.equal(decide(found), (chance[:, 0] >= 0.3).long())


def test_a_quantity_has_no_decision_to_attack() -> None:
    with pytest.raises(MethodError, match="two or more classes"):
        decision_logits(torch.ones(2, 1), facts("regression", "quantity"))

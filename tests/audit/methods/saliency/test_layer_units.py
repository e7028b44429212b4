"""Units of a layer: attributions equal closed forms and a slow integral of our own, skipped layers show as a gap, and hooks leave no trace."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from audit.errors import MethodError
from audit.methods.saliency.layer_units import Layer, UnitAttributions, activations, find_layer, layer_attributions, unit_attributions
from tests.audit.methods.saliency.networks import Convolutional, rows

STEPS = 32
HELD = 1e-8
"""captum holds the weights of its quadrature in float32, so that nothing of it is more exact."""


def deep() -> nn.Sequential:
    torch.manual_seed(5)
    return nn.Sequential(nn.Linear(3, 6), nn.Tanh(), nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 2)).double()


class Skipping(nn.Module):
    """Half of the output runs past the hidden layer."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(6)
        self.hidden, self.past, self.head = nn.Linear(3, 4), nn.Linear(3, 2), nn.Linear(4, 2)
        self.double()

    def forward(self, x: Tensor) -> Tensor:
        past: Tensor = self.past(x)
        out: Tensor = self.head(torch.tanh(self.hidden(x))) + past
        return out


def integral(call: Callable[[Tensor], Tensor], start: Tensor, end: Tensor, points: int = 4000) -> Tensor:
    """Integrated gradients of one row by the midpoint rule."""
    shares = (torch.arange(points, dtype=torch.float64) + 0.5) / points
    path = (start + shares.reshape(-1, *[1] * start.ndim) * (end - start)).requires_grad_()
    (slope,) = torch.autograd.grad(call(path).sum(), path)
    return slope.mean(dim=0) * (end - start)


def through(module: nn.Module, inputs: Tensor, baselines: Tensor, target: Tensor, layer: Layer, *, at_once: int = 64) -> UnitAttributions:
    return layer_attributions(module, module, inputs, baselines, target, layer=layer, steps=STEPS, at_once=at_once)


def test_what_the_last_linear_layer_receives_is_attributed_by_its_weights() -> None:
    module, inputs, baselines, target = deep(), rows(4, 3), rows(5, 3) + 1, torch.tensor([0, 1, 1, 0])
    layer = find_layer(module, module, inputs)

    found = through(module, inputs, baselines, target, layer)

    hidden, base = module[:4](inputs), module[:4](baselines).mean(dim=0)
    torch.testing.assert_close(found.values, module[4].weight[target] * (hidden - base), atol=HELD, rtol=0)
    assert layer == Layer("4", "input", 5, first=False)
    assert float(found.gap.max()) < HELD


def test_a_named_layer_is_attributed_along_the_path_of_its_answers() -> None:
    module, inputs, baselines = deep(), rows(3, 3), rows(2, 3) - 1
    layer = find_layer(module, module, inputs, "0")

    found = through(module, inputs, baselines, torch.ones(3, dtype=torch.int64), layer)

    for place, row in enumerate(inputs):
        slow = torch.stack([integral(lambda z: module[1:](z)[:, 1], module[0](start), module[0](row)) for start in baselines]).mean(dim=0)
        torch.testing.assert_close(found.values[place], slow, atol=1e-7, rtol=0)
    assert float(found.gap.max()) < 1e-7


def test_what_runs_past_the_layer_is_the_gap() -> None:
    module, inputs, baselines = Skipping(), rows(4, 3), rows(3, 3) + 2
    layer = find_layer(module, module, inputs, "hidden")

    found = through(module, inputs, baselines, torch.zeros(4, dtype=torch.int64), layer)

    missed = (module.past(inputs) - module.past(baselines).mean(dim=0))[:, 0].abs()
    torch.testing.assert_close(found.gap, missed.detach(), atol=1e-7, rtol=0)


def test_channels_of_a_convolution_are_its_units() -> None:
    module, inputs = Convolutional(), rows(3, 2, 9, 7)
    baselines, target = torch.zeros(2, 2, 9, 7, dtype=torch.float64), torch.tensor([0, 2, 1])
    layer = find_layer(module, module, inputs, "second")

    found, active = through(module, inputs, baselines, target, layer), activations(module, module, inputs, layer)

    seen = module.second(torch.relu(module.first(inputs)))
    torch.testing.assert_close(active, seen.amax(dim=(2, 3)))
    assert found.values.shape == (3, 5)
    assert float(found.gap.max()) < 0.02 * float((found.total - found.base).abs().max())  # kinks of ReLU on the path
    slow = integral(lambda z: module.head(torch.relu(z).flatten(1))[:, 2], module.second(torch.relu(module.first(baselines)))[0], seen[1])
    torch.testing.assert_close(found.values[1], slow.sum(dim=(1, 2)), atol=0.01, rtol=0)


def test_what_a_unit_responds_to_is_the_integral_of_its_own_gradient() -> None:
    module, inputs, baselines = deep(), rows(3, 3), rows(2, 3) + 1
    layer = find_layer(module, module, inputs)

    values, change = unit_attributions(module, module, inputs, baselines, 2, layer=layer, steps=STEPS, at_once=64)

    unit = lambda x: module[:4](x)[:, 2]  # noqa: E731
    slow = torch.stack([torch.stack([integral(unit, start, row) for start in baselines]).mean(dim=0) for row in inputs])
    torch.testing.assert_close(values, slow, atol=1e-6, rtol=0)
    torch.testing.assert_close(change, (unit(inputs) - unit(baselines).mean()).detach(), atol=1e-12, rtol=0)
    torch.testing.assert_close(values.sum(dim=1), change, atol=1e-7, rtol=0)


@pytest.mark.parametrize("at_once", [1, 3, 1000])
def test_neither_the_rows_at_once_nor_the_rows_beside_it_matter(at_once: int) -> None:
    module, inputs, baselines, target = deep(), rows(4, 3), rows(3, 3) + 1, torch.tensor([0, 1, 1, 0])
    layer = find_layer(module, module, inputs, "2")

    whole, part = through(module, inputs, baselines, target, layer), through(module, inputs[1:2], baselines, target[1:2], layer, at_once=at_once)

    torch.testing.assert_close(part.values, whole.values[1:2], atol=1e-12, rtol=0)


def test_baselines_of_each_row_serve_that_row() -> None:
    module, inputs, own = deep(), rows(2, 3), rows(2, 3, 3) + 1
    layer, target = find_layer(module, module, inputs), torch.tensor([1, 0])

    found = through(module, inputs, own, target, layer)

    for place in range(2):
        alone = through(module, inputs[place : place + 1], own[place], target[place : place + 1], layer)
        torch.testing.assert_close(found.values[place], alone.values[0], atol=1e-12, rtol=0)


def test_one_number_per_row_and_float32_are_taken_too() -> None:
    torch.manual_seed(1)
    module = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
    inputs, baselines = rows(1, 3).float(), rows(2, 3).float()

    found = through(module, inputs, baselines, torch.zeros(1, dtype=torch.int64), find_layer(module, module, inputs))

    assert found.values.dtype == torch.float64
    assert float(found.gap.max()) < 1e-6


class Twice(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.shared, self.head = nn.Linear(3, 3), nn.Linear(3, 2)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(self.shared(torch.tanh(self.shared(x))))
        return out


@pytest.mark.parametrize(
    ("module", "name", "words"),
    [
        (nn.Sequential(nn.Linear(3, 2)), "", "receives the inputs as they are"),
        (nn.Sequential(nn.Tanh()), "", "no linear layer"),
        (nn.Sequential(nn.Linear(3, 2), nn.Tanh()), "1", "there are 0"),
        (Twice(), "shared", "called 2 times"),
    ],
)
def test_a_layer_that_cannot_be_looked_at_is_refused_by_name(module: nn.Module, name: str, words: str) -> None:
    with pytest.raises(MethodError, match=words):
        find_layer(module, module, rows(2, 3).float(), name)


def test_layers_that_overwrite_do_so_again_afterwards() -> None:
    module, inputs = Convolutional(), rows(2, 2, 9, 7)
    layer = find_layer(module, module, inputs, "second")

    through(module, inputs, inputs + 1, torch.zeros(2, dtype=torch.int64), layer)

    assert module.relu.inplace is True


def test_hooks_are_gone_afterwards() -> None:
    module, inputs = deep(), rows(2, 3)
    layer = find_layer(module, module, inputs)
    through(module, inputs, inputs + 1, torch.zeros(2, dtype=torch.int64), layer)
    unit_attributions(module, module, inputs, inputs + 1, 0, layer=layer, steps=STEPS, at_once=64)

    assert not any(part._forward_hooks or part._forward_pre_hooks or part._backward_hooks for part in module.modules())

"""Every kernel stays on the network's device, and goes on where that device's memory ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from audit.methods.attribution.chain import Chain, chain_of
from audit.methods.attribution.deep_shap import deep_shap
from audit.methods.attribution.expected_gradients import Draws, drawn, expected_gradients
from audit.methods.attribution.guided_backpropagation import guided_backpropagation
from audit.methods.attribution.integrated_gradients import integrated_gradients
from audit.methods.attribution.layer_relevance import layer_relevance
from audit.methods.attribution.occlusion import occlusion
from audit.methods.attribution.propagation.trace import traced
from audit.methods.attribution.shapley import shapley_values
from audit.methods.attribution.shapley_exact import shapley_exact
from audit.methods.attribution.shapley_interactions import shapley_interactions
from audit.methods.attribution.shapley_like_shap import shapley_kernel, shapley_permutation_like_shap
from audit.methods.attribution.shapley_permutation import shapley_permutation
from audit.methods.attribution.shapley_quadrature import shapley_quadrature
from audit.methods.saliency.gradients import gradients, noisy_gradients
from tests.audit.methods.attribution.elsewhere import READ, Remote, elsewhere

D, ROWS, BASES = 6, 3, 5
Kernel = Callable[[Any, Tensor, Tensor, Tensor], Any]
OWNER = np.array([0, 1, 2, 2, 3, 4])
SIZE = 5


def orders(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).permuted(np.broadcast_to(np.arange(SIZE), (*shape, SIZE)), axis=-1)


def _draw(count: int) -> np.ndarray:
    return orders(BASES, count)


def _expected(network: Any, x: Tensor, b: Tensor, y: Tensor) -> Any:
    both = [drawn(np.random.default_rng(row), BASES, 12) for row in range(ROWS)]
    draws = Draws(np.stack([one for one, _ in both]), np.stack([one for _, one in both]))
    return expected_gradients(network, x, b, y, OWNER, players=SIZE, draws=draws)


def _noisy(network: Any, x: Tensor, b: Tensor, y: Tensor) -> list[Tensor]:
    return list(noisy_gradients(network, x, y, [b[:ROWS]], scale=torch.full_like(b[0], 0.1)))


KERNELS: dict[str, Kernel] = {  # the last three go by the operators that torch writes down, and it writes down none of a pretended device
    "exact": lambda f, x, b, _: shapley_exact(f, x, b, OWNER, players=SIZE),
    "permutation": lambda f, x, b, _: shapley_permutation(f, x, b, OWNER, orders=orders(ROWS, BASES, 2)),
    "quadrature": lambda f, x, b, _: shapley_quadrature(f, x, b, OWNER, players=SIZE, pairs=8, seed=1),
    "automatic": lambda f, x, b, _: shapley_values(
        f, x, b, OWNER, players=SIZE, draws=[_draw] * ROWS, exact_up_to=2, pairs=2, estimator="permutation"
    ),
    "interactions": lambda f, x, b, _: shapley_interactions(f, x, b, OWNER, players=SIZE, exact_up_to=5, pairs=8),
    "like shap's kernel": lambda f, x, b, _: shapley_kernel(f, x, b, OWNER, players=SIZE, seed=1, samples=20),
    "like shap's permutations": lambda f, x, b, _: shapley_permutation_like_shap(f, x, b, OWNER, players=SIZE, seed=1),
    "integrated gradients": lambda f, x, b, y: integrated_gradients(f, x, b, y, steps=(8, 16), tolerance=0.0),
    "expected gradients": _expected,
    "occlusion": lambda f, x, b, y: occlusion(f, x, b, np.arange(SIZE)[:, None] == OWNER, y),
    "gradients": lambda f, x, _, y: gradients(f, x, y),
    "noisy gradients": _noisy,
    "deep shap": deep_shap,
    "guided backpropagation": lambda f, x, _, y: guided_backpropagation(f, x, y),
    "layer relevance": lambda f, x, _, y: layer_relevance(f, x, y),
}


def network() -> nn.Sequential:
    torch.manual_seed(5)
    return nn.Sequential(nn.Linear(D, 8), nn.ReLU(), nn.Linear(8, 7), nn.ReLU(), nn.Linear(7, 2)).requires_grad_(False)


def problem() -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(2)
    return torch.randn(ROWS, D, generator=generator), torch.randn(BASES, D, generator=generator), torch.tensor([0, 1, 1])


def numbers(found: Any) -> dict[str, np.ndarray]:
    """Everything that was found, on the CPU."""
    if isinstance(found, list):
        return {str(place): one.cpu().numpy() for place, one in enumerate(found)}
    if isinstance(found, Tensor):
        return {"": found.cpu().numpy()}
    return {field.name: np.asarray(getattr(found, field.name)) for field in fields(found)}


def assert_same(ours: dict[str, np.ndarray], theirs: dict[str, np.ndarray], *, but: tuple[str, ...] = ()) -> None:
    assert ours.keys() == theirs.keys()
    for name, values in ours.items():
        if name not in but:
            np.testing.assert_allclose(values, theirs[name], rtol=1e-5, atol=1e-6, err_msg=name)


def moved(module: nn.Module) -> nn.Module:
    for part in module.modules():
        for name, parameter in list(part.named_parameters(recurse=False)):
            delattr(part, name)
            setattr(part, name, Remote(parameter.detach()))
    return module


@pytest.mark.parametrize("name", [*KERNELS][:-3])
def test_a_kernel_makes_all_its_tensors_where_the_network_is(name: str) -> None:
    expected = numbers(KERNELS[name](network(), *problem()))

    with elsewhere():
        found = KERNELS[name](moved(network()), *(Remote(one) for one in problem()))
        ours = numbers(found)

    assert_same(ours, expected)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")  # noqa: TID251  whether there is one
@pytest.mark.parametrize("name", KERNELS)
def test_cuda_says_what_the_processor_says(name: str) -> None:
    expected = numbers(KERNELS[name](network(), *problem()))

    found = KERNELS[name](network().cuda(), *(one.cuda() for one in problem()))

    assert_same(numbers(found), expected)


def test_the_pretended_device_refuses_tensors_made_on_the_cpu() -> None:
    with elsewhere():
        away = Remote(torch.ones(3))
        with pytest.raises(RuntimeError, match="meets one elsewhere"):
            away + torch.ones(3)
        with pytest.raises(RuntimeError):
            away.numpy()
        assert (away + 1).cpu().tolist() == [2, 2, 2]


def test_mixed_rows_are_added_up_where_the_network_is() -> None:
    x, b, _ = problem()
    expected = shapley_exact(network(), x, b, OWNER, players=SIZE)
    held = network()
    steps = chain_of(traced(held, x), held)
    assert steps is not None

    with elsewhere():
        found = shapley_exact(moved(held), Remote(x), Remote(b), OWNER, players=SIZE, first=Chain(held, steps))

    assert_same(numbers(found), numbers(expected))


@pytest.mark.parametrize("estimator", ["exact", "permutation"])
def test_no_number_is_read_back_for_each_coalition(estimator: str) -> None:
    """A round trip stops an accelerator. Rows may cost a few, coalitions none."""
    x, b, y = problem()
    with elsewhere():
        KERNELS[estimator](moved(network()), Remote(x), Remote(b), Remote(y))

    assert len(READ) <= 4 * ROWS


@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("room", [2, 7])
def test_where_memory_ends_fewer_rows_go_at_once_and_nothing_else_changes(name: str, room: int) -> None:
    expected = numbers(KERNELS[name](network(), *problem()))
    held, asked = network(), []

    def cramped(leaf: Tensor) -> Tensor:
        asked.append(len(leaf))
        if len(leaf) > room:
            raise torch.OutOfMemoryError("out of memory")
        answer: Tensor = held(leaf)
        return answer

    assert_same(numbers(KERNELS[name](cramped, *problem())), expected)
    assert min(asked) <= room

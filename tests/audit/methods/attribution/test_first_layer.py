"""Coalitions added up behind a linear first layer, against rows mixed one by one, and networks whose first layer is no such thing."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from audit.methods.attribution.added_up import AT_ONCE
from audit.methods.attribution.chain import Chain
from audit.methods.attribution.first_layer import HookedLayer, first_layer
from audit.methods.attribution.game import make_game
from audit.methods.attribution.shapley import Draw, shapley_values
from audit.methods.attribution.shapley_exact import coalitions, shapley_exact
from audit.methods.attribution.shapley_interactions import shapley_interactions
from audit.methods.attribution.shapley_like_shap import shapley_kernel, shapley_permutation_like_shap
from audit.methods.attribution.shapley_quadrature import shapley_quadrature


class Residual(nn.Module):
    """Adds to what it is given."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layer = nn.Linear(width, width)

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs + torch.tanh(self.layer(inputs))


def perceptron(entries: int = 8, *, hidden: int = 16, outputs: int = 2, chained: bool = False) -> nn.Sequential:
    torch.manual_seed(3)
    middle = nn.Linear(hidden, hidden) if chained else Residual(hidden)
    layers = (nn.Flatten(), nn.Linear(entries, hidden), nn.Tanh(), middle, nn.ReLU(), nn.Linear(hidden, outputs))
    return nn.Sequential(*layers).double().requires_grad_(False)


class Wired(nn.Module):
    """Two linear layers and a way to join them."""

    def __init__(self, join: Callable[[nn.Module, nn.Module, Tensor], Tensor]) -> None:
        super().__init__()
        torch.manual_seed(4)
        self.first, self.second, self.join = nn.Linear(6, 6), nn.Linear(6, 2), join
        self.double().requires_grad_(False)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.join(self.first, self.second, inputs)


def drawn(rows: Tensor, background: int, players: int) -> list[Draw]:
    """The same permutations at every call."""

    def more(count: int) -> NDArray[np.int64]:
        return np.random.default_rng(count).permuted(np.broadcast_to(np.arange(players), (background, count, players)), axis=-1)

    return [more] * len(rows)


@pytest.mark.parametrize("shape", [(8,), (2, 4)])
@pytest.mark.parametrize("background", [1, 40])
@pytest.mark.parametrize("chained", [False, True])
def test_every_estimator_says_what_it_says_of_mixed_rows(shape: tuple[int, ...], background: int, chained: bool) -> None:
    network, generator = perceptron(chained=chained), torch.Generator().manual_seed(1)
    rows = torch.randn(3, *shape, generator=generator, dtype=torch.float64)
    rest = torch.randn(background, *shape, generator=generator, dtype=torch.float64)
    rows[1].reshape(-1)[2] = rest.reshape(background, -1)[0, 2]
    first = first_layer(network, network, rows)
    assert isinstance(first, Chain if chained else HookedLayer)

    for owner in (np.arange(8), np.array([0, 1, 2, 2, 3, 3, 3, 4])):
        size = int(owner.max()) + 1
        for estimate, more in (
            (shapley_exact, {}),
            (shapley_kernel, {"seed": 5, "samples": 60}),
            (shapley_quadrature, {"pairs": 30, "seed": 2}),
            (shapley_interactions, {"exact_up_to": 10}),
            (shapley_values, {"exact_up_to": 2, "pairs": 3, "estimator": "permutation", "draws": drawn(rows, background, size)}),
            (shapley_permutation_like_shap, {"seed": 4, "evaluations": 60}),
        ):
            found = estimate(network, rows, rest, owner, players=size, first=first, **more)  # type: ignore[operator]
            expected = estimate(network, rows, rest, owner, players=size, **more)  # type: ignore[operator]
            np.testing.assert_allclose(found.values, expected.values, atol=1e-11, err_msg=str(estimate))


def test_the_layer_is_not_computed_again_for_each_coalition() -> None:
    network, rows = perceptron(), torch.randn(1, 8, dtype=torch.float64)
    first = first_layer(network, network, rows)
    assert first is not None
    asked: list[int] = []
    layer = network[1]
    layer.register_forward_pre_hook(lambda _layer, inputs: asked.append(inputs[0].stride(-1)))

    shapley_exact(network, rows, torch.zeros(1, 8, dtype=torch.float64), np.arange(8), players=8, first=first)

    assert asked[-1] == 0  # rows that only say their places, not rows that were mixed
    assert "forward" not in vars(layer)


def test_a_network_may_take_rows_in_parts() -> None:
    network, rows = perceptron(), torch.randn(7, 8, dtype=torch.float64)
    first = first_layer(lambda leaf: torch.cat([network(leaf[at : at + 4]) for at in range(0, len(leaf), 4)]), network, rows)

    assert first is not None
    torch.testing.assert_close(first.behind(first.before(rows)), network(rows))


@pytest.mark.parametrize(
    "join",
    [
        pytest.param(lambda first, second, x: second(torch.relu(first(x)) + x), id="inputs go around it"),
        pytest.param(lambda first, second, x: second(torch.relu(first(first(x)) + 1).cumsum(1)), id="used twice"),
        pytest.param(lambda first, second, x: second(torch.relu(first(torch.softmax(x, dim=1)))), id="something before it"),
        pytest.param(lambda first, second, x: second(torch.relu(first(x.flip(1)))), id="entries change places"),
        pytest.param(lambda first, second, x: second(torch.relu(first(x))) * (x.sum() > 0), id="another reader"),
        pytest.param(lambda first, second, x: second(first(x) if float(x.sum()) > 0 else x), id="it looks at the numbers"),
        pytest.param(lambda first, second, x: second(torch.relu(x @ first.weight.T).cumsum(1)), id="its weight alone"),
    ],
)
def test_any_other_beginning_is_not_taken(join: Callable[[nn.Module, nn.Module, Tensor], Tensor]) -> None:
    network = Wired(join)

    assert first_layer(network, network, torch.randn(4, 6, dtype=torch.float64)) is None


@pytest.mark.parametrize(
    "network",
    [
        nn.Sequential(nn.Conv1d(1, 3, 3), nn.Flatten(), nn.Linear(12, 2)),
        nn.Sequential(nn.LayerNorm(6), nn.Linear(6, 2)),
        nn.Sequential(nn.BatchNorm1d(6), nn.Linear(6, 2), nn.LayerNorm(2)).eval(),
    ],
)
def test_networks_that_begin_with_another_layer_are_not_taken(network: nn.Module) -> None:
    rows = torch.randn(4, 1, 6) if isinstance(network[0], nn.Conv1d) else torch.randn(4, 6)  # type: ignore[index]

    assert first_layer(network, network, rows) is None


def test_infinite_entries_are_mixed_as_rows() -> None:
    network = nn.Sequential(nn.Linear(4, 3), nn.Sigmoid(), nn.Linear(3, 1)).double().requires_grad_(False)
    network[0].weight.copy_(torch.tensor([[1.0, 2, 3, 4], [1, 1, 1, 1], [2, 1, 2, 1]]))
    rows, rest = torch.tensor([[1.0, torch.inf, 2, 3]], dtype=torch.float64), torch.zeros(2, 4, dtype=torch.float64)
    first = first_layer(network, network, torch.randn(3, 4, dtype=torch.float64))
    assert first is not None

    found = shapley_exact(network, rows, rest, np.arange(4), players=4, first=first)

    assert np.isfinite(found.values).all()
    np.testing.assert_array_equal(found.values, shapley_exact(network, rows, rest, np.arange(4), players=4).values)


def test_an_error_leaves_the_layer_as_it_was() -> None:
    network, rows = perceptron(), torch.randn(3, 8, dtype=torch.float64)
    first = first_layer(network, network, rows)
    assert first is not None

    with pytest.raises(RuntimeError):
        first.behind(torch.zeros(3, 5, dtype=torch.float64))

    assert "forward" not in vars(network[1])
    torch.testing.assert_close(network(rows), perceptron()(rows))


@pytest.mark.parametrize("behind", [False, True])
@pytest.mark.parametrize(("background", "outputs"), [(3, 2), (700, 11), (2, 300_000)])
def test_no_more_outputs_are_held_at_once_than_stays_small(behind: bool, background: int, outputs: int) -> None:
    network, rows = perceptron(8, hidden=4, outputs=outputs, chained=True).float(), torch.randn(2, 8)
    first = first_layer(network, network, rows) if behind else None
    game = make_game(network, torch.randn(background, 8), np.arange(8), players=8, first=first)

    found = [(places, answers.shape) for places, answers in game.asked(rows[0], coalitions(8)[1:-1], torch.arange(8))]
    held = [shape for _, shape in found]

    assert sorted(torch.cat([places for places, _ in found]).tolist()) == list(range(254))
    assert all(shape[0] == len(places) for places, shape in found)
    assert {shape[1:] for shape in held} == {(background, outputs)}
    assert all(shape[0] == 1 or shape.numel() <= AT_ONCE for shape in held)


@pytest.mark.parametrize("chained", [False, True])
def test_a_network_that_could_still_be_trained_is_explained_alike(chained: bool) -> None:
    network, frozen = (perceptron(chained=chained).requires_grad_(trainable) for trainable in (True, False))
    rows, rest = (torch.randn(n, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(n)) for n in (2, 40))
    settings = {"players": 8, "draws": drawn(rows, 40, 8), "pairs": 3, "estimator": "permutation"}

    for most in (2, 8):
        found, expected = (
            shapley_values(each, rows, rest, np.arange(8), exact_up_to=most, first=first_layer(each, each, rows), **settings)  # type: ignore[arg-type]
            for each in (network, frozen)
        )
        np.testing.assert_allclose(found.values, expected.values, rtol=0, atol=0)

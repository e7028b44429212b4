"""Rows that several threads explain at the same time: the values are those of one thread, and only networks that remember nothing are asked so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from torch import Tensor, nn

from audit.methods.attribution.added_up import IN_CACHE
from audit.methods.attribution.chain import Chain
from audit.methods.attribution.first_layer import FirstLayer, HookedLayer, first_layer
from audit.methods.attribution.game import MOST_CORES, make_game
from audit.methods.attribution.rows_at_once import NARROW, sharing
from audit.methods.attribution.shapley import drawn_by, shapley_values
from audit.methods.attribution.shapley_interactions import shapley_interactions
from audit.methods.attribution.shapley_like_shap import shapley_kernel, shapley_permutation_like_shap

D, K = 14, 2
OWNER = np.arange(D)


@pytest.fixture(autouse=True)
def threads_as_before() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def network(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(D, 16), nn.ReLU(), nn.Linear(16, 8), nn.Tanh(), nn.Linear(8, K)).double().requires_grad_(False)


def rows(count: int, seed: int) -> Tensor:
    return torch.randn(count, D, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def few_vary(count: int, background: Tensor) -> Tensor:
    """Rows in which fewer and fewer players vary, down to none, and then all again."""
    held = rows(count, 3)
    for place in range(count - 2):
        held[place, : D - place] = background[0, : D - place]
    return held


def by(name: str, model: nn.Module, inputs: Tensor, background: Tensor, first: FirstLayer | None) -> Any:
    common: dict[str, Any] = {"players": D, "first": first}
    if name in ("auto", "permutation", "quadrature"):
        draws = [drawn_by(np.random.default_rng([7, place]), len(background), D) for place in range(len(inputs))]
        common |= {"draws": draws, "exact_up_to": 4, "pairs": 2, "most_pairs": 8, "precision": 0.02, "estimator": name}
        return shapley_values(model, inputs, background, OWNER, **common)
    if name == "exact":
        return shapley_values(model, inputs, background, OWNER, draws=[], exact_up_to=D, pairs=2, **common)
    if name == "interactions":
        return shapley_interactions(model, inputs, background, OWNER, exact_up_to=4, pairs=60, **common)
    like_shap = {"kernel": shapley_kernel, "permutation like shap": shapley_permutation_like_shap}
    return like_shap[name](model, inputs, background, OWNER, seed=1, **common)


@pytest.mark.parametrize("name", ["auto", "permutation", "quadrature", "exact", "interactions", "kernel", "permutation like shap"])
@pytest.mark.parametrize("size", [1, 3, 12])
def test_values_are_those_of_one_thread(name: str, size: int) -> None:
    model, background = network(), rows(size, 5)
    inputs = few_vary(9, background[:1].expand(size, -1)) if size == 1 else rows(9, 6)
    first = first_layer(model, model, inputs)
    assert isinstance(first, Chain)
    found = []
    for threads in (1, 4):
        torch.set_num_threads(threads)
        found.append(by(name, model, inputs, background, first))
        assert torch.get_num_threads() == threads

    one, several = found
    assert_allclose(several.values, one.values, rtol=0, atol=1e-13)
    assert_allclose(several.se, one.se, rtol=0, atol=1e-12)
    assert_array_equal(several.evaluations, one.evaluations)
    assert_array_equal(several.exact, one.exact)


def test_no_rows_and_a_single_one() -> None:
    model, background = network(), rows(3, 5)
    torch.set_num_threads(4)
    first = first_layer(model, model, background)

    assert by("kernel", model, rows(0, 1), background, first).values.shape == (0, D, K)
    assert by("exact", model, rows(1, 1), background, first).values.shape == (1, D, K)


def test_a_network_of_which_nothing_is_known_is_asked_by_one_thread() -> None:
    inputs = rows(3, 2)

    class Branching(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.one, self.two = (nn.Linear(*shape).double() for shape in ((D, 8), (8, K), (8, K)))

        def forward(self, x: Tensor) -> Tensor:
            held = self.first(x)
            return self.one(held) * self.two(held).sigmoid()

    branching, chained = Branching().requires_grad_(False), network()
    hooked = first_layer(branching, branching, inputs)
    assert isinstance(hooked, HookedLayer)
    torch.set_num_threads(4)

    asked = {
        name: sharing(make_game(model, inputs, OWNER, players=D, first=first), 9)[0]
        for name, model, first in (
            ("plain", chained, None),
            ("hooked", branching, hooked),
            ("chain", chained, first_layer(chained, chained, inputs)),
        )
    }

    assert asked["plain"] == asked["hooked"] == 1
    assert asked["chain"] > 1


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize(("count", "cores"), [(0, 8), (1, 8), (3, 8), (100, 8), (100, 1)])
def test_no_more_threads_than_rows_and_no_more_cores_than_there_are(count: int, cores: int, wide: bool) -> None:
    background = rows(3, 5)
    model = nn.Sequential(nn.Linear(D, 4), nn.ReLU(), nn.Linear(4, NARROW + wide)).double()
    torch.set_num_threads(cores)

    threads, each = sharing(make_game(model, background, OWNER, players=D, first=first_layer(model, model, background)), count)

    assert 1 <= threads <= max(1, min(count, cores))
    assert each == (max(1, cores // threads) if wide else 1)


def test_rows_that_need_much_memory_are_solved_by_fewer() -> None:
    torch.set_num_threads(64)

    def threads(b: int = 3, entries: int = D, **settings: int) -> int:
        model = nn.Sequential(nn.Linear(entries, 16), nn.ReLU(), nn.Linear(16, K)).double()
        background = torch.randn(b, entries, dtype=torch.float64)
        first = first_layer(model, model, background)
        assert first is not None
        return sharing(make_game(model, background, np.arange(entries) % D, players=D, first=first), 100, **settings)[0]

    few = threads()

    assert few > 1
    assert threads(b=20_000) == threads(b=4, entries=200_000) == 1  # which is mixed, and takes what nobody foresees
    assert few > threads(b=1000, pairs=200) == 1
    assert few > threads(entries=8000, together=32)


@pytest.mark.parametrize(("cores", "entries", "times"), [(1, D, 1), (2, D, 2), (3, D, 3), (64, D, MOST_CORES), (4, 100_000, 1)])
def test_a_network_is_given_more_rows_at_once_on_several_cores_while_rows_are_short(cores: int, entries: int, times: int) -> None:
    asked: list[int] = []

    def network(held: Tensor) -> Tensor:
        asked.append(len(held))
        return held[:, :1]

    torch.set_num_threads(cores)
    background = torch.zeros(2, entries)
    owner = np.arange(entries) % 9
    shapley_values(network, torch.ones(1, entries), background, owner, players=9, draws=[], exact_up_to=9, pairs=2, chunk=20)

    assert max(asked) == times * 20
    assert sum(asked) == (2**9 - 2) * 2 + 1 + 2  # coalitions, the row and the background


def test_no_run_but_the_last_is_cut_short() -> None:
    asked: list[int] = []

    def network(held: Tensor) -> Tensor:
        asked.append(len(held))
        return held[:, :1].expand(-1, 1000)

    torch.set_num_threads(1)
    shapley_values(network, torch.ones(1, D), torch.zeros(2, D), OWNER, players=D, draws=[], exact_up_to=D, pairs=2, chunk=50)

    assert asked[2:-1] == [50] * (len(asked) - 3)


@pytest.mark.parametrize("width", [16, 4096])
def test_a_wide_layer_behind_the_first_is_given_as_few_rows_as_it_can_answer_at_once(width: int) -> None:
    model = nn.Sequential(nn.Linear(D, 16), nn.ReLU(), nn.Linear(16, width), nn.ReLU(), nn.Linear(width, 1)).double().requires_grad_(False)
    inputs, asked = rows(1, 1), list[int]()
    first = first_layer(model, model, inputs)
    assert isinstance(first, Chain)
    behind = first.behind
    first.behind = lambda held: (asked.append(len(held)), behind(held))[1]  # type: ignore[method-assign]

    shapley_values(model, inputs, rows(3, 5), OWNER, players=D, draws=[], exact_up_to=D, pairs=2, first=first)

    assert sum(asked) >= (2**D - 2) * 3
    assert max(asked) <= IN_CACHE // width

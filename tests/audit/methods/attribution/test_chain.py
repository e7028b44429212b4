"""Networks carried out as chains of operators, against the networks themselves, and networks that are no chains."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from audit.methods.attribution.chain import Chain
from audit.methods.attribution.first_layer import first_layer
from audit.methods.attribution.shapley_exact import shapley_exact
from tests.audit.methods.attribution.networks import Written

D = 6


class Scaled(nn.Module):
    """Standardises its inputs, normalises what it holds, and answers with probabilities."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.randn(D))
        self.register_buffer("deviation", torch.rand(D) + 0.5)
        self.body, self.normal, self.head = nn.Linear(D, 9), nn.BatchNorm1d(9), nn.Linear(9, 3)
        self.normal.running_mean = torch.randn(9)
        self.normal.running_var = torch.rand(9) + 0.5
        self.dropped = nn.Dropout(0.5)

    def forward(self, inputs: Tensor) -> Tensor:
        standard = torch.tanh((inputs - self.mean) / self.deviation)
        return functional.softmax(self.head(self.dropped(functional.relu(self.normal(self.body(standard)), inplace=True))), dim=-1)


def in_order(*layers: nn.Module) -> nn.Module:
    return nn.Sequential(*layers)


def chains() -> dict[str, nn.Module]:
    torch.manual_seed(2)
    activations = (nn.ReLU, nn.Tanh, nn.Sigmoid, nn.SiLU, nn.GELU, nn.ELU, nn.LeakyReLU, nn.Hardswish, nn.Softplus, nn.SELU, nn.ReLU6, nn.Mish)
    found = {each.__name__: in_order(nn.Linear(D, 8), each(), nn.Linear(8, 5), each(), nn.Linear(5, 2)) for each in activations}
    found |= {
        "in place": in_order(nn.Linear(D, 8), nn.ReLU(inplace=True), nn.Linear(8, 2)),
        "tanh of GELU": in_order(nn.Linear(D, 8), nn.GELU("tanh"), nn.Linear(8, 2, bias=False)),
        "one layer": in_order(nn.Linear(D, 1)),
        "activation of the inputs": in_order(nn.ReLU(inplace=False), nn.Linear(D, 2)),
        "standardised, normalised, softmax": Scaled(),
        "arithmetic": Written(lambda m, x: 1 - 2 * m[1](m[0](x * 3 + 1) / 2).squeeze(-1)[:, None], nn.Linear(D, 4), nn.Linear(4, 1)),
        "a layer used twice": Written(lambda m, x: m[1](m[0](m[0](x).relu())), nn.Linear(D, D), nn.Linear(D, 2)),
        "log-softmax": in_order(nn.Flatten(), nn.Linear(D, 4), nn.LogSoftmax(dim=1)),
    }
    return {name: network.double().eval().requires_grad_(False) for name, network in found.items()}


@pytest.mark.parametrize("name", chains())
def test_a_chain_answers_as_the_network_does(name: str) -> None:
    network, rows = chains()[name], torch.randn(20, D, dtype=torch.float64, generator=torch.Generator().manual_seed(3)) * 3
    given = rows.clone()

    chain = first_layer(network, network, rows)

    assert isinstance(chain, Chain)
    torch.testing.assert_close(chain(rows), network(rows), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(chain.behind(chain.before(rows)), network(rows), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(rows, given, rtol=0, atol=0)


@pytest.mark.parametrize("name", chains())
def test_shapley_values_behind_the_first_layer_are_those_of_mixed_rows(name: str) -> None:
    network, generator = chains()[name], torch.Generator().manual_seed(4)
    rows, rest = (torch.randn(n, D, dtype=torch.float64, generator=generator) for n in (2, 5))

    found = shapley_exact(network, rows, rest, np.arange(D), players=D, first=first_layer(network, network, rows))

    np.testing.assert_allclose(found.values, shapley_exact(network, rows, rest, np.arange(D), players=D).values, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_it_works_in_the_type_of_the_network(dtype: torch.dtype) -> None:
    network, rows = chains()["GELU"].to(dtype), torch.randn(5, D, dtype=dtype)

    chain = first_layer(network, network, rows)

    assert chain is not None
    assert chain(rows).dtype == dtype


def test_changed_weights_are_those_of_the_next_chain() -> None:
    network, rows = chains()["ReLU"], torch.randn(5, D, dtype=torch.float64)
    before = first_layer(network, network, rows)
    network.get_submodule("2").weight = nn.Parameter(torch.ones(5, 8, dtype=torch.float64), requires_grad=False)

    after = first_layer(network, network, rows)

    assert before is not None
    assert after is not None
    torch.testing.assert_close(after(rows), network(rows))
    assert not torch.allclose(before(rows), network(rows))


BRANCHED: dict[str, Callable[[nn.ModuleList, Tensor], Tensor]] = {
    "residual": lambda m, x: m[1](torch.relu(m[0](x)) + m[0](x)),
    "gated": lambda m, x: m[1](m[0](x) * torch.sigmoid(m[0](x))),
    "normalised by row": lambda m, x: m[1](functional.layer_norm(m[0](x), (D,))),
    "entries change places": lambda m, x: m[1](m[0](x).flip(1)),
    "entries doubled": lambda m, x: m[1](torch.cat([m[0](x)[:, :3]] * 2, dim=1)),
    "rows change places": lambda m, x: m[1](m[0](x).roll(1, 0)),
    "a mean of the batch": lambda m, x: m[1](m[0](x) - m[0](x).mean(dim=0)),
    "the larger of two": lambda m, x: m[1](torch.maximum(m[0](x), x)),
    "softmax over the batch": lambda m, x: torch.softmax(m[1](m[0](x)), dim=0),
    "weights turned": lambda m, x: m[1](x @ m[0].weight),
}


@pytest.mark.parametrize("name", BRANCHED)
def test_a_network_that_goes_another_way_is_no_chain(name: str) -> None:
    torch.manual_seed(5)
    network = Written(BRANCHED[name], nn.Linear(D, D), nn.Linear(D, 2)).double().requires_grad_(False)

    assert not isinstance(first_layer(network, network, torch.randn(4, D, dtype=torch.float64)), Chain)

"""Coalitions and their complements are found pair by pair, and what is added up for one of a pair is right for the other."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from torch import nn

from audit.methods.attribution.added_up import complements
from audit.methods.attribution.first_layer import first_layer
from audit.methods.attribution.game import make_game
from audit.methods.attribution.shapley_exact import coalitions


@given(arrays.arrays(np.bool_, st.tuples(st.integers(1, 30), st.integers(1, 4))))
def test_pairs_are_complements_and_every_place_is_there_once(inside: np.ndarray) -> None:
    one, other, alone = complements(inside)

    assert sorted([*one, *other, *alone]) == list(range(len(inside)))
    assert (inside[one] != inside[other]).all()
    rows = [tuple(row) for row in inside.tolist()]
    single = [place for place, row in enumerate(rows) if rows.count(row) == 1 and rows.count(tuple(not each for each in row)) == 1]
    assert sorted([*one, *other]) == single


@pytest.mark.parametrize("m", [1, 2, 9, 12])
def test_all_coalitions_are_mirrored(m: int) -> None:
    one, other, alone = complements(coalitions(m))

    assert not len(alone)
    assert (other == 2**m - 1 - one).all()


def test_many_players_have_no_other_pairs() -> None:
    inside = np.random.default_rng(0).random((500, 200)) < 0.5
    both = np.concatenate([inside, ~inside[:300]])

    one, other, alone = complements(both)

    assert (one == np.arange(300)).all()
    assert (other == 500 + one).all()
    assert (alone == np.arange(300, 500)).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("b", [1, 7])
def test_answers_are_those_of_the_network_in_whatever_order(b: int, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(9, 12), nn.ReLU(), nn.Linear(12, 3)).to(dtype).requires_grad_(False)
    rows, rest = torch.randn(3, 9, dtype=dtype), torch.randn(b, 9, dtype=dtype)
    inside = np.random.default_rng(1).random((40, 9)) < 0.5
    inside = np.concatenate([inside, ~inside[::-2], inside[:3]])
    game = make_game(network, rest, np.arange(9), players=9, first=first_layer(network, network, rows))

    for row in rows:
        mixed = torch.where(torch.from_numpy(inside)[:, None], row, rest)
        expected = network(mixed.reshape(-1, 9)).double().view(len(inside), b, 3)
        found = torch.full_like(expected, torch.nan)
        for places, answers in game.asked(row, inside, torch.arange(9)):
            found[places] = answers
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-5 if dtype == torch.float32 else 1e-13)
        torch.testing.assert_close(game.worth(row, inside, torch.arange(9)), expected.mean(dim=1), rtol=0, atol=1e-5)
    together = game.worths(rows, inside, torch.arange(9))
    for row, worth in zip(rows, together, strict=True):
        torch.testing.assert_close(worth, game.worth(row, inside, torch.arange(9)), rtol=0, atol=1e-5)


def test_where_nobody_varies_every_coalition_is_worth_the_base() -> None:
    network, rest = nn.Linear(3, 2).requires_grad_(False), torch.ones(4, 3)
    game = make_game(network, rest, np.arange(3), players=3)

    found = game.worth(rest[0], np.zeros((5, 0), dtype=np.bool_), torch.arange(0))

    torch.testing.assert_close(found, network(rest[:1]).double().expand(5, -1))

"""Rows mixed as bits, against entries chosen one by one in numpy: to the last bit, whatever the type and whatever the numbers."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from torch import Tensor

from audit.methods.attribution.mixing import LONG_RUN, bits_of, mixer
from audit.methods.attribution.room import Room

TYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.int64, torch.int32, torch.uint8, torch.bool)


@pytest.fixture(params=[1, 2])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    """One core exchanges entries in another way than several."""
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def numbers(kind: torch.dtype, *shape: int, seed: int) -> Tensor:
    drawn = torch.randn(shape, generator=torch.Generator().manual_seed(seed)) * 20
    return drawn.abs().to(kind) if kind == torch.uint8 else (drawn > 0) if kind == torch.bool else drawn.to(kind)


def raw(values: Tensor) -> np.ndarray:
    """The bytes, so that no number is equal to another that only compares so."""
    return values.contiguous().view(torch.uint8).numpy()


def chosen(row: Tensor, background: Tensor, inside: np.ndarray, rows: slice, *, turned: bool) -> Tensor:
    """Entry by entry."""
    others = background[rows]
    found = torch.empty(len(others), *inside.shape[1:], dtype=row.dtype)
    for b, p, r, e in np.ndindex(*found.shape):
        ours = bool(inside[min(b, len(inside) - 1), p, r, e]) != turned
        found[b, p, r, e] = row[e] if ours else others[b, e]
    return found.reshape(-1, len(row))


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("entries", [5, LONG_RUN + 1])
@pytest.mark.parametrize("turned", [False, True])
def test_every_entry_is_the_one_asked_for(kind: torch.dtype, entries: int, turned: bool) -> None:
    row, background = numbers(kind, entries, seed=1), numbers(kind, 3, entries, seed=2)
    inside = np.random.default_rng(3).random((3, 2, 4, entries)) < 0.5

    found = mixer(row, background, 4)(bits_of(torch.from_numpy(inside), row), slice(None), turned)

    np.testing.assert_array_equal(raw(found), raw(chosen(row, background, inside, slice(None), turned=turned)))


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("runs", [1, 3, 4])
def test_fewer_runs_than_were_laid_out_and_some_rows_of_the_background(runs: int) -> None:
    row, background = numbers(torch.float32, 6, seed=4), numbers(torch.float32, 5, 6, seed=5)
    inside = np.random.default_rng(6).random((1, 1, runs, 6)) < 0.5

    found = mixer(row, background, 4)(bits_of(torch.from_numpy(inside), row), slice(1, 4), False)

    np.testing.assert_array_equal(raw(found), raw(chosen(row, background, inside, slice(1, 4), turned=False)))


@pytest.mark.usefixtures("threads")
def test_infinities_nan_and_the_sign_of_nothing_are_exchanged_as_they_are() -> None:
    row, background = torch.tensor([torch.nan, torch.inf, -0.0, 1.0]), torch.tensor([[0.0, -torch.inf, 0.0, torch.nan]])
    inside = np.array([[[[True, False, True, False], [False, True, False, True]]]])

    found = mixer(row, background, 2)(bits_of(torch.from_numpy(inside), row), slice(None), False)

    np.testing.assert_array_equal(raw(found), raw(chosen(row, background, inside, slice(None), turned=False)))


def test_room_is_lent_again_and_grows() -> None:
    room, like = Room(), torch.zeros(1)

    small, large, again = room.lend("a", (2, 3), like), room.lend("a", (4, 5), like), room.lend("a", (5, 2), like)

    assert (small.shape, large.shape, again.shape) == ((2, 3), (4, 5), (5, 2))
    assert again.data_ptr() == large.data_ptr() != room.lend("b", (5, 2), like).data_ptr()
    assert room.lend("a", (2,), like.double()).dtype == torch.float64


def test_each_thread_is_lent_room_of_its_own() -> None:
    room, like = Room(), torch.zeros(1)
    mine = room.lend("a", (2, 3), like)

    with ThreadPoolExecutor(1) as pool:
        theirs = pool.submit(room.lend, "a", (2, 3), like).result()

    assert theirs.data_ptr() != mine.data_ptr()
    assert room.lend("a", (2, 3), like).data_ptr() == mine.data_ptr()

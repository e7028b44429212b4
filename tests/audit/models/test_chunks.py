"""Rows in parts, and in smaller parts where memory ends."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from audit.models.chunks import each_part, with_room


def cramped(room: int, asked: list[int]) -> object:
    def call(part: Tensor) -> Tensor:
        asked.append(len(part))
        if len(part) > room:
            raise torch.OutOfMemoryError("out of memory")
        return part * 2

    return call


@pytest.mark.parametrize("room", [1, 2, 3, 7, 100])
def test_every_row_is_asked_once_in_order_whatever_the_room(room: int) -> None:
    asked: list[int] = []

    found = torch.cat(list(each_part(cramped(room, asked), torch.arange(23), 8)))  # type: ignore[arg-type]

    torch.testing.assert_close(found, 2 * torch.arange(23))
    assert sum(size for size in asked if size <= room) == 23


def test_room_found_once_is_kept() -> None:
    asked: list[int] = []

    list(each_part(cramped(2, asked), torch.arange(8), 8))  # type: ignore[arg-type]

    assert asked == [8, 4, 2, 2, 2, 2]


def test_nothing_to_ask_asks_nothing() -> None:
    assert list(each_part(cramped(0, []), torch.arange(0), 4)) == []  # type: ignore[arg-type]


def test_a_single_row_that_does_not_fit_and_other_errors_are_raised() -> None:
    with pytest.raises(torch.OutOfMemoryError):
        list(each_part(cramped(0, []), torch.arange(4), 4))  # type: ignore[arg-type]
    with pytest.raises(ZeroDivisionError):
        list(each_part(lambda _: 1 // 0, torch.arange(4), 4))


def test_a_call_is_made_again_with_half_the_size_down_to_the_least() -> None:
    asked: list[int] = []

    def call(size: int) -> int:
        asked.append(size)
        if size > 3:
            raise RuntimeError("CUDA out of memory")
        return size

    assert with_room(call, 10, torch.device("cpu"), least=2) == 2
    assert asked == [10, 5, 2]
    with pytest.raises(RuntimeError):
        with_room(call, 40, torch.device("cpu"), least=8)
    with pytest.raises(RuntimeError, match="shape"):
        with_room(lambda _: (_ for _ in ()).throw(RuntimeError("shape mismatch")), 4, torch.device("cpu"))

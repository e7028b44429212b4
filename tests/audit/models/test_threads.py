"""Calls by several threads: their order, what they raise, and what they know of the thread that asked."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
import pytest
import torch

from audit.models.threads import in_threads, once_for_each


@pytest.fixture(autouse=True)
def four_cores() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("threads", [1, 2, 8])
@pytest.mark.parametrize("count", [0, 1, 7])
def test_answers_stand_in_the_order_of_the_items(threads: int, count: int) -> None:
    assert in_threads(lambda item: item**2, range(count), threads=threads, cores=1) == [item**2 for item in range(count)]


def test_two_threads_work_at_the_same_time_of_which_one_is_the_one_that_asks() -> None:
    both = threading.Barrier(2)

    def met(_: int) -> int:
        both.wait(timeout=60)  # raises unless two are here
        return threading.get_ident()

    found = in_threads(met, range(2), threads=2, cores=1)

    assert len(set(found)) == 2
    assert threading.get_ident() in found
    assert in_threads(lambda _: threading.get_ident(), range(3), threads=1, cores=1) == [threading.get_ident()] * 3


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("cores", [1, 2])
def test_each_has_as_many_cores_as_are_named_and_afterwards_there_are_as_many_as_before(threads: int, cores: int) -> None:
    assert in_threads(lambda _: torch.get_num_threads(), range(9), threads=threads, cores=cores) == [cores] * 9
    assert torch.get_num_threads() == 4


@pytest.mark.parametrize("threads", [1, 3])
def test_what_one_raises_is_raised_and_ends_the_others(threads: int) -> None:
    seen = []

    def call(item: int) -> None:
        seen.append(item)
        if item == 2:
            raise ValueError("the third")
        threading.Event().wait(0.005)

    with pytest.raises(ValueError, match="the third"):
        in_threads(call, range(1000), threads=threads, cores=1)

    assert len(seen) < 1000
    assert torch.get_num_threads() == 4


def test_of_two_errors_the_first_is_raised() -> None:
    first_is_out = threading.Event()

    def call(item: int) -> None:
        if item:
            first_is_out.set()
            raise KeyError("first")
        first_is_out.wait(timeout=60)
        threading.Event().wait(0.2)
        raise ValueError("second")

    with pytest.raises(KeyError, match="first"):
        in_threads(call, range(2), threads=2, cores=1)


def test_where_no_thread_can_be_started_nothing_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    seen: list[int] = []
    monkeypatch.setattr(threading.Thread, "start", refused)

    with pytest.raises(RuntimeError, match="start new thread"):
        in_threads(seen.append, range(100), threads=3, cores=1)

    assert not seen


def test_what_numpy_does_about_errors_and_the_types_of_autocast_hold_for_all() -> None:
    def seen(_: int) -> tuple[str, bool, torch.dtype]:
        threading.Event().wait(0.02)
        return np.geterr()["invalid"], torch.is_autocast_enabled("cpu"), torch.get_autocast_dtype("cpu")

    with np.errstate(invalid="raise"), torch.autocast("cpu", torch.float16):
        found = in_threads(seen, range(6), threads=3, cores=1)

    assert set(found) == {("raise", True, torch.float16)}


@pytest.mark.parametrize("inference", [False, True])
@pytest.mark.parametrize("gradients", [False, True])
def test_whether_gradients_are_kept_holds_for_all(inference: bool, gradients: bool) -> None:
    with torch.inference_mode(inference), torch.set_grad_enabled(gradients):
        found = in_threads(lambda _: (torch.is_inference_mode_enabled(), torch.is_grad_enabled()), range(4), threads=2, cores=1)
        assert set(found) == {(inference, torch.is_grad_enabled())}


def test_what_is_kept_is_computed_once_whoever_asks() -> None:
    computed, together = [], threading.Barrier(4)

    def slowly(key: int) -> int:
        computed.append(key)
        threading.Event().wait(0.05)
        return -key

    kept = once_for_each(slowly)

    def ask(key: int) -> int:
        together.wait(timeout=60)
        return kept(key)

    assert in_threads(ask, [1, 1, 2, 1], threads=4, cores=1) == [-1, -1, -2, -1]
    assert sorted(computed) == [1, 2]


def test_what_is_kept_is_told_while_something_else_is_computed() -> None:
    begun, told = threading.Event(), threading.Event()

    def slowly(key: int) -> int:
        if key:
            begun.set()
            assert told.wait(timeout=60)  # only when the other one was told
        return -key

    kept = once_for_each(slowly)
    kept(0)

    def ask(key: int) -> int:
        if not key:
            assert begun.wait(timeout=60)
        answer = kept(key)
        told.set()
        return answer

    assert in_threads(ask, [1, 0], threads=2, cores=1) == [-1, 0]

"""Two values share an address only when they mean the same."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.store import digest

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.decimals(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def tagged(value: Any) -> str:
    """An independent canonical form: types spelt out by repr, mappings sorted."""
    if isinstance(value, dict):
        return "{" + ", ".join(sorted(f"{key!r}: {tagged(item)}" for key, item in value.items())) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(tagged, value)) + "]"
    return repr(value)


@dataclass(frozen=True)
class Point:
    x: float
    y: float


@dataclass(frozen=True)
class Other:
    x: float
    y: float


@given(PLAIN, PLAIN)
def test_digests_are_equal_exactly_when_canonical_forms_are(left: Any, right: Any) -> None:
    assert (digest(left) == digest(right)) == (tagged(left) == tagged(right))


@given(st.lists(st.text()), st.lists(st.text()))
def test_boundaries_between_parts_count(left: list[str], right: list[str]) -> None:
    assert (digest(*left) == digest(*right)) == (left == right)


@given(st.dictionaries(st.text(), st.integers(), min_size=2))
def test_order_of_a_mapping_does_not_count(value: dict[str, int]) -> None:
    assert digest(value) == digest(dict(reversed(value.items())))


DIFFERENT: list[Callable[[], Any]] = [
    lambda: 1,
    lambda: "1",
    lambda: 1.0,
    lambda: True,
    lambda: b"1",
    lambda: Decimal(1),
    lambda: Decimal("1.0"),
    lambda: None,
    lambda: "None",
    lambda: -0.0,
    lambda: 0.0,
    list,
    dict,
    set,
    lambda: [1],
    lambda: [[1]],
    lambda: np.array([1]),
    lambda: np.array([[1]]),
    lambda: np.array([1], dtype=np.int32),
    lambda: np.array([1.0]),
    lambda: np.array(["1"]),
    lambda: np.array(["1"], dtype=object),
    lambda: np.empty((0, 2)),
    lambda: np.empty((2, 0)),
    lambda: Point(1.0, 2.0),
    lambda: Other(1.0, 2.0),
    lambda: {"x": 1.0, "y": 2.0},
    lambda: np.int64(1),
]


def test_type_dtype_and_shape_count_and_digests_repeat() -> None:
    once, again = [digest(make()) for make in DIFFERENT], [digest(make()) for make in DIFFERENT]

    assert once == again
    assert len(set(once)) == len(DIFFERENT)


def test_concatenation_does_not_count() -> None:
    assert digest("ab", "c") != digest("a", "bc")


def test_layout_of_an_array_in_memory_does_not_count() -> None:
    values = np.arange(12.0).reshape(3, 4)

    assert digest(values) == digest(np.asfortranarray(values)) == digest(np.repeat(values, 2, axis=0)[::2])


def test_list_equals_tuple() -> None:
    assert digest([1, "a"]) == digest((1, "a"))


def test_addresses_do_not_depend_on_the_process() -> None:
    code = "from audit.store import digest; print(digest({'b': {1, 2}, 'a': {'x', 'y', 'z'}}))"
    found = {
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": seed}).stdout for seed in "12"
    }

    assert len(found) == 1


class Tensor:
    """Looks like a tensor."""

    dtype = "float32"

    def __init__(self, values: list[float]) -> None:
        self.values = values

    def detach(self) -> Tensor:
        return self

    def cpu(self) -> Tensor:
        return self

    def numpy(self) -> Any:
        return np.array(self.values, dtype=np.float32)


def test_tensors_are_taken_by_their_values() -> None:
    assert digest(Tensor([1.0])) == digest(Tensor([1.0]))
    assert digest(Tensor([1.0])) != digest(Tensor([2.0]))


def test_unknown_objects_are_refused() -> None:
    with pytest.raises(TypeError, match="has no digest"):
        digest({"a": object()})

"""Order of layers from names and shapes, on files whose network is known."""

from __future__ import annotations

import pytest

from audit.models.layers import find_stack, natural


@pytest.mark.parametrize(
    ("shapes", "order", "plain"),
    [
        ({"0.weight": (8, 4), "10.weight": (2, 6), "2.weight": (6, 8)}, ["0", "2", "10"], True),
        ({"in.weight": (8, 4), "mid.weight": (6, 8), "end.weight": (1, 6)}, ["in", "mid", "end"], True),
        ({"end.weight": (1, 6), "in.weight": (8, 4), "mid.weight": (6, 8)}, ["in", "mid", "end"], True),
        ({"0.weight": (8, 4), "1.running_mean": (8,), "2.weight": (1, 8)}, ["0", "2"], False),
        ({"weight": (1, 4), "bias": (1,)}, [""], True),
        ({"0.weight": (8, 4), "0.bias": (7,)}, ["0"], False),
    ],
)
def test_layers_follow_one_another_by_their_shapes(shapes: dict, order: list[str], plain: bool) -> None:
    stack = find_stack(shapes)

    assert [layer.name for layer in stack.layers] == order
    assert stack.chained
    assert stack.plain == plain


def test_layers_that_cannot_follow_one_another_are_said_not_to() -> None:
    stack = find_stack({"a.weight": (8, 4), "b.weight": (3, 5)})

    assert not stack.chained
    assert not stack.plain


def test_numbers_in_names_count_as_numbers() -> None:
    assert sorted(["l.10.w", "l.9.w", "a"], key=natural) == ["a", "l.9.w", "l.10.w"]

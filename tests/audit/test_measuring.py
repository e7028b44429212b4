"""Blocks of rows that are measured at a time."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from audit.data.dataset import ColumnSchema, Schema
from audit.measuring import MOST_VALUES, _rows_that_fit


def subject(*columns: ColumnSchema) -> Any:
    return SimpleNamespace(facts=SimpleNamespace(schema=Schema(columns)), encoder=None)


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 224, 224), (3, 8192, 8192)])
def test_a_block_of_images_holds_as_many_as_fit_and_at_least_one(shape: tuple[int, ...]) -> None:
    rows = _rows_that_fit(subject(ColumnSchema(name="pixels", kind="image", shape=shape)))
    values = shape[0] * shape[1] * shape[2]

    assert rows == 1 or rows * values <= MOST_VALUES < (rows + 1) * values


def test_blocks_of_a_table_are_as_long_as_the_probe_asks() -> None:
    assert _rows_that_fit(subject(*(ColumnSchema(name=f"x{i}", kind="numeric") for i in range(200)))) >= 65_536

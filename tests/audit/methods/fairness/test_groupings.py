"""Count tables of all groupings against pandas, and the blocks that cover them."""

from __future__ import annotations

import time
from itertools import combinations
from math import prod

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.errors import MethodError
from audit.methods.fairness.groupings import covering_blocks, groupings


def by_pandas(codes, outcome, outcomes, subset):
    frame = pd.DataFrame({i: codes[i] for i in subset} | {"outcome": outcome})
    frame = frame[(frame[list(subset)] >= 0).all(axis=1)]
    return {(key if isinstance(key, tuple) else (key,)): n for key, n in frame.groupby([*subset, "outcome"]).size().items()}


def as_dictionary(grouping):
    return {(*cell, k): n for cell, row in zip(grouping.cells.tolist(), grouping.counts.tolist(), strict=True) for k, n in enumerate(row) if n}


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(1, 5), min_size=1, max_size=5), st.integers(0, 60), st.integers(1, 4), st.sampled_from([1, 30, 2**16]), st.integers(0, 9))
def test_every_grouping_agrees_with_pandas(sizes, n, order, largest_block, seed):
    generator = np.random.default_rng(seed)
    codes = [generator.integers(-1, size, n) for size in sizes]
    outcome = generator.integers(0, 3, n)

    found = groupings(codes, sizes, outcome, 3, order=order, largest_block=largest_block)

    expected = [subset for k in range(1, min(order, len(sizes)) + 1) for subset in combinations(range(len(sizes)), k)]
    assert [grouping.attributes for grouping in found] == expected
    for grouping in found:
        assert as_dictionary(grouping) == by_pandas(codes, outcome, 3, grouping.attributes)


@settings(deadline=None)
@given(st.lists(st.integers(2, 9), min_size=3, max_size=10), st.integers(1, 3))
def test_blocks_cover_every_wanted_set_and_keep_within_their_size(sizes, order):
    wanted = list(combinations(range(len(sizes)), min(order, len(sizes))))

    blocks = covering_blocks(sizes, wanted, largest=2000)

    assert all(any(set(subset) <= set(block) for block in blocks) for subset in wanted)
    assert all(prod(sizes[i] for i in block) <= 2000 for block in blocks)


def test_ten_attributes_need_few_blocks():
    wanted = list(combinations(range(10), 3))

    assert len(covering_blocks([4] * 10, wanted, largest=2**14)) <= 12


def test_three_attributes_of_three_hundred_levels_are_counted_by_sorting():
    generator = np.random.default_rng(3)
    codes = [generator.integers(-1, 300, 2000).astype(np.int32) for _ in range(3)]
    outcome = generator.integers(0, 2, 2000)

    found = groupings(codes, [300] * 3, outcome, 2)

    assert as_dictionary(found[-1]) == by_pandas(codes, outcome, 2, (0, 1, 2))


def test_codes_out_of_range_are_refused():
    with pytest.raises(MethodError, match="codes reach 2"):
        groupings([np.array([0, 2])], [2], np.array([0, 0]), 1)
    with pytest.raises(MethodError, match="needs an outcome"):
        groupings([np.array([0, 1])], [2], np.array([0, -1]), 1)


@pytest.mark.slow
def test_ten_attributes_of_a_million_rows_take_half_a_second_of_computing():
    generator = np.random.default_rng(4)
    sizes = [2, 2, 3, 3, 4, 4, 5, 5, 6, 2]
    codes = [generator.integers(-1, size, 1_000_000).astype(np.int32) for size in sizes]
    outcome = generator.integers(0, 6, 1_000_000).astype(np.int8)
    started = time.process_time()

    groupings(codes, sizes, outcome, 6)

    assert time.process_time() - started < 1.5  # half a second on an idle core

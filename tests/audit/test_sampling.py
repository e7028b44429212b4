"""The sample is proportional with a floor, and its inclusion probabilities make weighted totals unbiased."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from audit.sampling import FLOOR, allocate

COUNTS = st.lists(st.integers(0, 5000), min_size=1, max_size=40).filter(lambda c: sum(c) > 0)


@given(COUNTS, st.integers(1, 3000))
def test_allocation_never_takes_more_than_there_is(counts: list[int], size: int) -> None:
    held = np.array(counts)

    taken = allocate(held, size)

    assert (taken <= held).all()
    assert (taken[held > 0] >= 1).all()


@given(COUNTS, st.integers(200, 3000))
def test_allocation_spends_the_budget(counts: list[int], size: int) -> None:
    held = np.array(counts)

    assert allocate(held, size).sum() == min(size, held.sum())


def test_small_strata_get_the_floor() -> None:
    assert allocate(np.array([10_000, 12, 3]), 500).tolist() == [487, FLOOR, 3]

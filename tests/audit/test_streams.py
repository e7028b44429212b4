"""Random streams depend on seed, purpose and row, and on nothing else."""

from __future__ import annotations

import numpy as np
from scipy import stats

from audit.streams import generator, generators


def test_a_stream_repeats() -> None:
    assert np.array_equal(generator(1, "a", 5).random(8), generator(1, "a", 5).random(8))


def test_seed_purpose_and_row_each_change_the_stream() -> None:
    base = generator(1, "a", 5).random(8)

    assert all(not np.array_equal(base, other.random(8)) for other in (generator(2, "a", 5), generator(1, "b", 5), generator(1, "a", 6)))


def test_rows_are_independent_of_their_batch() -> None:
    alone = generators(1, "a", np.array([7]))[0].random(4)
    together = generators(1, "a", np.array([3, 7, 9]))[1].random(4)

    assert np.array_equal(alone, together)


def test_first_draws_over_rows_are_uniform_and_uncorrelated() -> None:
    draws = np.array([g.random(2) for g in generators(0, "u", np.arange(2000))])

    assert stats.kstest(draws[:, 0], "uniform").pvalue > 1e-3
    assert abs(np.corrcoef(draws[1:, 0], draws[:-1, 0])[0, 1]) < 0.08
    assert abs(np.corrcoef(draws.T)[0, 1]) < 0.08

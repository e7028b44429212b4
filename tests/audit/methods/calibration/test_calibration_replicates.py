"""Replicates drawn from the bins have the distribution of replicates drawn from the rows."""

from __future__ import annotations

import numpy as np
import pytest

from audit.methods.calibration.reliability import calibration_error_replicates, equal_width_edges, expected_calibration_error, reliability
from audit.methods.statistics.bootstrap import row_replicates


@pytest.mark.parametrize("bias", [0.0, 0.06])
def test_replicates_of_bins_and_of_rows_agree(bias: float) -> None:
    generator = np.random.default_rng(4)
    stated = generator.uniform(0.05, 0.9, 12_000)
    true = generator.uniform(size=12_000) < stated + bias
    edges, weights = equal_width_edges(10), np.ones(12_000)

    fast = calibration_error_replicates(stated, true, edges, weights, generator=generator, resamples=4000)
    slow = row_replicates(
        12_000, lambda drawn: expected_calibration_error(reliability(stated, true, edges, drawn)), generator=generator, resamples=600
    )

    assert np.mean(fast) == pytest.approx(np.mean(slow), rel=0.02)
    assert np.std(fast) == pytest.approx(np.std(slow), rel=0.1)

"""Occlusion against captum and against what follows from additive networks."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from captum.attr import Occlusion
from torch import nn

from audit.errors import MethodError
from audit.methods.attribution.occlusion import occlusion, per_entry, sliding_windows
from tests.audit.methods.attribution.networks import drawn, fixed

IMAGES = fixed(nn.Sequential(nn.Conv2d(2, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 3)))
SERIES = fixed(nn.Sequential(nn.Conv1d(3, 4, 3), nn.GELU(), nn.Flatten(), nn.Linear(36, 3)))
TABLE = fixed(nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3)))
CASES = [
    (IMAGES, (2, 8, 8), (2, 3, 3), (2, 2, 2)),
    (IMAGES, (2, 8, 8), (1, 4, 2), (1, 3, 2)),
    (SERIES, (3, 11), (3, 4), (3, 3)),
    (TABLE, (6,), (1,), (1,)),
    (TABLE, (6,), (4,), (3,)),
]


@pytest.mark.parametrize(("network", "shape", "window", "strides"), CASES)
def test_windows_over_images_series_and_columns_agree_with_captum(network, shape, window, strides):
    inputs, baseline, target = drawn(3, shape), drawn(1, shape, seed=2), torch.arange(3)
    windows = sliding_windows(shape, window, strides)

    ours = per_entry(occlusion(network, inputs, baseline, windows, target).values, windows)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = Occlusion(network).attribute(inputs, window, strides, baselines=baseline.expand_as(inputs), target=target)
    np.testing.assert_allclose(ours, theirs, atol=1e-12)


def test_several_baselines_are_averaged_and_their_spread_is_the_error():
    inputs, baselines, target = drawn(2, (6,)), drawn(7, (6,), seed=2), torch.tensor([0, 2])
    windows = np.eye(6, dtype=bool)

    found = occlusion(TABLE, inputs, baselines, windows, target, chunk=5)

    for row, entry in np.ndindex(2, 6):
        mixed = inputs[row].repeat(7, 1)
        mixed[:, entry] = baselines[:, entry]
        falls = (TABLE(inputs[row : row + 1]) - TABLE(mixed))[:, target[row]].numpy()
        np.testing.assert_allclose(found.values[row, entry], falls.mean(), atol=1e-12)
        np.testing.assert_allclose(found.se[row, entry], falls.std(ddof=1) / np.sqrt(7), atol=1e-12)
    assert found.evaluations.tolist() == [43, 43]


def test_a_product_falls_to_nothing_whichever_factor_is_taken():
    found = occlusion(
        lambda x: x.prod(dim=1, keepdim=True), torch.tensor([[2.0, 3.0, 5.0]]), torch.zeros(1, 3), np.eye(3, dtype=bool), torch.tensor([0])
    )

    np.testing.assert_array_equal(found.values, [[30.0, 30.0, 30.0]])
    assert np.isnan(found.se).all()


def test_a_window_that_changes_nothing_gets_exactly_nothing():
    inputs = drawn(1, (6,), torch.float32)
    baseline = inputs.clone()
    baseline[:, 3] += 1

    found = occlusion(fixed(TABLE, torch.float32), inputs, baseline, np.eye(6, dtype=bool), torch.tensor([0]))

    assert found.values[0].nonzero()[0].tolist() == [3]
    assert found.evaluations.tolist() == [2]
    fixed(TABLE)


def test_whole_numbers_are_exchanged_and_not_mixed():
    table = torch.tensor([[0.0], [10.0], [300.0]])

    found = occlusion(lambda ids: table[ids].sum(dim=1), torch.tensor([[1, 2]]), torch.tensor([[0, 0]]), np.eye(2, dtype=bool), torch.tensor([0]))

    np.testing.assert_array_equal(found.values, [[10.0, 300.0]])


@pytest.mark.parametrize(("window", "strides"), [((7,), (1,)), ((2,), (3,)), ((0,), (1,)), ((1, 1), (1, 1))])
def test_windows_that_leave_entries_uncovered_are_refused(window, strides):
    with pytest.raises(MethodError, match="expected 1 ≤ stride"):
        sliding_windows((6,), window, strides)


def test_baselines_that_do_not_fit_are_refused():
    with pytest.raises(MethodError, match="do not fit"):
        occlusion(TABLE, drawn(2, (6,)), drawn(1, (5,)), np.eye(6, dtype=bool), torch.tensor([0, 0]))

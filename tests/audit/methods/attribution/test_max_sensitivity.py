"""Max-sensitivity of explanations whose change is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from audit.errors import MethodError
from audit.methods.attribution.max_sensitivity import max_sensitivity


def streams(rows):
    return [np.random.default_rng([4, row]) for row in range(rows)]


def test_a_constant_explanation_never_moves_and_the_row_itself_moves_with_the_radius():
    inputs = torch.tensor([[3.0, 4.0], [6.0, 8.0]], dtype=torch.float64)
    spread = torch.tensor([1.0, 0.0], dtype=torch.float64)

    still = max_sensitivity(lambda x, _: np.ones((len(x), 3)), inputs, spread, streams=streams(2))
    moved = max_sensitivity(lambda x, _: x.numpy(), inputs, spread, streams=streams(2), radius=0.5, draws=400)

    assert still.tolist() == [0, 0]
    np.testing.assert_allclose(moved, [0.5 / 5, 0.5 / 10], rtol=0.02)
    assert (moved <= [0.1, 0.05]).all()


def test_every_moved_row_knows_which_row_it_comes_from():
    inputs = torch.zeros(3, 2)

    def explain(rows, origin):
        assert (np.bincount(origin) == 5).all()
        return np.ones((len(rows), 1)) * (origin[:, None] + 1) + rows.numpy()[:, :1] * (origin[:, None] == 1)

    found = max_sensitivity(explain, inputs, torch.ones(2), streams=streams(3), draws=4)

    assert found[[0, 2]].tolist() == [0, 0]
    assert 0 < found[1] <= 0.05


def test_a_row_moves_alike_alone_and_in_company():
    inputs = torch.tensor([[1.0], [2.0], [3.0]])
    together = max_sensitivity(lambda x, _: x.numpy() ** 2.0, inputs, torch.ones(1), streams=streams(3))

    alone = max_sensitivity(lambda x, _: x.numpy() ** 2.0, inputs[1:2], torch.ones(1), streams=streams(3)[1:2])

    np.testing.assert_allclose(together[1:2], alone)


def test_an_explanation_of_nothing_has_none_and_faults_are_refused():
    assert np.isnan(max_sensitivity(lambda x, _: np.zeros((len(x), 2)), torch.ones(1, 2), torch.ones(2), streams=streams(1))).all()
    assert max_sensitivity(lambda x, _: x.numpy(), torch.ones(0, 2), torch.ones(2), streams=[]).shape == (0,)
    with pytest.raises(MethodError, match="cannot be moved"):
        max_sensitivity(lambda x, _: x.numpy(), torch.ones(1, 2, dtype=torch.int64), torch.ones(2), streams=streams(1))
    with pytest.raises(MethodError, match="radius above 0"):
        max_sensitivity(lambda x, _: x.numpy(), torch.ones(1, 2), torch.ones(2), streams=streams(1), radius=0)

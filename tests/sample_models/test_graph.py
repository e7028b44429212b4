"""The network on a graph misses launderers without neighbours; rows of a ring are taken together."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

from sample_models.fitting import arguments_of, column_of
from sample_models.graph.model import build
from sample_models.graph.prepare import means
from sample_models.graph.train import trained
from tests.sample_models.copies import copied, finding, outside, reduced

CHECKS = ["fairness.error_rates", "performance.classification"]


@cache
def sample() -> Path:
    return copied("graph")


def test_launderers_without_neighbours_are_missed() -> None:
    run = reduced(sample() / "audit.toml", CHECKS)

    assert outside(run) == ["fairness.error_rates"]
    gap = next(m for m in finding(run, "fairness.error_rates").measurements if m.name == "false_positive_rate_difference")
    assert gap.value > 0.6
    assert gap.method.endswith("effective n")  # that of rings, not of accounts


def test_nothing_is_outside_where_such_accounts_were_learned_from() -> None:
    assert outside(reduced(sample() / "audit_honest.toml", CHECKS)) == []


def test_means_are_over_neighbours() -> None:
    links = np.array([[False, True, True], [True, False, False], [True, False, False]])
    values = np.array([[1.0], [3.0], [5.0]])

    assert means(links, values).tolist() == [[4.0], [1.0], [1.0]]
    assert means(np.zeros((2, 2), dtype=bool), values[:2]).tolist() == [[0.0], [0.0]]


def test_each_distance_has_weights_of_its_own() -> None:
    network, rows = build(), torch.randn(5, 9, requires_grad=True)
    (slopes,) = torch.autograd.grad(network(rows).sum(), rows)
    with_other_far = rows.detach().clone()
    with_other_far[:, 6:] = 0
    (others,) = torch.autograd.grad(network(with_other_far.requires_grad_()).sum(), with_other_far)

    torch.testing.assert_close(slopes[:, :6], others[:, :6])


@pytest.mark.slow
def test_training_gives_the_network_that_is_shipped() -> None:
    audit_file = sample() / "audit.toml"
    decided = trained(audit_file)(*arguments_of(audit_file, "calibration")).detach()[:, 0].numpy() > 0
    launders = column_of(audit_file, "calibration", "launders") == "1"
    nobody = column_of(audit_file, "evaluate", "pays") == "nobody"

    assert nobody.any()
    assert (decided == launders).mean() > 0.7

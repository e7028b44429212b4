"""Reasons of declined rows are the shortfalls that a linear score has by its formula, against both baselines."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from audit.data.dataset import ColumnSchema, GroupSpec, Schema
from audit.data.encoding import fit_table_encoder
from audit.errors import MethodError
from audit.probes.attribution.reasons import reasons
from tests.audit.probes.attribution.small import Held, measure, subject_of

WEIGHTS = np.array([1.0, -2.0, 0.5, 1.5, -1.0, 0.0])
SCHEMA = Schema(columns=tuple(ColumnSchema(name=f"x{i}", kind="numeric", reason="the second" if i == 1 else "") for i in range(6)))


class Linear(nn.Module):
    def __init__(self, *, probabilities: bool = False) -> None:
        super().__init__()
        self.linear = nn.Linear(6, 1, dtype=torch.float64)
        self.linear.weight.data[:] = torch.from_numpy(WEIGHTS)
        self.linear.bias.data[:] = 0.3
        self.probabilities = probabilities

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        z = self.linear(x)
        return torch.sigmoid(z) if self.probabilities else z


def rows(count: int, seed: int) -> Held:
    drawn = np.random.default_rng(seed).normal(size=(count, 6))
    return Held({f"x{i}": drawn[:, i] for i in range(6)})


def subject(*, favourable=(1,), probabilities=False, groups=(), **facts):
    base = subject_of(Linear(probabilities=probabilities))
    changed = replace(base.facts, favourable=favourable, output="probabilities" if probabilities else "logits", groups=groups, schema=SCHEMA, **facts)
    return replace(base, evaluate=rows(40, 1), reference=rows(500, 2), encoder=fit_table_encoder(SCHEMA, rows(500, 2), {}, "float64"), facts=changed)


def inputs(held: Held) -> np.ndarray:
    return np.stack([held.values[f"x{i}"] for i in range(6)], axis=1)


def score(held: Held) -> np.ndarray:
    return inputs(held) @ WEIGHTS + 0.3


@pytest.mark.parametrize("probabilities", [False, True])
def test_values_are_those_of_a_linear_score_against_each_baseline(probabilities) -> None:
    found = measure(reasons, subject(probabilities=probabilities), block=40)
    state, declined = found.prepared.state, found.columns["declined"] == 1

    assert np.array_equal(declined, score(rows(40, 1)) < 0)
    for one, baseline in (("cutoff", state.cutoff), ("everyone", state.everyone)):
        expected = WEIGHTS * (inputs(rows(40, 1)) - baseline.mean(axis=0))
        assert found.columns[f"values_{one}"][declined] == pytest.approx(expected[declined], abs=2e-6 if probabilities else 1e-9)
        by_hand = [[place for place in np.argsort(line) if line[place] < -1e-9][:4] for line in expected[declined]]
        assert [[p for p in line if p >= 0] for line in found.columns[f"named_{one}"][declined].tolist()] == by_hand


def test_rows_decided_favourably_have_no_reasons() -> None:
    found = measure(reasons, subject(), block=40).columns
    passed = found["declined"] == 0

    assert passed.any()
    assert (found["named_cutoff"][passed] == -1).all()
    assert np.isnan(found["values_cutoff"][passed]).all()


def test_the_comparison_at_the_cutoff_is_with_favourable_rows_in_the_band() -> None:
    state = measure(reasons, subject(), block=40).prepared.state
    probability = 1 / (1 + np.exp(-(state.cutoff @ WEIGHTS + 0.3)))

    assert ((probability >= 0.5) & (probability <= 0.6)).all()
    assert len(state.cutoff) >= 20


def test_where_class_0_is_favourable_the_other_side_is_adverse() -> None:
    found = measure(reasons, subject(favourable=(0,)), block=40)
    declined = found.columns["declined"] == 1
    expected = -WEIGHTS * (inputs(rows(40, 1)) - found.prepared.state.everyone.mean(axis=0))

    assert np.array_equal(declined, score(rows(40, 1)) >= 0)
    assert found.columns["values_everyone"][declined] == pytest.approx(expected[declined], abs=1e-9)
    assert (found.columns["total"][declined] <= 0).all()


def test_a_column_of_a_declared_group_is_never_named_but_counted() -> None:
    groups = (GroupSpec(name="anything", column="x1", levels=("a", "b")),)
    found = measure(reasons, subject(groups=groups), block=40)
    declined = found.columns["declined"] == 1
    shortfall = -WEIGHTS * (inputs(rows(40, 1)) - found.prepared.state.everyone.mean(axis=0))
    first = (np.argsort(np.argsort(-shortfall, axis=1), axis=1)[:, 1] < 4) & (shortfall[:, 1] > 0)

    assert (found.columns["named_everyone"] != 1).all()
    assert np.array_equal(found.columns["withheld_everyone"][declined], first[declined])
    assert found.prepared.tables["players"]["protected"] == [0, 1, 0, 0, 0, 0]


def test_the_declared_text_stands_beside_the_name() -> None:
    assert measure(reasons, subject(), block=40).prepared.tables["players"]["reason"] == ["x0", "the second", "x2", "x3", "x4", "x5"]


def test_a_row_has_the_same_reasons_alone_and_in_a_block() -> None:
    whole, single = (measure(reasons, subject(), block=size, exact_up_to=2).columns for size in (40, 1))

    for name in whole:
        assert np.array_equal(whole[name], single[name], equal_nan=True), name


def test_without_a_favourable_class_it_says_why() -> None:
    with pytest.raises(MethodError, match="favourable names no class"):
        reasons.prepared(subject(favourable=()), reasons.settings.defaults)


def test_where_nobody_passes_it_says_why() -> None:
    with pytest.raises(MethodError, match="no applicant is decided favourably"):
        reasons.prepared(subject(threshold=0.999999999), reasons.settings.defaults)

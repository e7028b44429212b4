"""The probe `attribution.perturbed_rows` and the check on it: a network that hides from explanations is raised, one that does not is not."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from torch import nn

from audit.checks.explanation.perturbed_rows import perturbed_rows as asked
from audit.errors import MethodError
from audit.judge import judge
from audit.probes.attribution.perturbed_rows import perturbed_rows
from tests.audit.checks.explanation.explained import at
from tests.audit.checks.planted import planted, write_table
from tests.audit.probes.attribution.scaffolded import NAMES, Mixed, Open, Scaffolded, subject_of

SMALL = {"real": 300, "explained": 8, "draws": 300}


@cache
def tables(kind):
    return perturbed_rows.prepared(subject_of(kind()), perturbed_rows.settings.resolve(SMALL, perturbed_rows.id)).tables


def evidence_of(folder, kind):
    for name, table in tables(kind).items():
        write_table(folder, perturbed_rows.id, name, table)
    return asked(planted(folder, decisions=np.zeros(4, dtype=int)))


def test_a_scaffolded_network_is_raised_by_both_ways_of_making_rows(tmp_path):
    evidence = evidence_of(tmp_path, Scaffolded)

    assert len(evidence.blockers) == 2
    assert judge(evidence, ()).status == "attention"
    for kind in ("shapley", "lime"):
        assert at(evidence, "transfer_gap", made_by=kind).low > 0.5
        assert at(evidence, "detector_auc", made_by=kind).low > 0.7


@pytest.mark.parametrize("network", [Open, Mixed])
def test_a_network_that_is_one_function_is_not_raised_though_made_rows_are_told_as_well(tmp_path, network):
    evidence = evidence_of(tmp_path, network)

    assert not evidence.blockers
    for kind in ("shapley", "lime"):
        assert at(evidence, "transfer_gap", made_by=kind).high < 0.5
        assert at(evidence, "detector_auc", made_by=kind).low > 0.7
    assert judge(evidence, ()).status == "informative"


def test_rows_made_of_each_real_row_stay_on_its_side_and_none_is_lost():
    held = tables(Open)["detected"]

    for kind in ("shapley", "lime"):
        chosen = held["kind"] == kind
        assert held["made"][chosen].sum() == 4 * 300
        assert np.unique(held["origin"][chosen]).tolist() == list(range(300))
        assert ((held["score"][chosen] >= 0) & (held["score"][chosen] <= 1)).all()


def test_a_few_rows_are_explained_by_the_least_told_half_and_by_a_random_half(tmp_path):
    evidence = evidence_of(tmp_path, Mixed)

    for kind in ("shapley", "lime"):
        least, random = (at(evidence, name, made_by=kind) for name in ("least_told_change", "random_half_change"))
        assert least.n == random.n == SMALL["explained"]
        assert 0 < random.value < 1
        assert at(evidence, "excess_change", made_by=kind).value == pytest.approx(least.value - random.value)


def test_a_constant_network_has_no_outputs_to_foretell(tmp_path):
    module = nn.Linear(len(NAMES), 1)
    nn.init.zeros_(module.weight)

    found = perturbed_rows.prepared(subject_of(module, 60), perturbed_rows.settings.resolve(SMALL, perturbed_rows.id)).tables
    for name, table in found.items():
        write_table(tmp_path, perturbed_rows.id, name, table)
    evidence = asked(planted(tmp_path, decisions=np.zeros(4, dtype=int)))

    assert "transfer" not in found
    assert {item.name for item in evidence.absent} >= {"transfer_gap", "excess_change"}


def test_few_rows_are_refused():
    with pytest.raises(MethodError, match="too few for 3 folds"):
        perturbed_rows.prepared(subject_of(Open(), 6), perturbed_rows.settings.resolve(SMALL, perturbed_rows.id))

"""Every attribution probe gives a row the same numbers whatever rows share its block, and in whatever order they come."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from audit import discovery
from audit.probe import Block, Probe
from audit.subject import Subject
from tests.audit.probes.attribution.small import ENTRIES, PICTURE, TABLE, _outputs, subject_of

PROBES = [name for name in discovery.probe_ids() if name.startswith("attribution.") and discovery.probe(name).scope == "rows"]
SETTINGS: dict[str, dict[str, Any]] = {
    "attribution.shapley": {"background": 8, "pairs": 2, "most_pairs": 2, "exact_up_to": 2},
    "attribution.interactions": {"background": 4, "pairs": 60},
    "attribution.integrated_gradients": {"background": 6},
    "attribution.expected_gradients": {"background": 6, "samples": 40},
    "attribution.smoothgrad": {"draws": 4},
    "attribution.occlusion": {"background": 6},
    "attribution.deep_shap": {"background": 6},
    "attribution.lime": {"samples": 200},
    "attribution.planted_twins": {"background": 6, "walks": 20, "exact_up_to": 2, "samples": 200},
    "attribution.in_company": {"background": 6, "exact_up_to": 2},
    "attribution.reasons": {"background": 6, "fewest": 5, "exact_up_to": 2},
    "attribution.under_test": {"background": 6, "exact_up_to": 2, "redraws": 1, "subsets": 8, "draws": 2, "steps": 5},
}
TABLES_ONLY, IMAGES_ONLY = {"attribution.reasons"}, {"attribution.grad_cam"}
ORDERS = {"halves": [range(6), range(6, 12)], "reversed": [range(11, -1, -1)], "shuffled company": [[7, 0, 11, 4], [2, 9, 1], [3, 5, 10, 8, 6]]}


def mlp() -> Subject:
    torch.manual_seed(1)
    subject = subject_of(nn.Sequential(nn.Linear(ENTRIES, 12), nn.ReLU(), nn.Linear(12, 2)), schema=TABLE)
    return replace(subject, facts=replace(subject.facts, favourable=(1,)))


def convolutions() -> Subject:
    torch.manual_seed(2)
    parts = [nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(24, 3)]
    return subject_of(nn.Sequential(*parts), schema=PICTURE, classes=3)


def columns(subject: Subject, probe: Probe, parts: Any, settings: dict[str, Any]) -> dict[str, np.ndarray]:
    """Columns of the rows 0 to 11, measured in the parts given."""
    state, found = probe.prepared(subject, settings).state, []
    for part in parts:
        rows = subject.evaluate.take(np.array(list(part), dtype=np.int64))
        reads = _outputs(subject, rows, np.zeros(len(rows), dtype=bool))
        found.append(probe.measure(Block(subject, rows, reads, 7, probe.id), state, settings))
    order = np.argsort(np.concatenate([list(part) for part in parts]))
    return {name: np.concatenate([one[name] for one in found])[order] for name in found[0]}


CASES = [(name, mlp) for name in PROBES if name not in IMAGES_ONLY] + [(name, convolutions) for name in PROBES if name not in TABLES_ONLY]


@pytest.mark.parametrize(("probe_id", "network"), CASES)
def test_a_row_gets_the_same_numbers_in_any_company_and_order(probe_id, network):
    probe, subject = discovery.probe(probe_id), network()
    settings = probe.settings.resolve(SETTINGS.get(probe_id, {}), probe_id)

    together = columns(subject, probe, [range(12)], settings)

    assert any(len(np.unique(values)) > 5 and np.isfinite(values).any() for values in together.values())
    for name, parts in ORDERS.items():
        for column, values in columns(subject, probe, parts, settings).items():
            held = together[column]
            if values.dtype.kind != "f":
                assert np.array_equal(values, held), (name, column)
                continue
            size = np.nanmax(np.abs(held), initial=0.0) if np.isfinite(held).any() else 0.0
            np.testing.assert_allclose(values, held, rtol=1e-6, atol=1e-6 * size, err_msg=f"{name}: {column}")

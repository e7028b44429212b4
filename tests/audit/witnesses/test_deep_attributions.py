"""shap and captum agree with DeepSHAP, expected gradients and occlusion of real networks, and object to wrong ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from audit.probe import Probe
from audit.probes.attribution.deep_shap import deep_shap
from audit.probes.attribution.expected_gradients import expected_gradients
from audit.probes.attribution.occlusion import occlusion
from audit.witness import confront
from tests.audit.witnesses.recomputed_rows import recomputed
from tests.smoke import subjects

CASES: list[tuple[Probe, dict[str, Any]]] = [
    (deep_shap, {"background": 20}),
    (expected_gradients, {"background": 20}),
    (occlusion, {"background": 5}),
]
IDS = ["DeepSHAP", "expected gradients", "occlusion"]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("probe", "given"), CASES, ids=IDS)
@pytest.mark.parametrize("write", [subjects.write_table_network, subjects.write_diabetes], ids=["table", "quantity"])
def test_another_library_agrees(tmp_path: Path, probe: Probe, given: dict[str, Any], write: Any) -> None:
    reference = recomputed(write(tmp_path), probe, **given)

    found = confront(probe.library, reference)

    assert found.agrees, found
    assert probe.library in found.library


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("probe", "given"), CASES, ids=IDS)
def test_attributions_of_the_wrong_columns_are_objected_to(tmp_path: Path, probe: Probe, given: dict[str, Any]) -> None:
    reference = recomputed(subjects.write_table_network(tmp_path), probe, **given)

    found = confront(probe.library, replace(reference, ours=np.roll(reference.ours, 1, axis=1)))

    assert found.agrees is False

"""shap, captum and lime agree with our attributions of real networks, and object to wrong ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from audit.errors import MethodError
from audit.probe import Probe
from audit.probes.attribution.integrated_gradients import integrated_gradients
from audit.probes.attribution.lime import lime
from audit.probes.attribution.shapley import shapley
from audit.witness import Reference, confront
from audit.witnesses.by_shap import shap_values
from tests.audit.witnesses.recomputed_rows import recomputed
from tests.smoke import subjects

CASES: list[tuple[Probe, dict[str, Any]]] = [
    (shapley, {"background": 20}),
    (shapley, {"background": 20, "exact_up_to": 0}),
    (integrated_gradients, {"background": 20}),
    (lime, {"samples": 1500, "sets": 3}),
]
IDS = ["shapley", "sampled shapley", "integrated gradients", "lime"]


@pytest.mark.parametrize(("probe", "given"), CASES, ids=IDS)
@pytest.mark.parametrize("classes", [2, 3])
def test_another_library_agrees(tmp_path: Path, probe: Probe, given: dict[str, Any], classes: int) -> None:
    reference = recomputed(subjects.write_table_network(tmp_path, classes=classes), probe, **given)

    found = confront(probe.library, reference)

    assert found.agrees, found
    assert found.rows == 3
    assert found.numbers == reference.ours.size
    assert probe.library in found.library


@pytest.mark.parametrize(("probe", "given"), [(shapley, {"background": 20}), (integrated_gradients, {"background": 20})], ids=IDS[::2])
def test_a_quantity_is_recomputed_too(tmp_path: Path, probe: Probe, given: dict[str, Any]) -> None:
    assert confront(probe.library, recomputed(subjects.write_diabetes(tmp_path), probe, **given)).agrees


def test_a_quantity_is_recomputed_by_lime(tmp_path: Path) -> None:
    assert confront("lime", recomputed(subjects.write_diabetes(tmp_path), lime, samples=1500)).agrees


@pytest.mark.parametrize(("probe", "given"), CASES, ids=IDS)
def test_attributions_of_the_wrong_columns_are_objected_to(tmp_path: Path, probe: Probe, given: dict[str, Any]) -> None:
    reference = recomputed(subjects.write_table_network(tmp_path), probe, **given)

    found = confront(probe.library, replace(reference, ours=np.roll(reference.ours, 1, axis=1)))

    assert found.agrees is False


def test_errors_of_shap_are_stated_where_it_draws_at_random() -> None:
    generator = np.random.default_rng(0)
    background, row, owner = generator.normal(size=(4, 16)), generator.normal(size=16), np.arange(16)

    def network(rows: np.ndarray) -> np.ndarray:
        return np.asarray(np.tanh(rows[:, :8].prod(axis=1) * 30) + rows[:, 8:] @ np.arange(8.0))

    found = shap_values(network, row, background, owner, players=int(owner.max()) + 1, evaluations=16 * 33 * 4, seed=1)

    assert found.repetitions == 16
    assert (found.se[:8] > 0).all()
    np.testing.assert_allclose(found.values[8:], np.arange(8.0) * (row[8:] - background[:, 8:].mean(axis=0)), atol=1e-12)


def test_the_global_stream_of_numpy_is_left_as_it_was() -> None:
    np.random.seed(5)  # noqa: NPY002  the stream that must not move
    expected = np.random.get_state()[2]  # noqa: NPY002
    background, row = np.zeros((2, 14)), np.ones(14)

    shap_values(lambda rows: np.asarray(rows.sum(axis=1)), row, background, np.arange(14), players=14, evaluations=2 * 29 * 4, seed=1)

    assert np.random.get_state()[2] == expected  # noqa: NPY002


@pytest.mark.parametrize("varying", [0, 1, 2])
def test_few_varying_columns_are_enumerated(varying: int) -> None:
    background, row = np.zeros((3, 4)), np.array([1.0] * varying + [0.0] * (4 - varying))

    found = shap_values(lambda rows: np.asarray(rows @ np.arange(1.0, 5.0)), row, background, np.arange(4), players=4, evaluations=1000, seed=1)

    np.testing.assert_allclose(found.values, row * np.arange(1.0, 5.0), atol=1e-12)


def test_too_many_columns_for_the_budget_are_refused() -> None:
    with pytest.raises(MethodError, match="would need"):
        shap_values(lambda rows: np.zeros(len(rows)), np.ones(500), np.zeros((10, 500)), np.arange(500), players=500, evaluations=1000, seed=1)


def test_a_bin_of_one_value_is_mended_in_limes_table_unless_asked_otherwise(tmp_path: Path) -> None:
    config = subjects.write_table_network(tmp_path)

    def reference(**given: Any) -> Reference:
        return recomputed(config, lime, samples=400, sets=2, **given)

    assert reference(lime_compat=True).note == ""

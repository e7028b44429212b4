"""Networks that look at series are audited by the same probes, and what they say agrees with working it out by hand."""

from __future__ import annotations

from functools import cache
from itertools import product
from math import factorial
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file

from audit.config_file import load_config
from audit.data.leaf import Series
from audit.data.series_encoding import SeriesEncoder
from audit.open_data import open_data
from tests.audit.models.programs import export, script, trusted
from tests.contract.audited import Audited, audit, lasting_folder
from tests.smoke import architectures
from tests.smoke.structured_subjects import given_series, write_series

CHECKS = ["performance.classification", "robustness.adversarial"]
CHECKS += ["explanation.global_importance", "explanation.completeness", "explanation.lime_quality"]
ONLY = (f"only={CHECKS}",)
KINDS = [("npz", True, "rows"), ("csv", True, "mean"), ("ts", False, "rows")]


@cache
def audited(kind: str, ends: bool, absent: str) -> Audited:
    folder = lasting_folder(f"netassay-series-{kind}-")
    return audit(write_series(folder, kind=kind, ends=ends, absent=absent), folder / "runs", overrides=ONLY)


def network_of(held: Audited) -> torch.nn.Module:
    network = architectures.series(2)
    network.load_state_dict(load_file(held.config.parent / "weights.safetensors"))
    return network.eval()


def values_of(held: Audited, part: str = "evaluate") -> NDArray[np.float64]:
    dataset = open_data(load_config(held.config)).datasets[part]
    rows = dataset.take(np.arange(dataset.n_rows)).values
    return np.stack([rows["pulse"], rows["heat"]], axis=1)


def answer(held: Audited, values: NDArray[np.float64], ends: bool) -> NDArray[np.float64]:
    inputs, mask = given_series(values, standard=True, reference=values_of(held, "reference"))
    network = network_of(held)
    return (network(inputs, mask) if ends else network(inputs))[:, 0].detach().double().numpy()


@pytest.mark.parametrize(("kind", "ends", "absent"), KINDS)
def test_outputs_are_those_of_the_network(kind: str, ends: bool, absent: str) -> None:
    held = audited(kind, ends, absent)

    np.testing.assert_allclose(held.rows().column("outputs.output")[:, 0], answer(held, values_of(held), ends), atol=1e-4)
    assert (held.rows().column("outputs.correct") == 1).mean() > 0.9


def test_shapley_values_are_those_of_all_coalitions_of_windows() -> None:
    held = audited("csv", True, "mean")
    rows = held.rows().within("attribution.shapley")
    values = values_of(held)[rows.positions]
    players = 8

    for row in (0, 3):
        means = np.broadcast_to(np.nanmean(values[row], axis=1, keepdims=True), values[row].shape)
        coalitions = list(product([False, True], repeat=players))
        composed = []
        for kept in coalitions:
            there = np.repeat(np.array(kept).reshape(2, 4), 3, axis=1)
            composed.append(np.where(np.isnan(values[row]), np.nan, np.where(there, values[row], means)))
        worth = dict(zip(coalitions, answer(held, np.stack(composed), True), strict=True))
        expected = np.zeros(players)
        for kept, value in worth.items():
            size = sum(kept)
            for player in range(players):
                share = factorial(size - 1) * factorial(players - size) if kept[player] else -factorial(size) * factorial(players - size - 1)
                expected[player] += share / factorial(players) * value
        np.testing.assert_allclose(rows.column("attribution.shapley.values")[row], expected, atol=2e-4)


@pytest.mark.parametrize(("kind", "ends", "absent"), KINDS)
def test_the_rise_of_the_pulse_at_the_end_is_what_decides(kind: str, ends: bool, absent: str) -> None:
    held = audited(kind, ends, absent)
    rows = held.rows().within("attribution.shapley")
    values = values_of(held)[rows.positions]
    found = rows.column("attribution.shapley.values").reshape(rows.n, 2, 4)
    last = (~np.isnan(values[:, 0])).sum(axis=1) - 1

    ill = held.rows().column("subject.label")[rows.positions] == 1
    near = np.stack([found[np.arange(rows.n), 0, np.maximum(last // 3 - back, 0)] for back in (0, 1)]).max(axis=0)
    assert (near[ill] >= found[ill, 1].max(axis=1)).mean() > 0.9
    for row in np.flatnonzero(last < 8)[:5]:
        assert (found[row, :, -1] == 0).all()  # windows after the end have no part in anything


def test_all_witnesses_agree() -> None:
    for kind in KINDS:
        witnesses = {probe.id: probe.witness for probe in audited(*kind).run.probes if probe.witness is not None}
        assert {"attribution.shapley", "attribution.integrated_gradients", "attribution.lime"} <= set(witnesses)
        assert all(witness.agrees for witness in witnesses.values())


def test_attacks_move_values_within_their_units_and_never_the_end() -> None:
    held = audited("npz", True, "rows")
    rows = held.rows().within("robustness.pgd")
    flipped, verified, changed = (rows.column(f"robustness.pgd.{name}") for name in ("flipped", "verified", "changed"))
    ends = (~np.isnan(values_of(held)[rows.positions][:, 0])).sum(axis=1)

    assert (verified[flipped == 1] == 1).all()
    assert (verified == 1).any()
    beyond = np.arange(4) * 3 >= ends[:, None]
    assert (changed.reshape(rows.n, 2, 4)[np.repeat(beyond[:, None], 2, axis=1)] == 0).all()


def test_nothing_breaks(tmp_path: Path) -> None:
    held = audit(write_series(tmp_path), tmp_path / "runs")

    assert [finding.check for finding in held.run.findings if finding.status == "error"] == []
    assert [probe.instance for probe in held.run.probes if probe.status == "error"] == []


@pytest.mark.parametrize("kind", ["script", "export"])
def test_programs_are_called_as_the_network_is(tmp_path: Path, kind: str) -> None:
    held = audited("npz", True, "rows")
    encoder = open_data(load_config(held.config)).encoder
    assert isinstance(encoder, SeriesEncoder)
    leaf = encoder.encode(open_data(load_config(held.config)).datasets["evaluate"].take(np.arange(9)))
    if kind == "script":
        path = script(network_of(held), tmp_path / "n.pt")
        arguments = encoder.arguments
    else:
        path = export(network_of(held), torch.zeros(2, 12, 2), tmp_path / "n.pt2")
        arguments = Series("ntc", ends=True, mask=False, lengths=False)
    found = trusted(path, arguments=arguments)

    found.trial(leaf)

    expected = network_of(held)(*arguments.of(torch.tensor(leaf.values)))
    np.testing.assert_allclose(found.outputs(leaf), expected.detach().numpy(), atol=1e-5)
    assert "gradients" in found.capabilities

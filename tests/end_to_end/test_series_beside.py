"""A network of columns and a series is audited, however the series are kept, and what is said agrees with working it out by hand."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import product
from math import factorial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from captum.attr import IntegratedGradients
from safetensors.torch import load_file
from torch import Tensor

from audit.cli import main
from audit.config_file import load_config
from audit.open_data import open_data
from tests.contract.audited import Audited, audit, lasting_folder
from tests.smoke.bedside import Kind, bedside, inputs_of, write_bedside

CHECKS = ["performance.classification", "robustness.adversarial", "explanation.completeness", "explanation.lime_quality", "data.overlap"]
KINDS: list[tuple[Kind, bool]] = [("long", True), ("named", True), ("ordered", False)]
PLAYERS = ["age", "ward", "vitals pulse 1–3", "vitals pulse 4–6", "vitals heat 1–3", "vitals heat 4–6"]


@cache
def audited(kind: Kind, ends: bool) -> Audited:
    folder = lasting_folder(f"netassay-bedside-{kind}-")
    return audit(write_bedside(folder, kind=kind, ends=ends), folder / "runs", overrides=[f"only={CHECKS}"])


def answer(held: Audited, ends: bool) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    network = bedside()
    network.load_state_dict(load_file(held.config.parent / "weights.safetensors"))
    network.requires_grad_(False).eval()
    return lambda columns, values, mask: network(columns, values, *([mask] if ends else []))[:, 0]


@pytest.mark.parametrize(("kind", "ends"), KINDS)
def test_outputs_are_those_of_the_network(kind: Kind, ends: bool) -> None:
    held = audited(kind, ends)

    expected = answer(held, ends)(*inputs_of(held.config.parent, "evaluate", ends=ends)).detach().numpy()

    np.testing.assert_allclose(held.rows().column("outputs.output")[:, 0], expected, atol=1e-5)
    assert [finding.check for finding in held.run.findings if finding.status == "error"] == []


def test_the_same_series_kept_in_two_ways_are_the_same_data() -> None:
    long, named = (audited(kind, True).run.subject["data"] for kind in ("long", "named"))

    assert long == named


@pytest.mark.parametrize(("kind", "ends"), KINDS)
def test_shapley_values_are_those_of_all_coalitions_of_columns_and_windows(kind: Kind, ends: bool) -> None:
    """Every reference row stands for absent; a series left out ends where that of the row ends."""
    held = audited(kind, ends)
    rows = held.rows().within("attribution.shapley")
    assert list(rows.table("attribution.shapley", "players")["name"]) == PLAYERS
    columns, values, mask = inputs_of(held.config.parent, "evaluate", ends=ends)
    others, series, _ = inputs_of(held.config.parent, "reference", ends=ends)
    network = answer(held, ends)

    for place, row in enumerate(rows.positions[:2]):
        worth = {}
        for kept in product([False, True], repeat=6):
            of_columns = torch.tensor([kept[0], kept[1], kept[1]])
            of_values = torch.tensor(kept[2:]).reshape(2, 2).repeat_interleave(3, dim=1)
            given = torch.where(of_values, values[row], series) * mask[row]
            worth[kept] = float(network(torch.where(of_columns, columns[row], others), given, mask[row].expand(len(series), -1)).double().mean())
        expected = np.zeros(6)
        for kept, value in worth.items():
            size = sum(kept)
            for player in range(6):
                share = factorial(size - 1) * factorial(6 - size) if kept[player] else -factorial(size) * factorial(5 - size)
                expected[player] += share / factorial(6) * value
        np.testing.assert_allclose(rows.column("attribution.shapley.values")[place], expected, atol=1e-5)


@pytest.mark.parametrize(("kind", "ends"), KINDS)
def test_integrated_gradients_are_those_of_captum_on_both_inputs(kind: Kind, ends: bool) -> None:
    held = audited(kind, ends)
    rows = held.rows().within("attribution.integrated_gradients")
    columns, values, mask = inputs_of(held.config.parent, "evaluate", ends=ends)
    others, series, _ = inputs_of(held.config.parent, "reference", ends=ends)
    method = IntegratedGradients(answer(held, ends))

    for place, row in enumerate(rows.positions[:3]):
        count = len(others)
        given = (columns[row].expand(count, -1), values[row].expand(count, -1, -1))
        there = mask[row].expand(count, -1)
        of_columns, of_values = method.attribute(given, baselines=(others, series * mask[row]), additional_forward_args=(there,), n_steps=64)
        age, north, south = of_columns.mean(dim=0).detach().numpy()
        windows = of_values.mean(dim=0).reshape(2, 2, 3).sum(dim=2).flatten().detach().numpy()
        np.testing.assert_allclose(rows.column("attribution.integrated_gradients.values")[place], [age, north + south, *windows], atol=2e-5)


def test_attacks_move_columns_and_steps_and_nothing_after_the_end() -> None:
    held = audited("long", True)
    rows = held.rows().within("robustness.pgd")
    _, _, mask = inputs_of(held.config.parent, "evaluate", ends=True)
    changed = rows.column("robustness.pgd.changed")

    assert (rows.column("robustness.pgd.verified")[rows.column("robustness.pgd.flipped") == 1] == 1).all()
    assert (changed[:, 2:] != 0).any()
    gone = ~mask[rows.positions].reshape(rows.n, 2, 3).any(dim=2).numpy()
    assert gone.any()
    assert (changed[:, 2:].reshape(rows.n, 2, 2)[np.repeat(gone[:, None], 2, axis=1)] == 0).all()


def test_all_witnesses_agree() -> None:
    for kind, ends in KINDS:
        witnesses = {probe.id: probe.witness for probe in audited(kind, ends).run.probes if probe.witness is not None}
        assert {"attribution.shapley", "attribution.integrated_gradients", "attribution.lime"} <= set(witnesses)
        assert all(witness.agrees for witness in witnesses.values())


def test_rows_are_told_apart_by_their_series(tmp_path: Path) -> None:
    """The first evaluated row has the columns of a reference row, the second has its series too."""
    config = write_bedside(tmp_path, kind="ordered", ends=False)
    tables = {name: pd.read_csv(tmp_path / f"{name}.csv") for name in ("evaluate", "reference")}
    for column in ("age", "ward", "ill"):
        tables["evaluate"].loc[:1, column] = tables["reference"].loc[3, column]
    tables["evaluate"].to_csv(tmp_path / "evaluate.csv", index=False)
    series = {name: np.load(tmp_path / f"{name}_vitals.npz")["series"] for name in ("evaluate", "reference")}
    before = open_data(load_config(config)).datasets["evaluate"].digest
    series["evaluate"][1] = series["reference"][3]
    np.savez(tmp_path / "evaluate_vitals.npz", series=series["evaluate"])

    held = audit(config, tmp_path / "runs", overrides=['only=["data.overlap"]'])

    assert open_data(load_config(config)).datasets["evaluate"].digest != before
    assert held.rows().column("data.overlap.inputs_seen")[:3].tolist() == [0, 1, 0]


def test_a_row_without_a_series_is_one_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    write_bedside(tmp_path, kind="long")
    series = pd.read_csv(tmp_path / "evaluate_vitals.csv")
    series[series["patient"] != "e7"].to_csv(tmp_path / "evaluate_vitals.csv", index=False)
    monkeypatch.setattr("sys.argv", ["netassay", "run", str(tmp_path / "audit.toml"), "--code", str(Path(__file__).parents[2])])

    with pytest.raises(SystemExit) as ended:
        main()

    said = capsys.readouterr().err
    assert ended.value.code == 2
    assert "1 of the 24 rows of data.evaluate have no series, first row 7 with id 'e7'" in said
    assert "Traceback" not in said

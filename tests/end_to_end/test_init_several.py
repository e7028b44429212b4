"""`netassay init` for networks with several inputs: what it writes is run with no more than a few edits."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
import torch
from onnx import TensorProto, helper
from safetensors.torch import save_file

from audit.cli import main
from audit.config_file import load_config
from tests.smoke.structured_subjects import write_several

Captured = pytest.CaptureFixture[str]


def said(monkeypatch: pytest.MonkeyPatch, folder: Path, *arguments: str) -> int:
    monkeypatch.chdir(folder)
    monkeypatch.setattr("sys.argv", ["netassay", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def stranger(folder: Path, name: str, *, text: bool, code: str) -> None:
    """Weights, tables and photos, with the code of the network and without an audit file."""
    write_several(folder, text=text)
    (folder / "audit.toml").unlink()
    (folder / f"{name}.py").write_text(code, encoding="utf-8")


IMAGE = "from tests.smoke.architectures import several\n\n\ndef build():\n    return several(4, 0)\n"
TEXT = "from tests.smoke.architectures import several\n\n\ndef build():\n    return several(4, 6)\n"
UNNAMED = """from torch import nn
from tests.smoke.architectures import Parcels


class Swapped(Parcels):
    def forward(self, first, second):
        return super().forward(second, first)


def build():
    return Swapped(4, 0)
"""


NOTES = """import torch
from torch import nn


class Notes(nn.Module):
    def __init__(self):
        super().__init__()
        self.words, self.answer = nn.Embedding(6, 4), nn.Linear(8, 1)

    def forward(self, columns, tokens):
        return self.answer(torch.cat([columns, self.words(tokens).mean(dim=1)], dim=1))


def build():
    return Notes()
"""


def drop_note(folder: Path) -> None:
    for name in ("train", "test"):
        path = folder / f"{name}.csv"
        lines = [line.split(",") for line in path.read_text().splitlines()]
        place = lines[0].index("note")
        path.write_text("\n".join(",".join(line[:place] + line[place + 1 :]) for line in lines) + "\n")


@pytest.mark.slow
@pytest.mark.parametrize(("name", "code", "order"), [("parcels_a", IMAGE, ["image", "columns"]), ("parcels_b", UNNAMED, ["first", "second"])])
def test_an_image_beside_columns_runs_without_an_edit(
    name: str, code: str, order: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stranger(tmp_path, name, text=False, code=code)
    drop_note(tmp_path)

    given = ["--reference", "train.csv", "--architecture", f"{name}:build", "--code", ".", "--group", "country"]

    made = said(monkeypatch, tmp_path, "init", "weights.safetensors", "test.csv", *given)

    assert made == 0
    assert "TO RESOLVE" not in (tmp_path / "audit.toml").read_text(encoding="utf-8")
    data = load_config(tmp_path / "audit.toml").config.data
    assert (data.kind, list(data.parts), data.label) == ("several", order, "refused")
    assert [part.image is not None for part in data.parts.values()] == [name == "parcels_a", name == "parcels_b"]
    assert said(monkeypatch, tmp_path, "run", "audit.toml", "--code", ".", "--only", "performance.classification", "-q") == 0


@pytest.mark.slow
def test_a_text_beside_an_image_and_columns_runs_without_an_edit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stranger(tmp_path, "parcels_c", text=True, code=TEXT)
    given = ["--architecture", "parcels_c:build", "--code", ".", "--text", "note", "--vocabulary", "words.txt", "--group", "country"]

    assert said(monkeypatch, tmp_path, "init", "weights.safetensors", "test.csv", "--reference", "train.csv", *given) == 0

    data = load_config(tmp_path / "audit.toml").config.data
    assert list(data.parts) == ["image", "columns", "words"]
    assert data.parts["columns"].inputs == ("weight", "size")
    assert said(monkeypatch, tmp_path, "run", "audit.toml", "--code", ".", "--only", "performance.classification", "-q") == 0


@pytest.mark.slow
def test_a_text_beside_columns_runs_without_an_edit_though_the_table_names_images_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stranger(tmp_path, "parcels_e", text=True, code=NOTES)
    save_file({"words.weight": torch.ones(6, 4), "answer.weight": torch.ones(1, 8), "answer.bias": torch.zeros(1)}, tmp_path / "weights.safetensors")
    given = ["--architecture", "parcels_e:build", "--code", ".", "--text", "note", "--vocabulary", "words.txt", "--group", "country"]

    assert said(monkeypatch, tmp_path, "init", "weights.safetensors", "test.csv", "--reference", "train.csv", *given) == 0

    data = load_config(tmp_path / "audit.toml").config.data
    assert (data.parts["columns"].inputs, data.parts["tokens"].text is not None) == (("weight", "size"), True)
    assert said(monkeypatch, tmp_path, "run", "audit.toml", "--code", ".", "--only", "performance.classification", "-q") == 0


def test_a_table_that_gives_too_few_inputs_is_told_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    stranger(tmp_path, "parcels_d", text=False, code=UNNAMED)
    (tmp_path / "plain.csv").write_text("weight,refused\n" + "1,0\n2,1\n" * 10)

    code = said(monkeypatch, tmp_path, "init", "weights.safetensors", "plain.csv", "--architecture", "parcels_d:build", "--code", ".")

    told = capsys.readouterr().err
    assert (code, len(told.splitlines())) == (2, 1)
    assert 'takes 2 inputs, "first", "second"' in told
    assert not (tmp_path / "audit.toml").exists()


def test_an_onnx_network_with_several_wide_inputs_is_refused_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["rows", 3]) for name in ("left", "right", "answer")]
    graph = helper.make_graph([helper.make_node("Add", ["left", "right"], ["answer"])], "net", ports[:2], ports[2:])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), tmp_path / "net.onnx")
    (tmp_path / "rows.csv").write_text("a,b,label\n" + "1,2,0\n2,3,1\n" * 10)

    code = said(monkeypatch, tmp_path, "init", "net.onnx", "rows.csv")

    told = capsys.readouterr().err
    assert (code, len(told.splitlines())) == (2, 1)
    assert "takes 2 inputs" in told
    assert not (tmp_path / "audit.toml").exists()

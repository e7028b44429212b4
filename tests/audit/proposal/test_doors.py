"""`netassay init` knows every door and kind of rows: what it writes is a legal audit file that names them."""

from __future__ import annotations

import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pandas as pd
import pytest
import skops.io
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper
from PIL import Image
from safetensors.torch import save_file
from sklearn.linear_model import LinearRegression, LogisticRegression
from torch import nn

from audit.config import AuditConfig
from audit.config_file import check_config
from audit.errors import ConfigError, DataError, ModelError
from audit.models.inspection import inspect_weights
from audit.proposal.convolution_text import convolution_text, find_chain
from audit.proposal.draft import Draft, draft
from audit.proposal.request import Request
from tests.audit.cli.test_inspect_program import archive
from tests.audit.models.programs import sha256


def rows(folder: Path, **further: Any) -> Path:
    random = np.random.default_rng(0)
    inputs = random.normal(size=(40, 3))
    table = pd.DataFrame({"income": inputs[:, 0], "debt": inputs[:, 1], "years": inputs[:, 2], "outcome": (inputs[:, 0] > 0).astype(int), **further})
    table.to_csv(folder / "rows.csv", index=False)
    return folder / "rows.csv"


def made(folder: Path, model: Path | str | None, table: Path, **further: Any) -> tuple[Draft, AuditConfig]:
    found = draft(Request(table=table, out=folder / "audit.toml", model=None if model is None else str(model), **further))
    raw = tomllib.loads(found.text, parse_float=Decimal)
    return found, check_config(raw, folder / "audit.toml", folders=[folder]).config


@pytest.mark.parametrize("kind", ["export", "script"])
def test_a_network_with_its_code_is_named_unread_with_the_option_that_trusts_it(kind: str, tmp_path: Path) -> None:
    path = archive(tmp_path / "network.pt2", kind)

    found, config = made(tmp_path, path, rows(tmp_path))

    assert (config.model.file, config.model.door) == ("network.pt2", "file")
    assert found.proposal.source is not None
    assert found.proposal.source.option == f"--trust sha256:{sha256(path)}"


def test_a_model_of_scikit_learn_names_its_columns_classes_and_outputs(tmp_path: Path) -> None:
    table = pd.read_csv(rows(tmp_path, noise=np.arange(40) * 1.5))
    answers = np.where(table["outcome"] == 1, "yes", "no")
    table.assign(outcome=answers).to_csv(tmp_path / "rows.csv", index=False)
    model = LogisticRegression().fit(table[["years", "income"]], answers)
    skops.io.dump(model, tmp_path / "net.skops")

    found, config = made(tmp_path, tmp_path / "net.skops", tmp_path / "rows.csv")

    assert (config.model.sklearn, config.model.takes, config.model.output) == ("net.skops", "raw", "probabilities")
    assert config.data.inputs == ("years", "income")
    assert config.model.classes == ("no", "yes")
    assert found.proposal.doubts == ()


def test_a_regressor_gives_a_quantity(tmp_path: Path) -> None:
    table = pd.read_csv(rows(tmp_path, price=np.linspace(1, 5, 40) ** 2))
    skops.io.dump(LinearRegression().fit(table[["income", "debt"]].to_numpy(), table["price"]), tmp_path / "net.skops")
    table[["income", "debt", "price"]].to_csv(tmp_path / "rows.csv", index=False)

    found, config = made(tmp_path, tmp_path / "net.skops", tmp_path / "rows.csv", label="price")

    assert (config.model.task, config.model.output, config.data.inputs) == ("regression", "quantity", ("income", "debt"))
    assert found.proposal.doubts == ()


def test_an_onnx_network_is_asked_for_its_inputs_and_outputs(tmp_path: Path) -> None:
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["rows", size]) for name, size in (("given", 3), ("answer", 1))]
    weights = helper.make_tensor("w", TensorProto.FLOAT, [3, 1], [1.0, -1.0, 0.5])
    graph = helper.make_graph([helper.make_node("MatMul", ["given", "w"], ["answer"])], "net", ports[:1], ports[1:], [weights])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), tmp_path / "net.onnx")

    found, config = made(tmp_path, tmp_path / "net.onnx", rows(tmp_path))

    assert (config.model.onnx, config.data.inputs, config.data.label) == ("net.onnx", ("income", "debt", "years"), "outcome")
    assert found.proposal.doubts == ()


def test_a_function_and_a_url_are_named(tmp_path: Path) -> None:
    table = rows(tmp_path)

    _, function = made(tmp_path, "no_such_module_here:answer", table)
    found, endpoint = made(tmp_path, "https://host.example/score", table)

    assert function.model.callable == "no_such_module_here:answer"
    assert endpoint.model.endpoint is not None
    assert endpoint.model.endpoint.url == "https://host.example/score"
    assert found.proposal.source is not None
    assert found.proposal.source.option == "--send-to https://host.example:443"


def test_text_is_found_where_a_network_looks_up_words(tmp_path: Path) -> None:
    table = pd.DataFrame({"review": [f"this was film number {i} of many" for i in range(30)], "good": [0, 1] * 15})
    table.to_csv(tmp_path / "reviews.csv", index=False)
    save_file({"embedding.weight": torch.randn(50, 4), "head.weight": torch.randn(2, 4)}, tmp_path / "net.safetensors")

    found, config = made(tmp_path, tmp_path / "net.safetensors", tmp_path / "reviews.csv", label="good")

    assert (config.data.kind, config.data.text.column, config.data.label) == ("text", "review", "good")
    assert "50" in found.text
    assert any("vocabulary" in doubt for doubt in found.proposal.doubts)


def test_images_of_an_npz_file_are_described(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (20, 6, 5, 3), dtype=np.uint8)
    np.savez(tmp_path / "rows.npz", pictures=images, label=np.arange(20) % 2, sex=np.array(["f", "m"] * 10))

    _, config = made(tmp_path, "no_such_module_here:answer", tmp_path / "rows.npz")

    assert (config.data.kind, config.data.image.array, config.data.image.scale) == ("image", "pictures", 255)
    assert (config.data.label, list(config.data.groups)) == ("label", ["sex"])


def test_folders_by_class_become_a_table_of_labels(tmp_path: Path) -> None:
    for label, size in (("cat", (5, 4)), ("dog", (5, 4)), ('d,o"g', (7, 4))):
        folder = tmp_path / "photos" / label
        folder.mkdir(parents=True)
        for place in range(3):
            Image.new("L" if label == "cat" else "RGB", size, color=place).save(folder / f"{place}.png")

    found, config = made(tmp_path, "no_such_module_here:answer", tmp_path / "photos")

    (target,) = found.new
    assert target == tmp_path / "labels.csv"
    target.write_text(found.new[target], encoding="utf-8")
    held = pd.read_csv(target)
    assert sorted(set(held["label"])) == ["cat", 'd,o"g', "dog"]
    assert all((tmp_path / "photos" / name).is_file() for name in held["image"])
    image = config.data.image
    assert (config.data.evaluate, image.folder, image.colour, image.size) == ("labels.csv", "photos", "rgb", (4, 5))


def test_a_table_that_names_images_is_read_with_them(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    for place in range(4):
        Image.new("L", (4, 4), color=place).save(tmp_path / "photos" / f"{place}.png")
    pd.DataFrame({"file": [f"{i}.png" for i in range(4)], "label": [0, 1, 0, 1]}).to_csv(tmp_path / "list.csv", index=False)

    _, config = made(tmp_path, "no_such_module_here:answer", tmp_path / "list.csv")

    assert (config.data.kind, config.data.image.column, config.data.image.folder) == ("image", "file", "photos")


def test_an_image_that_links_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    Image.new("L", (4, 4)).save(tmp_path / "secret.png")
    (folder / "a.png").symlink_to(tmp_path / "secret.png")
    (folder / "list.csv").write_text("image,label\na.png,1\n")

    with pytest.raises(DataError, match="by a link"):
        made(tmp_path, "no_such_module_here:answer", folder)


@pytest.mark.parametrize("url", ["https://user:secret@host/", "http://", "https://host/#part"])
def test_an_illegal_url_is_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="url"):
        made(tmp_path, url, rows(tmp_path))


def test_a_pickle_called_skops_is_named_and_not_run(tmp_path: Path) -> None:
    (tmp_path / "net.skops").write_bytes(b"\x80\x04cposix\nsystem\n.")

    with pytest.raises(ModelError, match="is a pickle"):
        made(tmp_path, tmp_path / "net.skops", rows(tmp_path))


NETWORKS = {
    "numbered": nn.Sequential(
        nn.Conv2d(1, 2, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(2, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(12, 2)
    ),
    "averaged": nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", NETWORKS)
def test_the_draft_of_a_convolutional_network_answers_as_the_network(name: str) -> None:
    network = NETWORKS[name].eval()
    shapes = {key: tuple(value.shape) for key, value in network.state_dict().items()}

    source = convolution_text(find_chain(shapes), (1, 8, 8))

    assert source is not None
    held: dict[str, Any] = {}
    exec(source, held)  # noqa: S102  the test runs what a person would
    drafted = held["build"]().eval()
    drafted.load_state_dict(network.state_dict())
    images = torch.randn(5, 1, 8, 8)
    assert torch.equal(drafted(images), network(images))


@pytest.mark.parametrize(
    "shapes",
    [{}, {"a.weight": (2, 1, 3, 3)}, {"a.weight": (0, 1, 3, 3), "b.weight": (2, 0)}, {"a.weight": (2, 1, 3, 3), "b.weight": (2, 8), "odd": (1,)}],
)
def test_what_is_no_plain_convolutional_network_gets_no_draft(shapes: dict[str, tuple[int, ...]]) -> None:
    assert convolution_text(find_chain(shapes), (1, 8, 8)) is None


def test_a_sharded_file_is_read_as_one(tmp_path: Path) -> None:
    save_file({"0.weight": torch.randn(4, 3), "0.bias": torch.randn(4)}, tmp_path / "a.safetensors")
    save_file({"2.weight": torch.randn(1, 4), "2.bias": torch.randn(1)}, tmp_path / "b.safetensors")
    places = {"0.weight": "a.safetensors", "0.bias": "a.safetensors", "2.weight": "b.safetensors", "2.bias": "b.safetensors"}
    (tmp_path / "net.safetensors.index.json").write_text(str({"metadata": {}, "weight_map": places}).replace("'", '"'))

    found, config = made(tmp_path, tmp_path / "net.safetensors.index.json", rows(tmp_path))

    assert config.model.weights == "net.safetensors.index.json"
    assert found.layers == "a plain multilayer perceptron, 3 → 4 → 1"
    assert inspect_weights(tmp_path / "net.safetensors.index.json").parameters == 21


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), min_size=1, max_size=12)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.lists(TEXTS, min_size=2, max_size=5, unique=True), levels=st.lists(TEXTS, min_size=2, max_size=4, unique=True))
def test_whatever_columns_and_levels_are_called_the_file_is_legal(names: list[str], levels: list[str], tmp_path: Path) -> None:
    held = {name: [levels[row % len(levels)] if place % 2 else row * 0.5 + 0.1 for row in range(12)] for place, name in enumerate(names)}
    pd.DataFrame(held).to_parquet(tmp_path / "rows.parquet")

    _, config = made(tmp_path, "https://host.example/score", tmp_path / "rows.parquet")

    assert set(config.data.inputs) <= set(names)
    assert config.data.label is None or config.data.label in names

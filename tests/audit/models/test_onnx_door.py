"""ONNX networks give the numbers of the network they were made from, and a file that reaches out of its folder is refused unread."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from audit.errors import ConfigError, ModelError, UntrustedFileError
from audit.models.function_model import FunctionModel
from audit.models.onnx_content import INNER, onnx_content
from tests.audit.models import doors
from tests.audit.models.doors import INPUTS, LOGIT, away, logits, onnx_model, onnx_network, opened, outputs, rows, written

ONNX = 'onnx = "network.onnx"\n' + LOGIT


def saved(folder: Path, **settings: Any) -> Path:
    """The network's file beside the subject's; the subject must have been written."""
    path = folder / "network.onnx"
    path.write_bytes(onnx_network(folder, **settings).SerializeToString())
    return path


def subject_with(folder: Path, model: onnx.ModelProto, toml: str = ONNX) -> Any:
    written(folder, toml)
    (folder / "network.onnx").write_bytes(model.SerializeToString())
    return opened(folder, toml)


def value(name: str, kind: int, shape: list[int | str]) -> Any:
    return helper.make_tensor_value_info(name, kind, shape)


@pytest.mark.parametrize("row", ["rows", 1], ids=["any number of rows", "one row at a time"])
def test_outputs_are_those_of_the_torch_network(tmp_path: Path, row: int | str) -> None:
    written(tmp_path, ONNX)
    path = saved(tmp_path, rows=row)

    subject = opened(tmp_path, ONNX)

    np.testing.assert_allclose(outputs(subject), logits(tmp_path, rows(tmp_path)), atol=1e-6)
    about = subject.model.description
    assert about["door"] == "onnx"
    assert about["file"] == {"name": "network.onnx", "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    assert about["micro_batch"] == (1 if row == 1 else 4096)
    assert str(tmp_path) not in repr(about)
    assert subject.model.capabilities == {"outputs"}


def test_changed_inputs_are_answered_as_tensors(tmp_path: Path) -> None:
    written(tmp_path, ONNX)
    saved(tmp_path)
    model = opened(tmp_path, ONNX).model
    assert isinstance(model, FunctionModel)
    values = np.random.default_rng(5).normal(size=(7, 4)).astype(np.float32)

    with model.session(gradients=False) as call:
        answered = call(model.tensor(values))
    expected = doors.network(tmp_path)(torch.tensor(values)).detach()

    np.testing.assert_allclose(answered.numpy(), expected.numpy(), atol=1e-6)


def test_a_network_in_float64_is_given_float64(tmp_path: Path) -> None:
    written(tmp_path, ONNX)
    saved(tmp_path, kind=TensorProto.DOUBLE)

    with pytest.raises(ModelError, match=r"float64 inputs; found model\.dtype = 'float32'"):
        opened(tmp_path, ONNX)
    found = outputs(opened(tmp_path, ONNX + 'dtype = "float64"\n'))

    np.testing.assert_allclose(found, logits(tmp_path, rows(tmp_path)), atol=1e-6)


@pytest.mark.parametrize("takes", ["encoded", "raw"])
@pytest.mark.parametrize("names", [("years", "income", "debt", "score"), ("a", "b", "c", "d")], ids=["by name", "by order"])
def test_several_inputs_are_given_one_column_each(tmp_path: Path, takes: str, names: tuple[str, ...]) -> None:
    nodes = [helper.make_node("Concat", list(names), ["x"], axis=1), helper.make_node("MatMul", ["x", "w"], ["y"])]
    weights = numpy_helper.from_array(np.array([[1], [10], [100], [1000]], dtype=np.float32), "w")
    given = [value(name, TensorProto.FLOAT, ["rows", 1]) for name in names]
    model = onnx_model(nodes, given, [value("y", TensorProto.FLOAT, ["rows", 1])], [weights])

    subject = subject_with(tmp_path, model, ONNX + f'takes = "{takes}"\n')

    order = names if names[0] == "years" else INPUTS
    expected = rows(tmp_path)[list(order)].to_numpy() @ [1, 10, 100, 1000]
    np.testing.assert_allclose(outputs(subject)[:, 0], expected, rtol=1e-5, atol=1e-4)
    assert subject.model.description["inputs"] == dict(zip(names, order, strict=True))


def test_text_columns_are_given_as_text(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("LabelEncoder", ["region"], ["code"], domain="ai.onnx.ml", keys_strings=["north", "south"], values_floats=[2.0, 5.0]),
        helper.make_node("Add", ["code", "income"], ["y"]),
    ]
    given = [value("region", TensorProto.STRING, ["rows", 1]), value("income", TensorProto.FLOAT, ["rows", 1])]
    model = onnx_model(nodes, given, [value("y", TensorProto.FLOAT, ["rows", 1])])
    toml = ONNX + 'takes = "raw"\n'
    path = written(tmp_path, toml)
    (tmp_path / "network.onnx").write_bytes(model.SerializeToString())
    text = path.read_text().replace('inputs = ["income", "debt", "years", "score"]', 'inputs = ["income", "region"]')
    path.write_text("\n".join(line for line in text.splitlines() if not line.startswith(('"debt"', '"years"', '"score"'))))

    found = outputs(doors.open_subject(doors.load_config(path)))

    frame = rows(tmp_path)
    np.testing.assert_allclose(found[:, 0], frame["income"] + np.where(frame["region"] == "north", 2, 5), atol=1e-6)


def copies(*names: str) -> onnx.ModelProto:
    """Each output is the input."""
    nodes = [helper.make_node("Identity", ["x"], [name]) for name in names]
    return onnx_model(nodes, [value("x", TensorProto.FLOAT, ["rows", 4])], [value(name, TensorProto.FLOAT, ["rows", 4]) for name in names])


def test_the_output_is_named_where_there_are_several(tmp_path: Path) -> None:
    toml = ONNX.replace("binary", "multiclass") + 'classes = ["0", "1", "2", "3"]\n'
    with pytest.raises(ModelError, match="2 outputs of floats"):
        subject_with(tmp_path, copies("first", "second"), toml)
    with pytest.raises(ModelError, match=r"no output 'secnd'.*did you mean 'second'"):
        opened(tmp_path, toml + 'onnx_output = "secnd"\n')
    found = outputs(opened(tmp_path, toml + 'onnx_output = "second"\n'))

    np.testing.assert_allclose(found, rows(tmp_path)[INPUTS], atol=1e-6)


def test_dictionaries_of_sklearn_converters_are_refused_with_the_option_that_avoids_them(tmp_path: Path) -> None:
    zipped = helper.make_node("ZipMap", ["x"], ["p"], domain="ai.onnx.ml", classlabels_int64s=[0, 1, 2, 3])
    kind = helper.make_sequence_type_proto(helper.make_map_type_proto(TensorProto.INT64, helper.make_tensor_type_proto(TensorProto.FLOAT, None)))
    model = onnx_model([zipped], [value("x", TensorProto.FLOAT, ["rows", 4])], [helper.make_value_info("p", kind)])

    with pytest.raises(ModelError, match=r"zipmap.*'zipmap': False"):
        subject_with(tmp_path, model)


def test_weights_beside_the_file_are_read_and_hashed(tmp_path: Path) -> None:
    written(tmp_path, ONNX)
    model = onnx_network(tmp_path)
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "weights.bin").write_bytes(away(model.graph.initializer[0], "parts/weights.bin"))
    (tmp_path / "network.onnx").write_bytes(model.SerializeToString())

    subject = opened(tmp_path, ONNX)

    np.testing.assert_allclose(outputs(subject), logits(tmp_path, rows(tmp_path)), atol=1e-6)
    digest = hashlib.sha256((tmp_path / "parts" / "weights.bin").read_bytes()).hexdigest()
    assert subject.model.description["external"] == {"parts/weights.bin": digest}


@pytest.mark.parametrize("place", ["../../etc/passwd", "/etc/passwd", "link.bin", "parts/../../weights.bin"])
def test_weights_outside_the_folder_are_refused_unread(tmp_path: Path, place: str) -> None:
    folder = tmp_path / "inner"
    folder.mkdir()
    (tmp_path / "weights.bin").write_bytes(b"\0" * 128)
    (folder / "link.bin").symlink_to(tmp_path / "weights.bin")
    (folder / "parts").mkdir()
    written(folder, ONNX)
    saved(folder, external=place)

    with pytest.raises(UntrustedFileError, match="lies outside its folder"):
        opened(folder, ONNX)


@pytest.mark.parametrize("place", ["*/_ORT_MEM_ADDR_/*", "weight.bin"])
def test_weights_that_are_not_there_are_told(tmp_path: Path, place: str) -> None:
    (tmp_path / "weights.bin").write_bytes(b"")
    written(tmp_path, ONNX)
    saved(tmp_path, external=place)

    with pytest.raises(ModelError, match="there is no such file"):
        opened(tmp_path, ONNX)


def nested(place: str) -> onnx.ModelProto:
    """Weights in another file, in a constant of a branch of a function's node."""
    tensor = numpy_helper.from_array(np.zeros(3, np.float32))
    away(tensor, place)
    constant = helper.make_node("Constant", [], ["c"], value=tensor)
    branch = helper.make_graph([constant], "branch", [], [value("c", TensorProto.FLOAT, [3])])
    node = helper.make_node("If", ["x"], ["y"], then_branch=branch, else_branch=branch)
    function = helper.make_function("own", "F", ["x"], ["y"], [node], [helper.make_opsetid("", 17)])
    return onnx_model([helper.make_node("F", ["x"], ["y"], domain="own")], [], [], functions=[function])


def test_places_are_found_however_deep() -> None:
    found = onnx_content(nested("deep/weights.bin").SerializeToString(), Path("network.onnx"))

    assert found.places == {"deep/weights.bin"}
    assert found.foreign == []


def test_every_field_that_can_hold_a_tensor_is_looked_into() -> None:
    """The table of fields is held against the definition that the onnx package brings."""
    kinds = {
        "model": onnx.ModelProto,
        "training": onnx.TrainingInfoProto,
        "function": onnx.FunctionProto,
        "graph": onnx.GraphProto,
        "node": onnx.NodeProto,
        "attribute": onnx.AttributeProto,
        "sparse": onnx.SparseTensorProto,
        "tensor": onnx.TensorProto,
    }
    names = {found.DESCRIPTOR.name: kind for kind, found in kinds.items()}

    for kind, found in kinds.items():
        held = {f.number: names[f.message_type.name] for f in found.DESCRIPTOR.fields if f.message_type and f.message_type.name in names}
        assert INNER[kind] == held, kind


def test_custom_operators_are_refused(tmp_path: Path) -> None:
    model = onnx_model([helper.make_node("Shell", ["x"], ["y"], domain="evil.ops")], [value("x", TensorProto.FLOAT, ["rows", 4])], [])

    with pytest.raises(ModelError, match=r"custom operators of 'evil\.ops'"):
        subject_with(tmp_path, model)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x3a\xff\xff\xff\xff\x0f", bytes(range(256)), b"\x80\x04K\x01."])
def test_garbage_is_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    written(tmp_path, ONNX)
    (tmp_path / "network.onnx").write_bytes(content)

    with pytest.raises(ModelError) as refused:
        opened(tmp_path, ONNX)

    assert "cannot be read as ONNX" in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1


@pytest.mark.parametrize("cut", [0.2, 0.5, 0.9])
def test_a_cut_file_is_refused(tmp_path: Path, cut: float) -> None:
    written(tmp_path, ONNX)
    path = saved(tmp_path)
    path.write_bytes(path.read_bytes()[: int(cut * path.stat().st_size)])

    with pytest.raises(ModelError, match="cannot be read as ONNX"):
        opened(tmp_path, ONNX)


def test_messages_without_end_are_refused() -> None:
    inner = b""
    for _ in range(200):  # a graph in an attribute in a node in a graph …
        for number in (6, 5, 1):
            inner = bytes([number << 3 | 2]) + _length(len(inner)) + inner

    with pytest.raises(ModelError, match="nested more than"):
        onnx_content(b"\x3a" + _length(len(inner)) + inner, Path("network.onnx"))


def _length(size: int) -> bytes:
    out = io.BytesIO()
    while size > 127:
        out.write(bytes([size & 127 | 128]))
        size >>= 7
    return out.getvalue() + bytes([size])


def test_a_fixed_number_of_rows_is_refused(tmp_path: Path) -> None:
    written(tmp_path, ONNX)
    saved(tmp_path, rows=16)

    with pytest.raises(ModelError, match="16 rows at a time only"):
        opened(tmp_path, ONNX)


def test_another_number_of_columns_is_refused(tmp_path: Path) -> None:
    model = onnx_model(
        [helper.make_node("Identity", ["x"], ["y"])], [value("x", TensorProto.FLOAT, ["rows", 9])], [value("y", TensorProto.FLOAT, ["rows", 9])]
    )

    with pytest.raises(ModelError, match=r"rows of shape \(9,\).*have \(4,\)"):
        subject_with(tmp_path, model)


def test_a_missing_file_is_told_with_the_nearest(tmp_path: Path) -> None:
    written(tmp_path, ONNX)
    saved(tmp_path).rename(tmp_path / "netwrk.onnx")

    with pytest.raises(ModelError, match=r"no such file: did you mean 'netwrk\.onnx'"):
        opened(tmp_path, ONNX)
    with pytest.raises(ConfigError, match="outside the audit file's folder"):
        opened(tmp_path / "other", ONNX.replace("network", "../network"))


def test_a_missing_package_is_named_with_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys  # noqa: PLC0415

    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    written(tmp_path, ONNX)
    saved(tmp_path)

    with pytest.raises(ModelError, match=r"pip install 'netassay\[onnx\]'"):
        opened(tmp_path, ONNX)

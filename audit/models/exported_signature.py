"""What an exported network (.pt2) says of itself in plain JSON: inputs, outputs, weights. Nothing of the file is loaded or run."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

from audit.errors import ModelError, UntrustedFileError
from audit.models.exported_content import EXPECTED, GRAPH, UNREADABLE, entries
from audit.models.ports import Port, Signature
from audit.models.unpacked_size import refuse_bomb

LARGEST = 16 * 2**20
"""Bytes of the description that are read; Python takes up to 24 times as many for them."""
NAME = 200
TYPES = {
    1: "uint8",
    2: "int8",
    3: "int16",
    4: "int32",
    5: "int64",
    6: "float16",
    7: "float32",
    8: "float64",
    9: "complex32",
    10: "complex64",
    11: "complex128",
    12: "bool",
    13: "bfloat16",
}
"""Types by the numbers that torch writes for them."""
RECURRENT = ("lstm", "gru", "rnn_tanh", "rnn_relu")
LAST = ("sigmoid", "softmax", "log_softmax", "log_sigmoid")


def read_signature(path: Path) -> Signature:
    """The description within the archive at `path`.

    Raises UntrustedFileError for an archive that would unpack to far more than its size, could be unpacked in two ways or out of its folder,
    or describes itself in more than `LARGEST` bytes; ModelError for a damaged file and for one of an old format.
    """
    refuse_bomb(path)
    try:
        return _signature(json.loads(_description(path)))
    except UNREADABLE as error:
        raise ModelError(f"{path} cannot be read as an exported network, it may be damaged: {type(error).__name__}; {EXPECTED}") from error


def _description(path: Path) -> bytes:
    with zipfile.ZipFile(path) as archive:
        item = archive.getinfo(entries(archive, path)[GRAPH])
        if item.file_size > LARGEST:
            raise UntrustedFileError(f"{path} describes itself in {item.file_size:,} bytes; at most {LARGEST:,} are read without loading it")
        if item.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):  # other readers unpack whole blocks, however large
            raise ModelError(f"{path} is packed in a way that torch does not write; {EXPECTED}")
        with archive.open(item) as member:
            return member.read(LARGEST + 1)


def _signature(held: Any) -> Signature:
    module = held["graph_module"]
    graph, signature = module["graph"], module["signature"]
    values = graph["tensor_values"]
    nodes = list(graph["nodes"])
    weights = {}
    inputs = []
    for spec in signature["input_specs"]:
        ((kind, given),) = spec.items()
        if kind == "user_input":
            inputs.append(_port(given["arg"], values))
        elif kind in ("parameter", "buffer"):
            weights[_text(given[f"{kind}_name"])] = _shape(values[given["arg"]["name"]])
    outputs = [next(iter(spec.values())) for spec in signature["output_specs"]]
    operations = [_text(node["target"]) for node in nodes]
    ports = tuple(_port(one["arg"], values) for one in outputs)
    return Signature(
        inputs=tuple(inputs),
        outputs=ports,
        weights=weights,
        tokens=_tokens(nodes, values),
        recurrent=any(_operation(target) in RECURRENT for target in operations),
        last=_last(nodes, ports),
    )


def _port(arg: Any, values: Any) -> Port:
    """Of an argument of any kind; what is no tensor has no shape."""
    ((kind, given),) = arg.items()
    if kind != "as_tensor":
        return Port(_text(given["name"]) if isinstance(given, dict) and "name" in given else "", _text(kind).removeprefix("as_"), None)
    name = _text(given["name"])
    value = values[name]
    return Port(name[:NAME], TYPES[value["dtype"]], _shape(value))


def _shape(value: Any) -> tuple[int | None, ...]:
    return tuple(_side(size) for size in value["sizes"])


def _side(size: Any) -> int | None:
    if "as_int" not in size:
        return None
    found = size["as_int"]
    if not isinstance(found, int) or isinstance(found, bool) or not 0 <= found < 2**63:
        raise TypeError("a size is no number of entries")
    return found


def _tokens(nodes: list[Any], values: Any) -> int | None:
    for node in nodes:
        if _operation(node["target"]) == "embedding":
            table = node["inputs"][0]["arg"].get("as_tensor")
            return None if table is None else next(iter(_shape(values[table["name"]])), None)
    return None


def _last(nodes: list[Any], outputs: tuple[Port, ...]) -> str:
    given = {one["as_tensor"]["name"]: _operation(node["target"]) for node in nodes for one in node["outputs"] if "as_tensor" in one}
    found = given.get(outputs[0].name, "") if outputs else ""
    return found if found in LAST else ""


def _operation(target: str) -> str:
    """``sigmoid`` of ``torch.ops.aten.sigmoid.default``."""
    parts = target.split(".")
    return parts[3] if parts[:3] == ["torch", "ops", "aten"] and len(parts) > 3 else ""


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("a name is no text")
    return value

"""Looks through an exported network (.pt2) before it is loaded, and refuses what could run code other than the tensor operations of a network.

The loader of torch resolves names, evaluates formulas and unpickles objects that the file holds; each of these is checked here first.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from audit.errors import ModelError, UntrustedFileError

GRAPH = "models/model.json"
PAYLOAD = re.compile(r"(weight|tensor)_\d+")
"""Files of plain tensors; other constants are pickled objects."""
IDENTIFIER = re.compile(r"[A-Za-z_]\w*", re.ASCII)
NAME = re.compile(r"[^\"\\\x00-\x1f\x7f]*")
"""Names of modules and parameters; they become part of generated code, so that quotes and line breaks are refused."""
OPERATION = re.compile(r"torch\.ops\.(aten|prims|higher_order)\.\w+(\.\w+)?", re.ASCII)
REFUSED_OPERATIONS = ("torch.ops.aten.from_file",)
FUNCTIONS = re.compile(
    r"_operator\.(getitem|add|sub|mul|floordiv|truediv|mod|neg|pos|abs|pow|eq|ne|lt|le|gt|ge|and_|or_|not_)"
    r"|math\.(ceil|floor|sqrt|trunc)"
    r"|torch\.sym_(int|float|max|min|not|ite|sum|sqrt)"
)
"""Arithmetic on sizes."""
WORDS = (
    "Symbol|Integer|Rational|Float|precision|Add|Mul|Pow|true|false|positive|negative|nonnegative|integer|True|False|Max|Min|Mod|PythonMod|FloorDiv|CleanDiv|CeilDiv|ModularIndexing|Where|"
    "Piecewise|Eq|Ne|Lt|Le|Gt|Ge|And|Or|Not|Abs|oo|int_oo|floor|ceiling|IntTrueDiv|FloatTrueDiv|FloatPow|PowByNatural|TruncToInt|ToFloat|"
    "Equality|Unequality|StrictGreaterThan|GreaterThan|StrictLessThan|LessThan|Infinity|NegativeInfinity|IntInfinity|NegativeIntInfinity"
)
FORMULA = re.compile(rf"(?:\s|\d+(?:\.\d+)?\b|'[a-z]{{1,3}}\d+'|\b[a-z]{{1,3}}\d+\b|\b(?:{WORDS})\b|[-+*/%(),=<>&|~])*", re.ASCII)
"""Formulas of sizes: numbers, symbols such as s0, and the functions torch writes; no attribute of anything can be reached."""
TREES = {None, "builtins.tuple", "builtins.list", "builtins.dict"}
UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError, LookupError, TypeError, AttributeError)
"""What reading a damaged archive, or JSON of another making, raises."""
EXPECTED = "save it anew with torch.export.save"


def refuse_content(content: bytes, path: Path) -> None:
    """Raise UntrustedFileError naming the first thing in an exported network that could run code, ModelError when it cannot be read."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            inner = entries(archive, path)
            for name in sorted(inner):
                _check_entry(name, path)
            for name in sorted(name for name in inner if re.fullmatch(r"data/(weights|constants)/.*\.json", name)):
                _check_payloads(json.loads(archive.read(inner[name])), path)
            _check_graph(json.loads(archive.read(inner[GRAPH])), path)
    except UNREADABLE as error:
        raise ModelError(f"{path} cannot be read as an exported network, it may be damaged: {type(error).__name__}; {EXPECTED}") from error


def written_devices(content: bytes) -> frozenset[str]:
    """Kinds of devices, such as ``cuda``, that tensors of an exported network lie on; for content that `refuse_content` let through."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        graph = json.loads(archive.read(next(name for name in archive.namelist() if name.endswith(f"/{GRAPH}"))))
    values = graph["graph_module"]["graph"]["tensor_values"].values()
    return frozenset(value["device"]["type"] for value in values)


def entries(archive: zipfile.ZipFile, path: Path) -> dict[str, str]:
    """Full names of the entries by their name below the one top folder.

    Raises UntrustedFileError for an archive that could be unpacked in two ways or out of its folder, ModelError for one of another format.
    """
    names = archive.namelist()
    root = names[0].partition("/")[0] if names else ""
    inner = {name.removeprefix(f"{root}/"): name for name in names}
    if not any(name.endswith(f"/{GRAPH}") for name in names):
        raise ModelError(f"{path} holds no {GRAPH}: it is of an old or of another format; {EXPECTED}")
    if any(".." in name.split("/") or "\\" in name or name.startswith("/") for name in names):
        raise UntrustedFileError(f"{path} could be unpacked out of its folder; {EXPECTED}")
    if archive.comment or len({name.lower() for name in names}) != len(names) or any(not name.startswith(f"{root}/") for name in names):
        raise UntrustedFileError(f"{path} could be unpacked in two ways; {EXPECTED}")
    if GRAPH not in inner:
        raise ModelError(f"{path} holds no {GRAPH}: it is of an old or of another format; {EXPECTED}")
    return inner


def _check_entry(name: str, path: Path) -> None:
    if name.startswith("data/aotinductor/") or name.endswith((".so", ".dll", ".dylib", ".pyd")):
        raise UntrustedFileError(f"{path} holds compiled code ({name}), which is not run; {EXPECTED}")
    if name.startswith("models/") and name != GRAPH:
        raise ModelError(f"{path} holds several networks ({name}); expected {GRAPH} only")
    if re.match(r"data/(weights|constants)/", name) and not name.endswith(".json") and not PAYLOAD.fullmatch(name.rpartition("/")[2]):
        raise UntrustedFileError(f"{path} holds {name}, which may be a pickled object; expected plain tensors")


def _check_payloads(config: Any, path: Path) -> None:
    for name, payload in config["config"].items():
        if not PAYLOAD.fullmatch(payload["path_name"]):
            raise UntrustedFileError(f"{path} keeps {_shown(name)} as a pickled object; expected plain tensors")


def _check_graph(graph: Any, path: Path) -> None:
    for key, value in _strings(graph):
        problem = _problem(key, value)
        if problem:
            raise UntrustedFileError(f"{path} holds {problem} {_shown(value)}, which is not among what a network is made of, so it is refused")
    for symbol in graph["range_constraints"]:
        if not FORMULA.fullmatch(symbol):
            raise UntrustedFileError(f"{path} holds the formula {_shown(symbol)}, which is not among what a network is made of, so it is refused")


def _problem(key: str, value: str) -> str:
    if key in {"target", "as_operator"} and not _is_operation(value):
        return "the operation"
    if key == "expr_str" and not FORMULA.fullmatch(value):
        return "the formula"
    if key in {"name", "as_name"} and value and not IDENTIFIER.fullmatch(value):
        return "the name"
    if (key.endswith("_name") or key in {"fqn", "nn_module_stack"}) and not NAME.fullmatch(value):
        return "the name"
    if key in {"in_spec", "out_spec"} and value and not _is_plain_tree(value):
        return "the structure"
    return ""


def _is_operation(target: str) -> bool:
    if target.startswith(REFUSED_OPERATIONS):
        return False
    return OPERATION.fullmatch(target) is not None or FUNCTIONS.fullmatch(target) is not None


def _is_plain_tree(spec: str) -> bool:
    return all(value in TREES for value in _types(json.loads(spec)))


def _types(tree: Any) -> Iterator[Any]:
    if isinstance(tree, Mapping):
        if "type" in tree:
            yield tree["type"]
        yield from _types(tree.get("children_spec", []))
    elif isinstance(tree, list):
        for item in tree:
            yield from _types(item)


def _strings(node: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Every string of the file with the key it is under; keys of tables of values are names themselves."""
    if isinstance(node, str):
        yield key, node
    elif isinstance(node, Mapping):
        for name, value in node.items():
            if key in {"tensor_values", "sym_int_values", "sym_bool_values", "sym_float_values", "script_object_values", "custom_obj_values"}:
                yield "name", name
            yield from _strings(value, name)
    elif isinstance(node, list):
        for item in node:
            yield from _strings(item, key)


def _shown(text: str) -> str:
    return ascii(text if len(text) <= 60 else text[:57] + "...")

"""What answers where it is no state dict: found by its name and its content, with what it says of its inputs and outputs. Nothing of it is run."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from audit.data.canonical import canonical_text
from audit.errors import ConfigError
from audit.facts import OutputKind
from audit.models.places import OPTION as SEND
from audit.models.places import origin
from audit.models.ports import Port
from audit.proposal.taken import NOTHING, Taken, taken
from audit.proposal.toml_text import quoted

CALLABLE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")
URL = re.compile(r"https?://", re.IGNORECASE)
FLOATS = ("tensor(float)", "tensor(double)", "tensor(float16)")


@dataclass(frozen=True, kw_only=True)
class Source:
    """A model by its key of the audit file."""

    door: str
    name: str
    """Of the audit, when nothing better is known."""
    lines: tuple[str, ...]
    """Of the table ``[model]``, without task and output."""
    told: str
    """What it is, in a sentence."""
    path: Path | None = None
    wanted: int | None = None
    """Numbers a row of inputs has; None when not known."""
    count: int | None = None
    """Outputs per row."""
    columns: tuple[str, ...] = ()
    """Names of its inputs, in its order, where it says them."""
    classes: tuple[str, ...] = ()
    output: OutputKind | None = None
    output_why: str = ""
    taken: Taken = NOTHING
    """Its inputs as far as it tells them."""
    weights: Mapping[str, tuple[int | None, ...]] = field(default_factory=dict)
    """Shapes of its weights, by name."""
    tokens: int | None = None
    """Rows of the first embedding."""
    recurrent: bool = False
    last: str = ""
    """Kind of the last operation where it says what outputs are."""
    doubts: tuple[str, ...] = ()
    unknown: str = ""
    """What only loading it would tell, which its `option` allows."""
    option: str = ""
    """What `netassay run` needs to open it."""
    tried: bool = False
    """It may be called without further trust."""


def find_source(model: str, out: Path) -> Source | None:
    """What `model` names; None for a file that is opened as weights, and for one that holds a network with its code.

    Raises ConfigError for an illegal URL, ModelError (UntrustedFileError) for a damaged ONNX or skops file, or one that would run code.
    """
    if URL.match(model):
        return _endpoint(model)
    path = Path(model)
    if not path.exists() and CALLABLE.fullmatch(model):
        told = 'A Python function, called with encoded rows (n, k); `takes = "raw"` gives it the raw columns. Check which it takes'
        return Source(door="callable", name=model.partition(":")[2], lines=(f"callable = {quoted(model)}",), told=told, tried=True)
    if path.suffix.lower() == ".onnx" and path.is_file():
        return _onnx(path, out)
    if path.suffix.lower() == ".skops" and path.is_file():
        return _sklearn(path, out)
    return None


def relative(path: Path, out: Path) -> str:
    """`path` as the audit file at `out` names it; raises ConfigError for a name that is not UTF-8."""
    found = Path(os.path.relpath(path.resolve(), out.resolve().parent)).as_posix()
    try:
        found.encode("utf-8")
    except UnicodeEncodeError:
        raise ConfigError(f"{str(path)!a}: the name is not UTF-8, so no audit file can hold it; rename the file") from None
    return found


def _endpoint(url: str) -> Source:
    from pydantic import ValidationError  # noqa: PLC0415  only for an endpoint

    from audit.model_config import EndpointConfig  # noqa: PLC0415

    try:
        EndpointConfig.model_validate({"url": url})
    except ValidationError as error:
        raise ConfigError(f"{error.errors()[0]['msg'].removeprefix('Value error, ')}") from None
    told = "A model behind a URL, sent encoded rows as JSON; headers_from_env names the environment variables of its secrets"
    lines = (f"endpoint = {{ url = {quoted(url)} }}",)
    return Source(door="endpoint", name="Endpoint", lines=lines, told=told, option=f"{SEND} {origin(url)}")


def _onnx(path: Path, out: Path) -> Source:
    from audit.models.onnx_door import onnx_ports  # noqa: PLC0415  an optional package

    inputs, outputs = onnx_ports(path)
    floats = [port for port in outputs if port.kind in FLOATS]
    chosen = next((port for port in floats if "prob" in port.name.lower()), floats[-1] if floats else None)
    lines = [f"onnx = {quoted(relative(path, out))}"]
    if chosen is not None and len(outputs) > 1:
        lines.append(f"onnx_output = {quoted(chosen.name)}")
    by_column = len(inputs) > 1 and not any(_wide(port) for port in inputs)
    if any(port.kind == "tensor(string)" for port in inputs):
        lines.append('takes = "raw"')
    if any(port.kind == "tensor(double)" for port in inputs):
        lines.append('dtype = "float64"')
    shape = () if chosen is None or chosen.shape is None else chosen.shape
    ports = "; ".join([*(f"input {port}" for port in inputs), *(f"output {port}" for port in outputs)])
    return Source(
        door="onnx",
        name=path.stem,
        lines=tuple(lines),
        told=f"A network in ONNX: {ports}",
        path=path,
        wanted=len(inputs) if by_column else None,
        count=1 if len(shape) == 1 else _number(shape[-1]) if shape else None,
        columns=tuple(port.name for port in inputs) if by_column else (),
        taken=NOTHING if by_column else taken(inputs),
        tried=True,
    )


def _wide(port: Port) -> bool:
    """Whether it takes more than one number of a row."""
    sides = port.shape or ()
    return len(sides) > 2 or (len(sides) == 2 and sides[1] != 1)


def _number(size: object) -> int | None:
    return size if isinstance(size, int) else None


def _sklearn(path: Path, out: Path) -> Source:
    from audit.models.sklearn_door import read_sklearn  # noqa: PLC0415  an optional package

    model = read_sklearn(path)
    names = tuple(map(str, getattr(model, "feature_names_in_", ())))
    classes = tuple(canonical_text(value) for value in getattr(model, "classes_", ()) if not isinstance(value, list))
    output, why = _sklearn_output(model)
    return Source(
        door="sklearn",
        name=path.stem,
        lines=(f"sklearn = {quoted(relative(path, out))}", *(('takes = "raw"',) if names else ())),
        told=f"A {type(model).__name__} of scikit-learn, fitted on {getattr(model, 'n_features_in_', 'an unknown number of')} columns",
        path=path,
        wanted=None if names else getattr(model, "n_features_in_", None),
        count=len(classes) if output == "probabilities" and classes else 1 if output == "quantity" or len(classes) == 2 else len(classes) or 1,
        columns=names,
        classes=classes,
        output=output,
        output_why=why,
        tried=True,
    )


def _sklearn_output(model: Any) -> tuple[OutputKind, str]:
    if hasattr(model, "predict_proba"):
        return "probabilities", "the model has predict_proba"
    if hasattr(model, "decision_function") and hasattr(model, "classes_"):
        return ("score", "the model has decision_function") if len(model.classes_) == 2 else ("logits", "the model has decision_function")
    return ("decision", "the model has predict and classes only") if hasattr(model, "classes_") else ("quantity", "the model has predict only")

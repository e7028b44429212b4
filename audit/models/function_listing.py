"""What an ONNX or skops file says of itself: inputs, outputs, types. Read through the same refusals as its door; nothing else of it is run."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audit.data.canonical import canonical_text

SHOWN = 20
"""Feature names and classes that are listed."""


@dataclass(frozen=True, kw_only=True)
class FunctionListing:
    """A model that gives outputs only."""

    path: Path
    kind: str
    door: str
    """The key of ``[model]`` that opens it."""
    sha256: str
    size: int
    """Bytes."""
    facts: tuple[tuple[str, str], ...]
    """What it says, as pairs of a word and its value."""


def list_function(path: Path) -> FunctionListing | None:
    """The listing of an ONNX or skops file, told by its ending; None for any other.

    Raises UntrustedFileError for custom operators, weights outside the folder and types that skops does not know as harmless, by name;
    ModelError for a damaged file.
    """
    if not path.is_file():
        return None
    ending = path.suffix.lower()
    if ending == ".onnx":
        return _listing(path, "ONNX network", "onnx", _onnx(path))
    return _listing(path, "scikit-learn model saved by skops", "sklearn", _sklearn(path)) if ending == ".skops" else None


def _listing(path: Path, kind: str, door: str, facts: Sequence[tuple[str, str]]) -> FunctionListing:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return FunctionListing(path=path, kind=kind, door=door, sha256=digest, size=path.stat().st_size, facts=tuple(facts))


def _onnx(path: Path) -> list[tuple[str, str]]:
    from audit.models.onnx_door import onnx_ports  # noqa: PLC0415  an optional package

    inputs, outputs = onnx_ports(path)
    return [*(("input", str(port)) for port in inputs), *(("output", str(port)) for port in outputs)]


def _sklearn(path: Path) -> list[tuple[str, str]]:
    from audit.models.sklearn_door import METHODS, read_sklearn  # noqa: PLC0415  an optional package

    model = read_sklearn(path)
    found = [("type", type(model).__name__)]
    found += [("step", f"{name}: {type(step).__name__}") for name, step in getattr(model, "steps", ())]
    if getattr(model, "n_features_in_", None) is not None:
        found.append(("features", str(model.n_features_in_)))
    for word, key in (("columns", "feature_names_in_"), ("classes", "classes_")):
        held = getattr(model, key, None)
        if held is not None:
            found.append((word, _shown(held)))
    kinds = [kind for kind, method in METHODS.items() if hasattr(model, method)]
    return [*found, ("outputs", f"as output = {', '.join(map(repr, kinds)) or 'none'}")]


def _shown(values: Any) -> str:
    texts = [repr(canonical_text(value)) if not hasattr(value, "tolist") or not hasattr(value, "__len__") else str(value) for value in values]
    return ", ".join(texts[:SHOWN]) + (f" and {len(texts) - SHOWN} more" if len(texts) > SHOWN else "")

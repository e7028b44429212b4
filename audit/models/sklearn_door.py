"""Models of scikit-learn saved by skops (.skops): read without running anything but scikit-learn's own classes."""

from __future__ import annotations

import io
import warnings
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from audit.data.canonical import canonical_text
from audit.errors import ConfigError, ModelError, UntrustedFileError
from audit.facts import OutputKind, Task
from audit.models.file_kind import file_kind
from audit.models.function_model import FunctionModel
from audit.models.model_file import read_model_file
from audit.models.named_function import told
from audit.models.optional_package import optional_package, version_of
from audit.models.raw_frame import RawFrame
from audit.models.unpacked_size import refuse_bomb

METHODS: dict[OutputKind, str] = {
    "probabilities": "predict_proba",
    "log_probabilities": "predict_log_proba",
    "logits": "decision_function",
    "score": "decision_function",
    "quantity": "predict",
    "decision": "predict",
}
"""The method of the model that gives each kind of output."""
SCHEMA = "schema.json"
LARGEST_SCHEMA = 2**28
"""Bytes of the description within the file, which is read whole."""
Give = Callable[[NDArray[Any]], Any]


def open_sklearn(
    path: Path,
    *,
    output: OutputKind,
    task: Task,
    classes: Sequence[str],
    raw: RawFrame | None,
    entries: Sequence[str],
    dtype: str,
    micro_batch: int,
) -> FunctionModel:
    """The model of a skops file, asked by the method that `output` stands for.

    It is given the encoded matrix, whose columns are `entries`, or with `raw` a DataFrame of the raw columns. `classes` are held against
    those the model was fitted on. Raises UntrustedFileError for a file with any type that skops does not know as harmless, by name;
    ModelError for a damaged file and for a model that does not fit the audit file.
    """
    skops = optional_package("skops.io", extra="sklearn")
    kind = file_kind(path) if path.is_file() else "unknown"
    if kind == "pickle":
        raise UntrustedFileError(f"{path} is a pickle, which may run any code when loaded; where it was made, save it anew with skops.io.dump")
    held = read_model_file(path, ending=".skops", key="sklearn")
    _refuse_archive(path, held.content)
    model, notes = _load(skops, held.content, path)
    method = _method(model, output, path)
    if output not in {"quantity", "decision"}:
        _same_classes(model, task, classes, path)
    give, order = (_raw(raw, model, path), "") if raw is not None else _encoded(entries, model, path)

    def answer(leaf: NDArray[Any]) -> Any:
        try:
            return _stacked(getattr(model, method)(give(leaf)))
        except Exception as error:  # a model may be of any class that skops knows
            raise ModelError(f"{path.name}: {type(model).__name__}.{method} failed: {told(error)}") from error

    description: dict[str, Any] = {
        "door": "sklearn",
        "file": {"name": held.name, "sha256": held.sha256},
        "network": type(model).__name__,
        "method": method,
        "scikit-learn": version_of("scikit-learn"),
        "skops": version_of("skops"),
        "takes": "encoded" if raw is None else "raw",
        "notes": [*notes, *([order] if order else [])],
    }
    decided = classes if output == "decision" and task in {"binary", "anomaly"} else ()
    return FunctionModel(answer, dtype=dtype, micro_batch=micro_batch, description=description, classes=decided)


def read_sklearn(path: Path) -> Any:
    """The model of a skops file, refused as `open_sklearn` refuses it; nothing but classes that skops knows as harmless is made."""
    skops = optional_package("skops.io", extra="sklearn")
    if file_kind(path) == "pickle":
        raise UntrustedFileError(f"{path} is a pickle, which may run any code when loaded; where it was made, save it anew with skops.io.dump")
    held = read_model_file(path, ending=".skops", key="sklearn")
    _refuse_archive(path, held.content)
    return _load(skops, held.content, path)[0]


def _refuse_archive(path: Path, content: bytes) -> None:
    """Refuse what is no skops file or would unpack to far more than its size, before anything of it is unpacked."""
    refuse_bomb(path)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            size = archive.getinfo(SCHEMA).file_size
    except KeyError as error:
        raise ModelError(f"{path} is an archive without {SCHEMA}; expected a file of skops.io.dump") from error
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise ModelError(f"{path} cannot be read as a skops file, it may be damaged: {error}") from error
    if size > LARGEST_SCHEMA:
        raise UntrustedFileError(f"{path} describes itself in {size} bytes; at most {LARGEST_SCHEMA} are read")


def _load(skops: Any, content: bytes, path: Path) -> tuple[Any, list[str]]:
    """The model, and what scikit-learn warned of while it was made."""
    try:
        unknown = skops.get_untrusted_types(data=content)
    except Exception as error:  # a hostile file may make the reader raise anything
        raise ModelError(f"{path} cannot be read as a skops file, it may be damaged: {told(error)}") from error
    if unknown:
        raise UntrustedFileError(
            f"{path} holds types that skops does not know as harmless: {', '.join(map(str, unknown[:8]))}; nothing of it was run, and no option "
            "trusts it: convert the model to onnx = …, or give it as callable = …, from code that you trust"
        )
    try:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            model = skops.loads(content, trusted=[])
    except Exception as error:  # the same
        raise ModelError(f"{path} cannot be loaded, it may be damaged or of another scikit-learn: {told(error)}") from error
    return model, sorted({" ".join(str(one.message).split()) for one in said})


def _method(model: Any, output: OutputKind, path: Path) -> str:
    method = METHODS.get(output)
    if method is None:
        raise ConfigError(f"model.output = {output!r} does not go with model.sklearn; expected one of {', '.join(METHODS)}")
    if not hasattr(model, method):
        there = [kind for kind, name in METHODS.items() if hasattr(model, name)]
        hint = f"it has what output = {' or '.join(map(repr, there))} needs" if there else "expected an estimator or pipeline"
        raise ModelError(f"{path} holds a {type(model).__name__} without {method}, which model.output = {output!r} asks for; {hint}")
    return method


def _same_classes(model: Any, task: Task, classes: Sequence[str], path: Path) -> None:
    own = getattr(model, "classes_", None)
    if task not in {"binary", "multiclass"} or own is None:
        return
    found = [canonical_text(value) for value in own]
    if found != list(classes):
        said = f"model.classes are {list(classes)}" if classes else "model.classes are not declared"
        raise ModelError(f"{path} was fitted on classes {found}, {said}; declare classes = {found!r}, in this order")


def _raw(raw: RawFrame, model: Any, path: Path) -> Give:
    wanted = getattr(model, "feature_names_in_", None)
    if wanted is None:
        return raw
    absent = [name for name in wanted if name not in raw.columns]
    if absent:
        raise ModelError(f"{path} was fitted on columns {', '.join(map(repr, absent[:8]))}, which data.inputs does not name")
    return lambda leaf: raw(leaf)[list(wanted)]


def _encoded(entries: Sequence[str], model: Any, path: Path) -> tuple[Give, str]:
    """How a leaf is given, and a note where names had to be matched by order."""
    count, wanted = getattr(model, "n_features_in_", None), getattr(model, "feature_names_in_", None)
    if count is not None and count != len(entries):
        raise ModelError(f"{path} was fitted on {count} columns; the encoder gives {len(entries)} ({', '.join(list(entries)[:8])} …)")
    if wanted is None:
        return (lambda leaf: leaf.reshape(len(leaf), -1)), ""
    if sorted(wanted) == sorted(entries):
        return (lambda leaf: pd.DataFrame(leaf, columns=list(entries))[list(wanted)]), ""
    pairs = [f"{entry!r} as {name!r}" for entry, name in zip(entries, wanted, strict=True) if entry != name]
    more = f" and {len(pairs) - 8} more" if len(pairs) > 8 else ""
    note = f"Encoded columns are matched to those of the model by order: {', '.join(pairs[:8])}{more}."
    return (lambda leaf: pd.DataFrame(leaf.reshape(len(leaf), -1), columns=list(wanted))), note


def _stacked(answered: Any) -> Any:
    """Several labels come as a list of the probabilities of each, (m, 2): of class 1, (m, labels)."""
    if not isinstance(answered, list):
        return answered
    if not all(np.ndim(one) == 2 and np.shape(one)[1] == 2 for one in answered):
        raise ValueError("a label has not two classes")
    return np.stack([np.asarray(one)[:, 1] for one in answered], axis=1)

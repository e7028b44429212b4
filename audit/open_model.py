"""Opens what answers: a network, or whatever else the audit file names, through the door of its kind. Tries it on a few rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from audit.config_file import ConfigFile
from audit.data.batch import Batch
from audit.data.dataset import Dataset, RowBlock
from audit.data.encoding import Encoder, StructuredEncoder
from audit.data.leaf import PLAIN, Arguments, Series
from audit.errors import ConfigError
from audit.models.model import Model
from audit.models.predictions import PredictionsModel
from audit.models.readings import LOW_IS_UNUSUAL, RECONSTRUCTION, Reading

if TYPE_CHECKING:
    from audit.models.function_model import FunctionModel
    from audit.models.raw_frame import RawFrame
    from audit.models.torch_model import TorchModel

TRIAL_ROWS = 8
"""Rows on which a network is tried before anything is planned."""


@dataclass(frozen=True)
class Trust:
    """What the person at the command line allows, never part of the audit file.

    `code` are folders code may be imported from, `files` sha256 sums (hexadecimal) of model files that may run what they hold, `places`
    (``scheme://host:port``) those that rows may be sent to.
    """

    code: tuple[Path, ...] = ()
    files: frozenset[str] = frozenset()
    places: frozenset[str] = frozenset()


NO_TRUST = Trust()
"""Code of installed packages only, no file that runs what it holds, and no row sent anywhere."""


def open_model(file: ConfigFile, trust: Trust, evaluate: Dataset, encoder: Encoder | None) -> Model:
    """The model an audit file describes, tried on the first rows of `evaluate`.

    Raises ConfigError, ModelError, UntrustedFileError or WeightsError in one message.
    """
    return DOORS[file.config.model.door](file, trust, evaluate, encoder)


def _predictions(file: ConfigFile, _trust: Trust, _evaluate: Dataset, _encoder: Encoder | None) -> Model:
    model = file.config.model
    if model.predictions is None:
        raise ConfigError(f"{file.path}: model needs predictions")
    return PredictionsModel(model.predictions, _class_names(file) if model.task == "anomaly" else model.classes, reading=_reading(file, None))


def _network(file: ConfigFile, trust: Trust, evaluate: Dataset, encoder: Encoder | None) -> Model:
    from audit.models.network import open_network  # noqa: PLC0415  torch is loaded only when there is a network

    model = file.config.model
    if model.architecture is None or model.weights is None:
        raise ConfigError(f"{file.path}: model needs architecture and weights")
    network = open_network(
        architecture=model.architecture,
        arguments=model.arguments,
        weights=file.resolve(model.weights),
        device=model.device,
        dtype=model.dtype,
        micro_batch=model.micro_batch,
        code=trust.code,
        arguments_of=_arguments(encoder),
    )
    return _tried(network, evaluate, encoder, file)


def _program(file: ConfigFile, trust: Trust, evaluate: Dataset, encoder: Encoder | None) -> Model:
    from audit.models.program import open_program  # noqa: PLC0415  torch is loaded only when there is a network

    model = file.config.model
    if model.file is None:
        raise ConfigError(f"{file.path}: model needs file")
    network = open_program(
        file.resolve(model.file),
        trusted=trust.files,
        device=model.device,
        dtype=model.dtype,
        micro_batch=model.micro_batch,
        arguments=_arguments(encoder),
    )
    return _tried(network, evaluate, encoder, file)


def _onnx(file: ConfigFile, _trust: Trust, evaluate: Dataset, encoder: Encoder | None) -> Model:
    from audit.models.onnx_door import open_onnx  # noqa: PLC0415  only when there is such a file

    model, given = file.config.model, _given(file, encoder, alone=False)
    network = open_onnx(
        file.resolve(_named(model.onnx, file)),
        output=model.onnx_output,
        raw=given.raw,
        entries=given.entries,
        shape=given.encode(evaluate).values.shape[1:],
        dtype=model.dtype,
        micro_batch=model.micro_batch,
        arguments=_arguments(encoder),
    )
    return _tried_function(network, evaluate, given, file)


def _sklearn(file: ConfigFile, _trust: Trust, evaluate: Dataset, encoder: Encoder | None) -> Model:
    from audit.models.sklearn_door import open_sklearn  # noqa: PLC0415  only when there is such a file

    model, given = file.config.model, _given(file, encoder)
    found = open_sklearn(
        file.resolve(_named(model.sklearn, file)),
        output=model.output,
        task=model.task,
        classes=_class_names(file),
        raw=given.raw,
        entries=given.entries,
        dtype=model.dtype,
        micro_batch=model.micro_batch,
    )
    return _tried_function(found, evaluate, given, file)


def _callable(file: ConfigFile, trust: Trust, evaluate: Dataset, encoder: Encoder | None) -> Model:
    from audit.models.callable_door import open_callable  # noqa: PLC0415  only when there is such a function

    model, given = file.config.model, _given(file, encoder)
    found = open_callable(
        _named(model.callable, file),
        arguments=model.arguments,
        classes=_decided(file),
        raw=given.raw,
        dtype=model.dtype,
        micro_batch=model.micro_batch,
        code=trust.code,
    )
    return _tried_function(found, evaluate, given, file)


def _endpoint(file: ConfigFile, trust: Trust, evaluate: Dataset, encoder: Encoder | None) -> Model:
    from audit.models.endpoint_door import open_endpoint  # noqa: PLC0415  only when there is an endpoint

    model, given = file.config.model, _given(file, encoder)
    if model.endpoint is None:
        raise ConfigError(f"{file.path}: model needs endpoint")
    found = open_endpoint(model.endpoint, trusted=trust.places, classes=_decided(file), raw=given.raw, dtype=model.dtype)
    return _tried_function(found, evaluate, given, file)


@dataclass(frozen=True)
class _Given:
    """What a function is given: the leaf of `encoder`, or with `raw` the columns it stands for."""

    encoder: Encoder
    raw: RawFrame | None

    @property
    def entries(self) -> tuple[str, ...]:
        """Names of the entries of the flattened leaf."""
        return self.encoder.entries

    def encode(self, evaluate: Dataset) -> Batch:
        """The first rows."""
        return self.encoder.encode(_first(evaluate))


def _given(file: ConfigFile, encoder: Encoder | None, *, alone: bool = True) -> _Given:
    """What the function is given: with `alone` the leaf as it is, else also what is made of it."""
    from audit.models.raw_frame import raw_frame  # noqa: PLC0415  only for a model that is a function

    door = file.config.model.door
    kind = file.config.data.kind
    if encoder is None or (alone and _arguments(encoder) != PLAIN):
        raise ConfigError(f"{file.path}: model.{door} takes one array of inputs; data.kind = {kind!r} goes with architecture, file or onnx")
    if file.config.model.takes == "raw" and _arguments(encoder) != PLAIN:
        raise ConfigError(f"{file.path}: model.takes = 'raw' gives the columns of a table; expected 'encoded' with data.kind = {kind!r}")
    return _Given(encoder, raw_frame(encoder, file.config.data.columns) if file.config.model.takes == "raw" else None)


def _arguments(encoder: Encoder | None) -> Arguments:
    """What a network is called with for a leaf of the encoder."""
    return encoder.arguments if isinstance(encoder, StructuredEncoder) else PLAIN


def _named(value: str | None, file: ConfigFile) -> str:
    if value is None:
        raise ConfigError(f"{file.path}: model needs {file.config.model.door}")
    return value


def _class_names(file: ConfigFile) -> tuple[str, ...]:
    model = file.config.model
    return model.classes or (("0", "1") if model.task in ("binary", "anomaly") else ())


def _decided(file: ConfigFile) -> tuple[str, ...]:
    """The classes whose names are the answers; empty where answers are numbers."""
    model = file.config.model
    return _class_names(file) if model.output == "decision" and model.task in ("binary", "anomaly") else ()


def _reading(file: ConfigFile, encoder: Encoder | None) -> Reading | None:
    """How outputs are taken where they are not taken as they are; raises ConfigError for rows that have no reconstruction error."""
    config = file.config
    if config.decision.flag == "low":
        return LOW_IS_UNUSUAL
    if config.model.output != "reconstruction":
        return None
    arguments = getattr(encoder, "arguments", PLAIN)
    if isinstance(arguments, Series) and arguments.ends:
        raise ConfigError(f"{file.path}: output = 'reconstruction' needs series of one length; let the network return the error as a score")
    return RECONSTRUCTION


def _tried_function(found: FunctionModel, evaluate: Dataset, given: _Given, file: ConfigFile) -> FunctionModel:
    reading = _reading(file, given.encoder)
    if reading is not None:
        found.read_by(reading)
    found.trial(given.encode(evaluate))
    return found


def _first(evaluate: Dataset) -> RowBlock:
    return evaluate.take(np.arange(min(TRIAL_ROWS, evaluate.n_rows), dtype=np.int64))


def _tried(network: TorchModel, evaluate: Dataset, encoder: Encoder | None, file: ConfigFile) -> TorchModel:
    reading = _reading(file, encoder)
    if reading is not None:
        network.read_by(reading)
    if encoder is not None:
        network.trial(encoder.encode(_first(evaluate)))
    return network


Door = Callable[[ConfigFile, Trust, Dataset, Encoder | None], Model]
DOORS: Mapping[str, Door] = {
    "architecture": _network,
    "file": _program,
    "onnx": _onnx,
    "sklearn": _sklearn,
    "callable": _callable,
    "endpoint": _endpoint,
    "predictions": _predictions,
}
"""How each kind of subject is opened, by the key of the audit file that names it."""

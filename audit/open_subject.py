"""Opens what an audit file names: datasets, schema, encoder, groups, model; refuses what does not belong together before any work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from audit.config import AuditConfig
from audit.config_file import ConfigFile
from audit.data.canonical import canonical_text
from audit.data.dataset import ColumnSchema, Dataset, GroupSpec, Schema
from audit.data.encoding import Encoder, fit_table_encoder
from audit.data.groups import fit_groups
from audit.data.images import ImageEncoder, open_images
from audit.data.inference import infer_schema
from audit.data.tables import open_table
from audit.errors import ConfigError, DataError, SubjectError, nearest
from audit.facts import Facts
from audit.models.model import Model
from audit.models.predictions import PredictionsModel
from audit.subject import Subject

if TYPE_CHECKING:
    from audit.data.images import ImageDataset

SETS = ("evaluate", "reference", "calibration")
TRIAL_ROWS = 8
"""Rows on which a network is tried before anything is planned."""


@dataclass(frozen=True)
class Trust:
    """What the person at the command line allows: folders code may be imported from. Never part of the audit file."""

    code: tuple[Path, ...] = ()


def open_subject(file: ConfigFile, trust: Trust = Trust()) -> Subject:
    """The subject an audit file describes.

    Raises ConfigError, DataError, ModelError or SubjectError, each in one clear message, before anything is measured.
    """
    config = file.config
    schema, datasets = _open_data(file)
    evaluate = datasets["evaluate"]
    groups = fit_groups(config.data.groups, evaluate)
    facts = _facts(config, schema, groups, evaluate)
    encoder = _encoder(config, schema, datasets)
    return Subject(
        model=_open_model(file, trust, evaluate, encoder),
        evaluate=evaluate,
        reference=datasets.get("reference"),
        calibration=datasets.get("calibration"),
        encoder=encoder,
        facts=facts,
        roles=_roles(config),
        seed=config.seed,
    )


def _roles(config: AuditConfig) -> dict[str, str]:
    data = config.data
    return {role: name for role in ("label", "id", "weight", "cluster", "time") if (name := getattr(data, role)) is not None}


def _extra(config: AuditConfig) -> list[str]:
    predictions = config.model.predictions
    columns = [*_roles(config).values(), *(group.column for group in config.data.groups.values())]
    if predictions is not None:
        columns += [name for name in (predictions.score, predictions.decision, *predictions.probabilities) if name]
    return list(dict.fromkeys(name for name in columns if name not in config.data.inputs))


def _text_columns(config: AuditConfig) -> list[str]:
    declared = [name for name in (config.data.id, config.model.predictions and config.model.predictions.decision) if name]
    unbinned = [group.column for group in config.data.groups.values() if not group.bins]
    label = [config.data.label] if config.data.label and config.model.task != "regression" else []
    return [*declared, *unbinned, *label]


def _open_data(file: ConfigFile) -> tuple[Schema, dict[str, Dataset]]:
    config = file.config
    paths = {name: file.resolve(path) for name in SETS if (path := getattr(config.data, name)) is not None}
    if config.data.kind == "image":
        return _open_images(config, paths)
    if config.model.predictions is None and not config.data.inputs:
        raise ConfigError(f"{file.path}: data.inputs is missing: list the columns in the order the network takes them")
    unused = sorted(set(config.data.columns) - set(config.data.inputs))
    if unused:
        raise ConfigError([f"{file.path}: data.columns.{name} is not among data.inputs: {nearest(name, config.data.inputs)}" for name in unused])
    schema = _schema(config, paths)
    extra = _extra(config)
    return schema, {
        name: open_table(path, name=name, schema=schema, extra=extra if name == "evaluate" else _present(path, extra), text=_text_columns(config))
        for name, path in paths.items()
    }


def _schema(config: AuditConfig, paths: dict[str, Path]) -> Schema:
    if not config.data.inputs:
        return Schema(())
    source = paths.get("reference", paths["evaluate"])
    return infer_schema(source, columns=config.data.inputs, declared=config.data.columns, missing=config.data.missing)


def _present(path: Path, wanted: Sequence[str]) -> list[str]:
    """Those of the evaluation file's extra columns that another file has as well; only the label and clusters are ever asked of it."""
    from audit.data.tables import column_names  # noqa: PLC0415  read lazily: image subjects never need it

    available = set(column_names(path))
    return [name for name in wanted if name in available]


def _open_images(config: AuditConfig, paths: dict[str, Path]) -> tuple[Schema, dict[str, Dataset]]:
    datasets: dict[str, ImageDataset] = {
        name: open_images(path, name=name, config=config.data.image, extra=_extra(config)) for name, path in paths.items()
    }
    shape = datasets["evaluate"].shape
    schema = Schema((ColumnSchema(name=config.data.image.array, kind="image", shape=shape),))
    return schema, dict(datasets)


def _encoder(config: AuditConfig, schema: Schema, datasets: dict[str, Dataset]) -> Encoder | None:
    if config.model.predictions is not None:
        return None
    if config.data.kind == "image":
        return ImageEncoder.from_config(config.data.image, schema.columns[0].shape, config.model.dtype)
    return fit_table_encoder(schema, datasets.get("reference"), config.data.columns, config.model.dtype)


def _open_model(file: ConfigFile, trust: Trust, evaluate: Dataset, encoder: Encoder | None) -> Model:
    model = file.config.model
    if model.predictions is not None:
        return PredictionsModel(model.predictions, model.classes)
    from audit.models.network import open_network  # noqa: PLC0415  torch is loaded only when there is a network

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
    )
    if encoder is not None:
        network.trial(encoder.encode(evaluate.take(np.arange(min(TRIAL_ROWS, evaluate.n_rows), dtype=np.int64))))
    return network


def _facts(config: AuditConfig, schema: Schema, groups: tuple[GroupSpec, ...], evaluate: Dataset) -> Facts:
    classes = config.model.classes or _default_classes(config, evaluate)
    facts = Facts(
        task=config.model.task,
        output=config.model.output,
        classes=classes,
        favourable=tuple(_position(str(value), classes, "decision.favourable") for value in config.decision.favourable),
        threshold=None if config.decision.threshold is None else float(config.decision.threshold),
        label=config.data.label,
        label_kind=config.data.label_kind,
        groups=groups,
        schema=schema,
        census=config.data.census,
        label_unit=config.data.label_unit,
    )
    if facts.output == "score" and facts.task == "binary" and facts.threshold is None:
        raise SubjectError("model.output is 'score', so decision.threshold must be declared; it is never assumed")
    if facts.task == "binary" and facts.threshold is None and facts.output != "decision":
        return replace(facts, threshold=0.5)
    return facts


def _default_classes(config: AuditConfig, evaluate: Dataset) -> tuple[str, ...]:
    if config.model.task == "regression":
        return ()
    if config.model.task == "binary":
        return ("0", "1")
    if config.data.label is None:
        raise ConfigError("model.classes is missing: without labels the classes cannot be read from the data")
    found = {canonical_text(v) for block in evaluate.blocks(65_536) for v in pd.unique(block.values[config.data.label]) if not pd.isna(v)}
    if all(value.lstrip("-").isdigit() for value in found):
        return tuple(sorted(found, key=int))
    return tuple(sorted(found))


def _position(value: str, classes: tuple[str, ...], key: str) -> int:
    if value not in classes:
        raise DataError(f"{key} names class {value!r}: {nearest(value, classes)}")
    return classes.index(value)

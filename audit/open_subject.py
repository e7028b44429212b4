"""Opens what an audit file names: datasets, schema, encoder, groups, model; refuses what does not belong together before any work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

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
from audit.data.text_encoding import TextEncoder
from audit.data.tokens import open_tokeniser
from audit.errors import ConfigError, DataError, SubjectError, nearest
from audit.facts import Facts
from audit.open_model import NO_TRUST, Trust, open_model
from audit.subject import Subject

if TYPE_CHECKING:
    from audit.data.images import ImageDataset

SETS = ("evaluate", "reference", "calibration")


def open_subject(file: ConfigFile, trust: Trust = NO_TRUST) -> Subject:
    """The subject an audit file describes.

    Raises ConfigError, DataError, ModelError or SubjectError, each in one clear message, before anything is measured.
    """
    config = file.config
    _refuse_label_as_prediction(config)
    schema, datasets = _open_data(file)
    evaluate = datasets["evaluate"]
    groups = fit_groups(config.data.groups, evaluate)
    facts = _facts(config, schema, groups, evaluate)
    encoder = _encoder(file, schema, datasets)
    return Subject(
        model=open_model(file, trust, evaluate, encoder),
        evaluate=evaluate,
        reference=datasets.get("reference"),
        calibration=datasets.get("calibration"),
        encoder=encoder,
        facts=facts,
        roles=_roles(config),
        seed=config.seed,
    )


def _refuse_label_as_prediction(config: AuditConfig) -> None:
    """A network held against its own outputs agrees with them in every row."""
    labels, predictions = (config.data.label, *config.data.labels), config.model.predictions
    both = [name for name in labels if predictions is not None and name in predictions.columns]
    if both:
        raise ConfigError(f"column {both[0]!r} is the label and the prediction; every number against labels would be perfect: name two columns")


def _roles(config: AuditConfig) -> dict[str, str]:
    data = config.data
    return {role: name for role in ("label", "id", "weight", "cluster", "time") if (name := getattr(data, role)) is not None}


def _extra(config: AuditConfig) -> list[str]:
    predictions = config.model.predictions
    columns = [*_roles(config).values(), *config.data.labels, *(group.column for group in config.data.groups.values())]
    if predictions is not None:
        columns += predictions.columns
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
    if config.data.kind == "text":
        column = ColumnSchema(name=config.data.text.column, kind="text", missing="constant", fill="")
        return _open_tables(config, Schema((column,)), paths)
    if config.model.predictions is None and not config.data.inputs:
        raise ConfigError(f"{file.path}: data.inputs is missing: list the columns in the order the network takes them")
    unused = sorted(set(config.data.columns) - set(config.data.inputs))
    if unused:
        raise ConfigError([f"{file.path}: data.columns.{name} is not among data.inputs: {nearest(name, config.data.inputs)}" for name in unused])
    return _open_tables(config, _schema(config, paths), paths)


def _open_tables(config: AuditConfig, schema: Schema, paths: dict[str, Path]) -> tuple[Schema, dict[str, Dataset]]:
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


def _encoder(file: ConfigFile, schema: Schema, datasets: dict[str, Dataset]) -> Encoder | None:
    config = file.config
    if config.model.predictions is not None:
        return None
    if config.data.kind == "image":
        return ImageEncoder.from_config(config.data.image, schema.columns[0].shape, config.model.dtype)
    if config.data.kind == "text":
        return _text_encoder(file)
    return fit_table_encoder(schema, datasets.get("reference"), config.data.columns, config.model.dtype)


def _text_encoder(file: ConfigFile) -> TextEncoder:
    text = file.config.data.text
    if text.vocabulary is None:
        raise ConfigError(f"{file.path}: data.text.vocabulary is missing: name the file of the tokens in the order of their ids")
    tokeniser = open_tokeniser(
        file.resolve(text.vocabulary), kind=text.tokenise, lower=text.lower, pad=text.pad, unknown=text.unknown, absent=text.absent
    )
    return TextEncoder(text.column, tokeniser, text.length, text.keep, text.mask, text.lengths)


def _facts(config: AuditConfig, schema: Schema, groups: tuple[GroupSpec, ...], evaluate: Dataset) -> Facts:
    classes = config.model.classes or _default_classes(config, evaluate)
    if config.data.labels and len(config.data.labels) != len(classes):
        raise ConfigError(f"data.labels names {len(config.data.labels)} columns for the {len(classes)} labels of model.classes")
    facts = Facts(
        task=config.model.task,
        output=config.model.output,
        classes=classes,
        favourable=_favourable(config, classes),
        threshold=None if config.decision.threshold is None else float(config.decision.threshold),
        label=config.data.label,
        label_kind=config.data.label_kind,
        groups=groups,
        schema=schema,
        census=config.data.census,
        label_unit=config.data.label_unit,
        labels=config.data.labels,
    )
    if facts.task == "multilabel":
        return replace(facts, thresholds=_thresholds(config, classes))
    if facts.output == "score" and facts.task == "binary" and facts.threshold is None:
        raise SubjectError("model.output is 'score', so decision.threshold must be declared; it is never assumed")
    if facts.task == "binary" and facts.threshold is None and facts.output != "decision":
        return replace(facts, threshold=0.5)
    return facts


def _favourable(config: AuditConfig, classes: tuple[str, ...]) -> tuple[int, ...]:
    found = tuple(_position(str(value), classes, "decision.favourable") for value in config.decision.favourable)
    if config.model.task != "multilabel" and classes and len(set(found)) == len(classes):
        raise ConfigError("decision.favourable names every class, so that all decisions are favourable and every group is selected: leave one out")
    return found


def _default_classes(config: AuditConfig, evaluate: Dataset) -> tuple[str, ...]:
    if config.model.task == "regression":
        return ()
    if config.model.task == "binary":
        return ("0", "1")
    if config.model.task == "multilabel":
        return _label_names(config)
    if config.data.label is None:
        raise ConfigError("model.classes is missing: without labels the classes cannot be read from the data")
    found = {canonical_text(v) for block in evaluate.blocks(65_536) for v in pd.unique(block.values[config.data.label]) if not pd.isna(v)}
    if all(value.lstrip("-").isdigit() for value in found):
        return tuple(sorted(found, key=int))
    return tuple(sorted(found))


def _label_names(config: AuditConfig) -> tuple[str, ...]:
    given = config.model.predictions
    names = config.data.labels or (given.columns if given is not None else ())
    if not names:
        raise ConfigError("model.classes is missing: name the labels in the order of the outputs, or declare their columns in data.labels")
    return names


def _thresholds(config: AuditConfig, classes: tuple[str, ...]) -> tuple[float, ...]:
    """The threshold of each label: its own, else the common one, else 0.5 for probabilities."""
    own, common, output = config.decision.thresholds, config.decision.threshold, config.model.output
    for name in own:
        _position(name, classes, "decision.thresholds")
    missing = [name for name in classes if name not in own]
    if output == "score" and common is None and missing:
        raise SubjectError(f"model.output is 'score', so a threshold must be declared for {', '.join(missing)}; it is never assumed")
    return () if output == "decision" else tuple(float(own.get(name, common if common is not None else Decimal("0.5"))) for name in classes)


def _position(value: str, classes: tuple[str, ...], key: str) -> int:
    if value not in classes:
        raise DataError(f"{key} names class {value!r}: {nearest(value, classes)}")
    return classes.index(value)

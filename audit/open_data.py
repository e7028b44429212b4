"""Opens the rows an audit file names: datasets with their schema, and the encoder that turns them into what the network takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from audit.config import AuditConfig
from audit.config_file import ConfigFile
from audit.data.dataset import ColumnSchema, Dataset, Schema
from audit.data.encoding import Encoder, fit_table_encoder
from audit.data.images import ImageEncoder, open_images
from audit.data.inference import infer_schema
from audit.data.tables import column_names, open_table
from audit.data.text_encoding import TextEncoder
from audit.data.tokens import open_tokeniser
from audit.errors import ConfigError, nearest

if TYPE_CHECKING:
    from audit.data.images import ImageDataset

SETS = ("evaluate", "reference", "calibration")


@dataclass(frozen=True)
class OpenData:
    """Datasets by name (`SETS`), their schema, and the encoder; `encoder` is None where there is no network to encode for (predictions)."""

    schema: Schema
    datasets: dict[str, Dataset]
    encoder: Encoder | None


def open_data(file: ConfigFile) -> OpenData:
    """The rows of an audit file; raises ConfigError, DataError or SubjectError, each in one clear message."""
    schema, datasets = _open_data(file)
    return OpenData(schema, datasets, _encoder(file, schema, datasets))


def column_roles(config: AuditConfig) -> dict[str, str]:
    """Names of the columns that play a part: label, id, weight, cluster, time."""
    data = config.data
    return {role: name for role in ("label", "id", "weight", "cluster", "time") if (name := getattr(data, role)) is not None}


def _extra(config: AuditConfig) -> list[str]:
    predictions = config.model.predictions
    columns = [*column_roles(config).values(), *config.data.labels, *(group.column for group in config.data.groups.values())]
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

"""Opens the rows an audit file names: datasets with their schema, and the encoder that turns them into what the network takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from audit.config import AuditConfig
from audit.config_file import ConfigFile
from audit.data.dataset import ColumnSchema, Dataset, Schema
from audit.data.encoding import Encoder, fit_table_encoder
from audit.data.image_encoding import ImageEncoder
from audit.data.images import open_images
from audit.data.inference import infer_schema
from audit.data.row_series import series_of_rows
from audit.data.series import SeriesDataset, open_series
from audit.data.series_encoding import fit_series_encoder
from audit.data.series_values import channel_column
from audit.data.several import JoinedDataset, join_encoders, part_of
from audit.data.tables import TableDataset, column_names, open_table
from audit.data.text_encoding import TextEncoder
from audit.data.tokens import open_tokeniser
from audit.data_config import ImageConfig, PartSeriesConfig, SeriesConfig, TextConfig
from audit.errors import ConfigError, DataError, nearest

if TYPE_CHECKING:
    from audit.data.image_folder import ImageFolder
    from audit.data.images import ImageDataset

Columns = tuple[ColumnSchema, ...]
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
    columns += [name for one in config.companions.values() if one.predictions is not None for name in one.predictions.columns]
    return list(dict.fromkeys(name for name in columns if name not in config.data.inputs))


def _text_columns(config: AuditConfig) -> list[str]:
    given = [one.predictions for one in (config.model, *config.companions.values())]
    declared = [name for name in (config.data.id, *(one.decision for one in given if one is not None)) if name]
    unbinned = [group.column for group in config.data.groups.values() if not group.bins]
    label = [config.data.label] if config.data.label and config.model.task != "regression" else []
    return [*declared, *unbinned, *label]


def _open_data(file: ConfigFile) -> tuple[Schema, dict[str, Dataset]]:
    config = file.config
    paths = {name: file.resolve(path) for name in SETS if (path := getattr(config.data, name)) is not None}
    if config.data.kind == "image":
        return _open_images(file, paths)
    if config.data.kind == "text":
        schema = Schema((_text_column(config.data.text),))
        return schema, dict(_open_tables(config, schema, paths))
    if config.data.kind == "series":
        return _open_series(config, paths)
    if config.data.kind == "several":
        return _open_several(file, paths)
    if config.model.predictions is None and not config.data.inputs:
        raise ConfigError(f"{file.path}: data.inputs is missing: list the columns in the order the network takes them")
    _refuse_unused(file, config.data.inputs)
    schema = _schema(config, paths)
    return schema, dict(_open_tables(config, schema, paths))


def _open_tables(config: AuditConfig, schema: Schema, paths: dict[str, Path]) -> dict[str, TableDataset]:
    extra = _extra(config)
    return {
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


def _open_images(file: ConfigFile, paths: dict[str, Path]) -> tuple[Schema, dict[str, Dataset]]:
    found = {name: _open_image_set(file, path, name, file.config.data.image, _extra(file.config)) for name, path in paths.items()}
    return Schema((_image_column(found),)), dict(found)


def _image_column(found: dict[str, ImageDataset | ImageFolder]) -> ColumnSchema:
    evaluate = found["evaluate"]
    for name, dataset in found.items():
        if (dataset.array, dataset.shape, dataset.largest) != (evaluate.array, evaluate.shape, evaluate.largest):
            raise DataError(f"data.{name} holds {_images_of(dataset)}; data.evaluate {_images_of(evaluate)}: the network takes one kind")
    low, high = (None, None) if evaluate.largest is None else (0.0, float(evaluate.largest))
    return ColumnSchema(name=evaluate.array, kind="image", shape=evaluate.shape, minimum=low, maximum=high)


def _images_of(dataset: ImageDataset | ImageFolder) -> str:
    kept = "an npz array" if dataset.largest is None else f"files with values to {dataset.largest}"
    return f"images of shape {dataset.shape} in {kept}"


def _open_image_set(file: ConfigFile, path: Path, name: str, image: ImageConfig, extra: Sequence[str]) -> ImageDataset | ImageFolder:
    if path.suffix.lower() == ".npz":
        return open_images(path, name=name, config=image, extra=extra)
    if path.is_dir():
        raise DataError(f"{path}: is a folder; name the table of its files and labels, such as {path.name}/labels.csv with columns image and label")
    from audit.data.image_folder import open_image_folder  # noqa: PLC0415  Pillow is loaded only for image files

    folder = path.parent if image.folder is None else file.resolve(image.folder)
    kept = extra if name == "evaluate" else _present(path, extra)
    return open_image_folder(path, name=name, config=image, folder=folder, extra=kept, text=_text_columns(file.config))


def _refuse_unused(file: ConfigFile, inputs: Sequence[str]) -> None:
    unused = sorted(set(file.config.data.columns) - set(inputs))
    if unused:
        raise ConfigError([f"{file.path}: data.columns.{name} is not among data.inputs: {nearest(name, inputs)}" for name in unused])


def _text_column(text: TextConfig) -> ColumnSchema:
    return ColumnSchema(name=text.column, kind="text", missing="constant", fill="")


def _open_series(config: AuditConfig, paths: dict[str, Path]) -> tuple[Schema, dict[str, Dataset]]:
    """All files' series, with room for the longest of them."""
    series, extra = config.data.series, _extra(config)
    found = {
        name: open_series(path, name=name, config=series, extra=extra if name == "evaluate" else (), optional=() if name == "evaluate" else extra)
        for name, path in paths.items()
    }
    columns, level = _level(found, "data", series)
    return Schema(columns), level


def _part_series(file: ConfigFile, part: str, series: PartSeriesConfig, tables: dict[str, TableDataset]) -> tuple[Columns, dict[str, Dataset]]:
    """The series of the rows of each table, with room for the longest of all."""
    found = {
        name: series_of_rows(file.resolve(path), table, part=part, id_column=file.config.data.id, config=series)
        for name, table in tables.items()
        if (path := getattr(series, name)) is not None
    }
    return _level(found, f"data.parts.{part}.series", series)


def _level(found: dict[str, SeriesDataset], key: str, series: SeriesConfig) -> tuple[Columns, dict[str, Dataset]]:
    """The columns of the channels, which all files must have, and the series with room for the longest; `key` is where their files are named."""
    evaluate = found["evaluate"]
    for name, dataset in found.items():
        if dataset.channels != evaluate.channels:
            raise ConfigError(f"{key}.{name} has the channels {', '.join(dataset.channels)}; {key}.evaluate has {', '.join(evaluate.channels)}")
    length = max(dataset.length for dataset in found.values())
    columns = tuple(
        ColumnSchema(name=channel_column(evaluate.part, name), kind="series", unit=series.units.get(name, ""), shape=(length,))
        for name in evaluate.channels
    )
    return columns, {name: dataset.lengthened(length) for name, dataset in found.items()}


def _encoder(file: ConfigFile, schema: Schema, datasets: dict[str, Dataset]) -> Encoder | None:
    config = file.config
    if config.model.predictions is not None:
        return None
    if config.data.kind == "image":
        column = schema.columns[0]
        return ImageEncoder.from_config(config.data.image, column.shape, config.model.dtype, array=column.name)
    if config.data.kind == "text":
        return _text_encoder(file, config.data.text)
    if config.data.kind == "series":
        return fit_series_encoder(config.data.series, datasets, config.model.dtype)
    if config.data.kind == "several":
        return _several_encoder(file, schema, datasets)
    encoder = fit_table_encoder(schema, datasets.get("reference"), config.data.columns, config.model.dtype)
    for name, members in config.data.feature_groups.items():
        for member in members:
            if member not in schema.names:
                raise ConfigError(f"{file.path}: data.feature_groups.{name}: {member!r} is no input: {nearest(member, schema.names)}")
    return replace(encoder, feature_groups=tuple(config.data.feature_groups.items()))


def _text_encoder(file: ConfigFile, text: TextConfig) -> TextEncoder:
    if text.vocabulary is None:
        raise ConfigError(f"{file.path}: data.text.vocabulary is missing: name the file of the tokens in the order of their ids")
    tokeniser = open_tokeniser(
        file.resolve(text.vocabulary), kind=text.tokenise, lower=text.lower, pad=text.pad, unknown=text.unknown, absent=text.absent
    )
    return TextEncoder(text.column, tokeniser, text.length, text.keep, text.mask, text.lengths)


def _open_several(file: ConfigFile, paths: dict[str, Path]) -> tuple[Schema, dict[str, Dataset]]:
    """The rows of one table: its columns, the images and texts that they name or hold, and the series that belong to them, input by input."""
    config = file.config
    inputs = [name for part in config.data.parts.values() for name in part.inputs]
    _refuse_unused(file, inputs)
    source = paths.get("reference", paths["evaluate"])
    held = {c.name: c for c in infer_schema(source, columns=inputs, declared=config.data.columns, missing=config.data.missing).columns}
    held |= {part.text.column: _text_column(part.text) for part in config.data.parts.values() if part.text is not None}
    tables = _open_tables(config, Schema(tuple(held.values())), paths)
    columns: list[ColumnSchema] = []
    joined: dict[str, list[Dataset]] = {name: [table] for name, table in tables.items()}
    for key, part in config.data.parts.items():
        columns += [held[column] for column in (*part.inputs, *([part.text.column] if part.text else []))]
        if part.image is not None:
            images = {name: _open_image_set(file, path, name, part.image, ()) for name, path in paths.items()}
            columns.append(_image_column(images))
            for name, found in images.items():
                joined[name].append(found)
        if part.series is not None:
            channels, series = _part_series(file, key, part.series, tables)
            columns += channels
            for name, dataset in series.items():
                joined[name].append(dataset)
    _refuse_twice(file, tables["evaluate"].columns, [column.name for column in columns if column.kind == "series"])
    return Schema(tuple(columns)), {name: JoinedDataset(tuple(parts)) for name, parts in joined.items()}


def _refuse_twice(file: ConfigFile, columns: Sequence[str], channels: Sequence[str]) -> None:
    for name in channels:
        if [*columns, *channels].count(name) > 1:
            raise ConfigError(f"{file.path}: {name!r}, a channel of a series, is the name of another column too; give the part or the column another")


def _several_encoder(file: ConfigFile, schema: Schema, datasets: dict[str, Dataset]) -> Encoder:
    data, dtype = file.config.data, file.config.model.dtype
    encoders: dict[str, Encoder] = {}
    for name, part in data.parts.items():
        if part.image is not None:
            column = next(column for column in schema.columns if column.kind == "image")
            encoders[name] = ImageEncoder.from_config(part.image, column.shape, dtype, array=column.name)
        elif part.text is not None:
            encoders[name] = _text_encoder(file, part.text)
        elif part.series is not None:
            own_series = {which: one for which, joined in datasets.items() for one in part_of(joined, name)}
            encoders[name] = fit_series_encoder(part.series, own_series, dtype, key=f"data.parts.{name}.series")
        else:
            own = Schema(tuple(column for column in schema.columns if column.name in part.inputs))
            encoders[name] = fit_table_encoder(own, datasets.get("reference"), data.columns, dtype)
    return join_encoders(encoders, datasets["evaluate"].take(np.zeros(1, dtype=np.int64)), dtype)

"""Reads an audit file (TOML) into an `AuditConfig`. Every problem of a bad file is reported at once, with its key."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from audit.config import AuditConfig
from audit.errors import ConfigError, nearest


class ConfigFile(BaseModel):
    """A checked audit file with the folder its paths are relative to and the text it was read from."""

    model_config = ConfigDict(frozen=True)
    config: AuditConfig
    path: Path
    raw: dict[str, Any]
    """The file as TOML read it, overrides applied."""
    folders: tuple[Path, ...] = ()
    """Folders beside its own that its files may lie in, as the person at the command line allows."""

    @property
    def folder(self) -> Path:
        """Folder of the audit file."""
        return self.path.parent

    def resolve(self, name: str) -> Path:
        """A path of the audit file, relative to its folder.

        Raises ConfigError when it leads, also through a link, out of that folder and of `folders`: an audit file that came from elsewhere
        must not choose what is read here.
        """
        found = (self.folder / name).resolve()
        if not any(found.is_relative_to(folder.resolve()) for folder in (self.folder, *self.folders)):
            raise ConfigError(
                f"{self.path}: {name!r} lies outside the audit file's folder and was not read; to allow its folder, repeat with --data {found.parent}"
            )
        return found


def load_config(path: Path, overrides: Sequence[str] = (), *, folders: Sequence[Path] = ()) -> ConfigFile:
    """Read and check an audit file.

    `overrides` are ``dotted.key=value`` with the value in TOML; `folders` as of `ConfigFile`. Raises ConfigError listing every problem: file,
    key, what was found, the nearest legal key.
    """
    raw = _read(path)
    for override in overrides:
        _override(raw, override)
    return check_config(raw, path, folders=folders)


def check_config(raw: dict[str, Any], path: Path, *, folders: Sequence[Path] = ()) -> ConfigFile:
    """A checked config from TOML data; see `load_config`."""
    try:
        return ConfigFile(config=AuditConfig.model_validate(raw), path=path.resolve(), raw=raw, folders=tuple(folders))
    except ValidationError as error:
        raise ConfigError([_problem(path, item) for item in error.errors()]) from None


def json_schema() -> dict[str, Any]:
    """JSON Schema of the audit file, for editors."""
    return AuditConfig.model_json_schema()


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        beside = [str(p) for p in sorted(path.parent.glob("*.toml"))] if path.parent.is_dir() else []
        raise ConfigError(f"{path}: there is no such audit file" + (f"; {nearest(str(path), beside)}" if beside else ""))
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 text ({error.reason} at byte {error.start})") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from None


def _override(raw: dict[str, Any], text: str) -> None:
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise ConfigError(f"override {text!r}: expected dotted.key=value")
    try:
        parsed = tomllib.loads(f"v = {value}", parse_float=Decimal)["v"]
    except tomllib.TOMLDecodeError:
        parsed = value.strip()
    *parents, last = key.strip().split(".")
    table = raw
    for parent in parents:
        table = table.setdefault(parent, {})
        if not isinstance(table, dict):
            raise ConfigError(f"override {text!r}: {parent!r} is not a table")
    table[last] = parsed


def _problem(path: Path, item: Any) -> str:
    where = [str(part) for part in item["loc"]]
    key = ".".join(where)
    if item["type"] == "extra_forbidden":
        return f"{path}: unknown key {key!r}: {nearest(where[-1], _legal_keys(where[:-1]))}"
    if item["type"] == "missing":
        return f"{path}: key {key!r} is missing"
    found = repr(item["input"])
    found = found if len(found) <= 80 else found[:77] + "..."
    message = item["msg"].removeprefix("Value error, ")
    return f"{path}: {key or 'file'}: {message}" + ("" if item["type"] == "value_error" else f"; found {found}")


def _legal_keys(where: Sequence[str]) -> list[str]:
    model: type[BaseModel] | None = AuditConfig
    for part in where:
        if model is None:
            return []
        field = model.model_fields.get(part)
        if field is not None:
            model = _model_in(field.annotation)
    return list(model.model_fields) if model is not None else []


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for argument in get_args(annotation) if (found := _model_in(argument)) is not None), None)

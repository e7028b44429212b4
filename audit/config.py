"""`AuditConfig`: the audit file (TOML) as checked plain data. Every problem of a bad file is reported at once, with its key."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from audit.data.dataset import MissingPolicy
from audit.errors import ConfigError, nearest
from audit.facts import LabelKind, OutputKind, Task
from audit.results import Criterion, Rule

Text = Annotated[str, Field(min_length=1, max_length=2000)]
Encoding = Literal["none", "standard", "minmax", "one_hot", "ordinal"]


class _Table(BaseModel):
    """A table of the audit file: unknown keys are refused, values are never coerced between kinds."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class PredictionsConfig(_Table):
    """Columns of a predictions file: exactly one of score, decision, probabilities."""

    score: Text | None = None
    decision: Text | None = None
    probabilities: tuple[Text, ...] = ()

    @model_validator(mode="after")
    def _one(self) -> PredictionsConfig:
        given = [name for name in ("score", "decision", "probabilities") if getattr(self, name)]
        if len(given) != 1:
            raise ValueError(f"needs exactly one of score, decision, probabilities; found {given or 'none'}")
        return self


class ModelConfig(_Table):
    """Where the network is and what its outputs mean."""

    architecture: Text | None = None
    """``package.module:factory``; the factory returns an nn.Module."""
    arguments: dict[str, Any] = Field(default_factory=dict)
    """Keyword arguments of the factory."""
    weights: Text | None = None
    """A .safetensors file, or a state dict (.pt, .pth) that loads with weights_only."""
    predictions: PredictionsConfig | None = None
    """Columns of the evaluation file instead of a network."""
    output: OutputKind
    task: Task
    classes: tuple[Text, ...] = ()
    """Label values in the order of the outputs; defaults to 0, 1, … as found in the outputs."""
    device: Annotated[str, Field(pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$")] = "auto"
    dtype: Literal["float32", "float64"] = "float32"
    micro_batch: Annotated[int, Field(ge=1)] = 4096

    @model_validator(mode="after")
    def _door(self) -> ModelConfig:
        if (self.predictions is None) == (self.architecture is None):
            raise ValueError("needs exactly one of architecture (with weights) and predictions")
        if self.architecture is not None and self.weights is None:
            raise ValueError("architecture needs weights")
        if self.architecture is not None and self.output == "decision":
            raise ValueError("output = 'decision' goes with predictions only")
        return self


class DecisionConfig(_Table):
    """How an output becomes a decision."""

    threshold: Decimal | None = None
    favourable: tuple[int | str, ...] = ()
    """Classes that are good for the person, by label value."""


class ColumnConfig(_Table):
    """One raw input column."""

    kind: Literal["numeric", "binary", "categorical", "ordinal"] | None = None
    unit: str = ""
    min: Decimal | None = None
    max: Decimal | None = None
    levels: tuple[str | int | bool, ...] = ()
    immutable: bool = False
    direction: Literal["any", "increase", "decrease"] = "any"
    integer: bool = False
    missing_codes: tuple[Decimal | int | str, ...] = ()
    missing: MissingPolicy | None = None
    fill: Decimal | int | str | None = None
    encode: Encoding | None = None
    mean: Decimal | None = None
    """Subtracted before scaling with encode = "standard"; fitted on the reference data when absent."""
    scale: Decimal | None = None
    """Divisor with encode = "standard"; fitted on the reference data when absent."""


class GroupConfig(_Table):
    """One protected attribute."""

    column: Text
    reference: str | int | bool | None = None
    unknown: tuple[str | int | bool, ...] = ()
    """Raw values that mean unknown membership."""
    bins: tuple[Decimal, ...] = ()
    shares: dict[str, Decimal] = Field(default_factory=dict)
    compare: Literal["reference", "best", "rest"] = "reference"
    """What each level is compared with: the reference (else the largest, or for selection rates the highest), the level with the highest
    selection rate, or all rows that are not of the level."""
    separator: Annotated[str, Field(max_length=8)] = ""
    """Between several values of one row, as in "a;b" with ";"; each value is then an attribute of its own, compared with the rest."""

    @model_validator(mode="after")
    def _one_way(self) -> GroupConfig:
        if self.reference is not None and (self.compare != "reference" or self.separator):
            raise ValueError("reference goes with compare = 'reference' and without a separator")
        if self.bins and self.separator:
            raise ValueError("bins cut numbers, a separator cuts text; declare one of them")
        if self.shares and (self.compare == "rest" or self.separator):
            raise ValueError("shares name levels of one attribute; they do not go with compare = 'rest' or a separator")
        return self


class ImageConfig(_Table):
    """How images are read: npz arrays."""

    array: Text = "images"
    scale: Decimal = Decimal(1)
    """Raw values are divided by it."""
    mean: Decimal = Decimal(0)
    deviation: Decimal = Decimal(1)
    patch: Annotated[int, Field(ge=1)] = 4
    """Side of the square patches that are the units of explanation, in pixels."""


class DataConfig(_Table):
    """Where the rows are and which column plays which part."""

    kind: Literal["table", "image"] = "table"
    evaluate: Text
    reference: Text | None = None
    calibration: Text | None = None
    inputs: tuple[Text, ...] = ()
    """Raw columns in the order the network takes them."""
    label: Text | None = None
    label_kind: LabelKind = "outcome"
    label_unit: str = ""
    id: Text | None = None
    weight: Text | None = None
    cluster: Text | None = None
    time: Text | None = None
    census: bool = False
    missing: MissingPolicy = "refuse"
    """Policy for columns that declare none."""
    groups: dict[str, GroupConfig] = Field(default_factory=dict)
    columns: dict[str, ColumnConfig] = Field(default_factory=dict)
    image: ImageConfig = ImageConfig()

    @field_validator("groups", mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        if isinstance(value, Mapping):
            return {name: {"column": item} if isinstance(item, str) else item for name, item in value.items()}
        return value


class LimitConfig(_Table):
    """A limit on one measurement of a check."""

    min: Decimal | None = None
    max: Decimal | None = None
    rule: Rule = "interval"
    because: Text
    source: Text
    owner: Text
    soft: bool = False

    @model_validator(mode="after")
    def _bounds(self) -> LimitConfig:
        if self.min is None and self.max is None:
            raise ValueError("needs min, max or both")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min {self.min} is above max {self.max}")
        if self.rule == "four_fifths" and (self.min is None or self.max is not None):
            raise ValueError("rule = 'four_fifths' takes min only")
        return self

    def criterion(self, measurement: str) -> Criterion:
        """The limit as the judge takes it."""
        return Criterion(
            measurement=measurement,
            minimum=self.min,
            maximum=self.max,
            rule=self.rule,
            because=self.because,
            source=self.source,
            owner=self.owner,
            soft=self.soft,
        )


class CheckConfig(BaseModel):
    """Limits and settings of one check; other keys are its settings and are refused by the check itself when unknown."""

    model_config = ConfigDict(extra="allow", frozen=True)
    enabled: bool = True
    limits: dict[str, LimitConfig] = Field(default_factory=dict)

    @property
    def settings(self) -> dict[str, Any]:
        """Everything that is neither ``enabled`` nor ``limits``."""
        return dict(self.model_extra or {})


class ProbeConfig(BaseModel):
    """Rows and settings of one probe; other keys are its settings."""

    model_config = ConfigDict(extra="allow", frozen=True)
    enabled: bool = True
    rows: Annotated[int, Field(ge=1)] | Literal["all"] | None = None
    """Rows to measure; the probe's own default when absent."""
    witness: Annotated[int, Field(ge=0, le=100)] = 3
    """Rows that another library recomputes, where the probe has such a witness; 0 for none."""

    @property
    def settings(self) -> dict[str, Any]:
        """Everything that is neither ``enabled``, ``rows`` nor ``witness``."""
        return dict(self.model_extra or {})


class ReportConfig(_Table):
    """What the report adds."""

    regimes: tuple[Text, ...] = ()


class AuditConfig(_Table):
    """One audit: subject, limits, settings."""

    name: Text
    purpose: str = ""
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    model: ModelConfig
    decision: DecisionConfig = DecisionConfig()
    data: DataConfig
    checks: dict[str, CheckConfig] = Field(default_factory=dict)
    probes: dict[str, ProbeConfig] = Field(default_factory=dict)
    only: tuple[Text, ...] = ()
    """Ids of the checks to run; empty for all."""
    report: ReportConfig = ReportConfig()

    @field_validator("checks", "probes", mode="before")
    @classmethod
    def _flat(cls, value: Any) -> Any:
        return _flatten(value) if isinstance(value, Mapping) else value


class ConfigFile(BaseModel):
    """A checked audit file with the folder its paths are relative to and the text it was read from."""

    model_config = ConfigDict(frozen=True)
    config: AuditConfig
    path: Path
    raw: dict[str, Any]
    """The file as TOML read it, overrides applied."""

    @property
    def folder(self) -> Path:
        """Folder of the audit file."""
        return self.path.parent

    def resolve(self, name: str) -> Path:
        """A path of the audit file, relative to its folder."""
        return (self.folder / name).resolve()


def load_config(path: Path, overrides: Sequence[str] = ()) -> ConfigFile:
    """Read and check an audit file.

    `overrides` are ``dotted.key=value`` with the value in TOML. Raises ConfigError listing every problem: file, key, what was found, the
    nearest legal key.
    """
    raw = _read(path)
    for override in overrides:
        _override(raw, override)
    return check_config(raw, path)


def check_config(raw: dict[str, Any], path: Path) -> ConfigFile:
    """A checked config from TOML data; see `load_config`."""
    try:
        return ConfigFile(config=AuditConfig.model_validate(raw), path=path.resolve(), raw=raw)
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


def _flatten(value: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, item in value.items():
        if "." in key or not _is_family(item):
            flat[key] = item
        else:
            flat.update({f"{key}.{name}": inner for name, inner in item.items()})
    return flat


def _is_family(item: Any) -> bool:
    return isinstance(item, Mapping) and bool(item) and "limits" not in item and all(isinstance(inner, Mapping) for inner in item.values())


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

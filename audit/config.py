"""`AuditConfig`: the audit file as checked plain data."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from audit.data_config import ConfigTable, DataConfig, Text
from audit.facts import OutputKind, Task
from audit.results import Criterion, Rule


class PredictionsConfig(ConfigTable):
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


class ModelConfig(ConfigTable):
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


class DecisionConfig(ConfigTable):
    """How an output becomes a decision."""

    threshold: Decimal | None = None
    favourable: tuple[int | str, ...] = ()
    """Classes that are good for the person, by label value."""


class LimitConfig(ConfigTable):
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


class ReportConfig(ConfigTable):
    """What the report adds."""

    regimes: tuple[Text, ...] = ()


class AuditConfig(ConfigTable):
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

"""`AuditConfig`: the audit file as checked plain data."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from audit.data_config import ConfigTable, DataConfig, Text
from audit.model_config import COMPARABLE_OUTPUTS, RECONSTRUCTED, DecisionConfig, ModelConfig
from audit.results import Criterion, Rule


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
    companions: Annotated[dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,40}$")], ModelConfig], Field(max_length=50)] = Field(
        default_factory=dict
    )
    """Other models asked about the same rows, by name; task, output and classes are those of `model` where absent."""
    decision: DecisionConfig = DecisionConfig()
    data: DataConfig
    checks: dict[str, CheckConfig] = Field(default_factory=dict)
    probes: dict[str, ProbeConfig] = Field(default_factory=dict)
    only: tuple[Text, ...] = ()
    """Ids of the checks to run; empty for all."""
    report: ReportConfig = ReportConfig()

    @model_validator(mode="before")
    @classmethod
    def _companions_answer_likewise(cls, value: Any) -> Any:
        """Companions take from the model what they do not say themselves of the meaning of their outputs."""
        model, given = (value.get(key) if isinstance(value, Mapping) else None for key in ("model", "companions"))
        if not isinstance(model, Mapping) or not isinstance(given, Mapping):
            return value
        meaning = {key: model[key] for key in ("task", "output", "classes") if key in model}
        return {**value, "companions": {name: {**meaning, **one} if isinstance(one, Mapping) else one for name, one in given.items()}}

    @model_validator(mode="after")
    def _comparable_companions(self) -> AuditConfig:
        for name, one in self.companions.items():
            for key in ("task", "classes"):
                ours, theirs = getattr(self.model, key), getattr(one, key)
                if theirs != ours:
                    raise ValueError(f"companions.{name}.{key} is {theirs!r} and model.{key} {ours!r}; only equal ones can be compared row by row")
            if one.output != self.model.output and not {one.output, self.model.output} <= COMPARABLE_OUTPUTS:
                legal = ", ".join(sorted(COMPARABLE_OUTPUTS))
                raise ValueError(
                    f"companions.{name}.output is {one.output!r} and model.output {self.model.output!r}; unequal ones may be two of {legal}"
                )
            if (one.predictions is None) != (self.model.predictions is None):
                raise ValueError(f"companions.{name} and model must both read predictions, or neither; a file of outputs stands for every network")
        return self

    @model_validator(mode="after")
    def _labels(self) -> AuditConfig:
        several = self.model.task == "multilabel"
        if self.data.label is not None and several:
            raise ValueError("task = 'multilabel' takes data.labels, one column for each label, not data.label")
        if self.data.labels and not several:
            raise ValueError(f"data.labels goes with task = 'multilabel'; found task = {self.model.task!r}")
        if self.decision.thresholds and not several:
            raise ValueError(f"decision.thresholds goes with task = 'multilabel'; found task = {self.model.task!r}")
        given = self.model.predictions
        if given is not None and (given.scores or given.decisions) and not several:
            raise ValueError("predictions.scores and predictions.decisions go with task = 'multilabel'; use score or decision")
        if given is not None and (given.score or given.decision) and several:
            raise ValueError("task = 'multilabel' takes predictions.scores, decisions or probabilities, one column for each label")
        return self

    @model_validator(mode="after")
    def _anomaly(self) -> AuditConfig:
        given, model = self.decision, self.model
        if model.task != "anomaly":
            for key, found in (("quantile", given.quantile is not None), ("flag", given.flag != "high")):
                if found:
                    raise ValueError(f"decision.{key} goes with task = 'anomaly'; found task = {model.task!r}")
            if model.output == "reconstruction":
                raise ValueError(f"output = 'reconstruction' goes with task = 'anomaly'; found task = {model.task!r}")
            return self
        if model.output != "decision" and given.threshold is None and given.quantile is None:
            raise ValueError("task = 'anomaly' needs decision.threshold, or decision.quantile with data.calibration; none is ever assumed")
        if model.output == "decision" and given.quantile is not None:
            raise ValueError("decision.quantile goes with a score; output = 'decision' has none")
        if given.flag == "low" and model.output != "score":
            raise ValueError(f"decision.flag = 'low' goes with output = 'score'; found output = {model.output!r}, where high is unusual")
        return self

    @model_validator(mode="after")
    def _quantile(self) -> AuditConfig:
        if self.decision.quantile is None:
            return self
        if self.model.predictions is not None:
            raise ValueError("decision.quantile takes the threshold from rows that the network is given; with predictions declare decision.threshold")
        if self.data.calibration is None:
            raise ValueError("decision.quantile takes the threshold from data.calibration, rows the network was not fitted on, which is missing")
        return self

    @model_validator(mode="after")
    def _reconstruction(self) -> AuditConfig:
        if self.model.output != "reconstruction":
            return self
        if self.data.kind in RECONSTRUCTED:
            if self.model.door in {"predictions", "sklearn"} or self.model.takes == "raw":
                raise ValueError("output = 'reconstruction' needs a network that is given encoded rows; declare the error of each row as a score")
            return self
        why = "token ids have no squared error" if self.data.kind == "text" else "its inputs have no common unit"
        raise ValueError(f"output = 'reconstruction' does not go with data.kind = {self.data.kind!r}: {why}; let the network return a score")

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

"""`AuditConfig`: the audit file as checked plain data."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from audit.data_config import ConfigTable, DataConfig, Text
from audit.facts import Flag, OutputKind, Task
from audit.results import Criterion, Rule
from audit.task_names import known_output, known_task


class PredictionsConfig(ConfigTable):
    """Columns of a predictions file: exactly one of score, decision, probabilities, or for multilabel scores, decisions, probabilities."""

    score: Text | None = None
    decision: Text | None = None
    probabilities: tuple[Text, ...] = ()
    scores: tuple[Text, ...] = ()
    """Multilabel: the score of each label."""
    decisions: tuple[Text, ...] = ()
    """Multilabel: 1 where the label was given, 0 where it was not."""

    @model_validator(mode="after")
    def _one(self) -> PredictionsConfig:
        kinds = ("score", "decision", "probabilities", "scores", "decisions")
        given = [name for name in kinds if getattr(self, name)]
        if len(given) != 1:
            raise ValueError(f"needs exactly one of {', '.join(kinds)}; found {given or 'none'}")
        return self

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the evaluation file that are read, in the order of the outputs."""
        single = [name for name in (self.score, self.decision) if name is not None]
        return (*single, *self.probabilities, *self.scores, *self.decisions)


class EndpointConfig(ConfigTable):
    """A model behind a URL, which is sent rows as JSON; only with ``netassay run --send-to``."""

    url: Text
    version: str = ""
    """Which model answers there, as its operator calls it; becomes part of the digest."""
    timeout: Annotated[Decimal, Field(gt=0, le=3600)] = Decimal(30)
    """Seconds to wait for an answer."""
    retries: Annotated[int, Field(ge=0, le=10)] = 2
    """How often a request is sent again after a lost connection or an answer of 429 or 500 to 504, after 0.5, 1, 2, … seconds."""
    rows_per_request: Annotated[int, Field(ge=1, le=65_536)] = 256
    requests_per_second: Annotated[Decimal, Field(gt=0)] | None = None
    """Upper limit for each worker process; none when absent."""
    headers_from_env: dict[str, Text] = Field(default_factory=dict)
    """Name of the environment variable that holds the value of each header; the values are stored nowhere."""

    @field_validator("url")
    @classmethod
    def _plain_url(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.fragment:
            raise ValueError(f"url {value!r} is not of the form https://host/path")
        if parts.username is not None or parts.password is not None:
            raise ValueError("url holds a user or password, which would be stored with the run; use headers_from_env")
        if not all("!" <= sign <= "~" for sign in value) or (parts.port or 1) < 1:
            raise ValueError("url holds signs that must be percent-encoded, or no legal port")
        return value

    @field_validator("headers_from_env")
    @classmethod
    def _free_headers(cls, value: dict[str, str]) -> dict[str, str]:
        wrong = [name for name in value if not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", name) or name.lower() in OWN_HEADERS]
        if wrong:
            raise ValueError(f"header {wrong[0]!r} cannot be set")
        return value


OWN_HEADERS = frozenset(
    {"host", "connection", "content-length", "content-type", "accept", "accept-encoding", "transfer-encoding", "expect", "upgrade"}
)
"""Headers that requests have anyway."""
MODEL_DOORS = ("architecture", "file", "onnx", "sklearn", "callable", "endpoint", "predictions")
"""Keys of `ModelConfig` that name what answers; exactly one is given."""
FUNCTION_DOORS = ("onnx", "sklearn", "callable", "endpoint")
"""Those that give outputs only, of any rows."""
RECONSTRUCTED = ("table", "image", "series")
"""Kinds of data that a network can return."""
COMPARABLE_OUTPUTS = frozenset({"logits", "log_probabilities", "probabilities"})
"""Kinds of output that are turned into probabilities, so that one threshold serves them all."""
DECIDING_DOORS = ("sklearn", "callable", "endpoint", "predictions")
"""Those whose outputs may be decided classes."""


class ModelConfig(ConfigTable):
    """Where the network is and what its outputs mean."""

    architecture: Text | None = None
    """``package.module:factory``; the factory returns an nn.Module."""
    arguments: dict[str, Any] = Field(default_factory=dict)
    """Keyword arguments of the factory, or of each call of the function."""
    weights: Text | None = None
    """A .safetensors file, or a state dict (.pt, .pth) that loads with weights_only."""
    file: Text | None = None
    """A network with its code, by torch.export (.pt2) or TorchScript (.pt, .ts); read only with ``netassay run --trust``."""
    onnx: Text | None = None
    """A network in ONNX (.onnx), run by onnxruntime."""
    onnx_output: Text | None = None
    """Name of the output that is read; needed where several hold floats."""
    sklearn: Text | None = None
    """A scikit-learn model saved by skops (.skops)."""
    callable: Text | None = None
    """``package.module:function``, called with rows; returns one number, or k, for each."""
    endpoint: EndpointConfig | None = None
    """A model behind a URL."""
    takes: Literal["encoded", "raw"] = "encoded"
    """What onnx, sklearn, callable and endpoint are given: the numbers of the encoder, or the raw columns."""
    predictions: PredictionsConfig | None = None
    """Columns of the evaluation file instead of a network."""
    output: OutputKind
    task: Task
    classes: tuple[Text, ...] = ()
    """Label values in the order of the outputs; defaults to 0, 1, … as found in the outputs."""
    device: Annotated[str, Field(pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$")] = "auto"
    dtype: Literal["float32", "float64"] = "float32"
    """Floating type of the inputs; float64 when absent for raw columns, and for sklearn, callable and endpoint."""
    micro_batch: Annotated[int, Field(ge=1)] = 4096

    @field_validator("task", mode="before")
    @classmethod
    def _known_task(cls, value: Any) -> Any:
        return known_task(value)

    @field_validator("output", mode="before")
    @classmethod
    def _known_output(cls, value: Any) -> Any:
        return known_output(value)

    @model_validator(mode="before")
    @classmethod
    def _precise(cls, value: Any) -> Any:
        """Only networks compute in float32 as a matter of course; trees split at a rounding error."""
        if not isinstance(value, Mapping) or "dtype" in value:
            return value
        precise = value.get("takes") == "raw" or any(value.get(key) is not None for key in ("sklearn", "callable", "endpoint"))
        return {**value, "dtype": "float64"} if precise else value

    @model_validator(mode="after")
    def _door(self) -> ModelConfig:
        given = [key for key in MODEL_DOORS if getattr(self, key) is not None]
        if len(given) != 1:
            raise ValueError(f"needs exactly one of {', '.join(MODEL_DOORS)} (architecture with weights); found {', '.join(given) or 'none'}")
        if (self.architecture is None) != (self.weights is None):
            raise ValueError("architecture needs weights" if self.weights is None else "weights go with architecture only")
        if self.output == "decision" and self.door not in DECIDING_DOORS:
            raise ValueError(f"output = 'decision' goes with {', '.join(DECIDING_DOORS)} only")
        if self.output == "decision" and self.predictions is None and self.task == "multiclass":
            raise ValueError("output = 'decision' of more than two classes goes with predictions only; declare probabilities")
        return self

    @model_validator(mode="after")
    def _of_its_door(self) -> ModelConfig:
        if self.onnx_output is not None and self.onnx is None:
            raise ValueError("onnx_output goes with onnx only")
        if self.takes == "raw" and self.door not in FUNCTION_DOORS:
            raise ValueError(f"takes = 'raw' goes with {', '.join(FUNCTION_DOORS)} only")
        if self.arguments and self.door not in {"architecture", "callable"}:
            raise ValueError("arguments go with architecture and callable only")
        if self.door in FUNCTION_DOORS and self.device not in {"auto", "cpu"}:
            raise ValueError(f"device = {self.device!r} goes with architecture and file only; {self.door} is called from the cpu")
        return self

    @property
    def door(self) -> str:
        """The one of `MODEL_DOORS` that is given."""
        return next(key for key in MODEL_DOORS if getattr(self, key) is not None)


class DecisionConfig(ConfigTable):
    """How an output becomes a decision."""

    threshold: Decimal | None = None
    thresholds: dict[str, Decimal] = Field(default_factory=dict)
    """Multilabel: the thresholds of those labels that do not share the common one."""
    favourable: tuple[int | str, ...] = ()
    """Classes that are good for the person, by label value."""
    quantile: Annotated[Decimal, Field(gt=0, lt=1)] | None = None
    """Anomaly: share of ordinary calibration rows that the threshold, taken from them, is to leave unflagged; instead of threshold."""
    flag: Flag = "high"
    """Anomaly: whether high or low scores are unusual."""

    @model_validator(mode="after")
    def _one_threshold(self) -> DecisionConfig:
        if self.threshold is not None and self.quantile is not None:
            raise ValueError("takes threshold or quantile, not both")
        return self


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

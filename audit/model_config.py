"""What answers in an audit, as checked plain data: the tables `[model]` and `[decision]` of the audit file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from audit.data_config import ConfigTable, Text
from audit.facts import Flag, OutputKind, Task
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

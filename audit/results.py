"""What an audit leaves behind, as plain data: measurements, evidence, criteria, findings, the run.

Standard library only. Nothing here measures, judges, draws or touches a file. `to_json(from_json(text)) == text` for every stored text.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

SCHEMA = 1
"""Number of the layout of `run.json`; grows when a field changes meaning."""

Status = Literal["within", "outside", "inconclusive", "attention", "informative", "not_assessed", "not_applicable", "error"]
STATUSES: tuple[Status, ...] = ("outside", "error", "attention", "inconclusive", "not_assessed", "within", "informative", "not_applicable")
"""All statuses, gravest first, in the order in which they are shown."""

Rule = Literal["interval", "point", "four_fifths"]
RULES: tuple[Rule, ...] = ("interval", "point", "four_fifths")
Slice = Mapping[str, str]
Scalar = str | int | float | bool | None


@dataclass(frozen=True, kw_only=True)
class Simultaneous:
    """An interval that holds for a whole family of comparisons at once."""

    low: float
    """Lower end."""
    high: float
    """Upper end."""
    comparisons: int
    """Number of comparisons in the family."""
    method: str
    """How the family-wise level is kept (for example ``"Bonferroni"`` or ``"max-T"``)."""


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """One finite number with its doubt. What could not be estimated is an `Absent`, never NaN."""

    name: str
    """Name of the quantity, snake_case, unique within its check for one (slice, versus, at)."""
    value: float
    """The estimate; finite."""
    n: int
    """Number of rows the estimate rests on."""
    slice: Slice = field(default_factory=dict)
    """Rows it describes, as {attribute: level}; {} for all rows."""
    versus: Slice | None = None
    """Rows it is compared with, for gaps and ratios."""
    at: Mapping[str, Scalar] = field(default_factory=dict)
    """Where on another axis: class, feature, radius, threshold."""
    low: float | None = None
    """Lower end of the 95 % interval; absent for exact quantities."""
    high: float | None = None
    """Upper end of the 95 % interval; absent for exact quantities."""
    unit: str = ""
    """Unit: ``"proportion"``, ``"ratio"``, ``"nats"``, ``"rows"``, or the unit of a column."""
    method: str = ""
    """Estimator and interval, in the field's words, with replicates where random."""
    counts: Mapping[str, int] | None = None
    """The exact integers behind the value, where it has them."""
    simultaneous: Simultaneous | None = None
    """Family-wise interval; present on exploratory comparisons, which are judged by it."""

    def __post_init__(self) -> None:
        numbers = {"value": self.value, "low": self.low, "high": self.high}
        for label, number in numbers.items():
            if number is not None and not math.isfinite(number):
                raise ValueError(f"measurement {self.name!r}: {label} is {number}; record an Absent with its reason instead")
        if (self.low is None) != (self.high is None):
            raise ValueError(f"measurement {self.name!r}: an interval needs both ends")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError(f"measurement {self.name!r}: interval ends are reversed ({self.low} > {self.high})")


@dataclass(frozen=True, kw_only=True)
class Absent:
    """A quantity that could not be estimated, and why."""

    name: str
    """Name the measurement would have had."""
    reason: str
    """Why, as a sentence for the reader."""
    n: int
    """Number of rows there were."""
    slice: Slice = field(default_factory=dict)
    """Rows it would have described."""
    versus: Slice | None = None
    """Rows it would have been compared with."""
    at: Mapping[str, Scalar] = field(default_factory=dict)
    """Where on another axis."""


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A reference line in a chart: a limit, a base rate, equality."""

    value: float
    label: str


@dataclass(frozen=True, kw_only=True)
class BarChart:
    """Values with intervals, one per category (drawn as dots with whiskers)."""

    title: str
    categories: Sequence[str]
    values: Sequence[float | None]
    low: Sequence[float | None] = ()
    """Lower ends; empty when there are none."""
    high: Sequence[float | None] = ()
    """Upper ends; empty when there are none."""
    n: Sequence[int] = ()
    """Rows behind each value; empty when unknown."""
    x_label: str = ""
    """What the values are, with unit."""
    scale: Literal["linear", "log"] = "linear"
    marks: Sequence[Mark] = ()
    kind: Literal["bar"] = "bar"


@dataclass(frozen=True, kw_only=True)
class Series:
    """One named line, with an optional band."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()


@dataclass(frozen=True, kw_only=True)
class LineChart:
    """Lines over a numeric axis; `diagonal` adds y = x."""

    title: str
    series: Sequence[Series]
    x_label: str = ""
    y_label: str = ""
    diagonal: bool = False
    marks: Sequence[Mark] = ()
    kind: Literal["line"] = "line"


@dataclass(frozen=True, kw_only=True)
class Histogram:
    """Counts between edges; `series` maps a name to its counts (len(edges) - 1)."""

    title: str
    edges: Sequence[float]
    series: Mapping[str, Sequence[float]]
    x_label: str = ""
    y_label: str = "rows"
    kind: Literal["histogram"] = "histogram"


@dataclass(frozen=True, kw_only=True)
class HeatMap:
    """A value per (row, column); None is shown as absent."""

    title: str
    rows: Sequence[str]
    columns: Sequence[str]
    values: Sequence[Sequence[float | None]]
    x_label: str = ""
    y_label: str = ""
    unit: str = ""
    kind: Literal["heat_map"] = "heat_map"


@dataclass(frozen=True, kw_only=True)
class ImageOverlay:
    """An image and an attribution of the same height and width; `array` names a file under ``arrays/`` instead of inline values."""

    title: str
    image: Sequence[Sequence[float]] = ()
    overlay: Sequence[Sequence[float]] = ()
    array: str = ""
    kind: Literal["image_overlay"] = "image_overlay"


@dataclass(frozen=True, kw_only=True)
class Scatter:
    """Points, with optional group names per point."""

    title: str
    x: Sequence[float]
    y: Sequence[float]
    names: Sequence[str] = ()
    x_label: str = ""
    y_label: str = ""
    kind: Literal["scatter"] = "scatter"


@dataclass(frozen=True, kw_only=True)
class TableChart:
    """A table: column headings and rows of scalars."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Scalar]]
    kind: Literal["table"] = "table"


Chart = BarChart | LineChart | Histogram | HeatMap | ImageOverlay | Scatter | TableChart
CHARTS: Mapping[str, type[Chart]] = {
    "bar": BarChart,
    "line": LineChart,
    "histogram": Histogram,
    "heat_map": HeatMap,
    "image_overlay": ImageOverlay,
    "scatter": Scatter,
    "table": TableChart,
}


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What a check found, without a verdict."""

    measurements: Sequence[Measurement] = ()
    absent: Sequence[Absent] = ()
    charts: Sequence[Chart] = ()
    notes: Sequence[str] = ()
    """Sentences the reader needs beside the numbers."""
    blockers: Sequence[str] = ()
    """Reasons that cap the status at ``attention``, such as an attack that failed."""


@dataclass(frozen=True, kw_only=True)
class Criterion:
    """A limit fixed before the measurement."""

    measurement: str
    """Name of the measurements it judges."""
    minimum: Decimal | None = None
    """Smallest acceptable value; None for no lower limit."""
    maximum: Decimal | None = None
    """Largest acceptable value; None for no upper limit."""
    rule: Rule = "interval"
    """How a value with its doubt is held against the limit."""
    because: str = ""
    """Why this limit."""
    source: str = ""
    """Where the limit comes from."""
    owner: str = ""
    """Who answers for it."""
    soft: bool = False
    """A soft limit yields ``attention`` where a hard one yields ``outside``."""
    technical: bool = False
    """Shipped with the check to guard the measurement itself; not a policy."""


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """One measurement held against one criterion."""

    measurement: int
    """Position in the finding's measurements."""
    criterion: int
    """Position in the finding's criteria."""
    status: Status
    reason: str


@dataclass(frozen=True, kw_only=True)
class Card:
    """The reader's page of a check, from its docstring."""

    question: str
    why: str
    how_to_read: str
    cannot_show: str
    references: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Witness:
    """What another library made of a few of the same rows, and how far apart the two are."""

    library: str
    """Name and version of the library."""
    rows: int
    """Rows it recomputed."""
    numbers: int
    """Numbers compared."""
    difference: float | None = None
    """Largest difference, as a share of the size of what is explained; None when nothing was compared."""
    in_se: float | None = None
    """Largest difference in standard errors of the difference; None where nothing is drawn at random."""
    p_value: float | None = None
    """Probability of a difference this large by chance, adjusted for the numbers compared; None where nothing is drawn at random."""
    agrees: bool | None = None
    """False when the two differ by more than rounding and chance leave room for; None when nothing was compared."""
    note: str = ""
    """Why nothing was compared, or what a reader of the comparison needs to know."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A question, its evidence, the limits it was held against, and the outcome."""

    check: str
    """Id of the check: its path below ``audit/checks``, dotted."""
    title: str
    """Short human title."""
    topics: Sequence[str]
    """What it is about; regimes map topics to clauses."""
    status: Status
    """The worst of its judgements."""
    reason: str
    """Why this status, as a sentence."""
    seconds: float
    """Wall time the check took."""
    settings: Mapping[str, Any]
    """Every setting with the value used, defaults included."""
    criteria: Sequence[Criterion]
    """Limits that applied, declared and technical."""
    measurements: Sequence[Measurement]
    """The numbers, each with its doubt."""
    absent: Sequence[Absent]
    """What could not be estimated, and why."""
    notes: Sequence[str]
    """Sentences the reader needs beside the numbers."""
    blockers: Sequence[str]
    """Reasons that cap the status."""
    charts: Sequence[Chart]
    """Plain data of the charts."""
    card: Card
    """The reader's page of the check."""
    judgements: Sequence[Judgement] = ()
    """The outcome of each (measurement, criterion) pair."""
    trace: str = ""
    """Traceback, when the check broke."""
    witness: Witness | None = None
    """The same numbers by another library, where the check has one."""


@dataclass(frozen=True, kw_only=True)
class ProbeRecord:
    """One planned instrument and what became of it."""

    id: str
    """Id of the probe."""
    instance: str
    """Name of this instance: the id, or the id and a settings digest where several coexist."""
    scope: str
    """``rows`` or ``subject``."""
    status: Literal["measured", "not_assessed", "not_applicable", "error"]
    """What became of it."""
    reason: str
    """Why it did not measure; empty otherwise."""
    settings: Mapping[str, Any]
    """Every setting with the value used."""
    rows: int
    """Rows measured."""
    seconds: float
    """Wall time of preparing and measuring."""
    columns: Mapping[str, Mapping[str, str]]
    """Column name to {"unit", "dtype", "about"}."""
    blocks_reused: int = 0
    """Blocks taken from the cache."""
    blocks: int = 0
    """Blocks in all."""
    failed_rows: int = 0
    """Rows of blocks that broke; their columns are missing."""
    trace: str = ""
    """Traceback of the first failure."""
    notes: Sequence[str] = ()
    """What readers of its numbers need to know, such as a choice the tool made."""
    witness: Witness | None = None
    """A few of its rows by another library, where the probe has one."""


@dataclass(frozen=True, kw_only=True)
class AuditRun:
    """One sealed audit: what was audited, with what, and what was found."""

    schema: int
    """Number of this layout."""
    id: str
    """UTC time and random part; also the folder's name."""
    name: str
    """Name of the subject, from the audit file."""
    started: str
    """UTC start, ISO 8601."""
    seconds: float
    """Wall time."""
    seed: int
    """Seed of every random draw."""
    config: Mapping[str, Any]
    """The audit file as read, with overrides applied."""
    criteria_fixed_at: str
    """UTC time at which the limits were read, before anything was measured."""
    subject: Mapping[str, Any]
    """Description of model, data, groups and decision: hashes and sizes."""
    encoder: Mapping[str, Any]
    """How raw columns became tensor entries."""
    probes: Sequence[ProbeRecord]
    """The planned instruments and what became of them."""
    statuses: Mapping[str, int]
    """Number of findings per status."""
    findings: Sequence[Finding]
    """One finding per planned check, those asked first first."""
    versions: Mapping[str, str] = field(default_factory=dict)
    """Versions of Netassay, Python and the libraries used."""


def count_statuses(findings: Sequence[Finding]) -> dict[str, int]:
    """Number of findings per status, every status present, gravest first."""
    return {status: sum(finding.status == status for finding in findings) for status in STATUSES}


def plain(value: Any) -> Any:
    """`value` as JSON types: dataclasses become objects, Decimals strings, tuples lists."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{value} cannot be stored; what was not measured is absent with its reason")
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    raise TypeError(f"{type(value).__name__} cannot be stored in a run")


def to_json(run: AuditRun) -> str:
    """The text of ``run.json``: UTF-8 JSON, keys in field order, no NaN."""
    return json.dumps(plain(run), ensure_ascii=False, allow_nan=False, indent=1) + "\n"


def from_json(text: str) -> AuditRun:
    """The run in the text of a ``run.json``; raises ValueError for another schema or a missing field."""
    raw = json.loads(text)
    if raw.get("schema") != SCHEMA:
        raise ValueError(f"run.json has schema {raw.get('schema')!r}, this version reads {SCHEMA}")
    raw["findings"] = tuple(_finding(item) for item in raw["findings"])
    raw["probes"] = tuple(ProbeRecord(**_with_witness(item)) for item in raw["probes"])
    return AuditRun(**raw)


def _finding(raw: dict[str, Any]) -> Finding:
    raw["criteria"] = tuple(_criterion(item) for item in raw["criteria"])
    raw["measurements"] = tuple(_measurement(item) for item in raw["measurements"])
    raw["absent"] = tuple(Absent(**item) for item in raw["absent"])
    raw["charts"] = tuple(_chart(item) for item in raw["charts"])
    raw["card"] = Card(**raw["card"])
    raw["judgements"] = tuple(Judgement(**item) for item in raw["judgements"])
    return Finding(**_with_witness(raw))


def _with_witness(raw: dict[str, Any]) -> dict[str, Any]:
    held = raw.get("witness")
    return raw | {"witness": None if held is None else Witness(**held)}


def _measurement(raw: dict[str, Any]) -> Measurement:
    if raw["simultaneous"] is not None:
        raw["simultaneous"] = Simultaneous(**raw["simultaneous"])
    return Measurement(**raw)


def _criterion(raw: dict[str, Any]) -> Criterion:
    for end in ("minimum", "maximum"):
        raw[end] = None if raw[end] is None else Decimal(raw[end])
    return Criterion(**raw)


def _chart(raw: dict[str, Any]) -> Chart:
    if "marks" in raw:
        raw["marks"] = tuple(Mark(**mark) for mark in raw["marks"])
    if raw["kind"] == "line":
        raw["series"] = tuple(Series(**series) for series in raw["series"])
    return CHARTS[raw["kind"]](**raw)

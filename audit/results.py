"""What an audit leaves behind, as plain data: measurements, evidence, criteria, findings, the run.

Standard library only. Nothing here measures, judges, draws or touches a file.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

from audit.chart_kinds import Chart

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

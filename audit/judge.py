"""`judge`: one pure function that holds evidence against limits. Three rules, blockers that cap, one roll-up. It measures nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from audit.methods.fairness.four_fifths import Grid, grid
from audit.results import Criterion, Evidence, Judgement, Measurement, Status

GRAVITY: tuple[Status, ...] = ("outside", "attention", "inconclusive", "not_assessed", "within")
"""A finding takes the worst of its judgements, in this order."""
FEWEST_RATED = 5
"""Below this number of rows nothing is rated."""
HOPELESS = 1000
"""An interval that would have to become this many times narrower is called out of reach."""
FEWEST_DECIDED = 30
"""Below this number of rows a limit is met or broken at most with ``attention``."""


@dataclass(frozen=True)
class Verdict:
    """Status of a finding, why, and the outcome of each (measurement, criterion) pair."""

    status: Status
    reason: str
    judgements: tuple[Judgement, ...]


def judge(evidence: Evidence, criteria: Sequence[Criterion]) -> Verdict:
    """Hold every measurement against every limit on it and take the worst; blockers cap at ``attention``.

    Without a limit the status is ``informative``; with nothing measured it is ``not_assessed``.
    """
    judgements = tuple(
        Judgement(measurement=m, criterion=c, status=outcome.status, reason=outcome.reason)
        for c, criterion in enumerate(criteria)
        for m, measurement in enumerate(evidence.measurements)
        if measurement.name == criterion.measurement
        for outcome in [hold(measurement, criterion)]
    )
    outcomes = [Outcome(item.status, item.reason) for item in judgements] + _missing(evidence, criteria)
    status, reason = _roll_up(outcomes, evidence, criteria)
    if evidence.blockers and status in ("within", "informative"):
        return Verdict("attention", evidence.blockers[0], judgements)
    return Verdict(status, reason, judgements)


@dataclass(frozen=True)
class Outcome:
    """A status and its reason."""

    status: Status
    reason: str


def hold(measurement: Measurement, criterion: Criterion) -> Outcome:
    """One measurement against one limit, with the floors for few rows and the softening of soft limits."""
    outcome = {"interval": _interval, "point": _point, "four_fifths": _four_fifths}[criterion.rule](measurement, criterion)
    if not criterion.technical:
        outcome = _few_rows(outcome, measurement)
    if criterion.soft and outcome.status == "outside":
        return Outcome("attention", f"{outcome.reason} (a soft limit)")
    return outcome


def _few_rows(outcome: Outcome, measurement: Measurement) -> Outcome:
    if measurement.n < FEWEST_RATED:
        return Outcome("not_assessed", f"{describe(measurement)} rests on {measurement.n} rows, too few to rate (at least {FEWEST_RATED}).")
    if measurement.n < FEWEST_DECIDED and outcome.status in ("within", "outside"):
        return Outcome("attention", f"{outcome.reason} It rests on {measurement.n} rows only (fewer than {FEWEST_DECIDED}).")
    return outcome


def _interval(measurement: Measurement, criterion: Criterion) -> Outcome:
    family = measurement.simultaneous
    low, high = (measurement.low, measurement.high) if family is None else (family.low, family.high)
    if low is None or high is None:
        return _point(measurement, criterion)
    note = f", simultaneous over {family.comparisons} comparisons" if family is not None else ""
    shown = f"{describe(measurement)} is {number(measurement.value)} (95 % interval {number(low)} to {number(high)}{note})"
    limit = limit_text(criterion)
    if _inside(low, criterion) and _inside(high, criterion):
        return Outcome("within", f"{shown}, wholly inside the limit ({limit}).")
    if _below(high, criterion) or _above(low, criterion):
        return Outcome("outside", f"{shown}, wholly beyond the limit ({limit}).")
    return Outcome("inconclusive", f"{shown}, which straddles the limit ({limit}). {_needed(measurement, low, high, criterion)}")


def _needed(measurement: Measurement, low: float, high: float, criterion: Criterion) -> str:
    """The width that would decide if the observed value were true."""
    edges = [float(edge) for edge in (criterion.minimum, criterion.maximum) if edge is not None]
    distance = min(abs(measurement.value - edge) for edge in edges)
    half = max(high - measurement.value, measurement.value - low)
    if half <= 0 or distance * HOPELESS <= half:
        return "The observed value lies on the limit or next to it, so no practical number of rows would decide."
    rows = math.ceil(measurement.n * (half / distance) ** 2 - 1e-6)
    return (
        f"If the observed value were true, an interval no wider than ±{number(distance)} would decide, "
        f"about {rows:,} rows instead of {measurement.n:,}."
    )


def _point(measurement: Measurement, criterion: Criterion) -> Outcome:
    value, limit = exact_value(measurement), limit_text(criterion)
    shown = f"{describe(measurement)} is {number(measurement.value)}"
    if criterion.minimum is not None and value < Fraction(criterion.minimum):
        return Outcome("outside", f"{shown}, below the limit ({limit}).")
    if criterion.maximum is not None and value > Fraction(criterion.maximum):
        return Outcome("outside", f"{shown}, above the limit ({limit}).")
    return Outcome("within", f"{shown}, inside the limit ({limit}).")


def _four_fifths(measurement: Measurement, criterion: Criterion) -> Outcome:
    counts, minimum = measurement.counts, criterion.minimum
    names = ("selected", "total", "reference_selected", "reference_total")
    if counts is None or minimum is None or any(name not in counts for name in names):
        return Outcome(
            "not_assessed",
            f"{describe(measurement)} has no exact counts (weighted rates have none), which the four-fifths rule needs; declare rule = 'interval'.",
        )
    comparisons = measurement.simultaneous.comparisons if measurement.simultaneous is not None else 1
    cell: Grid = grid(*(counts[name] for name in names), limit=Fraction(minimum), comparisons=comparisons)
    shown = f"{describe(measurement)} is {number(measurement.value)} ({cell.test} p {_p(cell.p_value)}"
    shown += f", adjusted for {comparisons} comparisons)" if comparisons > 1 else ")"
    low = measurement.low if measurement.simultaneous is None else measurement.simultaneous.low
    limit = limit_text(criterion)
    if cell.below and cell.significant:
        if cell.flips >= 2:
            return Outcome("outside", f"{shown}, below the limit ({limit}); {cell.flips} decisions would have to change to lift it.")
        return Outcome("attention", f"{shown}, below the limit ({limit}), but a single changed decision would lift it.")
    if cell.below:
        return Outcome("attention", f"{shown}, below the limit ({limit}), with too few rows to tell it from chance.")
    if cell.significant:
        return Outcome("attention", f"{shown}, above the limit ({limit}), yet the difference is unlikely to be chance: real but smaller.")
    if low is not None and Fraction(Decimal(repr(low))) >= Fraction(minimum):
        return Outcome("within", f"{shown}; its 95 % interval begins at {number(low)}, inside the limit ({limit}).")
    return Outcome(
        "inconclusive",
        f"{shown}, inside the limit ({limit}), but its 95 % interval begins at {number(low) if low is not None else 'an unknown value'}.",
    )


def _missing(evidence: Evidence, criteria: Sequence[Criterion]) -> list[Outcome]:
    outcomes = []
    measured = {measurement.name for measurement in evidence.measurements}
    for criterion in criteria:
        gaps = [absent for absent in evidence.absent if absent.name == criterion.measurement]
        outcomes += [Outcome("not_assessed", f"{_where(absent.name, absent.slice)}: {absent.reason}") for absent in gaps]
        if not gaps and criterion.measurement not in measured and not criterion.technical:
            outcomes.append(Outcome("not_assessed", f"{criterion.measurement} has a limit, but was not measured."))
    return outcomes


def _roll_up(outcomes: Sequence[Outcome], evidence: Evidence, criteria: Sequence[Criterion]) -> tuple[Status, str]:
    for status in GRAVITY:
        reasons = [outcome.reason for outcome in outcomes if outcome.status == status]
        if reasons:
            more = f" ({len(reasons) - 1} more like it.)" if len(reasons) > 1 else ""
            return status, reasons[0] + more
    if evidence.measurements:
        return "informative", "No limit was declared, so the numbers are shown without a judgement."
    if evidence.absent:
        return "not_assessed", evidence.absent[0].reason
    return ("not_assessed", "Nothing was measured.") if criteria else ("informative", "Nothing to measure was found.")


def exact_value(measurement: Measurement) -> Fraction:
    """The value as an exact fraction: from the counts where they define a ratio, else the decimal number that is shown."""
    counts = measurement.counts or {}
    names = ("selected", "total", "reference_selected", "reference_total")
    if measurement.name.endswith("ratio") and all(name in counts for name in names):
        s, n, reference_s, reference_n = (counts[name] for name in names)
        if n and reference_s:
            return Fraction(s * reference_n, n * reference_s)
    return Fraction(Decimal(repr(float(measurement.value))))


def _inside(value: float, criterion: Criterion) -> bool:
    return not _below(value, criterion) and not _above(value, criterion)


def _below(value: float, criterion: Criterion) -> bool:
    return criterion.minimum is not None and Decimal(repr(float(value))) < criterion.minimum


def _above(value: float, criterion: Criterion) -> bool:
    return criterion.maximum is not None and Decimal(repr(float(value))) > criterion.maximum


def describe(measurement: Measurement) -> str:
    """Name and place of a measurement, such as ``impact_ratio of sex = female against sex = male``."""
    text = _where(measurement.name, measurement.slice)
    if measurement.versus:
        text += " against " + _slice(measurement.versus)
    if measurement.at:
        text += " at " + ", ".join(f"{key} {value}" for key, value in measurement.at.items())
    return text


def _where(name: str, where: object) -> str:
    return f"{name} of {_slice(where)}" if where else name


def _slice(where: object) -> str:
    return ", ".join(f"{key} = {value}" for key, value in dict(where).items())  # type: ignore[call-overload]


def limit_text(criterion: Criterion) -> str:
    """A limit in words: ``at least 0.8``, ``at most 0.05``, ``0.2 to 0.4``."""
    if criterion.minimum is not None and criterion.maximum is not None:
        return f"{criterion.minimum} to {criterion.maximum}"
    return f"at least {criterion.minimum}" if criterion.minimum is not None else f"at most {criterion.maximum}"


def number(value: float) -> str:
    """A number as shown in reasons: three decimals, or three significant digits when small."""
    if value == 0 or abs(value) >= 0.001:
        return f"{value:,.3f}".rstrip("0").rstrip(".") if abs(value) < 1e6 else f"{value:,.0f}"
    return f"{value:.2e}"


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"= {value:.3f}"

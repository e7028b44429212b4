"""Sentences from data: rows, limits, measurements and counts in plain words. No adjectives, no judgement of its own."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from audit.results import Absent, Criterion, Measurement, Slice, Witness
from audit.run_json import plain
from reports.numbers import count, interval, percent, quantity
from reports.visible import short

NAME_LENGTH = 80
"""Characters of a stranger's name that are shown in a table or sentence."""
_ACRONYMS = {
    "auc": "AUC",
    "ece": "ECE",
    "ks": "KS",
    "psi": "PSI",
    "shap": "SHAP",
    "roc": "ROC",
    "tpr": "TPR",
    "fpr": "FPR",
    "mae": "MAE",
    "rmse": "RMSE",
    "r2": "R²",
}


def title(name: str) -> str:
    """A snake_case name as words: ``impact_ratio`` becomes ``Impact ratio``."""
    words = [_ACRONYMS.get(word, word) for word in name.replace("_", " ").split()]
    text = short(" ".join(words), NAME_LENGTH)
    return text[:1].upper() + text[1:]


def rows_text(rows: Slice | None) -> str:
    """Which rows: ``sex = female, race = black``; ``all rows`` for the empty slice."""
    if not rows:
        return "all rows"
    return ", ".join(f"{short(str(key), NAME_LENGTH)} = {short(str(level), NAME_LENGTH)}" for key, level in rows.items())


def at_text(at: Mapping[str, Any]) -> str:
    """Where on another axis: ``threshold = 0.5``; empty for nowhere."""
    return ", ".join(f"{short(str(key), NAME_LENGTH)} = {short(value_text(value), NAME_LENGTH)}" for key, value in at.items())


def sentence(measurement: Measurement) -> str:
    """One measurement as a sentence with its interval and number of rows."""
    subject = title(measurement.name)
    where = f" for {rows_text(measurement.slice)}" if measurement.slice else ""
    versus = f" compared with {rows_text(measurement.versus)}" if measurement.versus else ""
    at = f" at {at_text(measurement.at)}" if measurement.at else ""
    span = interval(measurement, measurement.low, measurement.high)
    doubt = f"95 % interval {span}, " if span else "no interval, "
    return f"{subject}{where}{versus}{at}: {quantity(measurement.value, measurement)} ({doubt}{plural(measurement.n, 'row')})."


def absence(absent: Absent) -> str:
    """What could not be estimated, without the reason."""
    versus = f" compared with {rows_text(absent.versus)}" if absent.versus else ""
    at = f" at {at_text(absent.at)}" if absent.at else ""
    return f"{title(absent.name)} for {rows_text(absent.slice)}{versus}{at}"


def limit_text(criterion: Criterion, unit: str = "") -> str:
    """A limit as declared: ``at least 0.8``; proportions are also told in percent."""
    ends = []
    if criterion.minimum is not None:
        ends.append(f"at least {_bound(criterion.minimum, unit)}")
    if criterion.maximum is not None:
        ends.append(f"at most {_bound(criterion.maximum, unit)}")
    return " and ".join(ends) or "no bound"


def rule_text(criterion: Criterion) -> str:
    """How a number is held against the limit."""
    return {
        "interval": "the whole 95 % interval is compared",
        "point": "the value itself is compared",
        "four_fifths": "the four-fifths ratio, the test and the number of rows are looked at together",
    }[criterion.rule]


def plural(number: int, noun: str) -> str:
    """``1 row``, ``2 rows``."""
    return f"{count(number)} {noun if number == 1 else noun + 's'}"


def capped(shown: int, total: int, what: str, choice: str = "the first ones") -> str:
    """The sentence under a shortened table; empty when nothing was left out."""
    return "" if shown >= total else f"Shown: {count(shown)} of {count(total)} {what}, {choice}. All of them are in run.json of this run."


def value_text(value: Any) -> str:
    """A setting or a fact as text."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "none"
    if isinstance(value, Sequence) and all(isinstance(item, (str, int, float, Decimal)) for item in value):
        return ", ".join(str(item) for item in value) or "none"
    return json.dumps(plain(value), ensure_ascii=False) if isinstance(value, (Mapping, Sequence)) else str(value)


def flat(value: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """A nested mapping as (dotted key, text) pairs in its own order."""
    pairs: list[tuple[str, str]] = []
    for key, item in value.items():
        if isinstance(item, Mapping) and item:
            pairs += flat(item, f"{prefix}{key}.")
        else:
            pairs.append((f"{prefix}{key}", "none" if item == {} else value_text(item)))
    return pairs


def _bound(bound: Decimal, unit: str) -> str:
    return f"{bound} ({percent(float(bound))})" if unit == "proportion" else str(bound)


def seconded(witness: Witness) -> str:
    """What another library made of a few rows of an instrument, for a cell of a table."""
    if witness.agrees is None or witness.difference is None:
        return f"{witness.library}: not compared. {witness.note}"
    verdict = "agrees" if witness.agrees else "DISAGREES"
    chance = f", {witness.in_se:.2g} standard errors" if witness.in_se is not None else ""
    size = f"{plural(witness.rows, 'row')}, {plural(witness.numbers, 'number')}"
    return f"{witness.library} {verdict}: {size}, largest difference {witness.difference:.1%}{chance}"

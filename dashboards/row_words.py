"""What a network decided about one row, as plain sentences. Knows no Streamlit; names of strangers come out as they are, made visible."""

from __future__ import annotations

import numpy as np

from audit.facts import Facts
from dashboards.held_row import HeldRow
from reports.numbers import number
from reports.visible import short

UNKNOWN = "unknown"
MOST_NAMED = 10
"""Labels of a row that are named one by one."""
_LABELS = {"outcome": "the outcome", "past_decision": "a past decision", "proxy": "a proxy of the outcome"}


def class_name(facts: Facts, position: int) -> str:
    """Name of a class; of an output where classes have no names."""
    if position < 0:
        return UNKNOWN
    return short(facts.classes[position], 60) if position < len(facts.classes) else f"output {position + 1}"


def decided(row: HeldRow) -> int | None:
    """Position of the decided class; None for a quantity, or where the output was not finite."""
    decision = row.get("outputs", "decision")
    return None if decision is None or decision < 0 or row.facts.task == "regression" else int(decision)


def decision_sentences(row: HeldRow) -> tuple[str, ...]:
    """The decision with score and threshold, then the label."""
    if row.facts.task == "multilabel":
        return (_given(row), *filter(None, [_carried(row)]))
    sentences = (_quantity(row), _known_quantity(row)) if row.facts.task == "regression" else (_decision(row), _label(row))
    return tuple(sentence for sentence in sentences if sentence)


def _decision(row: HeldRow) -> str:
    facts, decision, score = row.facts, decided(row), row.get("outputs", "score")
    if decision is None:
        return "The network decided nothing about this row: its output is not finite." if row.values.get("outputs") else "No output was measured."
    words = f"The network decided {class_name(facts, decision)}{_favour(facts, decision)}"
    if score is not None and np.isfinite(score) and facts.threshold is not None:
        return f"{words}: {_score_name(row)} is {number(score)}, {_from_threshold(score, facts.threshold)}."
    shares = row.get("outputs", "probability")
    if shares is not None and len(shares) > 1:
        second = int(np.argsort(shares)[-2] if np.argmax(shares) == decision else np.argmax(shares))
        return f"{words} with probability {number(shares[decision])}; next is {class_name(facts, second)} with {number(shares[second])}."
    return f"{words}."


def _favour(facts: Facts, decision: int) -> str:
    if not facts.favourable:
        return ""
    return ", which counts as favourable" if decision in facts.favourable else ", which does not count as favourable"


def _score_name(row: HeldRow) -> str:
    return f"the probability of {class_name(row.facts, 1)}" if row.get("outputs", "probability") is not None else "its score"


def _from_threshold(score: float, threshold: float) -> str:
    away = f"{number(abs(score - threshold))} {'above' if score > threshold else 'below'}" if score != threshold else "exactly on"
    return f"{away} the threshold of {threshold:.10g}"


def _label(row: HeldRow) -> str:
    label, facts = row.get("subject", "label"), row.facts
    if label is None:
        return ""
    if label < 0:
        return "Its label is unknown."
    agree = decided(row)
    words = "" if agree is None else (": the same" if agree == label else ": the two differ")
    return f"The label, {_LABELS[facts.label_kind]}, is {class_name(facts, int(label))}{words}."


def _given(row: HeldRow) -> str:
    decisions, shares = row.get("outputs", "decisions"), row.get("outputs", "probability")
    if decisions is None or min(decisions) < 0:
        return "The network decided nothing about this row: its output is not finite." if row.values.get("outputs") else "No output was measured."
    given = [place for place, value in enumerate(decisions) if value == 1]
    if not given:
        return "The network gave this row none of the labels."
    words = [class_name(row.facts, place) + ("" if shares is None else f" ({number(shares[place])})") for place in given[:MOST_NAMED]]
    more = f" and {len(given) - MOST_NAMED} more" if len(given) > MOST_NAMED else ""
    told = "" if shares is None else ", with their probabilities"
    return f"The network gave this row {len(given)} of {len(decisions)} labels{told}: {', '.join(words)}{more}."


def _carried(row: HeldRow) -> str:
    labels, decisions = row.get("subject", "labels"), row.get("outputs", "decisions")
    if labels is None:
        return ""
    carried = [class_name(row.facts, place) for place, value in enumerate(labels) if value == 1]
    more = f" and {len(carried) - MOST_NAMED} more" if len(carried) > MOST_NAMED else ""
    known = "Some of its labels are unknown. " if min(labels) < 0 else ""
    words = f"{', '.join(carried[:MOST_NAMED])}{more}" if carried else "none"
    differ = 0 if decisions is None else sum(one != other for one, other in zip(labels, decisions, strict=True) if one >= 0)
    same = "" if decisions is None else (f": {differ} of {len(labels)} differ" if differ else ": the same")
    return f"{known}Its labels, {_LABELS[row.facts.label_kind]}, are {words}{same}."


def _quantity(row: HeldRow) -> str:
    score = row.get("outputs", "score")
    if score is None or not np.isfinite(score):
        return "The network predicted no finite quantity for this row."
    return f"The network predicted {number(score)} {short(row.facts.label_unit, 40)}".rstrip() + "."


def _known_quantity(row: HeldRow) -> str:
    label, error = row.get("subject", "label"), row.get("outputs", "error")
    if label is None or not np.isfinite(label):
        return "Its label is unknown."
    off = "" if error is None or not np.isfinite(error) else f"; the prediction is {number(abs(error))} {'above' if error > 0 else 'below'}"
    return f"The label, {_LABELS[row.facts.label_kind]}, is {number(label)} {short(row.facts.label_unit, 40)}".rstrip() + f"{off}."

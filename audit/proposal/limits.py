"""Limits a person may want to declare, as lines of comment: none takes effect until somebody who answers for it removes the mark."""

from __future__ import annotations

from collections.abc import Iterator

from audit.facts import Task

HEAD = (
    "Limits are yours: without one a number is reported and not judged. None below takes effect as long as it is a comment.",
    "To declare one, remove the marks, write why this number (because), where it comes from (source) and who answers for it (owner).",
    "`netassay checks list` names the questions, `netassay checks show ID` their measurements.",
)
FOUR_FIFTHS = (
    "Four-fifths rule, 29 CFR 1607.4(D), on selecting people for employment: a selection rate below 4/5 of the highest group's is generally",
    "regarded as evidence of adverse impact; smaller differences may count where they are significant in statistical and practical terms, larger",
    "ones may not where they rest on small numbers and are not significant. It is a rule of thumb of one field: whether it is yours, you decide.",
    "[checks.fairness.selection_rates]",
    'limits.impact_ratio = { min = 0.8, rule = "four_fifths", because = "…", source = "29 CFR 1607.4(D)", owner = "…" }',
)
OWN = "No rule gives a number for the following: put in your own, from the purpose of the network."
CLASSIFICATION = (
    "[checks.performance.classification]",
    'limits.accuracy = { min = …, because = "…", source = "your own policy", owner = "…" }',
    'limits.roc_auc = { min = …, because = "…", source = "your own policy", owner = "…" }',
    "[checks.calibration.reliability]",
    'limits.expected_calibration_error = { max = …, because = "…", source = "your own policy", owner = "…" }',
)
REGRESSION = (
    "[checks.performance.regression]",
    'limits.mean_absolute_error = { max = …, because = "…", source = "your own policy", owner = "…" }',
)


def limit_comments(task: Task, *, groups: bool, label: bool) -> Iterator[str]:
    """Lines on the limits that suit a subject, without the comment marks."""
    yield from HEAD
    if groups and task in ("binary", "multiclass"):
        yield ""
        yield from FOUR_FIFTHS
    if label:
        yield ""
        yield OWN
        yield from REGRESSION if task == "regression" else CLASSIFICATION

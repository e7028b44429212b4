"""The pruned network that was fitted on for the mainland loses islanders; fitted on for everybody it does not."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from audit.results import AuditRun
from tests.sample_models.copies import copied, outside, reduced

CHECKS = ["companions.drift", "performance.classification"]


@cache
def sample() -> Path:
    return copied("compressed")


@cache
def run(audit_file: str) -> AuditRun:
    return reduced(sample() / audit_file, CHECKS)


@pytest.mark.slow
def test_what_islanders_lost_is_outside() -> None:
    assert outside(run("audit.toml")) == ["companions.drift"]


@pytest.mark.slow
def test_nothing_is_outside_where_everybody_was_fitted_on() -> None:
    assert outside(run("audit_honest.toml")) == []

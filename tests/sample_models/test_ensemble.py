"""The members of the ensemble contradict each other on the soil that none of them saw; fitted on both they do not."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from audit.results import AuditRun
from tests.sample_models.copies import copied, outside, reduced

CHECKS = ["companions.disagreement", "performance.classification"]


@cache
def sample() -> Path:
    return copied("ensemble")


@cache
def run(audit_file: str) -> AuditRun:
    return reduced(sample() / audit_file, CHECKS)


@pytest.mark.slow
def test_disagreement_on_sand_is_outside() -> None:
    assert outside(run("audit.toml")) == ["companions.disagreement"]


@pytest.mark.slow
def test_nothing_is_outside_where_both_soils_were_seen() -> None:
    assert outside(run("audit_honest.toml")) == []

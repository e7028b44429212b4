"""The reference is the declared group, the best one where that was asked for, else the largest; a tiny group is never the best."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from audit.reference_group import reference_group, reference_note
from audit.rows import Rows
from tests.audit.checks.planted import planted

LEVELS = ("a", "b", "tiny")
CODES = np.repeat([0, 1, 2], [100, 60, 5])


def asked(folder: Path, *, best: bool, reference: str | None = None) -> Rows:
    decisions = np.concatenate([np.arange(100) % 4 == 0, np.arange(60) % 2 == 0, np.ones(5)]).astype(int)
    rows = planted(folder, decisions=decisions, groups={"g": (CODES, LEVELS)}, references={"g": reference} if reference else None)
    rows.facts = replace(rows.facts, groups=tuple(replace(spec, best=best) for spec in rows.facts.groups))
    return rows


def test_the_three_ways(tmp_path: Path) -> None:
    sizes = [100, 60, 5]

    assert reference_group(asked(tmp_path / "1", best=False), "g", sizes) == 0
    assert reference_group(asked(tmp_path / "2", best=True), "g", sizes) == 1
    assert reference_group(asked(tmp_path / "3", best=True, reference="tiny"), "g", sizes) == 2


def test_the_note_says_why(tmp_path: Path) -> None:
    assert reference_note(asked(tmp_path / "1", best=True), "g", 1) == "g: compared with b, the group selected most often."
    assert reference_note(asked(tmp_path / "2", best=False), "g", 0) == "g: compared with a, the largest group."

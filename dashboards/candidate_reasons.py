"""Candidate principal reasons of one declined row under both baselines. Knows no Streamlit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from dashboards.held_row import HeldRow
from reports.numbers import number
from reports.visible import short

PROBE = "attribution.reasons"
BASELINES = {"cutoff": "applicants at or slightly above the cut-off", "everyone": "all applicants"}


@dataclass(frozen=True)
class CandidateReasons:
    """What a declined row is told under one baseline: a frame of candidates, and sentences about their doubt."""

    baseline: str
    frame: pd.DataFrame
    doubts: tuple[str, ...]


def candidate_reasons(row: HeldRow) -> list[CandidateReasons]:
    """Both lists of a declined row; empty for a row decided favourably and where reasons were not measured."""
    players = row.table(PROBE, "players")
    if players is None or row.get(PROBE, "declined") != 1:
        return []
    lists = {one: [int(place) for place in row.get(PROBE, f"named_{one}") if place >= 0] for one in BASELINES}
    found = [_one(row, players, one, lists[one]) for one in BASELINES]
    alike = len(set(lists["cutoff"]) & set(lists["everyone"]))
    told = f"{alike} of {max(map(len, lists.values()))} columns are the same under both comparisons."
    return [*found[:-1], replace(found[-1], doubts=(*found[-1].doubts, told))]


def _one(row: HeldRow, players: dict[str, list[Any]], baseline: str, places: list[int]) -> CandidateReasons:
    values, errors = row.get(PROBE, f"values_{baseline}"), row.get(PROBE, f"se_{baseline}")
    lines = [
        {
            "Candidate reason": short(str(players["reason"][place]), 120),
            "Column": short(str(players["name"][place]), 60),
            "Shortfall": number(-float(values[place])),
            "Standard error": number(float(errors[place])),
        }
        for place in places
    ]
    doubts = []
    if not lines:
        doubts.append("No column pulled the score of this row below that of the comparison.")
    elif row.get(PROBE, f"certain_{baseline}") != 1:
        doubts.append("The last column listed is not told from the first one left out, or from no effect: another draw could name another.")
    if row.get(PROBE, f"withheld_{baseline}"):
        doubts.append("A protected attribute would be among these reasons. It is withheld, so the list leaves out what counted.")
    frame = pd.DataFrame(lines, columns=["Candidate reason", "Column", "Shortfall", "Standard error"])
    return CandidateReasons(BASELINES[baseline], frame, tuple(doubts))

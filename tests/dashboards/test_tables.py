"""What the views show, as frames, without Streamlit."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from audit.facts import facts_of
from audit.results import AuditRun
from dashboards.held_row import held_row
from dashboards.links import chosen, chosen_row, chosen_values
from dashboards.one_row_tables import inputs_frame, outputs_frame
from dashboards.row_tables import filter_key, filters, group_link, picked, rows_frame, with_visible_ids
from dashboards.tables import findings_frame, limits_frame, measurements_beside, measurements_frame, statuses_beside, unmatched
from tests.contract.audited import audited
from tests.reports.sample_run import many, sample_run


def test_every_finding_and_measurement_has_a_line() -> None:
    run = sample_run()

    assert len(findings_frame(run)) == len(run.findings)
    assert all(len(measurements_frame(finding)) == len(finding.measurements) for finding in run.findings)
    assert len(limits_frame(run.findings)) == sum(len(finding.criteria) for finding in run.findings)


def test_a_run_beside_itself_differs_nowhere() -> None:
    run = sample_run()

    assert len(statuses_beside(run, run)) == len(run.findings)
    assert len(measurements_beside(run, run)) == sum(len(finding.measurements) for finding in run.findings)
    assert unmatched(run, run) == (0, 0)


def test_numbers_only_one_run_has_are_counted() -> None:
    run = sample_run()
    less: AuditRun = replace(run, findings=run.findings[1:])

    assert unmatched(run, less) == (len(run.findings[0].measurements), 0)


def test_hundreds_of_groups_make_hundreds_of_lines() -> None:
    run = many(sample_run(), findings=1, measurements=300)

    assert max(len(measurements_frame(finding)) for finding in run.findings) >= 300


@pytest.mark.parametrize("name", ["table", "diabetes", "predictions"])
def test_rows_are_told_from_the_run_alone(name: str) -> None:
    done = audited(name)
    rows = done.rows()

    assert facts_of(done.run).classes == rows.facts.classes
    assert facts_of(done.run).groups == rows.facts.groups
    assert len(rows_frame(rows)) == rows.n
    row = held_row(done.folder, facts_of(done.run), int(rows.positions[0]))
    assert len(inputs_frame(row)) >= len(rows.facts.schema.columns)
    assert len(outputs_frame(row)) >= 1


@pytest.mark.parametrize("asked", ["", None])
def test_no_parameter_is_no_problem(asked: str | None) -> None:
    given = {} if asked is None else {"run": asked}

    assert chosen(given, "run", ["a"]).value is None
    assert chosen(given, "run", ["a"]).problem == ""


@pytest.mark.parametrize("asked", ["-1", "5.0", "٣", "9" * 40, "x", "7"])
def test_a_row_is_plain_digits_within_the_run(asked: str) -> None:
    assert chosen_row({"row": asked}, range(7)).value is None
    assert chosen_row({"row": asked}, range(7)).problem


def test_a_legal_choice_is_taken() -> None:
    assert chosen({"run": "a"}, "run", ["a", "b"]).value == "a"
    assert chosen_row({"row": "6"}, range(7)).value == "6"


def test_only_values_that_exist_are_kept() -> None:
    kept, problems = chosen_values(["b", "x", "a"], "group.g", ["a", "b", "c"])

    assert kept == ["a", "b"]
    assert len(problems) == 1
    assert "x" in problems[0]


def test_rows_are_chosen_by_group_and_decision_and_sorted() -> None:
    frame = rows_frame(audited("table").rows())
    choices = filters(frame)
    group = next(name for name in choices if name.startswith("Group"))

    found = picked(frame, kept={group: [choices[group][0]], "Decision": ["1"]}, sort="Score", descending=True, text="")

    expected = frame[(frame[group].astype(str) == choices[group][0]) & (frame["Decision"].astype(str) == "1")]
    assert set(found["Row"]) == set(expected["Row"])
    assert found["Score"].is_monotonic_decreasing
    assert len(picked(frame, kept={}, sort="Row", descending=False, text="TEST-7")) == 1
    assert filter_key(group) == f"group.{group.removeprefix('Group: ')}"


def test_a_slice_of_declared_groups_has_a_link_to_its_rows() -> None:
    rows = audited("table").rows()
    spec = rows.facts.groups[0]

    link = group_link(rows.facts, {spec.name: spec.levels[1]})

    assert link == {f"group.{spec.name}": spec.levels[1]}
    assert set(link) <= {filter_key(column) for column in filters(rows_frame(rows))}
    assert group_link(rows.facts, {}) is None
    assert group_link(rows.facts, {spec.name: "nowhere"}) is None
    assert group_link(rows.facts, {"column": spec.levels[1]}) is None


def test_ids_that_turn_the_line_are_made_visible() -> None:
    shown = with_visible_ids(pd.DataFrame({"Id": ["a\u202eb", "c"], "Row": [0, 1]}))

    assert shown["Id"].tolist() == ["a[U+202E]b", "c"]

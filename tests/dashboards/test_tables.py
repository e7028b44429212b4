"""What the views show, as frames, without Streamlit."""

from __future__ import annotations

from dataclasses import replace

import pytest

from audit.facts import facts_of
from audit.results import AuditRun
from dashboards.links import chosen, chosen_row
from dashboards.row_tables import attributions, inputs_frame, outputs_frame, rows_frame
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
    assert len(inputs_frame(rows, 0)) >= len(rows.facts.schema.columns)
    assert len(outputs_frame(rows, 0)) >= 1


def test_attributions_of_a_single_logit_speak_for_class_one() -> None:
    rows = audited("table").rows()

    found, _ = attributions(rows, 3)

    told = {item.method: item.target for item in found}
    assert told["Shapley"] == "1"
    held = rows.within("attribution.shapley")
    assert found[[item.method for item in found].index("Shapley")].frame["value"].tolist() == held.column("attribution.shapley.values")[3].tolist()


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

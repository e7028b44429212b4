"""The report says where a threshold comes from that nobody declared as a number."""

from __future__ import annotations

from dataclasses import replace

from reports.html import render
from tests.reports.sample_run import sample_run


def test_a_threshold_taken_from_calibration_rows_names_their_quantile_and_number() -> None:
    run = sample_run()
    subject = dict(run.subject) | {"task": "anomaly", "threshold": -0.25, "flag": "low", "threshold_source": {"quantile": 0.95, "rows": 1234}}

    page = render(replace(run, subject=subject))

    assert "the 0.95 quantile of 1,234 calibration rows; of negative scores, since low ones are flagged" in page


def test_a_declared_threshold_stands_alone() -> None:
    run = sample_run()

    assert "quantile of" not in render(replace(run, subject=dict(run.subject) | {"threshold": 0.5}))

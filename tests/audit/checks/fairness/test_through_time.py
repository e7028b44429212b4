"""`fairness.through_time` on planted changes, and on dates read from a file."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from audit.checks.fairness.through_time import through_time
from audit.methods.fairness.periods import cut_periods
from tests.audit.checks.planted import planted
from tests.contract.audited import audit
from tests.smoke import subjects

SEX = ("female", "male")


def changing(tmp_path, last: float, **given):
    generator = np.random.default_rng(1)
    codes, times = np.arange(4000) % 2, np.repeat(np.arange(8.0), 500)
    rate = np.where(codes == 1, 0.5, np.where(times < 4, 0.5, last))
    decisions = (generator.random(4000) < rate).astype(int)
    return through_time(planted(tmp_path, decisions=decisions, groups={"sex": (codes, SEX)}, references={"sex": "male"}, times=times, **given))


def change(evidence):
    return next(item for item in evidence.measurements if item.name == "change_of_difference")


def test_a_gap_that_opens_is_found_and_one_that_does_not_is_not(tmp_path):
    opened, steady = change(changing(tmp_path / "a", 0.25)), change(changing(tmp_path / "b", 0.5))

    assert opened.high < 0
    assert opened.value == pytest.approx(-0.25, abs=0.08)
    assert steady.low < 0 < steady.high


def test_rates_of_each_period_are_those_of_its_rows(tmp_path):
    evidence = changing(tmp_path, 0.25)

    rates = [item for item in evidence.measurements if item.name == "selection_rate" and item.slice == {"sex": "male"}]
    assert [item.at["period"] for item in rates] == ["0 to 1", "2 to 3", "4 to 5", "6 to 7"]
    assert all(item.n == 500 for item in rates)


def test_without_a_time_column_nothing_is_made_up(tmp_path):
    rows = planted(tmp_path, decisions=np.ones(50, dtype=int), groups={"sex": (np.arange(50) % 2, SEX)})

    evidence = through_time(rows)

    assert not evidence.measurements
    assert "No time column" in evidence.absent[0].reason


def test_equal_times_stay_together_and_missing_ones_stay_out():
    cut = cut_periods(np.array([1.0, 1.0, 1.0, 1.0, 2.0, np.nan, 3.0, 3.0]), 4)

    assert cut.codes.tolist() == [0, 0, 0, 0, 0, -1, 1, 1]
    assert (cut.start.tolist(), cut.end.tolist()) == ([1.0, 3.0], [2.0, 3.0])


def test_one_time_is_one_period():
    assert cut_periods(np.full(5, 7.0), 4).codes.tolist() == [0] * 5


def test_dates_of_a_file_are_read_and_shown(tmp_path):
    config = subjects.write_lending_predictions(tmp_path)
    name = next(line.split('"')[1] for line in config.read_text().splitlines() if line.startswith("evaluate"))
    data = pd.read_parquet(tmp_path / name)
    data["day"] = pd.date_range("2026-01-01", periods=len(data), freq="D").strftime("%Y-%m-%d")
    data.to_parquet(tmp_path / name, index=False)

    run = audit(config, tmp_path / "runs", overrides=("data.time='day'", "only=['fairness.through_time']")).run

    finding = next(finding for finding in run.findings if finding.check == "fairness.through_time")
    assert finding.status == "informative"
    assert finding.measurements[0].at["period"].startswith("2026-01-01 to ")


def test_text_that_is_no_date_is_refused(tmp_path):
    config = subjects.write_lending_predictions(tmp_path)

    with pytest.raises(Exception, match="ISO 8601"):
        audit(config, tmp_path / "runs", overrides=("data.time='sex'",))

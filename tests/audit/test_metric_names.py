"""Every name that is explained is measured, and both the command and the report say it."""

from __future__ import annotations

from pathlib import Path

from audit import discovery
from audit.metric_names import METRIC_NAMES, names_of
from tests.end_to_end.command import netassay


def test_every_entry_is_a_measurement_of_some_check() -> None:
    measured = {name for check in discovery.checks().values() for name in check.measures}

    assert set(METRIC_NAMES) <= measured


def test_every_difference_of_a_fairness_check_has_its_sign_stated() -> None:
    check = discovery.checks()["fairness.error_rates"]

    stated = names_of(check.measures)

    assert all("group minus reference" in about.definition for name, about in stated.items() if name.endswith("_rate_difference"))


def test_the_command_names_the_tools_that_compute_it_differently(tmp_path: Path) -> None:
    shown = netassay("checks", "show", "fairness.equalized_odds", cwd=tmp_path)

    assert shown.code == 0
    assert "fairlearn" in shown.out
    assert "Veritas" in shown.out

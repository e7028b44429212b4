"""`fairness.protected_inputs` on declared attributes and on names."""

from __future__ import annotations

import pytest

from audit.data.protected_names import is_protected
from tests.contract.audited import audit
from tests.smoke import subjects


def counted(folder, names):
    run = audit(subjects.write_table_network(folder, names=names), folder / "runs", overrides=("only=['fairness.protected_inputs']",)).run
    finding = next(finding for finding in run.findings if finding.check == "fairness.protected_inputs")
    return {item.name: item.value for item in finding.measurements}, finding


def test_names_that_sound_like_protected_attributes_are_counted_and_listed(tmp_path):
    numbers, finding = counted(tmp_path, ("income", "applicant_age", "maritalStatus", "mileage"))

    assert numbers == {"protected_inputs": 0, "inputs_named_like_protected": 2}
    assert [row[0] for row in finding.charts[0].rows] == ["applicant_age", "maritalStatus"]


def test_a_declared_group_among_the_inputs_is_told_apart(tmp_path):
    config = subjects.write_table_network(tmp_path, names=("income", "debt", "years", "band"))
    overrides = ("only=['fairness.protected_inputs']", "data.groups.band={column='band', bins=[0]}")

    finding = audit(config, tmp_path / "runs", overrides=overrides).run.findings[-1]

    assert {item.name: item.value for item in finding.measurements}["protected_inputs"] == 1
    assert finding.charts[0].rows[0][1] == "declared as band"


def test_nothing_is_listed_where_nothing_is_found(tmp_path):
    numbers, finding = counted(tmp_path, ("income", "debt", "years", "score"))

    assert set(numbers.values()) == {0.0}
    assert not finding.charts


@pytest.mark.parametrize(("name", "expected"), [("sex", True), ("Gender", True), ("dateOfBirth", True), ("average", False), ("essex", False)])
def test_only_whole_words_of_a_name_count(name, expected):
    assert is_protected(name) is expected

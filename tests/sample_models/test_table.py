"""Every sample is complete: notes, audit files that can be planned, weights, a row in the table, and all together small."""

from __future__ import annotations

import re
import tomllib

import pytest

from audit import discovery
from tests.sample_models.copies import SAMPLES

NAMES = sorted(path.parent.name for path in SAMPLES.glob("*/audit.toml"))
TABLE = (SAMPLES / "README.md").read_text(encoding="utf-8")
ROWS = {match[1]: line for line in TABLE.splitlines() if (match := re.match(r"\| \[(\w+)\]\(\1/README\.md\) \|", line))}


def test_the_table_has_a_row_of_eight_cells_for_every_sample_and_for_nothing_else() -> None:
    assert sorted(ROWS) == NAMES
    assert {line.count("|") for line in ROWS.values()} == {9}


@pytest.mark.parametrize("name", NAMES)
def test_the_notes_say_how_to_run_it(name: str) -> None:
    notes = (SAMPLES / name / "README.md").read_text(encoding="utf-8")

    assert f"python -m sample_models.{name}.prepare" in notes
    assert f"netassay run sample_models/{name}/audit.toml --code ." in notes


@pytest.mark.parametrize("name", NAMES)
def test_what_finds_the_planted_fault_has_a_limit_and_the_twin_has_the_same(name: str) -> None:
    found_by = re.findall(r"`([\w.]+)`", ROWS[name].rsplit("|", 2)[-2])
    audited = tomllib.loads((SAMPLES / name / "audit.toml").read_text(encoding="utf-8"))
    twin = SAMPLES / name / "audit_honest.toml"

    for check in found_by:
        family, _, short = check.partition(".")
        assert discovery.checks()[check].criteria or audited["checks"][family][short]["limits"]
    assert twin.exists() == bool(found_by) or name in {"lending", "perceptron"}
    if twin.exists():
        honest = tomllib.loads(twin.read_text(encoding="utf-8"))
        assert honest["checks"] == audited["checks"]
        assert honest["data"]["evaluate"] == audited["data"]["evaluate"]


def test_all_weights_together_are_small() -> None:
    weights = list(SAMPLES.glob("*/weights*.safetensors"))

    assert {path.parent.name for path in weights} == set(NAMES)
    assert sum(path.stat().st_size for path in weights) < 5_000_000

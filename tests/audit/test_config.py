"""A bad audit file tells all of its problems at once; a good one is exact."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from audit.config_file import json_schema, load_config
from audit.errors import ConfigError

GOOD = """
name = "Example"
seed = 3
[model]
predictions = { score = "p" }
output = "probabilities"
task = "binary"
[data]
evaluate = "rows.csv"
label = "y"
[data.groups]
sex = "sex"
race = { column = "race", reference = "white" }
[checks.fairness.selection_rates]
limits.impact_ratio = { min = 0.8, rule = "four_fifths", because = "b", source = "s", owner = "o" }
[checks."performance.classification"]
resamples = 100
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "audit.toml"
    path.write_text(text, encoding="utf-8")
    return path


def problems(folder: Path, text: str, *overrides: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load_config(write(folder, text), overrides)
    return str(caught.value)


def test_limits_are_exact_decimals(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, GOOD)).config

    assert config.checks["fairness.selection_rates"].limits["impact_ratio"].min == Decimal("0.8")


def test_quoted_and_nested_check_names_are_the_same(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, GOOD)).config

    assert set(config.checks) == {"fairness.selection_rates", "performance.classification"}
    assert config.checks["performance.classification"].settings == {"resamples": 100}


def test_a_short_group_is_its_column(tmp_path: Path) -> None:
    assert load_config(write(tmp_path, GOOD)).config.data.groups["sex"].column == "sex"


def test_every_problem_is_told_at_once_with_the_nearest_key(tmp_path: Path) -> None:
    text = (
        GOOD.replace("evaluate", "evaluat")
        .replace('task = "binary"', 'task = "binry"')
        .replace("reference =", "referenc =")
        .replace(', owner = "o"', "")
    )

    message = problems(tmp_path, text)

    assert "unknown key 'data.evaluat': did you mean 'evaluate'?" in message
    assert "key 'data.evaluate' is missing" in message
    assert "model.task" in message
    assert "'binry'" in message
    assert "did you mean 'reference'?" in message
    assert "limits.impact_ratio.owner' is missing" in message
    assert all(str(tmp_path) in line for line in message.splitlines())


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("min = 0.8, rule", "min = 0.9, max = 0.1, rule", "above max"),
        ("min = 0.8, ", "", "needs min, max or both"),
        ('predictions = { score = "p" }', 'predictions = { score = "p", decision = "d" }', "exactly one of score, decision, probabilities"),
        (
            'predictions = { score = "p" }',
            "",
            "exactly one of architecture, file, onnx, sklearn, callable, endpoint, predictions (architecture with weights); found none",
        ),
        ("seed = 3", "seed = -3", "seed"),
        ("seed = 3", "seed = 'x'", "seed"),
    ],
)
def test_contradictions_are_named(tmp_path: Path, old: str, new: str, expected: str) -> None:
    assert expected in problems(tmp_path, GOOD.replace(old, new))


def test_overrides_are_toml_values(tmp_path: Path) -> None:
    file = load_config(write(tmp_path, GOOD), ["seed=11", "data.evaluate=other.csv", "probes.outputs.rows=5"])

    assert file.config.seed == 11
    assert file.config.data.evaluate == "other.csv"
    assert file.config.probes["outputs"].rows == 5


def test_an_override_without_a_value_is_refused(tmp_path: Path) -> None:
    assert "dotted.key=value" in problems(tmp_path, GOOD, "seed")


def test_a_missing_file_names_its_neighbours(tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    with pytest.raises(ConfigError, match=r"no such audit file.*audit\.toml"):
        load_config(tmp_path / "audti.toml")


def test_broken_toml_and_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    assert "not valid TOML" in problems(tmp_path, "name = ")
    (tmp_path / "audit.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="not UTF-8"):
        load_config(tmp_path / "audit.toml")


def test_the_schema_for_editors_names_every_key() -> None:
    assert {"name", "model", "data", "checks", "probes"} <= set(json_schema()["properties"])


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ('file = "n.pt2"\npredictions = { score = "p" }', "found file, predictions"),
        ('file = "n.pt2"\nweights = "w.pt"', "weights go with architecture only"),
        ('architecture = "a:b"', "architecture needs weights"),
    ],
)
def test_exactly_one_door_is_named(tmp_path: Path, model: str, message: str) -> None:
    text = GOOD.replace('predictions = { score = "p" }', model)

    assert message in problems(tmp_path, text)

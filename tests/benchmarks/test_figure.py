"""Figures against their goals and gates, and the command that ends in 1 behind a gate."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.benchmarks import __main__ as command
from tests.benchmarks.figure import Figure


@pytest.mark.parametrize(("better", "goal", "limit", "values"), [("higher", 15.0, 10.0, (15.0, 10.0, 9.99)), ("lower", 1.0, 1.5, (1.0, 1.5, 1.51))])
def test_a_figure_passes_down_to_two_thirds_of_what_its_goal_asks(better: str, goal: float, limit: float, values: tuple[float, float, float]) -> None:
    figures = [Figure("f", "name", value, goal, better) for value in values]  # type: ignore[arg-type]

    assert {figure.limit for figure in figures} == {limit}
    assert [figure.met for figure in figures] == [True, False, False]
    assert [figure.passes for figure in figures] == [True, True, False]


def test_a_gate_that_is_given_replaces_the_two_thirds() -> None:
    assert [Figure("f", "coverage", value, 0.93, "higher", gate=0.92).passes for value in (0.92, 0.91)] == [True, False]
    assert [Figure("f", "coverage", value, 0.97, "lower", gate=0.985).passes for value in (0.985, 0.99)] == [True, False]


def test_a_figure_that_is_no_number_is_behind_its_gate() -> None:
    assert not Figure("f", "name", float("nan"), 1.0, "lower").passes


@pytest.mark.parametrize(("options", "value", "code"), [([], 0.9, 0), (["--gate"], 0.9, 1), (["--gate"], 0.925, 0)])
def test_the_command_ends_in_one_behind_a_gate_only_when_asked(  # noqa: PLR0917  fixtures
    options: list[str], value: float, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    figures = [Figure("made", "coverage", value, 0.93, "higher", gate=0.92), Figure("made", "seconds", 1.2, 1.0, "lower")]
    monkeypatch.setattr(command, "_modules", lambda: [SimpleNamespace(FAMILY="made", figures=lambda device, quick: figures)])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["benchmarks", *options])

    assert command.main() == code
    said = capsys.readouterr().out
    assert ("behind its gate: made: coverage: 0.9, gate ≥ 0.92" in said) == (value < 0.92)
    assert "behind its gate: made: seconds" not in said
    assert [item["passes"] for item in json.loads(Path("bench.json").read_text())] == [value >= 0.92, True]

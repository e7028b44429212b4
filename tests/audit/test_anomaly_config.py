"""What an audit file may say of anomalies, and what tasks are refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from audit.config_file import load_config
from audit.errors import ConfigError
from tests.smoke.subjects import write_anomaly


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_anomaly(tmp_path_factory.mktemp("anomaly"))


def problem(path: Path, *overrides: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load_config(path, overrides)
    (line,) = caught.value.problems
    return line


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["decision={}"], "needs decision.threshold, or decision.quantile with data.calibration; none is ever assumed"),
        (["decision.threshold=1.5"], "takes threshold or quantile, not both"),
        (["decision.quantile=1.0"], "decision.quantile"),
        (["decision.quantile=0"], "decision.quantile"),
        (["decision.flag='low'"], "decision.flag = 'low' goes with output = 'score'"),
        (["decision.flag='sideways'"], "decision.flag"),
        (["model.task='binary'"], "decision.quantile goes with task = 'anomaly'; found task = 'binary'"),
        (["model.task='binary'", "decision={threshold=0.5}"], "output = 'reconstruction' goes with task = 'anomaly'"),
        (["model.task='binary'", "model.output='score'", "decision={threshold=0.5, flag='low'}"], "decision.flag goes with task = 'anomaly'"),
        (["data={evaluate='test.parquet', inputs=['heat']}"], "data.calibration, rows the network was not fitted on, which is missing"),
        (["data={kind='text', evaluate='a.csv', calibration='b.csv'}"], "data.kind = 'text': token ids have no squared error"),
        (["model={sklearn='m.skops', task='anomaly', output='reconstruction'}"], "declare the error of each row as a score"),
        (["model={predictions={score='p'}, task='anomaly', output='score'}"], "with predictions declare decision.threshold"),
        (["model={predictions={decision='p'}, task='anomaly', output='decision'}"], "output = 'decision' has none"),
    ],
)
def test_a_contradiction_is_told_in_one_line(path: Path, overrides: list[str], words: str) -> None:
    assert words in problem(path, *overrides)


@pytest.mark.parametrize(
    ("task", "words"),
    [
        ("detection", "Detection of objects is not audited"),
        ("semantic segmentation", "Segmentation is not audited"),
        ("Translation", "Translation is not audited"),
        ("question-answering", "Question answering is not audited"),
        ("tagging", "Tagging of tokens is not audited"),
        ("text_generation", "Generation is not audited"),
        ("anomally", "did you mean 'anomaly'?"),
        ("anomaly detection", "did you mean 'anomaly'?"),
        ("multi-class", "did you mean 'multiclass'?"),
        ("regresion", "did you mean 'regression'?"),
        ("xyzzy", "expected one of 'anomaly', 'binary'"),
    ],
)
def test_other_tasks_are_refused_by_name_and_misspelt_ones_told(path: Path, task: str, words: str) -> None:
    said = problem(path, f"model.task={task!r}")

    assert words in said
    assert "model.task" in said


def test_a_misspelt_output_is_told_the_nearest(path: Path) -> None:
    assert "did you mean 'reconstruction'?" in problem(path, "model.output='reconstructed'")


def test_a_task_that_is_no_text_is_refused_with_what_was_found(path: Path) -> None:
    assert "found 3" in problem(path, "model.task=3")

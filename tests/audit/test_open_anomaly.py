"""The threshold of an anomaly comes from the file or from calibration rows, and the run knows which."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from audit.config_file import load_config
from audit.errors import DataError, ModelError, SubjectError
from audit.facts import ThresholdSource, facts_of
from audit.open_subject import open_subject
from audit.probes.anomaly.flagged_elsewhere import prepare
from audit.subject import Subject
from tests.contract.audited import TRUST, audited
from tests.smoke.architectures import autoencoder
from tests.smoke.subjects import write_anomaly

INPUTS = ["heat", "load", "flow", "noise"]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_anomaly(tmp_path_factory.mktemp("anomaly"))


def opened(path: Path, *overrides: str) -> Subject:
    return open_subject(load_config(path, overrides), TRUST)


def errors(path: Path, part: str) -> np.ndarray:
    """Mean squared errors of a part, without the audit's readers."""
    network = autoencoder()
    network.load_state_dict(load_file(path.parent / "weights.safetensors"))
    rows = torch.tensor(pd.read_parquet(path.parent / f"{part}.parquet")[INPUTS].to_numpy(np.float32))
    return (network(rows) - rows).square().mean(dim=1).detach().numpy()


def test_a_quantile_is_taken_from_calibration_rows_and_kept_with_their_number(path: Path) -> None:
    facts = opened(path).facts

    # 80 rows: rank ceil(81 · 0.9) = 73.
    assert facts.threshold == pytest.approx(float(np.sort(errors(path, "calibration"))[72]), rel=1e-5)
    assert facts.threshold_source == ThresholdSource(0.9, 80)
    assert facts.classes == ("0", "1")
    assert facts.positive == (1,)


def test_a_declared_threshold_stands_as_it_is(path: Path) -> None:
    facts = opened(path, "decision={threshold=0.25}").facts

    assert facts.threshold == 0.25
    assert facts.threshold_source is None


def test_calibration_rows_labelled_anomalous_are_left_out(path: Path, tmp_path: Path) -> None:
    own = write_anomaly(tmp_path)
    frame = pd.read_parquet(tmp_path / "calibration.parquet")
    frame.loc[frame.index < 20, "wrong"] = 1
    frame.to_parquet(tmp_path / "calibration.parquet", index=False)

    facts = opened(own).facts

    assert facts.threshold_source == ThresholdSource(0.9, 60)
    assert facts.threshold == pytest.approx(float(np.sort(errors(own, "calibration")[20:])[54]), rel=1e-5)


def test_too_few_calibration_rows_are_told_how_many_are_needed(path: Path) -> None:
    with pytest.raises(DataError, match=r"80 ordinary rows.*decision.quantile = 0.99 needs at least 99"):
        opened(path, "decision.quantile=0.99")


@pytest.mark.parametrize("part", ["reference", "evaluate"])
def test_rows_of_another_part_are_no_calibration_rows(path: Path, part: str) -> None:
    same = {"reference": "train.parquet", "evaluate": "test.parquet"}[part]

    with pytest.raises(SubjectError, match=f"data.{part} are the same rows"):
        opened(path, f"data.calibration={same!r}")


def test_low_scores_are_held_as_negatives_with_their_threshold(path: Path) -> None:
    one_score = ["model.output='score'", "model.architecture='tests.smoke.architectures:autoencoder'"]
    with pytest.raises(ModelError, match=r"4 outputs per row; score for anomaly .* output = 'reconstruction'"):
        opened(path, *one_score)

    subject = opened(path, "decision={threshold=0.25, flag='low'}", "model={predictions={score='heat'}, task='anomaly', output='score'}")

    rows = subject.evaluate.take(np.arange(5))
    assert subject.facts.threshold == -0.25
    np.testing.assert_allclose(subject.model.outputs(subject.encode(rows))[:, 0], -pd.read_parquet(path.parent / "test.parquet")["heat"][:5])


def test_other_parts_are_counted_against_the_same_threshold(path: Path) -> None:
    subject = opened(path)

    table = prepare(subject).tables["flagged"]

    assert subject.facts.threshold is not None
    above = int((errors(path, "train") >= subject.facts.threshold).sum())
    assert table == {"part": ["reference", "calibration"], "rows": [300, 80], "flagged": [above, 80 - 73]}
    alone = prepare(replace(subject, reference=None)).tables["flagged"]
    assert alone["part"] == ["calibration"]


def test_the_run_keeps_where_the_threshold_came_from() -> None:
    done = audited("anomaly")

    facts = facts_of(done.run)

    assert done.run.subject["threshold_source"] == {"quantile": 0.9, "rows": 80}
    assert facts.threshold_source == ThresholdSource(0.9, 80)
    assert facts.threshold == done.rows().facts.threshold
    assert "mean squared error" in done.run.subject["model"]["reading"]


def test_every_instrument_sees_the_score(path: Path) -> None:
    done = audited("anomaly")
    rows, scores = done.rows(), errors(done.config, "test")

    np.testing.assert_allclose(rows.column("outputs.output")[:, 0], scores, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(rows.column("outputs.score"), scores, rtol=1e-4, atol=1e-6)
    for probe in ("attribution.shapley", "attribution.integrated_gradients"):
        held = rows.within(probe)
        total = held.column(f"{probe}.values").sum(axis=1) + held.column(f"{probe}.base")
        np.testing.assert_allclose(held.column(f"{probe}.total"), scores[held.positions], rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(total, scores[held.positions], rtol=0.05, atol=0.02)

"""Adult, scored by a logistic regression and audited as a file of predictions: the gaps everybody knows are found, with their doubt."""

from __future__ import annotations

from pathlib import Path

import fairlearn.metrics as fl
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from audit.results import AuditRun
from tests.contract.audited import audit
from tests.external.folder import external

pytestmark = pytest.mark.external
CONFIG = """
name = "Income over 50,000 USD"
[model]
predictions = { score = "score" }
task = "binary"
output = "probabilities"
[decision]
threshold = 0.5
favourable = [1]
[data]
evaluate = "adult.parquet"
label = "income"
[data.groups]
sex = { column = "sex", reference = "Male" }
race = { column = "race", reference = "White" }
age = { column = "age", bins = [25, 45, 65] }
[checks.fairness.selection_rates]
limits.impact_ratio = { min = 0.8, because = "test", source = "test", owner = "test" }
"""


@pytest.fixture(scope="module")
def scored() -> pd.DataFrame:
    """The second half, scored by a network fitted on the first."""
    data = pd.read_csv(external("adult_carla.csv.gz"))
    inputs = pd.get_dummies(data.drop(columns=["income", "fnlwgt", "sex", "race"]), dtype=float)
    half = len(data) // 2
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)).fit(inputs[:half], data["income"][:half])
    held = data[half:].reset_index(drop=True)
    return held.assign(score=model.predict_proba(inputs[half:])[:, 1])


@pytest.fixture(scope="module")
def run(scored: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> AuditRun:
    folder = tmp_path_factory.mktemp("adult")
    scored.to_parquet(folder / "adult.parquet", index=False)
    (folder / "audit.toml").write_text(CONFIG, encoding="utf-8")
    return audit(folder / "audit.toml", folder / "runs").run


def measured(run: AuditRun, check: str, name: str, **where: str) -> float:
    finding = next(finding for finding in run.findings if finding.check == check)
    return next(item.value for item in finding.measurements if item.name == name and dict(item.slice) == where)


def test_no_check_broke(run: AuditRun) -> None:
    assert [finding.check for finding in run.findings if finding.status == "error"] == []


def test_women_are_selected_at_less_than_half_the_rate_of_men_and_the_limit_says_so(run: AuditRun) -> None:
    finding = next(finding for finding in run.findings if finding.check == "fairness.selection_rates")

    assert measured(run, "fairness.selection_rates", "impact_ratio", sex="Female") < 0.5
    assert finding.status == "outside"


def test_every_rate_is_fairlearns(run: AuditRun, scored: pd.DataFrame) -> None:
    decided = (scored["score"] >= 0.5).astype(int)
    for name, function in (("true_positive_rate", fl.true_positive_rate), ("false_positive_rate", fl.false_positive_rate)):
        frame = fl.MetricFrame(metrics=function, y_true=scored["income"], y_pred=decided, sensitive_features=scored["sex"])
        for level in ("Male", "Female"):
            assert measured(run, "fairness.error_rates", name, sex=level) == pytest.approx(frame.by_group[level], abs=1e-12)


def test_a_score_turned_round_is_caught_before_any_gap_is_believed(scored: pd.DataFrame, tmp_path: Path) -> None:
    scored.assign(score=1 - scored["score"]).to_parquet(tmp_path / "adult.parquet", index=False)
    (tmp_path / "audit.toml").write_text(CONFIG, encoding="utf-8")

    findings = {finding.check: finding for finding in audit(tmp_path / "audit.toml", tmp_path / "runs").run.findings}

    assert findings["sanity.labels"].status == "outside"
    assert findings["fairness.error_rates"].status == "attention"


def test_with_so_many_rows_intervals_are_as_narrow_as_the_normal_approximation(run: AuditRun, scored: pd.DataFrame) -> None:
    finding = next(finding for finding in run.findings if finding.check == "fairness.selection_rates")
    rate = next(item for item in finding.measurements if item.name == "selection_rate" and dict(item.slice) == {"sex": "Female"})

    p, n = rate.value, int((scored["sex"] == "Female").sum())
    assert rate.high is not None
    assert rate.low is not None
    assert rate.high - rate.low == pytest.approx(2 * 1.96 * np.sqrt(p * (1 - p) / n), rel=0.02)

"""The check on planted LIME results: shares and quantiles by hand, and what is absent with its reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import binomtest

from audit.chart_kinds import Histogram
from audit.checks.explanation.lime_quality import lime_quality
from audit.results import Evidence, Measurement
from tests.audit.checks.planted import planted, write_rows, write_table

N = 40
LIME = "attribution.lime"
SHAPLEY = "attribution.shapley"


@pytest.fixture(autouse=True)
def same_players(tmp_path: Path) -> None:
    """Both methods name the same two columns."""
    for probe in (LIME, SHAPLEY):
        write_table(tmp_path, probe, "players", {"name": ["age", "income"]})


def lime_columns(**changes: Any) -> dict[str, Any]:
    """40 rows with R² from 0.025 to 1, a stability of 0.8, and the first column largest."""
    values = np.tile([0.4, -0.1], (N, 1))
    columns = {"target": np.ones(N, dtype=np.int32), "values": values, "r2": np.arange(1, N + 1) / N, "stability": np.full(N, 0.8)}
    return columns | changes


def asked(folder: Path, *, probes: dict[str, Any] | None = None, settings: dict[str, Any] | None = None, **changes: Any) -> Evidence:
    held = {LIME: lime_columns()} if probes is None else probes
    scores, output = np.full(N, 0.7), {"output": np.zeros((N, 1))}
    return lime_quality(planted(folder, scores=scores, outputs=output, probes=held, **changes), **(settings or {}))


def found(evidence: Evidence, name: str, **at: Any) -> Measurement:
    return next(m for m in evidence.measurements if m.name == name and dict(m.at) == at)


def shapley_columns(values: Any, target: int = 0) -> dict[str, Any]:
    return {"target": np.full(N, target, dtype=np.int32), "values": np.asarray(values, dtype=np.float64)}


def test_quantiles_of_the_fit_are_those_of_the_rows(tmp_path: Path) -> None:
    evidence = asked(tmp_path)

    assert [found(evidence, "surrogate_r2", quantile=q).value for q in (0.1, 0.5, 0.9)] == [0.1, 0.5, 0.9]
    median = found(evidence, "surrogate_r2", quantile=0.5)
    assert median.low is not None
    assert median.high is not None
    assert 0.3 < median.low < 0.5 < median.high < 0.7


def test_the_share_of_poor_fits_counts_rows_below_the_setting(tmp_path: Path) -> None:
    evidence = asked(tmp_path)

    share = found(evidence, "poor_fit_share", below=0.3)
    expected = binomtest(11, N).proportion_ci(method="wilson")
    assert share.value == pytest.approx(11 / N)
    assert (share.low, share.high) == pytest.approx((expected.low, expected.high))


def test_another_limit_of_poor_is_named_with_the_share(tmp_path: Path) -> None:
    evidence = asked(tmp_path, settings={"poor_below": 0.5})

    assert found(evidence, "poor_fit_share", below=0.5).value == pytest.approx(19 / N)


def test_one_neighbourhood_leaves_stability_absent(tmp_path: Path) -> None:
    evidence = asked(tmp_path, probes={LIME: lime_columns(stability=np.full(N, np.nan))})

    (missing,) = [a for a in evidence.absent if a.name == "rank_stability"]
    assert "two neighbourhoods" in missing.reason


def test_rows_without_a_fit_are_left_out_and_told(tmp_path: Path) -> None:
    r2 = np.where(np.arange(N) < 10, np.nan, 0.9)

    evidence = asked(tmp_path, probes={LIME: lime_columns(r2=r2)})

    assert found(evidence, "poor_fit_share", below=0.3).n == 30
    assert any(note.startswith("10 rows have no R²") for note in evidence.notes)


def test_signs_are_compared_at_the_largest_coefficient(tmp_path: Path) -> None:
    values = np.where(np.arange(N)[:, None] < 8, [-1.0, -1.0], [1.0, 1.0])

    evidence = asked(tmp_path, probes={LIME: lime_columns(), SHAPLEY: shapley_columns(values)})

    assert found(evidence, "sign_disagreement").value == pytest.approx(8 / N)


def test_a_single_output_speaks_against_the_other_class(tmp_path: Path) -> None:
    """LIME explains the probability of class 0, Shapley values the logit of class 1: opposite signs agree."""
    columns = lime_columns(target=np.zeros(N, dtype=np.int32))

    evidence = asked(tmp_path, probes={LIME: columns, SHAPLEY: shapley_columns(np.full((N, 2), -1.0))})

    assert found(evidence, "sign_disagreement").value == 0


def test_two_outputs_are_explained_in_the_same_direction(tmp_path: Path) -> None:
    columns = lime_columns(target=np.zeros(N, dtype=np.int32))
    rows = planted(
        tmp_path,
        scores=np.full(N, 0.3),
        outputs={"output": np.zeros((N, 2))},
        probes={LIME: columns, SHAPLEY: shapley_columns(np.full((N, 2), 1.0))},
    )

    assert found(lime_quality(rows), "sign_disagreement").value == 0


def test_only_rows_that_both_methods_explained_are_compared(tmp_path: Path) -> None:
    rows = planted(tmp_path, scores=np.full(N, 0.7), outputs={"output": np.zeros((N, 1))})
    first = {name: values[:30] for name, values in lime_columns().items()}
    second = {name: values[:30] for name, values in shapley_columns(np.full((N, 2), -1.0)).items()}
    write_rows(tmp_path, LIME, first, positions=np.arange(30), inclusion=np.full(30, 0.75))
    write_rows(tmp_path, SHAPLEY, second, positions=np.arange(10, 40), inclusion=np.full(30, 0.75))

    evidence = lime_quality(rows)

    share = found(evidence, "sign_disagreement")
    assert (share.value, share.n) == (1.0, 20)
    assert "30 of 40 rows were explained." in evidence.notes


def test_without_shapley_values_the_signs_are_absent_with_the_reason(tmp_path: Path) -> None:
    evidence = asked(tmp_path, absent={SHAPLEY: "It was not planned."})

    (missing,) = evidence.absent
    assert (missing.name, missing.reason) == ("sign_disagreement", "It was not planned.")


def test_without_lime_everything_is_absent_with_the_reason(tmp_path: Path) -> None:
    evidence = asked(tmp_path, probes={}, absent={LIME: "LIME is measured on tables."})

    assert not evidence.measurements
    assert {(a.name, a.reason) for a in evidence.absent} == {(name, "LIME is measured on tables.") for name in lime_quality.measures}


def test_charts_count_every_row_once(tmp_path: Path) -> None:
    charts = asked(tmp_path).charts

    assert [sum(chart.series["rows"]) for chart in charts if isinstance(chart, Histogram)] == [N, N]


def test_methods_that_explain_other_units_are_not_compared(tmp_path: Path) -> None:
    write_table(tmp_path, SHAPLEY, "players", {"name": ["age and income", "debt"]})

    evidence = asked(tmp_path, probes={LIME: lime_columns(), SHAPLEY: shapley_columns(np.full((N, 2), -1.0))})

    assert [m for m in evidence.measurements if m.name == "sign_disagreement" and m.value is not None] == []

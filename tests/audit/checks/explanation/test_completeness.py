"""`explanation.completeness` on planted gaps and standard errors."""

from __future__ import annotations

import numpy as np
import pytest

from audit.checks.explanation.completeness import completeness
from audit.judge import judge
from tests.audit.checks.explanation.explained import at, explained, write

VALUES = np.tile([3.0, -1.0], (40, 1))


def gaps(share, size=0.2):
    return {"relative_gap": np.where(np.arange(40) < 40 * share, size, 1e-6)}


def test_gaps_are_counted_and_averaged_for_each_method(tmp_path):
    evidence = completeness(explained(tmp_path, shapley=(VALUES, {}), gradients=(VALUES, gaps(0.25))))

    assert at(evidence, "incomplete_share", method="integrated_gradients").value == 0.25
    assert at(evidence, "mean_relative_gap", method="integrated_gradients").value == pytest.approx(0.05, rel=1e-3)
    assert at(evidence, "median_relative_gap", method="integrated_gradients").value == pytest.approx(1e-6)
    assert at(evidence, "incomplete_share", method="shapley").value == 0


@pytest.mark.parametrize(("share", "status"), [(0.1, "within"), (0.9, "outside"), (0.5, "inconclusive")])
def test_the_technical_limit_is_on_the_median(tmp_path, share, status):
    evidence = completeness(explained(tmp_path, gradients=(VALUES, gaps(share))))

    assert judge(evidence, completeness.criteria).status == status


def test_noise_is_told_for_sampled_values_only(tmp_path):
    noisy = {"se": np.tile([0.5, 2.0], (40, 1))}

    sampled = completeness(explained(tmp_path / "a", shapley=(VALUES, noisy)))
    exact = completeness(explained(tmp_path / "b", shapley=(VALUES, {})))

    assert at(sampled, "resolved_share", method="shapley").value == pytest.approx(0.75)
    assert at(sampled, "mean_relative_error", method="shapley").value == pytest.approx(np.hypot(0.5, 2) / np.hypot(3, 1))
    assert "resolved_share" not in {m.name for m in exact.measurements}


def test_rows_without_attributions_are_left_out_and_told(tmp_path):
    values = np.where(np.arange(40)[:, None] < 4, np.nan, VALUES)

    evidence = completeness(explained(tmp_path, shapley=(values, {"relative_gap": np.where(np.arange(40) < 4, np.nan, 0.0)})))

    assert at(evidence, "incomplete_share", method="shapley").n == 36
    assert any("4 rows without finite outputs" in note for note in evidence.notes)


def test_sampled_rows_count_by_their_inclusion(tmp_path):
    about = gaps(0.5) | {"inclusion": np.where(np.arange(40) < 20, 0.5, 0.25)}

    evidence = completeness(explained(tmp_path, shapley=(VALUES, about)))

    assert at(evidence, "incomplete_share", method="shapley").value == pytest.approx(1 / 3)


def test_one_absent_method_is_noted_and_two_are_absent(tmp_path):
    one = completeness(explained(tmp_path / "a", shapley=(VALUES, {})))
    none = completeness(explained(tmp_path / "b", n=5))

    assert any("switched off" in note for note in one.notes)
    assert not one.absent
    assert [a.name for a in none.absent] == ["median_relative_gap"]
    assert not none.measurements


def test_deep_shap_is_looked_at_where_it_was_measured(tmp_path):
    write(tmp_path, "attribution.deep_shap", VALUES, gaps(0.25))

    evidence = completeness(explained(tmp_path, shapley=(VALUES, {})))

    assert at(evidence, "incomplete_share", method="deep_shap").value == 0.25
    assert {dict(m.at)["method"] for m in evidence.measurements} == {"shapley", "deep_shap"}


def test_a_single_row_and_no_finite_row_are_told(tmp_path):
    for name, values in (("a", VALUES[:1]), ("b", np.full((3, 2), np.nan))):
        evidence = completeness(explained(tmp_path / name, shapley=(values, {"relative_gap": values[:, 0]})))

        assert {"median_relative_gap", "mean_relative_gap"} <= {a.name for a in evidence.absent}

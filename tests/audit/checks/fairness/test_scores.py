"""`fairness.scores` against scikit-learn and scipy, on scores that serve one group worse."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from audit.checks.fairness.scores import scores
from tests.audit.checks.planted import planted

SEX = ("female", "male")


def made(folder, n=800, *, separations=(0.4, 2.0), lift=0.0, **more):
    """Scores that separate the classes of the two groups by different lengths, and lift the first group."""
    generator = np.random.default_rng(0)
    codes, labels = np.arange(n) % 2, np.arange(n) // 2 % 2
    score = 1 / (1 + np.exp(-(generator.normal(size=n) + labels * np.array(separations)[codes] + lift * (codes == 0))))
    rows = planted(folder, labels=labels, scores=score, groups={"sex": (codes, SEX)}, references={"sex": "male"}, **more)
    return rows, labels, score, codes


def one(evidence, name, level="female"):
    return next(m for m in evidence.measurements if m.name == name and m.slice == {"sex": level})


def test_areas_in_and_across_groups_agree_with_scikit_learn(tmp_path):
    rows, labels, score, codes = made(tmp_path)
    evidence = scores(rows)
    women = codes == 0
    bpsn, bnsp = np.where(women, labels == 0, labels == 1), np.where(women, labels == 1, labels == 0)

    assert one(evidence, "auc").value == pytest.approx(roc_auc_score(labels[women], score[women]))
    assert one(evidence, "auc_difference").value == pytest.approx(one(evidence, "auc").value - one(evidence, "auc", "male").value)
    assert one(evidence, "bpsn_auc").value == pytest.approx(roc_auc_score(labels[bpsn], score[bpsn]))
    assert one(evidence, "bnsp_auc").value == pytest.approx(roc_auc_score(labels[bnsp], score[bnsp]))


def test_distances_agree_with_scipy(tmp_path):
    rows, _, score, codes = made(tmp_path)
    evidence = scores(rows)
    sides = score[codes == 0], score[codes == 1]

    assert one(evidence, "kolmogorov_smirnov").value == pytest.approx(stats.ks_2samp(*sides).statistic)
    assert one(evidence, "wasserstein").value == pytest.approx(stats.wasserstein_distance(*sides))
    assert one(evidence, "mean_score_difference").value == pytest.approx(sides[0].mean() - sides[1].mean())
    assert one(evidence, "median_score_difference").value == pytest.approx(np.median(sides[0]) - np.median(sides[1]))


def test_a_group_that_is_ordered_worse_is_found(tmp_path):
    evidence = scores(made(tmp_path)[0])

    assert one(evidence, "auc_difference").high < 0
    assert one(evidence, "abroca").low > one(evidence, "abroca_by_chance").value
    assert one(evidence, "abroca").value == pytest.approx(abs(one(evidence, "auc_difference").value), abs=0.02)


def test_a_group_that_scores_too_high_shows_across_groups_only(tmp_path):
    evidence = scores(made(tmp_path, separations=(1.0, 1.0), lift=1.5)[0])

    assert one(evidence, "bpsn_auc").high < one(evidence, "auc").low < one(evidence, "bnsp_auc").low
    assert one(evidence, "abroca").low == 0
    assert one(evidence, "wasserstein").low > 0.1


def test_groups_that_are_alike_are_not_told_apart(tmp_path):
    evidence = scores(made(tmp_path, separations=(1.0, 1.0))[0])

    assert one(evidence, "abroca").low == one(evidence, "kolmogorov_smirnov").low == one(evidence, "wasserstein").low == 0
    assert one(evidence, "abroca_by_chance").value == pytest.approx(one(evidence, "abroca").value, abs=0.04)


def test_a_group_without_one_class_has_no_area_and_still_distances(tmp_path):
    codes, labels = np.arange(200) % 2, np.where(np.arange(200) % 2 == 0, 0, np.arange(200) // 2 % 2)
    evidence = scores(planted(tmp_path, labels=labels, scores=np.linspace(0, 1, 200), groups={"sex": (codes, SEX)}, references={"sex": "male"}))
    gone = {a.name: a.reason for a in evidence.absent if a.slice == {"sex": "female"}}

    assert "both classes" in gone["auc"]
    assert "0 rows of class 1" in gone["auc_difference"]
    assert "0 rows of class 1" in gone["abroca"]
    assert one(evidence, "kolmogorov_smirnov").n == 100


def test_without_labels_only_distances_are_measured(tmp_path):
    evidence = scores(planted(tmp_path, scores=np.linspace(0, 1, 60), groups={"sex": (np.arange(60) % 2, SEX)}))

    assert "no labels" in evidence.absent[0].reason
    assert {m.name for m in evidence.measurements} == {
        "mean_score",
        "kolmogorov_smirnov",
        "wasserstein",
        "mean_score_difference",
        "median_score_difference",
    }


def test_weights_are_copies_in_the_values(tmp_path):
    weights = np.tile([1.0, 2.0, 3.0, 1.0], 200)
    rows, labels, score, codes = made(tmp_path / "a", weights=weights)
    copies = np.repeat(np.arange(800), weights.astype(int))
    weighted = scores(rows)

    copied = scores(
        planted(tmp_path / "b", labels=labels[copies], scores=score[copies], groups={"sex": (codes[copies], SEX)}, references={"sex": "male"})
    )

    for name in ("auc", "bpsn_auc", "auc_difference", "abroca", "kolmogorov_smirnov", "wasserstein", "mean_score_difference"):
        assert one(weighted, name).value == pytest.approx(one(copied, name).value)
    assert "noise" in one(weighted, "abroca_by_chance").method


def test_copies_in_clusters_do_not_narrow_intervals(tmp_path):
    rows, labels, score, codes = made(tmp_path / "a", 400)
    once, many = scores(rows), np.repeat(np.arange(400), 4)
    rows = planted(
        tmp_path / "b", labels=labels[many], scores=score[many], groups={"sex": (codes[many], SEX)}, references={"sex": "male"}, clusters=many
    )
    clustered = scores(rows)

    for name, share in (("auc", 0.02), ("auc_difference", 0.02), ("abroca", 0.35), ("kolmogorov_smirnov", 0.35), ("wasserstein", 0.35)):
        widths = [one(found, name).high - one(found, name).low for found in (once, clustered)]
        assert widths[1] == pytest.approx(widths[0], rel=share), name


def test_scores_that_are_not_finite_are_left_out(tmp_path):
    values = np.linspace(0, 1, 100)
    values[::2] = np.nan
    rows = planted(tmp_path, labels=np.arange(100) // 2 % 2, scores=values, groups={"sex": (np.zeros(100, int), SEX)})

    assert one(scores(rows), "auc").n == 50
    assert not scores(planted(tmp_path / "none", scores=np.full(9, np.nan), groups={"sex": (np.zeros(9, int), SEX)})).measurements


@pytest.mark.parametrize("n", [1, 300, pytest.param(3000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("clustered", [False, True])
def test_equal_scores_one_row_and_three_hundred_levels_are_answered(tmp_path, n, clustered):
    groups = {"sex": (np.arange(n) % 300, tuple(map(str, range(300)))), "all": ([0] * n, ("a",)), "none": ([-1] * n, ("a", "b"))}
    rows = planted(tmp_path, labels=np.arange(n) // 300 % 2, scores=np.full(n, 0.5), groups=groups, clusters=np.zeros(n, int) if clustered else None)

    evidence = scores(rows, resamples=10, permutations=5)

    assert {m.name for m in evidence.measurements} <= set(scores.measures)


def test_of_very_many_rows_some_are_drawn_and_the_reader_is_told(tmp_path):
    generator = np.random.default_rng(0)
    labels, codes = generator.integers(0, 2, 600), generator.integers(0, 2, 600)
    rows = planted(tmp_path, labels=labels, scores=generator.random(600), groups={"sex": (codes, ("female", "male"))})

    evidence = scores(rows, most_rows=200, resamples=50, permutations=20)

    assert "200 of 600 rows were drawn at random." in evidence.notes
    assert sum(item.n for item in evidence.measurements if item.name == "auc") == 200

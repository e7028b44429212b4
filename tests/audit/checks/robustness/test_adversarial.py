"""The check on planted attack results: shares by hand, censoring, and a blocker for every sign of a failed attack."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from audit.chart_kinds import LineChart
from audit.checks.robustness.adversarial import adversarial
from audit.results import Evidence, Measurement
from tests.audit.checks.planted import planted, write_table

N = 100


def attack_columns(flipped: Any, scales: Any) -> dict[str, Any]:
    """What the probe leaves when every attack agrees."""
    flipped, scales = np.asarray(flipped, dtype=np.int8), np.asarray(scales, dtype=np.float64)
    signs = dict.fromkeys(("margin_loss_flipped", "ce_flipped", "ce_hundredfold_flipped", "corner_flipped"), flipped)
    censored = np.isnan(scales).astype(np.int8)
    return {
        "flipped": flipped,
        "smallest_scale": scales,
        "censored": censored,
        "verified": np.where(censored == 1, -1, 1).astype(np.int8),
        "zero_gradient": np.zeros(len(flipped), dtype=np.int8),
        **signs,
    }


def asked(folder: Path, *, labels: Any = "half", **changes: Any) -> Evidence:
    """100 rows: 40 give way at half a radius, 40 at three radii, 20 never; the first 10 of every 20 are decided rightly."""
    flipped = np.repeat([1, 0, 0], [40, 40, 20])
    scales = np.repeat([0.5, 3.0, np.nan], [40, 40, 20])
    right = np.arange(N) % 20 < 10
    given = right.astype(np.int64) if isinstance(labels, str) else labels
    columns = attack_columns(flipped, scales) | changes
    rows = planted(folder, labels=given, decisions=np.ones(N, dtype=np.int64), probes={"robustness.pgd": columns})
    write_table(folder, "robustness.pgd", "scales", {"radius": [0.1], "largest": [10.0], "level_cost": [1.0]})
    return adversarial(rows)


def found(evidence: Evidence, name: str, **at: Any) -> Measurement:
    return next(m for m in evidence.measurements if m.name == name and dict(m.at) == at)


def test_success_is_over_correct_rows_and_robust_accuracy_over_all(tmp_path: Path) -> None:
    evidence = asked(tmp_path)

    assert found(evidence, "changed_decisions").counts == {"rows": 40, "of": 100}
    assert found(evidence, "attack_success").counts == {"rows": 20, "of": 50}
    assert found(evidence, "robust_accuracy").counts == {"rows": 30, "of": 100}
    assert found(evidence, "resisted_all").counts == {"rows": 20, "of": 100}


def test_intervals_are_wilsons(tmp_path: Path) -> None:
    measured = found(asked(tmp_path), "changed_decisions")

    # Wilson's ends for 40 of 100 at z = 1.959964.
    z, p = 1.959964, 0.4
    centre, half = p + z * z / 200, z * np.sqrt(p * (1 - p) / 100 + z * z / 40_000)
    assert measured.low == pytest.approx((centre - half) / (1 + z * z / 100), abs=1e-6)
    assert measured.high == pytest.approx((centre + half) / (1 + z * z / 100), abs=1e-6)


def test_quantiles_are_of_the_reached_and_absent_beyond(tmp_path: Path) -> None:
    rows = planted(
        tmp_path,
        decisions=np.ones(N, dtype=np.int64),
        probes={"robustness.pgd": attack_columns(np.repeat([1, 0, 0], [40, 40, 20]), np.repeat([0.5, 3.0, np.nan], [40, 40, 20]))},
    )
    evidence = adversarial(rows, quantiles=(0.1, 0.5, 0.9))

    assert found(evidence, "smallest_scale", quantile=0.1).value == 0.5
    assert found(evidence, "smallest_scale", quantile=0.5).value == 3.0
    beyond = next(a for a in evidence.absent if a.name == "smallest_scale")
    assert dict(beyond.at) == {"quantile": 0.9}
    assert "beyond" in beyond.reason


def test_without_labels_only_changed_decisions_are_told(tmp_path: Path) -> None:
    evidence = asked(tmp_path, labels=None)

    assert {a.name for a in evidence.absent} == {"attack_success", "robust_accuracy"}
    assert found(evidence, "changed_decisions").n == N


def test_an_honest_attack_raises_no_blocker(tmp_path: Path) -> None:
    assert asked(tmp_path).blockers == ()


SOME = (np.arange(N) < 10).astype(np.int8)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"zero_gradient": SOME}, "gradient of cross-entropy is zero at 10.0%"),
        ({"ce_flipped": (np.arange(N) < 30).astype(np.int8)}, "Cross-entropy found no change at 10.0%"),
        ({"corner_flipped": (np.arange(N) < 50).astype(np.int8)}, "Random corners changed the decision at 10.0%"),
        (
            {"margin_loss_flipped": np.zeros(N, np.int8), "corner_flipped": np.zeros(N, np.int8), "ce_hundredfold_flipped": np.zeros(N, np.int8)},
            "Multiplying the logits by 100, which changes no decision, changes the verdict on 40.0%",
        ),
        ({"verified": np.where(SOME == 1, 0, 1).astype(np.int8)}, "did not confirm"),
    ],
    ids=["zero gradients", "saturated logits", "misleading gradients", "verdict that feels the scale", "unconfirmed changes"],
)
def test_a_failed_attack_caps_the_status(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    assert any(words in blocker for blocker in asked(tmp_path, **changes).blockers)


def test_the_curve_starts_at_the_accuracy_and_falls_at_the_scales(tmp_path: Path) -> None:
    chart = next(c for c in asked(tmp_path).charts if isinstance(c, LineChart))
    series = {one.name: dict(zip(one.x, one.y, strict=True)) for one in chart.series}

    assert series["decision unchanged"][0.0] == 1.0
    assert series["decision unchanged"][1.0] == 0.6
    assert series["decision unchanged"][10.0] == pytest.approx(0.2)
    assert series["decided correctly and unchanged"][0.0] == 0.5
    assert series["decided correctly and unchanged"][1.0] == pytest.approx(0.3)
    assert sorted(chart.series[0].y, reverse=True) == list(chart.series[0].y)


def test_rows_without_a_decision_count_as_wrong_and_are_not_attacked(tmp_path: Path) -> None:
    columns = attack_columns(np.repeat([0, -1], [60, 40]), np.full(N, np.nan))
    decisions = np.repeat([1, -1], [60, 40])
    rows = planted(tmp_path, labels=np.ones(N, dtype=np.int64), decisions=decisions, probes={"robustness.pgd": columns})

    evidence = adversarial(rows)

    assert found(evidence, "changed_decisions").counts == {"rows": 0, "of": 60}
    assert found(evidence, "robust_accuracy").counts == {"rows": 60, "of": 100}
    assert any("40 rows have no decision" in note for note in evidence.notes)


def test_a_row_that_other_attacks_turn_too_does_not_rest_on_the_scale(tmp_path: Path) -> None:
    evidence = asked(tmp_path, ce_hundredfold_flipped=np.zeros(N, np.int8))

    assert found(evidence, "changed_by_scaling_logits").value == 0
    assert evidence.blockers == ()


def test_hidden_anomalies_and_raised_alarms_are_told_apart(tmp_path: Path) -> None:
    # The first 50 rows are flagged; of these 40 give way, of the others none.
    decisions = (np.arange(N) < 50).astype(np.int64)
    columns = attack_columns(np.repeat([1, 0, 0], [40, 40, 20]), np.repeat([0.5, 3.0, np.nan], [40, 40, 20]))
    rows = planted(tmp_path, decisions=decisions, probes={"robustness.pgd": columns}, task="anomaly", output="score", favourable=())

    evidence = adversarial(rows)

    assert found(evidence, "hidden_anomalies").counts == {"rows": 40, "of": 50}
    assert found(evidence, "raised_alarms").counts == {"rows": 0, "of": 50}

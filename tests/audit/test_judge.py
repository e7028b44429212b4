"""The judge against cases decided by hand."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.judge import FEWEST_DECIDED, FEWEST_RATED, judge
from audit.results import Absent, Criterion, Evidence, Measurement, Simultaneous


def measured(value: float, low: float | None = None, high: float | None = None, n: int = 1000, **more: object) -> Measurement:
    return Measurement(name="rate", value=value, low=low, high=high, n=n, **more)  # type: ignore[arg-type]


def at_least(limit: str, **more: object) -> Criterion:
    return Criterion(measurement="rate", minimum=Decimal(limit), **more)  # type: ignore[arg-type]


def status(measurement: Measurement, *criteria: Criterion, **more: object) -> str:
    return judge(Evidence(measurements=(measurement,), **more), criteria).status  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0.81, 0.95, "within"), (0.8, 0.95, "within"), (0.5, 0.79, "outside"), (0.7, 0.9, "inconclusive"), (0.5, 0.8, "inconclusive")],
)
def test_interval_rule_looks_at_both_ends(low: float, high: float, expected: str) -> None:
    assert status(measured((low + high) / 2, low, high), at_least("0.8")) == expected


def test_inconclusive_names_the_width_that_would_decide() -> None:
    verdict = judge(Evidence(measurements=(measured(0.9, 0.7, 1.1, n=100),)), [at_least("0.8")])

    assert "±0.1" in verdict.reason
    assert "about 400 rows" in verdict.reason  # half-width 0.2 must halve, so four times the rows


@pytest.mark.parametrize("value", [0.8, 0.8 + 1e-9, 0.8 + 1e-300])
def test_a_value_on_the_limit_asks_for_no_absurd_number_of_rows(value: float) -> None:
    verdict = judge(Evidence(measurements=(measured(value, 0.7, 0.9),)), [at_least("0.8")])

    assert verdict.status == "inconclusive"
    assert "no practical number" in verdict.reason


def test_without_a_limit_nothing_is_green() -> None:
    assert status(measured(0.99, 0.98, 1.0)) == "informative"


def test_few_rows_are_not_rated_and_some_rows_get_attention_at_most() -> None:
    assert status(measured(0.1, 0.0, 0.2, n=FEWEST_RATED - 1), at_least("0.8")) == "not_assessed"
    assert status(measured(0.1, 0.0, 0.2, n=FEWEST_DECIDED - 1), at_least("0.8")) == "attention"
    assert status(measured(0.1, 0.0, 0.2, n=FEWEST_DECIDED), at_least("0.8")) == "outside"


def test_technical_limits_hold_for_any_number_of_rows() -> None:
    assert status(measured(0.1, n=1), at_least("0.8", rule="point", technical=True)) == "outside"


def test_a_blocker_caps_within_and_leaves_outside() -> None:
    assert status(measured(0.9, 0.85, 0.95), at_least("0.8"), blockers=("The attack failed.",)) == "attention"
    assert status(measured(0.1, 0.05, 0.2), at_least("0.8"), blockers=("The attack failed.",)) == "outside"


def test_a_soft_limit_yields_attention() -> None:
    assert status(measured(0.1, 0.05, 0.2), at_least("0.8", soft=True)) == "attention"


def test_simultaneous_interval_is_the_one_that_judges() -> None:
    family = Simultaneous(low=0.7, high=0.9, comparisons=12, method="Bonferroni")

    assert status(measured(0.78, 0.77, 0.79, simultaneous=family), at_least("0.8")) == "inconclusive"


def test_an_absent_measurement_with_a_limit_is_not_assessed() -> None:
    evidence = Evidence(measurements=(measured(0.9, 0.85, 0.95),), absent=(Absent(name="rate", reason="No positives.", n=7, slice={"sex": "x"}),))

    verdict = judge(evidence, [at_least("0.8")])

    assert verdict.status == "not_assessed"
    assert "No positives." in verdict.reason


def test_a_limit_on_something_never_measured_is_not_assessed() -> None:
    assert judge(Evidence(), [at_least("0.8")]).status == "not_assessed"


def test_point_rule_takes_counts_exactly_at_four_fifths() -> None:
    counts = {"selected": 12, "total": 25, "reference_selected": 3, "reference_total": 5}  # (12/25) / (3/5) = 4/5 exactly
    value = (12 / 25) / (3 / 5)
    ratio = Measurement(name="impact_ratio", value=value, n=25, counts=counts)

    verdict = judge(Evidence(measurements=(ratio,)), [Criterion(measurement="impact_ratio", minimum=Decimal("0.8"), rule="point", technical=True)])

    assert verdict.status == "within"


def ratio(selected: int, total: int, reference_selected: int, reference_total: int, low: float) -> Measurement:
    value = (selected / total) / (reference_selected / reference_total)
    counts = {"selected": selected, "total": total, "reference_selected": reference_selected, "reference_total": reference_total}
    return Measurement(name="impact_ratio", value=value, low=low, high=value + 0.1, n=total, counts=counts)


FOUR_FIFTHS = Criterion(measurement="impact_ratio", minimum=Decimal("0.8"), rule="four_fifths")


@pytest.mark.parametrize(
    ("measurement", "expected"),
    [
        (ratio(50, 200, 150, 300, 0.3), "outside"),  # ratio 0.5, p far below .05, many flips
        (ratio(11, 30, 15, 30, 0.4), "attention"),  # ratio 0.73, p about .3: too few to tell
        (ratio(850, 1000, 950, 1000, 0.86), "attention"),  # ratio 0.89, p far below .05: real but smaller
        (ratio(490, 1000, 500, 1000, 0.9), "within"),  # ratio 0.98, p .65, interval begins above .8
        (ratio(18, 40, 20, 40, 0.5), "inconclusive"),  # ratio 0.9, p .65, interval begins below .8
    ],
)
def test_four_fifths_grid(measurement: Measurement, expected: str) -> None:
    assert judge(Evidence(measurements=(measurement,)), [FOUR_FIFTHS]).status == expected


def test_four_fifths_without_counts_is_refused_by_name() -> None:
    verdict = judge(Evidence(measurements=(Measurement(name="impact_ratio", value=0.5, n=100),)), [FOUR_FIFTHS])

    assert verdict.status == "not_assessed"
    assert "exact counts" in verdict.reason


@given(st.floats(0, 1), st.floats(0, 0.3), st.floats(0, 0.3), st.decimals(min_value=0, max_value=1, places=3))
def test_a_stricter_limit_never_improves_the_status(value: float, below: float, above: float, limit: Decimal) -> None:
    order = ["within", "inconclusive", "outside"]
    item = measured(value, value - below, value + above)

    loose, strict = status(item, at_least(str(limit))), status(item, at_least(str(limit + Decimal("0.05"))))

    assert order.index(strict) >= order.index(loose)

"""What our fairness measurements mean, which way they point, and what other tools call them or compute differently."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class MetricName:
    """One measurement in the words of the field."""

    definition: str
    """How it is computed."""
    equal: str
    """Its value when groups are treated alike."""
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    """Tool to its name for the quantity, with what differs."""


_REFERENCE = "group minus reference"
METRIC_NAMES: Mapping[str, MetricName] = {
    "selection_rate_difference": MetricName(
        f"Selection rate, {_REFERENCE}; also called demographic or statistical parity difference.",
        "0",
        {
            "fairlearn": "demographic_parity_difference: largest minus smallest rate, never negative",
            "AIF360": "statistical_parity_difference: unprivileged minus privileged, our sign with the privileged group as reference",
            "Clarify": "DPPL: advantaged minus disadvantaged, the opposite sign",
            "Aequitas": "its Statistical Parity (ppr) compares shares of all those selected and so depends on the sizes of groups",
            "AI Verify": "its Equal Selection Parity is a difference of counts, not of rates",
        },
    ),
    "impact_ratio": MetricName(
        "Selection rate of the group over that of the reference.",
        "1",
        {
            "fairlearn": "demographic_parity_ratio: smallest over largest rate",
            "AIF360": "disparate_impact: unprivileged over privileged",
            "Clarify": "DI: disadvantaged over advantaged",
            "Aequitas": "pprev_disparity (Impact Parity): group over reference",
        },
    ),
    "true_positive_rate_difference": MetricName(
        f"True positive rate, {_REFERENCE}; also called equal opportunity difference.",
        "0",
        {
            "fairlearn": "equal_opportunity_difference: largest minus smallest; a group without positives counts as 0",
            "AIF360": "equal_opportunity_difference: unprivileged minus privileged",
            "Clarify": "RD: advantaged minus disadvantaged, the opposite sign; an undefined rate counts as 0",
            "AI Verify": "True Positive Rate: divides by the whole population, so a small group looks worse",
        },
    ),
    "true_negative_rate_difference": MetricName(
        f"True negative rate, {_REFERENCE}.", "0", {"Clarify": "SD: disadvantaged minus advantaged, our sign and opposite to its own RD"}
    ),
    "false_positive_rate_difference": MetricName(
        f"False positive rate, {_REFERENCE}; also called predictive equality.",
        "0",
        {
            "fairlearn": "false_positive_rate_difference: largest minus smallest",
            "AIF360": "false_positive_rate_difference: unprivileged minus privileged",
        },
    ),
    "equalized_odds_difference": MetricName(
        "The larger of the sizes of the true and the false positive rate difference from the reference.",
        "0",
        {
            "fairlearn": "equalized_odds_difference: the same over all pairs of groups (our largest_equalized_odds_gap); undefined rates count as 0",
            "AIF360": "equalized_odds_difference: the same",
            "Veritas": "equalized odds: half the sum of both differences, in which opposite errors cancel",
        },
    ),
    "largest_equalized_odds_gap": MetricName(
        "The larger of the largest gaps of the true and the false positive rate over all groups.",
        "0",
        {"fairlearn": "equalized_odds_difference(agg='worst_case'); its intervals are not offered"},
    ),
    "equalized_odds_ratio": MetricName(
        "The smaller of both ratios of lowest to highest rate.",
        "1",
        {"fairlearn": "equalized_odds_ratio: the same", "Veritas": "ratio of the sums of both rates, another quantity"},
    ),
    "average_odds_difference": MetricName(
        f"Mean of the true and the false positive rate difference, {_REFERENCE}.",
        "0",
        {"AIF360": "average_odds_difference: the same", "Holistic AI": "average_odds_diff: first minus second group given"},
    ),
    "average_absolute_odds_difference": MetricName(
        "Mean of the sizes of both differences.", "0", {"AIF360": "average_abs_odds_difference: the same"}
    ),
    "positive_predictive_value_difference": MetricName(
        f"Positive predictive value, {_REFERENCE}; equal values are called predictive parity.",
        "0",
        {"Clarify": "DAR: advantaged minus disadvantaged, the opposite sign", "Aequitas": "precision disparity, as a ratio"},
    ),
    "negative_predictive_value_difference": MetricName(
        f"Negative predictive value, {_REFERENCE}.", "0", {"Clarify": "DRR: disadvantaged minus advantaged, our sign and opposite to its own DAR"}
    ),
    "false_omission_rate_difference": MetricName(
        f"False omission rate, {_REFERENCE}.",
        "0",
        {"AIF360": "false_omission_rate_difference: the same", "Aequitas": "for_disparity, as a ratio"},
    ),
    "average_predictive_value_difference": MetricName(
        f"Mean of the differences of positive predictive value and false omission rate, {_REFERENCE}.",
        "0",
        {"AIF360": "average_predictive_value_difference: the same", "Veritas": "calibration by group: the same pair"},
    ),
    "conditional_acceptance_difference": MetricName(
        f"Favourable labels over favourable decisions, {_REFERENCE}.", "0", {"Clarify": "DCAcc: advantaged minus disadvantaged, the opposite sign"}
    ),
    "conditional_rejection_difference": MetricName(
        f"Unfavourable labels over unfavourable decisions, {_REFERENCE}.", "0", {"Clarify": "DCR: disadvantaged minus advantaged, our sign"}
    ),
    "treatment_equality_difference": MetricName(
        f"False negatives for each false positive, {_REFERENCE}.",
        "0",
        {"Clarify": "TE: disadvantaged minus advantaged, our sign; x/0 becomes infinite and 0/0 becomes 0 there"},
    ),
    "accuracy_difference": MetricName(
        f"Accuracy, {_REFERENCE}.",
        "0",
        {"Clarify": "AD: advantaged minus disadvantaged, the opposite sign", "AIF360": "error_rate_difference: of errors, so the opposite sign"},
    ),
}
"""Measurement to its names; measurements without an entry are peculiar to their check and explained on its page."""


def names_of(measures: Iterable[str]) -> dict[str, MetricName]:
    """The entries of those measurements that have one, in their order."""
    return {name: METRIC_NAMES[name] for name in dict.fromkeys(measures) if name in METRIC_NAMES}

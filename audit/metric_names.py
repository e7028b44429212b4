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


_REFERENCE = "group minus reference (minus the rest, where a table compares with the rest)"
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
    "group_imbalance": MetricName(
        "Rows of the reference less rows of the group, over both.",
        "0",
        {"Clarify": "CI: the same", "AIF360": "class_imbalance in its scikit-learn part: the opposite sign"},
    ),
    "label_rate_difference": MetricName(
        f"Share of favourable labels, {_REFERENCE}.",
        "0",
        {"Clarify": "DPL: advantaged minus disadvantaged, the opposite sign", "AIF360": "mean_difference: unprivileged minus privileged"},
    ),
    "label_rate_ratio": MetricName(
        "Share of favourable labels of the group over that of the reference.", "1", {"AIF360": "disparate_impact of a dataset"}
    ),
    "kl_to_reference": MetricName(
        "Kullback-Leibler divergence of the group's label distribution from the reference's, seen from the reference, in nats.",
        "0",
        {"Clarify": "KL: the same with the advantaged group first, but classes absent in one group are dropped, so it can be negative"},
    ),
    "jensen_shannon": MetricName(
        "Jensen-Shannon divergence of both label distributions, in nats.",
        "0",
        {"Clarify": "JS: the same, absent classes dropped", "Responsible AI Toolbox": "JensenShannonDist: its square root"},
    ),
    "total_variation": MetricName(
        "Half the sum of the sizes of all differences of class shares.",
        "0",
        {"Clarify": "TVD: the same, absent classes dropped", "Holistic AI": "multiclass_statistical_parity: over pairs of groups"},
    ),
    "largest_class_gap": MetricName(
        "Largest difference of a class's share.", "0", {"Clarify": "KS: this, though Kolmogorov and Smirnov compare cumulative distributions"}
    ),
    "kolmogorov_smirnov": MetricName(
        "Largest difference of the cumulative score distributions.",
        "0",
        {"Clarify": "its KS is another quantity: the largest gap of a class's share"},
    ),
    "conditional_demographic_disparity": MetricName(
        "Share of the group among the refused less its share among the accepted, within each stratum, weighted by the rows of the strata.",
        "0",
        {"Clarify": "CDDL and CDDPL: the same", "AIF360": "conditional_demographic_disparity: another quantity, with the groups as strata"},
    ),
    "generalised_entropy": MetricName(
        "Generalised entropy index of the benefits decision - label + 1.",
        "0",
        {"AIF360": "generalized_entropy_index: the same, but for alpha 0, where it divides by the mean once more", "Clarify": "GE: alpha 2"},
    ),
    "consistency": MetricName(
        "One less the mean distance of a row's decision from that of its nearest neighbours, the row itself left out.",
        "1",
        {"AIF360": "consistency: counts the row as its own neighbour, which raises it", "Holistic AI": "the same fault", "Veritas": "the same fault"},
    ),
    "differential_fairness": MetricName(
        "Largest size of the logarithm of the ratio of any two groups' smoothed probabilities of any outcome.",
        "0",
        {"AIF360": "smoothed_empirical_differential_fairness: the same"},
    ),
    "bias_amplification": MetricName(
        "Differential fairness of the decisions less that of the labels.", "0", {"AIF360": "differential_fairness_bias_amplification: the same"}
    ),
    "abroca": MetricName("Area between both groups' ROC curves.", "0", {"Holistic AI": "abroca: the same"}),
}
"""Measurement to its names; measurements without an entry are peculiar to their check and explained on its page."""


def names_of(measures: Iterable[str]) -> dict[str, MetricName]:
    """The entries of those measurements that have one, in their order."""
    return {name: METRIC_NAMES[name] for name in dict.fromkeys(measures) if name in METRIC_NAMES}

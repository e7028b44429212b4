"""The check `calibration.reliability`: whether stated probabilities come true as often as they say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit.chart_kinds import Chart, LineChart, Series, TableChart
from audit.check import check
from audit.facts import LABEL_WORDS
from audit.ledger import Ledger
from audit.methods.calibration.reliability import (
    Bins,
    calibration_error_by_chance,
    calibration_error_replicates,
    debiased_calibration_error,
    equal_mass_edges,
    equal_width_edges,
    expected_calibration_error,
    maximum_calibration_error,
)
from audit.methods.calibration.reliability import (
    reliability as binned,
)
from audit.methods.statistics.bootstrap import cluster_replicates, percentile_interval, row_replicates
from audit.methods.statistics.intervals import Interval
from audit.methods.statistics.means import mean_interval
from audit.methods.statistics.proportions import Share, proportion_interval
from audit.results import Evidence
from audit.row_design import RowDesign, row_design
from audit.rows import Rows

Array = NDArray[np.float64]
MANY_ROWS = 1000
"""Rows per bin from which the bootstrap is drawn from the bins' sums instead of the rows."""


@dataclass(frozen=True)
class Stated:
    """Stated probability, whether it came true, and which rows have both; `stated` and `true` cover those rows only."""

    stated: Array
    true: NDArray[np.bool_]
    used: NDArray[np.bool_]
    design: RowDesign


@check(
    title="Reliability of stated probabilities",
    topics=("calibration", "uncertainty"),
    measures=(
        "expected_calibration_error",
        "expected_calibration_error_debiased",
        "expected_calibration_error_by_chance",
        "maximum_calibration_error",
        "calibration_in_the_large",
    ),
    needs={"labels"},
    tasks={"binary", "multiclass", "anomaly"},
)
def reliability(rows: Rows, *, bins: int = 15, equal_mass: bool = True, resamples: int = 300, fewest_rows: int = 100) -> Evidence:
    """Do stated probabilities come true as often as they say?

    Why it matters:
        A person who reads "80 %" plans for eight in ten. Thresholds, prices and warnings built on a probability that means something else
        are wrong without looking wrong.

    How to read it:
        Rows are put into bins by stated probability (the probability of class 1, or of the decided class with several classes). In the
        chart a point on the diagonal came true as often as stated; below it, the network was too sure. The expected calibration error is
        the mean distance over rows. It is never 0 even for a perfect network: the value by chance says what a perfect one would show with
        as many rows, and the debiased value takes that part off. Calibration in the large is the mean stated probability minus the share
        that came true, for all rows and for each group.

    What it cannot show:
        Calibration inside a bin, or for people who differ in ways no bin knows. The error depends on the bins, so values made with other
        bins cannot be compared.

    References:
        Naeini, Cooper & Hauskrecht 2015, doi:10.1609/aaai.v29i1.9602
        Kumar, Liang & Ma 2019, arXiv:1909.10155
        Guo et al. 2017, arXiv:1706.04599
    """
    ledger = Ledger(census=rows.facts.census)
    if not rows.has("outputs.probability"):
        ledger.absent("expected_calibration_error", "The outputs are not probabilities.", rows.n)
        return ledger.evidence()
    held = _stated(rows)
    notes = [LABEL_WORDS[rows.facts.label_kind], *([held.design.note] if held.design.note else [])]
    _in_the_large(ledger, rows, held)
    n = len(held.stated)
    if n < fewest_rows:
        ledger.absent("expected_calibration_error", f"{n} rows are too few to fill bins (at least {fewest_rows}).", n)
        return ledger.evidence(notes=notes)
    edges = equal_mass_edges(held.stated, bins) if equal_mass else equal_width_edges(bins)
    found = binned(held.stated, held.true, edges, held.design.weights)
    text = f"{len(found.rows)} bins of {'about equal numbers of rows' if equal_mass else 'equal width'}"
    _errors(ledger, rows, held, found, edges, text=text, resamples=resamples)
    notes.append(f"Made with {text}; the plain expected calibration error is biased upwards.")
    return ledger.evidence(_charts(found, multiclass=rows.facts.task == "multiclass"), notes)


def _stated(rows: Rows) -> Stated:
    probability, labels = rows.column("outputs.probability"), rows.labels
    used = (labels >= 0) & np.isfinite(probability).all(axis=1)
    probability, labels = np.clip(probability[used], 0.0, 1.0), labels[used]
    if rows.facts.two_classes:
        return Stated(probability[:, 1], labels == 1, used, row_design(rows).of(used))
    return Stated(probability.max(axis=1), probability.argmax(axis=1) == labels, used, row_design(rows).of(used))


def _in_the_large(ledger: Ledger, rows: Rows, held: Stated) -> None:
    gap = held.stated - held.true
    ledger.add("calibration_in_the_large", mean_interval(gap, held.design.weights, clusters=held.design.clusters), unit="proportion")
    for spec in rows.facts.groups:
        codes = rows.group(spec.name).codes[held.used]
        for position, level in enumerate(spec.levels):
            mine = codes == position
            design = held.design.of(mine)
            found = mean_interval(gap[mine], design.weights, clusters=design.clusters)
            ledger.add("calibration_in_the_large", found, slice={spec.name: level}, unit="proportion")


def _errors(ledger: Ledger, rows: Rows, held: Stated, found: Bins, edges: Array, *, text: str, resamples: int) -> None:
    n, plain, debiased = len(held.stated), expected_calibration_error(found), debiased_calibration_error(found)
    replicates = _replicates(rows, held, edges, resamples)
    ledger.add(
        "expected_calibration_error", percentile_interval(plain, replicates, n, method=f"{text}, biased upwards, bootstrap"), unit="proportion"
    )
    low, high = np.quantile(2 * plain - replicates, [0.025, 0.975])
    method = f"{text}, bias taken off, basic bootstrap 95 % interval over {resamples} resamples"
    ledger.add(
        "expected_calibration_error_debiased",
        Interval(debiased, min(max(0.0, float(low)), debiased), max(float(high), debiased), n, method),
        unit="proportion",
    )
    ledger.exact(
        "expected_calibration_error_by_chance", calibration_error_by_chance(found), n, unit="proportion", method=f"{text}, normal approximation"
    )
    ledger.exact("maximum_calibration_error", maximum_calibration_error(found), n, unit="proportion", method=text)


def _replicates(rows: Rows, held: Stated, edges: Array, resamples: int) -> Array:
    base = np.ones(len(held.stated)) if held.design.weights is None else held.design.weights
    statistic: Callable[[Array], float] = lambda drawn: expected_calibration_error(binned(held.stated, held.true, edges, base * drawn))  # noqa: E731
    generator = rows.generator("calibration.reliability")
    if held.design.clusters is not None:
        return cluster_replicates(held.design.clusters, statistic, generator=generator, resamples=resamples)
    if len(base) >= MANY_ROWS * (len(edges) - 1):
        return calibration_error_replicates(held.stated, held.true, edges, base, generator=generator, resamples=resamples)
    return row_replicates(len(held.stated), statistic, generator=generator, resamples=resamples)


def _charts(found: Bins, *, multiclass: bool) -> list[Chart]:
    ends = [proportion_interval(Share(f * m, m, int(n))) for f, m, n in zip(found.frequency, found.effective, found.rows, strict=True)]
    held = [end for end in ends if isinstance(end, Interval)]
    stated = "stated probability of the decided class" if multiclass else "stated probability"
    line = Series(
        name="bins",
        x=found.confidence.tolist(),
        y=found.frequency.tolist(),
        low=[end.low for end in held],
        high=[end.high for end in held],
    )
    cells = [
        (int(n), round(float(c), 6), round(float(f), 6), round(end.low, 6), round(end.high, 6))
        for n, c, f, end in zip(found.rows, found.confidence, found.frequency, held, strict=True)
    ]
    return [
        LineChart(title="Reliability", series=(line,), x_label=stated, y_label="share that came true", diagonal=True),
        TableChart(title="Bins of the reliability chart", columns=("rows", "mean stated", "came true", "low", "high"), rows=cells),
    ]

"""Fairness: time of metrics with intervals against fairlearn and a bootstrap of rows, how often intervals hold, and how often alarms are false."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import fairlearn.metrics as fl
import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score

from audit.methods.fairness.comparisons import compare
from audit.methods.fairness.group_metrics import METRICS, GroupCounts, count_groups, group_metrics
from audit.methods.fairness.groupings import groupings
from audit.methods.statistics.intervals import Estimate, Interval
from audit.methods.statistics.proportions import Share, proportion_interval
from audit.methods.statistics.simultaneous import bonferroni
from tests.benchmarks.fairness_stream import write_rows
from tests.benchmarks.figure import Figure, interleaved

FAMILY = "fairness"
NAMES = ("selection_rate", "true_positive_rate", "false_positive_rate", "accuracy")
RIVALS = {
    "selection_rate": fl.selection_rate,
    "true_positive_rate": fl.true_positive_rate,
    "false_positive_rate": fl.false_positive_rate,
    "accuracy": accuracy_score,
}
STREAM = """
import sys, time
def peak():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")) / 1024
before = peak()
from tests.benchmarks.fairness_stream import counted_rows
started = time.perf_counter()
rows = counted_rows(sys.argv[1])
print(rows, time.perf_counter() - started, peak() - before, "torch" in sys.modules)
"""


def figures(device: str, quick: bool) -> Iterator[Figure]:
    """All figures of the family; nothing here runs on a device."""
    yield from _times(quick)
    yield from _streamed(20_000_000 if quick else 100_000_000)
    yield from _coverage(400 if quick else 2000)
    yield _false_alarms(200 if quick else 1000)
    yield _power(1000)


def _rows(n: int) -> tuple[dict[str, NDArray[np.object_]], NDArray[np.int64], NDArray[np.int64]]:
    generator = np.random.default_rng(0)
    sex, race = np.array(["female", "male"], dtype=object), np.array(list("abcdef"), dtype=object)
    attributes = {"sex": sex[generator.integers(0, 2, n)], "race": race[generator.integers(0, 6, n)]}
    return attributes, generator.integers(0, 2, n), generator.integers(0, 2, n)


def _measure(rows: tuple[dict[str, NDArray[np.object_]], NDArray[np.int64], NDArray[np.int64]], resamples: int) -> object:
    return group_metrics(count_groups(*rows), NAMES, generator=np.random.default_rng(1), resamples=resamples)


def _times(quick: bool) -> Iterator[Figure]:
    large = _rows(1_000_000)
    seconds = []
    for _ in range(3 if quick else 7):
        started = time.perf_counter()
        _measure(large, 1000)
        seconds.append(time.perf_counter() - started)
    yield Figure(FAMILY, "1,000,000 rows, 4 metrics, 1,000 replicates, seconds", float(np.median(seconds)), 0.15, "lower")
    yield _all_groupings(3 if quick else 7)
    few, replicates = _rows(20_000), 4
    table = count_groups(*few)

    def fairlearn() -> object:
        attributes, labels, decisions = few
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return fl.MetricFrame(
                metrics=RIVALS, y_true=labels, y_pred=decisions, sensitive_features=attributes, n_boot=replicates, ci_quantiles=[0.025, 0.975]
            )

    ours = interleaved(lambda: group_metrics(table, NAMES, generator=np.random.default_rng(1), resamples=1000), fairlearn, rounds=2 if quick else 5)
    ratio = ours.cpu * 1000 / replicates
    yield Figure(FAMILY, "fairlearn's replicate over ours, CPU, 20,000 rows", ratio, 10_000, "higher", str(ours))
    middle = _rows(100_000)
    held = count_groups(*middle)
    plain = interleaved(
        lambda: group_metrics(held, NAMES, generator=np.random.default_rng(1), resamples=200), lambda: _of_rows(middle, 200), rounds=2 if quick else 5
    )
    yield Figure(FAMILY, "a bootstrap of rows in numpy over ours, CPU, 100,000 rows", plain.cpu, 20, "higher", str(plain))


def _all_groupings(rounds: int) -> Figure:
    generator, sizes = np.random.default_rng(0), [2, 6, 4, 3, 5, 2, 4, 3, 2, 5]
    codes = [generator.integers(0, size, 1_000_000).astype(np.int32) for size in sizes]
    outcome = generator.integers(0, 4, 1_000_000).astype(np.int8)
    seconds = []
    for _ in range(rounds):
        started = time.perf_counter()
        found = groupings(codes, sizes, outcome, 4, order=3)
        seconds.append(time.perf_counter() - started)
    detail = f"{len(found)} groupings, {sum(len(grouping.cells) for grouping in found):,} cells"
    return Figure(FAMILY, "ten attributes, all groupings to order 3, 1,000,000 rows, seconds", float(np.median(seconds)), 0.5, "lower", detail)


def _of_rows(rows: tuple[dict[str, NDArray[np.object_]], NDArray[np.int64], NDArray[np.int64]], resamples: int) -> NDArray[np.float64]:
    """What a careful user would write: codes once, then a draw of rows and one count for each resample."""
    attributes, labels, decisions = rows
    codes = [np.unique(column, return_inverse=True)[1] for column in attributes.values()]
    cell = (codes[0] * 6 + codes[1]) * 4 + 2 * labels + decisions
    generator, found = np.random.default_rng(1), np.zeros((resamples, len(NAMES), 12))
    for one in range(resamples):
        counts = np.bincount(cell[generator.integers(0, len(cell), len(cell))], minlength=48).reshape(12, 2, 2)
        for place, name in enumerate(NAMES):
            hits, base = METRICS[name].of(counts)
            found[one, place] = hits / np.maximum(base, 1)
    return np.quantile(found, [0.025, 0.975], axis=0)


def _streamed(rows: int) -> Iterator[Figure]:
    """Two sizes, each in a process of its own, so that time per row and memory can be compared."""
    per_row = []
    for size in (rows // 4, rows):
        with tempfile.TemporaryDirectory() as folder:
            file = write_rows(Path(folder) / "rows.parquet", size)
            run = subprocess.run([sys.executable, "-c", STREAM, str(file)], capture_output=True, text=True, check=True)
        counted, seconds, memory, torch = run.stdout.split()
        assert int(counted) == size
        assert torch == "False"
        per_row.append(float(seconds) / size)
    yield Figure(FAMILY, f"{rows:,} rows of Parquet in blocks, MiB above the interpreter", float(memory), 500, "lower", f"{float(seconds):.1f} s")
    yield Figure(FAMILY, "time per row, that many over a quarter of them", per_row[1] / per_row[0], 1.25, "lower")


POPULATIONS = {
    "balanced": ((0.5, 200), (0.5, 200)),
    "skewed": ((0.5, 400), (0.3, 40)),
    "rare": ((0.05, 400), (0.03, 150)),
    "extreme": ((0.97, 300), (0.9, 60)),
}


def _coverage(draws: int) -> Iterator[Figure]:
    """Shares of simulated sets whose 95 % interval holds the truth; the worst of rates, differences and ratios over the populations."""
    held: dict[str, float] = {}
    large: dict[str, float] = {}
    generator = np.random.default_rng(2)
    for name, ((p, n), (q, m)) in POPULATIONS.items():
        first, second = generator.binomial(n, p, draws), generator.binomial(m, q, draws)
        hits = {"rate": 0, "difference": 0, "ratio": 0}
        for s, r in zip(first, second, strict=True):
            one, two = Share(float(r), float(m), m), Share(float(s), float(n), n)
            against = compare(one, two)
            hits["rate"] += _holds(proportion_interval(one), q)
            hits["difference"] += _holds(against.difference, q - p)
            hits["ratio"] += _holds(against.ratio, q / p)
        for kind, count in hits.items():
            held[f"{name} {kind}"] = count / draws
            if min(m * q, m * (1 - q), n * p, n * (1 - p)) >= 5:
                large[f"{name} {kind}"] = count / draws
    worst, most = min(held, key=held.__getitem__), max(large, key=large.__getitem__)
    yield Figure(FAMILY, "coverage of 95 % intervals, worst cell", held[worst], 0.93, "higher", worst, gate=0.92)
    yield Figure(FAMILY, "the same, most conservative where expected cells are 5 or more", large[most], 0.97, "lower", most, gate=0.985)
    yield Figure(FAMILY, "coverage of 95 % intervals over clusters", _clustered(max(draws // 4, 200)), 0.93, "higher", gate=0.92)
    yield Figure(FAMILY, "coverage of simultaneous intervals, family-wise", _family_wise(max(draws // 4, 200)), 0.94, "higher", gate=0.92)


def _holds(estimate: Estimate, truth: float) -> bool:
    """An interval that does not exist does not count against coverage: nothing false is said."""
    return not isinstance(estimate, Interval) or estimate.low - 1e-12 <= truth <= estimate.high + 1e-12


def _clustered(draws: int) -> float:
    """60 clusters of 10 rows whose rates vary from cluster to cluster."""
    from audit.methods.statistics.group_shares import one_share  # noqa: PLC0415

    generator, held, owner = np.random.default_rng(3), 0, np.repeat(np.arange(60), 10)
    for _ in range(draws):
        rates = generator.beta(2, 3, 60)
        share = one_share(generator.random(600) < rates[owner], clusters=owner)
        held += _holds(proportion_interval(share), 0.4)
    return held / draws


def _family_wise(draws: int) -> float:
    generator, held = np.random.default_rng(4), 0
    rates = np.linspace(0.2, 0.6, 12)
    for _ in range(draws):
        counts = np.zeros((12, 2, 2), dtype=np.int64)
        counts[:, 0, 1] = generator.binomial(120, rates)
        counts[:, 0, 0] = 120 - counts[:, 0, 1]
        held += _largest_holds(GroupCounts(("g",), tuple((str(i),) for i in range(12)), counts), 0.4, generator)
    return held / draws


def _largest_holds(table: GroupCounts, truth: float, generator: np.random.Generator) -> bool:
    return _holds(group_metrics(table, ["selection_rate"], generator=generator, resamples=500).largest_difference[0], truth)


def _false_alarms(sets: int) -> Figure:
    """Populations alike in all 12 groups, 10 rates each: sets in which any interval that is said to hold together leaves out equality."""
    generator, alarms, comparisons = np.random.default_rng(5), 0, 11 * 10
    level = bonferroni(0.95, comparisons)
    for _ in range(sets):
        hits = generator.binomial(150, 0.4, (10, 12))
        alarm = False
        for rate in hits:
            reference = Share(float(rate[0]), 150.0, 150)
            for group in rate[1:]:
                found = compare(Share(float(group), 150.0, 150), reference, confidence=level).difference
                alarm |= isinstance(found, Interval) and (found.low > 0 or found.high < 0)
        alarms += alarm
    detail = f"{alarms} of {sets}, 110 comparisons each"
    return Figure(FAMILY, "sets of equal groups with any simultaneous alarm", alarms / sets, 0.065, "lower", detail, gate=0.08)


def _power(sets: int) -> Figure:
    """True ratio .65 against a declared limit of .8 on the interval, 500 per group, reference rate .6."""
    generator, found = np.random.default_rng(6), 0
    for s, r in zip(generator.binomial(500, 0.39, sets), generator.binomial(500, 0.6, sets), strict=True):
        ratio = compare(Share(float(s), 500.0, 500), Share(float(r), 500.0, 500)).ratio
        found += isinstance(ratio, Interval) and ratio.high < 0.8
    name = "sets found outside a limit of .8, true ratio .65, 500 per group"
    return Figure(FAMILY, name, found / sets, 0.85, "higher", "reference rate .6", gate=0.8)

"""The check `fairness.differential`: the largest ratio of outcome probabilities over all intersections of attributes."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from audit.chart_kinds import TableChart
from audit.check import check
from audit.facts import LABEL_WORDS
from audit.ledger import At, Ledger
from audit.methods.fairness.comparisons import FEWEST_COMPARED
from audit.methods.fairness.differential import (
    Widest,
    amplification_draws,
    cells_of,
    credible_interval,
    differential_by_chance,
    differential_fairness,
    posterior_draws,
)
from audit.methods.statistics.group_shares import group_shares
from audit.methods.statistics.intervals import Undefined
from audit.results import Evidence
from audit.row_design import RowDesign, row_design
from audit.rows import Rows

Array = NDArray[np.float64]
NAMES = (
    "differential_fairness",
    "differential_fairness_unsmoothed",
    "differential_fairness_by_chance",
    "differential_fairness_of_labels",
    "bias_amplification",
)


@dataclass(frozen=True)
class _Tables:
    """Counts of the cells with enough rows; on effective numbers of rows where rows are weighted or clustered."""

    names: tuple[str, ...]
    """The cells, as a reader names them."""
    joint: Array
    """(cells, labels, decisions); one label where labels are not looked at."""
    rows: int
    left_out: int
    """Cells with too few rows."""
    exact: bool

    @property
    def decided(self) -> Array:
        return np.asarray(self.joint.sum(axis=1))

    @property
    def labelled(self) -> Array:
        return np.asarray(self.joint.sum(axis=2))


@check(
    title="Differential fairness of intersections",
    topics=("fairness", "intersectionality", "selection_rates", "bias_amplification"),
    measures=NAMES,
    needs={"groups"},
    tasks={"binary", "multiclass", "anomaly"},
)
def differential(rows: Rows, *, smoothing: float = 1.0, draws: int = 2000) -> Evidence:
    """How far apart are the chances of any outcome between any two intersections of groups?

    Why it matters:
        A network can treat women like men and one ethnic group like another and still deny one outcome to women of one ethnic group.
        Differential fairness looks at all combinations of all attributes at once and reports the worst pair.

    How to read it:
        The value is the largest size of the logarithm of a ratio: over all pairs of groups and all outcomes, favourable or not. 0 means
        equal chances; 0.22 is a ratio of four fifths, 0.69 a ratio of one half. Rare cells make such a maximum wild, so each count is
        raised by the smoothing (1 unless set); the unsmoothed value is absent when a cell never gets an outcome. Cells with fewer than
        five rows are left out. The credible interval holds 95 % of what a Dirichlet prior of the same smoothing and the counts leave
        plausible; it is no confidence interval. A maximum over many small cells is large by chance: compare it with the value by chance,
        which cells of these sizes would show with equal chances. Bias amplification is the value of the decisions less that of the labels
        of the same rows: above 0, the decisions differ more between groups than the labels do.

    What it cannot show:
        Why the chances differ, and whether the labels that amplification is held against are themselves what they should be. Values made
        with another smoothing, other attributes or many more rows cannot be compared.

    References:
        Foulds, Islam, Keya & Pan 2020, arXiv:1807.08362
        Morina et al. 2019, arXiv:1911.01468
    """
    ledger, design = Ledger(census=rows.facts.census), row_design(rows)
    charts: list[TableChart] = []
    notes: list[str] = []
    names = tuple(spec.name for spec in rows.facts.groups)
    for chosen in _selections(names):
        charts += _write_decisions(ledger, rows, chosen, design, smoothing=smoothing, draws=draws, notes=notes)
        if rows.facts.label is not None:
            _write_labels(ledger, rows, chosen, design, smoothing=smoothing, draws=draws)
    if rows.facts.label is not None:
        notes.insert(0, LABEL_WORDS[rows.facts.label_kind])
    return ledger.evidence(charts, [*notes, *([design.note] if design.note else [])])


def _selections(names: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Each attribute alone, then all together."""
    alone = list(combinations(names, 1))
    return alone if len(names) < 2 else [*alone, names]


def _write_decisions(
    ledger: Ledger, rows: Rows, chosen: tuple[str, ...], design: RowDesign, *, smoothing: float, draws: int, notes: list[str]
) -> list[TableChart]:
    tables = _tables(rows, chosen, design, labels=False)
    counts, at, text = tables.decided, _at(chosen), f"Dirichlet smoothing {smoothing:g}, {len(tables.names)} cells"
    widest = differential_fairness(counts, smoothing=smoothing)
    if isinstance(widest, Undefined):
        for name in NAMES[:3]:
            ledger.absent(name, widest.reason, tables.rows, at=at)
        return []
    generator = rows.generator(f"fairness.differential {' x '.join(chosen)}")
    drawn = posterior_draws(counts, smoothing=smoothing, draws=draws, generator=generator)
    ledger.add(NAMES[0], credible_interval(widest.value, drawn, tables.rows, what=text), at=at, unit="nats")
    plain = differential_fairness(counts, smoothing=0)
    if isinstance(plain, Undefined):
        ledger.absent(NAMES[1], plain.reason, tables.rows, at=at)
    else:
        ledger.exact(NAMES[1], plain.value, tables.rows, at=at, unit="nats", method=f"no smoothing, {len(tables.names)} cells")
    chance = differential_by_chance(counts, smoothing=smoothing, draws=draws, generator=generator)
    ledger.exact(NAMES[2], chance, tables.rows, at=at, unit="nats", method=f"{text}, mean of {draws} tables with equal chances")
    notes += _notes(rows, at, tables, widest)
    return [_chart(rows, at, tables)]


def _write_labels(ledger: Ledger, rows: Rows, chosen: tuple[str, ...], design: RowDesign, *, smoothing: float, draws: int) -> None:
    tables = _tables(rows, chosen, design, labels=True)
    at, text = _at(chosen), f"Dirichlet smoothing {smoothing:g}, {len(tables.names)} cells, rows with label and decision"
    found = [differential_fairness(counts, smoothing=smoothing) for counts in (tables.labelled, tables.decided)]
    missing = next((one for one in found if isinstance(one, Undefined)), None)
    if missing is not None:
        for name in NAMES[3:]:
            ledger.absent(name, missing.reason, tables.rows, at=at)
        return
    of_labels, of_decisions = (one.value for one in found if isinstance(one, Widest))
    generator = rows.generator(f"fairness.differential labels {' x '.join(chosen)}")
    drawn = posterior_draws(tables.labelled, smoothing=smoothing, draws=draws, generator=generator)
    ledger.add(NAMES[3], credible_interval(of_labels, drawn, tables.rows, what=text), at=at, unit="nats")
    drawn = amplification_draws(tables.joint, smoothing=smoothing, draws=draws, generator=generator)
    ledger.add(NAMES[4], credible_interval(of_decisions - of_labels, drawn, tables.rows, what=text), at=at, unit="nats")


def _tables(rows: Rows, chosen: tuple[str, ...], design: RowDesign, *, labels: bool) -> _Tables:
    classes = max(len(rows.facts.classes), 2)
    used = rows.decisions >= 0
    if labels:
        used = used & (rows.labels >= 0)
    specs = [rows.group_spec(name) for name in chosen]
    cells = cells_of([rows.group(name).codes for name in chosen], [len(spec.levels) for spec in specs])
    codes = np.where(used, cells.codes, -1)
    size = len(cells.levels)
    count = np.bincount(codes[codes >= 0], minlength=size)
    kept = np.flatnonzero(count >= FEWEST_COMPARED)
    joint = _joint(rows, codes, size, classes, design, labels=labels)[kept]
    names = tuple(", ".join(spec.levels[int(cells.levels[i, j])] for j, spec in enumerate(specs)) for i in kept)
    exact = design.weights is None and design.clusters is None
    return _Tables(names, joint, int(count[kept].sum()), int(((count > 0) & (count < FEWEST_COMPARED)).sum()), exact)


def _joint(rows: Rows, codes: NDArray[np.int64], size: int, classes: int, design: RowDesign, *, labels: bool) -> Array:
    """Counts (cells, labels, decisions); shares on the smallest effective number of rows of the cell's outcomes unless rows are plain."""
    sides = classes if labels else 1
    outcome = rows.decisions + (classes * rows.labels if labels else 0)
    inside = codes >= 0
    if design.weights is None and design.clusters is None:
        flat = codes[inside] * (sides * classes) + outcome[inside]
        return np.bincount(flat, minlength=size * sides * classes).reshape(size, sides, classes).astype(np.float64)
    held = design.of(inside)
    shares = [
        group_shares(outcome[inside] == one, codes[inside], size, weights=held.weights, clusters=held.clusters) for one in range(sides * classes)
    ]
    totals = np.array([min((one[i].total for one in shares if one[i].successes > 0), default=0.0) for i in range(size)])
    values = np.array([[one[i].value if one[i].total > 0 else 0.0 for one in shares] for i in range(size)])
    return np.asarray((values * totals[:, None]).reshape(size, sides, classes))


def _at(chosen: tuple[str, ...]) -> At:
    return {"attributes": " × ".join(chosen)}


def _notes(rows: Rows, at: At, tables: _Tables, widest: Widest) -> list[str]:
    outcome = rows.facts.classes[widest.outcome] if widest.outcome < len(rows.facts.classes) else str(widest.outcome)
    worst = f"{at['attributes']}: the widest ratio is of outcome {outcome}, highest for {tables.names[widest.highest]}"
    notes = [f"{worst}, lowest for {tables.names[widest.lowest]}."]
    if tables.left_out:
        notes.append(f"{at['attributes']}: {tables.left_out:,} cells with fewer than {FEWEST_COMPARED} rows are left out.")
    if not tables.exact:
        notes.append(f"{at['attributes']}: cells count as their effective numbers of rows, so the smoothing weighs more than with plain rows.")
    return notes


def _chart(rows: Rows, at: At, tables: _Tables) -> TableChart:
    counts = tables.decided
    totals = counts.sum(axis=1)
    cells = [
        (name, round(float(total), 2), *(round(float(v / total), 6) if total > 0 else None for v in row))
        for name, total, row in zip(tables.names[:200], totals, counts, strict=False)
    ]
    what = "rows" if tables.exact else "effective rows"
    outcomes = rows.facts.classes or tuple(map(str, range(counts.shape[1])))
    title = f"Decisions by {at['attributes']}" + (" (the first 200 cells)" if len(tables.names) > 200 else "")
    return TableChart(title=title, columns=("cell", what, *(f"share decided {name}" for name in outcomes)), rows=cells)

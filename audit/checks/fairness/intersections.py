"""The check `fairness.intersections`: rates of every crossing of the declared attributes, with the number of comparisons in plain sight."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit.chart_kinds import Chart, TableChart
from audit.check import check
from audit.facts import LABEL_WORDS
from audit.ledger import Ledger
from audit.methods.fairness.cell_families import Column, Families, Units, cell_families, kinds, too_much_work
from audit.methods.fairness.cells import Cells, counted_cells, drawn_cells, exact_difference, joined, two_sided_p
from audit.methods.fairness.comparisons import FEWEST_COMPARED, compare
from audit.methods.fairness.groupings import Grouping, cell_of, groupings
from audit.methods.statistics.intervals import Interval
from audit.methods.statistics.proportions import clopper_pearson, proportion_interval
from audit.methods.statistics.simultaneous import benjamini_hochberg, bonferroni, holm
from audit.results import Evidence, Scalar, Simultaneous, Slice
from audit.row_design import RowDesign, row_design
from audit.rows import Rows

OUTCOMES = 6
"""Label unknown, unfavourable, favourable, times not selected, selected."""
BASES = {"selection_rate": (0, 1, 2, 3, 4, 5), "true_positive_rate": (4, 5), "false_positive_rate": (2, 3)}
"""Outcomes in the denominator of each rate; the odd ones are its hits."""
NO_FAVOURABLE = "No class was declared favourable, so nobody is selected."
COLUMNS = (
    "cell",
    "rate",
    "rows",
    "value",
    "the rest",
    "difference",
    "low",
    "high",
    "family low",
    "family high",
    "p value",
    "Holm",
    "Benjamini-Hochberg",
)
MOST_LISTED = 200


@dataclass(frozen=True)
class _Part:
    """One rate of one grouping: all its cells, and which of them have enough rows."""

    rate: str
    grouping: Grouping
    cells: Cells
    rated: NDArray[np.int64]


@dataclass(frozen=True)
class _Tested:
    """All rated cells of all parts, one after the other, (m,), with family-wise ends of share and gap."""

    cells: Cells
    p_values: NDArray[np.float64]
    holm: NDArray[np.float64]
    discovery: NDArray[np.float64]
    families: dict[int, tuple[Simultaneous, Simultaneous]]
    how: str


@check(
    title="Rates of all intersections",
    topics=("fairness", "intersectionality", "selection_rates", "error_rates"),
    measures=(*BASES, *(f"{name}_difference" for name in BASES), "p_value", "p_value_holm", "p_value_benjamini_hochberg", "comparisons"),
    needs={"groups"},
    tasks={"binary", "multiclass", "anomaly"},
    exploratory=True,
)
def intersections(rows: Rows, *, order: int = 3, shown: int = 200, resamples: int = 1000) -> Evidence:
    """Does a crossing of group attributes fare differently from everybody else?

    Why it matters:
        A network can treat women and men alike, and young and old alike, and still refuse old women. What happens to a crossing does not show
        in the rates of its parts. Crossings multiply quickly, though: some of a hundred small cells always stand out by luck.

    How to read it:
        Each cell is a crossing of up to `order` attributes, held against everybody else whose membership in the same attributes is known. The
        difference is the cell's rate less that of the rest. Its plain interval is for a cell chosen in advance; whoever picks the largest
        difference from the table needs the interval of the family, which holds for all cells and rates at once. The p value by Holm keeps the chance
        of even one false alarm at 5 %; the one by Benjamini and Hochberg, more lenient, keeps down the expected share of false ones among the
        cells below 0.05. The number of comparisons is shown. Cells with fewer than five rows are listed and never rated. Where there are
        many cells, those with the largest difference in standard errors are shown, and the number left out is named.

    What it cannot show:
        Why a cell differs, and small differences in small cells. Cells overlap, so one odd crossing also moves those that contain it. Rows of
        unknown membership are in no cell of that attribute.

    References:
        Crenshaw 1989, University of Chicago Legal Forum 1989:139-167
        Kearns et al. 2018, arXiv:1711.05144
        Romano & Wolf 2005, doi:10.1198/016214504000000539
        Holm 1979, Scandinavian Journal of Statistics 6:65-70
        Benjamini & Hochberg 1995, doi:10.1111/j.2517-6161.1995.tb02031.x
    """
    ledger, design = Ledger(census=rows.facts.census), row_design(rows)
    if not rows.facts.positive:
        ledger.absent("selection_rate_difference", NO_FAVOURABLE, rows.n)
        return ledger.evidence()
    outcome = _outcome(rows)
    parts = _parts(rows, outcome, design, order=order)
    notes = _notes(rows, parts, design)
    if not sum(len(part.rated) for part in parts):
        ledger.absent("selection_rate_difference", f"No cell and no rest of a cell has {FEWEST_COMPARED} rows.", rows.n)
        return ledger.evidence(_listed(rows, parts), notes)
    tested = _tested(rows, parts, outcome, design, resamples=resamples)
    owners = [(part, int(i)) for part in parts for i in part.rated]
    order_of = np.argsort(-np.abs(tested.cells.standardised), kind="stable")[:shown]
    ledger.exact("comparisons", len(owners), rows.n, method="cells and rates tested together")
    for i in order_of:
        _write(ledger, _slice(rows, owners[i][0].grouping, owners[i][1]), owners[i][0].rate, tested, int(i))
    left = len(owners) - len(order_of)
    notes += [tested.how, *([f"{left:,} cells and rates with smaller differences are left out of the table."] if left else [])]
    table = TableChart(
        title="Cells by difference in standard errors",
        columns=COLUMNS,
        rows=[_row(rows, owners[i][0], owners[i][1], tested=tested, i=int(i)) for i in order_of],
    )
    return ledger.evidence([table, *_listed(rows, parts)], notes)


def _outcome(rows: Rows) -> NDArray[np.int8]:
    state = np.zeros(rows.n, dtype=np.int8)
    if rows.has("subject.label"):
        labels = rows.labels
        state = np.where(labels < 0, 0, np.where(np.isin(labels, rows.facts.positive), 2, 1)).astype(np.int8)
    return (2 * state + rows.selected).astype(np.int8)


def _parts(rows: Rows, outcome: NDArray[np.int8], design: RowDesign, *, order: int) -> list[_Part]:
    found = [one for one in groupings(*_codes(rows), outcome, OUTCOMES, order=order) if _crosses(rows, one)]
    rates = [name for name in BASES if name == "selection_rate" or rows.has("subject.label")]
    parts = []
    for grouping, rate in ((one, name) for one in found if len(one.cells) for name in rates):
        cells = _cells(rows, grouping, rate, outcome, design)
        parts.append(_Part(rate, grouping, cells, np.flatnonzero(np.minimum(cells.rows, cells.rest_rows) >= FEWEST_COMPARED)))
    return parts


def _crosses(rows: Rows, grouping: Grouping) -> bool:
    """Whether it crosses attributes of different columns; cuts of one column say nothing new when crossed, and would count as comparisons."""
    columns = [rows.facts.groups[position].column for position in grouping.attributes]
    return len(set(columns)) == len(columns)


def _cells(rows: Rows, grouping: Grouping, rate: str, outcome: NDArray[np.int8], design: RowDesign) -> Cells:
    base = list(BASES[rate])
    hits = [k for k in base if k % 2]
    if design.weights is None and design.clusters is None:
        return counted_cells(grouping.counts[:, hits].sum(axis=1), grouping.counts[:, base].sum(axis=1))
    codes = cell_of(grouping, *_codes(rows))
    kept = (codes >= 0) & np.isin(outcome, base)
    part = design.of(kept)
    return drawn_cells(codes[kept], len(grouping.cells), outcome[kept] % 2 == 1, weights=part.weights, clusters=part.clusters)


def _tested(rows: Rows, parts: Sequence[_Part], outcome: NDArray[np.int8], design: RowDesign, *, resamples: int) -> _Tested:
    cells = joined([part.cells.of(part.rated) for part in parts])
    p_values, regular = two_sided_p(cells), np.flatnonzero(cells.regular)
    m = len(p_values)
    confidence = 0.975 if len(regular) < m else 0.95  # both kinds of interval then share the error
    made = _bootstrapped(rows, parts, outcome, design, confidence=confidence, resamples=resamples) if len(regular) else None
    families = {} if made is None else _ends(made, regular, m, design, resamples)
    how = f"{m:,} cells and rates were compared."
    if families:
        how += f" Intervals of the family are max-T over {resamples:,} bootstrap resamples for {len(regular):,} of them with enough counts."
    if m > len(families):
        how += f" Those of {m - len(families):,} are exact, each at a level divided by their number (Bonferroni)."
    return _Tested(cells, p_values, holm(p_values), benjamini_hochberg(p_values), families, how)


def _bootstrapped(
    rows: Rows, parts: Sequence[_Part], outcome: NDArray[np.int8], design: RowDesign, *, confidence: float, resamples: int
) -> Families | None:
    """Joint intervals of all cells with enough counts; None where they would take too long."""
    units, places = _units(rows, outcome, design)
    kept = [part.rated[part.cells.of(part.rated).regular] for part in parts]
    entries, wanted = len(places) * sum(len(some) > 0 for some in kept), sum(len(some) for some in kept)
    if too_much_work(units=len(units.probability), entries=entries, kept=wanted, resamples=resamples):
        return None
    codes, sizes = _codes(rows)
    codes, ours = [code[places] for code in codes], outcome[places]
    columns = [
        Column(np.where(np.isin(ours, BASES[part.rate]), cell_of(part.grouping, codes, sizes), -1), len(part.grouping.cells), ours % 2 == 1, some)
        for part, some in zip(parts, kept, strict=True)
        if len(some)
    ]
    return cell_families(units, columns, generator=rows.generator("intersections"), confidence=confidence, resamples=resamples)


def _units(rows: Rows, outcome: NDArray[np.int8], design: RowDesign) -> tuple[Units, NDArray[np.int64]]:
    """What is resampled, and the rows that stand for it: one of each kind of row, else every row or cluster."""
    n, weight = rows.n, np.ones(rows.n) if design.weights is None else design.weights
    if design.weights is None and design.clusters is None:
        places, counts = kinds(*_codes(rows), outcome)
        return Units(np.arange(len(places)), np.ones(len(places)), counts / n, n), places
    unit = np.arange(n) if design.clusters is None else np.unique(design.clusters, return_inverse=True)[1].reshape(-1)
    count = int(unit.max()) + 1
    return Units(unit, weight, np.full(count, 1 / count), count), np.arange(n)


def _codes(rows: Rows) -> tuple[list[NDArray[np.int32]], list[int]]:
    held = [rows.group(spec.name) for spec in rows.facts.groups]
    return [one.codes for one in held], [len(one.levels) for one in held]


def _ends(
    made: Families, regular: NDArray[np.int64], comparisons: int, design: RowDesign, resamples: int
) -> dict[int, tuple[Simultaneous, Simultaneous]]:
    drawn = "clusters" if design.clusters is not None else "rows"
    method = f"max-T over {resamples} bootstrap resamples of {drawn}"
    low, high = np.clip([made.shares.low, made.shares.high], 0, 1)
    gap_low, gap_high = np.clip([made.gaps.low, made.gaps.high], -1, 1)
    return {
        int(i): (
            Simultaneous(low=float(low[k]), high=float(high[k]), comparisons=comparisons, method=method),
            Simultaneous(low=float(gap_low[k]), high=float(gap_high[k]), comparisons=comparisons, method=method),
        )
        for k, i in enumerate(regular)
    }


def _family(tested: _Tested, i: int) -> tuple[Simultaneous, Simultaneous]:
    """Ends of share and gap that hold over the family."""
    if i in tested.families:
        return tested.families[i]
    m, small = len(tested.p_values), len(tested.p_values) - len(tested.families)
    confidence = bonferroni(0.975 if tested.families else 0.95, small)
    share, rest = tested.cells.share(i), tested.cells.rest(i)
    own = clopper_pearson(share, confidence=confidence)
    low, high = exact_difference(share, rest, confidence=confidence)
    ends = (own.low, own.high) if isinstance(own, Interval) else (0.0, 1.0)
    method = "Bonferroni, exact" if share.exact and rest.exact else "Bonferroni, exact on the effective n"
    own_family = Simultaneous(low=ends[0], high=ends[1], comparisons=m, method=method)
    return own_family, Simultaneous(low=low, high=high, comparisons=m, method=method)


def _slice(rows: Rows, grouping: Grouping, i: int) -> dict[str, str]:
    specs = [rows.facts.groups[a] for a in grouping.attributes]
    return {spec.name: spec.levels[code] for spec, code in zip(specs, grouping.cells[i].tolist(), strict=True)}


def _title(where: Slice) -> str:
    return ", ".join(f"{key} {level}" for key, level in where.items())


def _write(ledger: Ledger, where: Slice, rate: str, tested: _Tested, i: int) -> None:
    versus: Slice = {" × ".join(where): "the rest"}
    share, rest, n = tested.cells.share(i), tested.cells.rest(i), int(min(tested.cells.rows[i], tested.cells.rest_rows[i]))
    counts = {"selected": round(share.successes), "total": share.rows} if share.exact else None
    families = _family(tested, i)
    ledger.add(rate, proportion_interval(share), slice=where, unit="proportion", counts=counts, simultaneous=families[0])
    difference = compare(share, rest).difference
    ledger.add(f"{rate}_difference", difference, slice=where, versus=versus, unit="proportion", simultaneous=families[1], n=n)
    exact = share.exact and rest.exact and not tested.cells.of(np.array([i])).regular[0]
    m, test = len(tested.p_values), "Fisher exact, twice the smaller tail" if exact else "two-proportion z"
    for name, values, how in (
        ("p_value", tested.p_values, test),
        ("p_value_holm", tested.holm, f"{test}, Holm over {m}"),
        ("p_value_benjamini_hochberg", tested.discovery, f"{test}, Benjamini-Hochberg over {m}"),
    ):
        ledger.exact(name, min(1.0, float(values[i])), n, slice=where, versus=versus, at={"rate": rate}, method=how)


def _row(rows: Rows, part: _Part, cell: int, *, tested: _Tested, i: int) -> Sequence[Scalar]:
    share, rest = tested.cells.share(i), tested.cells.rest(i)
    difference, family = compare(share, rest).difference, _family(tested, i)[1]
    ends = (difference.low, difference.high, family.low, family.high) if isinstance(difference, Interval) else (None,) * 4
    p_values = [min(1.0, float(values[i])) for values in (tested.p_values, tested.holm, tested.discovery)]
    name = _title(_slice(rows, part.grouping, cell))
    return [name, part.rate, share.rows, share.value, rest.value, share.value - rest.value, *((None,) * 4 if rows.facts.census else ends), *p_values]


def _listed(rows: Rows, parts: Sequence[_Part]) -> list[Chart]:
    """Cells with fewer than five rows, by their counts alone."""
    few = [(part, i) for part in parts if part.rate == "selection_rate" for i in np.flatnonzero(part.cells.rows < FEWEST_COMPARED).tolist()]
    if not few:
        return []
    held = [(_title(_slice(rows, part.grouping, i)), int(part.cells.rows[i])) for part, i in few[:MOST_LISTED]]
    return [TableChart(title=f"Cells with fewer than {FEWEST_COMPARED} rows, not rated", columns=("cell", "rows"), rows=held)]


def _notes(rows: Rows, parts: Sequence[_Part], design: RowDesign) -> list[str]:
    notes = [design.note] if design.note else []
    if rows.has("subject.label"):
        notes.append(LABEL_WORDS[rows.facts.label_kind])
    chosen, others = ([part for part in parts if (part.rate == "selection_rate") == wanted] for wanted in (True, False))
    few = sum(int((part.cells.rows < FEWEST_COMPARED).sum()) for part in chosen)
    alone = sum(int((part.cells.rows >= FEWEST_COMPARED).sum()) - len(part.rated) for part in chosen)
    bare = sum(len(part.cells.rows) - len(part.rated) for part in others)
    more = f"; the first {MOST_LISTED} are listed" if few > MOST_LISTED else ""
    said = (
        (few, f"cells have fewer than {FEWEST_COMPARED} rows and are not rated{more}."),
        (alone, f"cells hold all rows but fewer than {FEWEST_COMPARED}, so there is no rest to hold them against."),
        (bare, f"error rates have fewer than {FEWEST_COMPARED} rows with such a label in the cell or in the rest and are not rated."),
    )
    return [*notes, *(f"{count:,} {text}" for count, text in said if count)]

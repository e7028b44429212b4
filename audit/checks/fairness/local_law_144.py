"""The check `fairness.local_law_144`: the tables that New York City's Local Law 144 asks to be published, without a verdict."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from audit.chart_kinds import TableChart
from audit.check import check
from audit.data.dataset import Codes
from audit.errors import nearest
from audit.ledger import Ledger
from audit.methods.fairness.counts import count_table
from audit.methods.fairness.local_law_144 import SMALL, AboveMedian, ImpactTable, above_median, disagreements, impact_table, may_be_left_out
from audit.results import Evidence, Scalar, Slice
from audit.rows import Rows

Form = Literal["both", "selection", "scoring"]
RATES = {"selection": "selection_rate", "scoring": "scoring_rate"}
WEIGHTED = "The tables count persons, and these rows are weighted."
WITHOUT_ROWS = "There are no rows."
COLUMNS = ("category", "rows", "share of known rows", "selected", "rate", "impact ratio", "highest rate", "left out")


@dataclass(frozen=True)
class _Cut:
    """One of the three cuts: by sex, by race, or by both."""

    name: str
    slices: Sequence[Slice]
    selected: Sequence[int]
    totals: Sequence[int]
    unknown: int

    def title(self, position: int) -> str:
        """Name of a category, as ``leave_out`` gives it."""
        return " × ".join(self.slices[position].values())


@dataclass(frozen=True)
class _Outcome:
    """Rows counted as selected, (n,), of those that take part."""

    form: str
    at: Mapping[str, Scalar]
    selected: NDArray[np.bool_]
    base: NDArray[np.bool_]
    note: str


@check(
    title="Impact ratios as Local Law 144 tables them",
    topics=("fairness", "selection_rates", "disparate_impact", "intersectionality"),
    measures=("selection_rate", "scoring_rate", "impact_ratio", "category_share", "unknown_membership", "median_score", "share_at_median"),
    needs={"groups"},
    tasks={"binary", "multiclass"},
    default=False,
)
def local_law_144(
    rows: Rows,
    *,
    sex: str = "sex",
    race: str = "race",
    form: Form = "both",
    unknown_in_median: bool = True,
    leave_out: tuple[str, ...] = (),
    justification: str = "",
) -> Evidence:
    """What do the tables look like that New York City's Local Law 144 asks an employer to publish?

    Why it matters:
        Since 2023 an employer in New York City may use an automated employment decision tool only with a summary of rates and impact ratios
        by sex, by race or ethnicity, and by both together. Published summaries often divide rounded rates, choose the reference before leaving
        categories out, or do not show how many people stand behind a rate.

    How to read it:
        A tool that selects has selection rates: selected rows over all rows of a category. A tool that scores has scoring rates: the share of a
        category strictly above the median score of the full sample. Which of the two applies is the employer's to say with the setting
        `form`. The impact ratio divides a rate, unrounded, by the highest rate among the categories that are not left out; categories that
        share it all have 1. Where many rows score exactly the median, all scoring rates fall well below one half, so their share is shown. A
        category with less than 2 % of the rows of its table is left out only when `leave_out` names it ("Asian", or "female × Asian" in the
        table of both) and `justification` says why; its rows and rate stay in the table. These numbers are counts of the rows at hand:
        their uncertainty is in the check of selection rates.

    What it cannot show:
        Whether the law is met: it sets no limit on the ratio and asks for an independent auditor, dates, the source of the data and notices,
        none of which is in the rows. Whether rows are persons, whether the data are historical, and whether categories are those of the
        EEO-1 report is not known here. Rows of unknown membership are counted and in no category.

    References:
        6 RCNY 5-300 to 5-304, Rules of the City of New York
        Groves et al. 2024, arXiv:2402.08101
        Wright et al. 2024, arXiv:2406.01399
    """
    ledger, charts = Ledger(census=rows.facts.census), []
    notes: list[str] = []
    blockers: list[str] = []
    held, missing = _declared(rows, (sex, race))
    if rows.weights.size and (rows.weights != rows.weights[0]).any():
        ledger.absent("impact_ratio", WEIGHTED, rows.n)
        return ledger.evidence()
    for name in missing:
        reason = f"There is no group attribute {name!r}: {nearest(name, [spec.name for spec in rows.facts.groups])}."
        ledger.absent("impact_ratio", reason, rows.n, at={"table": name})
    for outcome in _outcomes(rows, ledger, held, form=form, unknown_in_median=unknown_in_median):
        counts = _counts(outcome, held)
        cuts = _cuts(held, counts)
        notes += [outcome.note, *_margins(held, counts)]
        for cut in cuts:
            left = _left_out(cut, leave_out, justification, blockers)
            table = impact_table(cut.selected, cut.totals, left_out=left)
            _write(ledger, cut, table, outcome)
            charts.append(_chart(cut, table, outcome))
            notes += _notes(cut, table, justification)
        blockers += _unknown_names(cuts, leave_out)
    return ledger.evidence(charts, tuple(dict.fromkeys(notes)), tuple(dict.fromkeys(blockers)))


def _declared(rows: Rows, names: Sequence[str]) -> tuple[dict[str, Codes], list[str]]:
    known = {spec.name for spec in rows.facts.groups}
    return {name: rows.group(name) for name in names if name in known}, [name for name in names if name not in known]


def _outcomes(rows: Rows, ledger: Ledger, held: Mapping[str, Codes], *, form: Form, unknown_in_median: bool) -> Iterator[_Outcome]:
    everybody = np.ones(rows.n, dtype=np.bool_)
    if form in ("both", "selection") and rows.facts.positive:
        refused = int((rows.decisions < 0).sum())
        note = f"{refused:,} rows without a finite output count as not selected." if refused else "Each row counts as one person."
        yield _Outcome("selection", {"form": "selection"}, rows.selected, everybody, note)
    elif form in ("both", "selection"):
        for position, name in enumerate(rows.facts.classes):
            note = f"Rates are of being put into each of the {len(rows.facts.classes)} classes, as no class was declared favourable."
            yield _Outcome("selection", {"form": "selection", "class": name}, rows.decisions == position, everybody, note)
    if form in ("both", "scoring"):
        yield from _scored(rows, ledger, held, unknown_in_median=unknown_in_median)


def _scored(rows: Rows, ledger: Ledger, held: Mapping[str, Codes], *, unknown_in_median: bool) -> Iterator[_Outcome]:
    at = {"form": "scoring"}
    if not rows.has("outputs.score"):
        ledger.absent("scoring_rate", "The rows have no single score.", rows.n, at=at)
        return
    scores = rows.column("outputs.score").astype(np.float64)
    finite, known = np.isfinite(scores), np.ones(rows.n, dtype=np.bool_)
    for codes in held.values():
        known &= codes.codes >= 0
    sample = finite if unknown_in_median else finite & known
    if not sample.any():
        ledger.absent("scoring_rate", "No row of the sample has a finite score.", rows.n, at=at)
        return
    found = above_median(scores, sample)
    ledger.exact("median_score", found.median, found.sample, at=at, unit=rows.unit("outputs.score"), method=_sample(unknown_in_median))
    ledger.exact("share_at_median", found.at_median / found.sample, found.sample, at=at, unit="proportion", method="rows equal to the median")
    yield _Outcome("scoring", at, found.above, finite, _median_note(found, unknown_in_median, rows.n - int(finite.sum())))


def _sample(unknown_in_median: bool) -> str:
    return "median of all rows with a score" if unknown_in_median else "median of rows with a score and known membership"


def _median_note(found: AboveMedian, unknown_in_median: bool, without: int) -> str:
    rows = "including" if unknown_in_median else "leaving out"
    shares = f"{100 * found.above.sum() / max(len(found.above) - without, 1):.1f} % of rows lie strictly above it"
    gone = f" {without:,} rows have no finite score and take no part." if without else ""
    share = 100 * found.at_median / found.sample
    return f"The median is of {found.sample:,} rows, {rows} those of unknown membership; {shares}, {share:.1f} % on it.{gone}"


def _counts(outcome: _Outcome, held: Mapping[str, Codes]) -> NDArray[np.int64]:
    """Rows by attribute levels (the last position unknown), and by not selected or selected."""
    kept, sizes = outcome.base, (*(len(one.levels) for one in held.values()), 2)
    return count_table(*(one.codes[kept] for one in held.values()), outcome.selected[kept].astype(np.int64), sizes=sizes)[..., :2]


def _cuts(held: Mapping[str, Codes], counts: NDArray[np.int64]) -> list[_Cut]:
    names = list(held)
    cuts = []
    for axis, name in enumerate(names):
        margin = counts.sum(axis=tuple(other for other in range(len(names)) if other != axis))
        cuts.append(_cut(name, [{name: level} for level in held[name].levels], margin[:-1], int(margin[-1].sum())))
    if len(names) == 2:
        slices = [{names[0]: a, names[1]: b} for a in held[names[0]].levels for b in held[names[1]].levels]
        inner = counts[:-1, :-1]
        cuts.append(_cut(" × ".join(names), slices, inner.reshape(-1, 2), int(counts.sum() - inner.sum())))
    return cuts


def _cut(name: str, slices: Sequence[Slice], counts: NDArray[np.int64], unknown: int) -> _Cut:
    return _Cut(name, slices, counts[:, 1].tolist(), counts.sum(axis=1).tolist(), unknown)


def _margins(held: Mapping[str, Codes], counts: NDArray[np.int64]) -> list[str]:
    """Where a category has more rows in its own table than in that of both attributes, and why."""
    if len(held) < 2:
        return []
    totals = counts.sum(axis=-1)
    names = list(held)
    found = disagreements(totals[:-1, :-1], totals[:-1].sum(axis=1), totals[:, :-1].sum(axis=0))
    return [
        f"{held[names[one.axis]].levels[one.position]} has {one.marginal:,} rows by {names[one.axis]} and {one.summed:,} in the table of both: "
        f"the {names[1 - one.axis]} of {one.marginal - one.summed:,} is unknown."
        for one in found
    ]


def _left_out(cut: _Cut, names: Sequence[str], justification: str, blockers: list[str]) -> list[int]:
    left = []
    for position in (i for i in range(len(cut.totals)) if cut.title(i) in names):
        if not justification.strip():
            blockers.append(f"{cut.title(position)} is not left out: the setting 'justification' is empty.")
        elif not may_be_left_out(cut.totals, position):
            base = sum(cut.totals)
            blockers.append(f"{cut.title(position)} is not left out: {cut.totals[position]:,} of {base:,} rows is not less than {float(SMALL):.0%}.")
        else:
            left.append(position)
    return left


def _unknown_names(cuts: Sequence[_Cut], names: Sequence[str]) -> list[str]:
    legal = [cut.title(i) for cut in cuts for i in range(len(cut.totals))]
    return [f"'leave_out' names {name!r}, which is no category: {nearest(name, legal)}." for name in names if name not in legal]


def _write(ledger: Ledger, cut: _Cut, table: ImpactTable, outcome: _Outcome) -> None:
    at = dict(outcome.at)
    ledger.exact("unknown_membership", cut.unknown, cut.unknown + table.base, at={**at, "table": cut.name}, unit="rows", method="count")
    for i, one in enumerate(table.categories):
        where, counts = cut.slices[i], {"selected": one.selected, "total": one.total}
        ledger.exact("category_share", float(one.share), one.total, slice=where, at=at, unit="proportion", method="share of rows of known membership")
        if one.rate is None:
            ledger.absent(RATES[outcome.form], WITHOUT_ROWS, 0, slice=where, at=at)
        else:
            ledger.exact(RATES[outcome.form], float(one.rate), one.total, slice=where, at=at, unit="proportion", method="exact", counts=counts)
        _write_ratio(ledger, cut, table, i, at)


def _write_ratio(ledger: Ledger, cut: _Cut, table: ImpactTable, i: int, at: Mapping[str, Scalar]) -> None:
    one, where = table.categories[i], cut.slices[i]
    if one.impact_ratio is None:
        ledger.absent("impact_ratio", _why_no_ratio(table, i), one.total, slice=where, at=at)
        return
    top = i if i in table.highest else table.highest[0]
    highest = table.categories[top]
    counts = {"selected": one.selected, "total": one.total, "reference_selected": highest.selected, "reference_total": highest.total}
    n, method = min(one.total, highest.total), "unrounded rate over the highest rate of the categories not left out"
    ratio = float(one.impact_ratio)
    ledger.exact("impact_ratio", ratio, n, slice=where, versus=cut.slices[top], at=at, unit="ratio", method=method, counts=counts)


def _why_no_ratio(table: ImpactTable, i: int) -> str:
    one = table.categories[i]
    if one.total == 0:
        return WITHOUT_ROWS
    return "Left out of the ratios, as declared." if one.left_out else "The highest rate is zero."


def _chart(cut: _Cut, table: ImpactTable, outcome: _Outcome) -> TableChart:
    rows: list[Sequence[Scalar]] = [
        (
            cut.title(i),
            one.total,
            float(one.share),
            one.selected,
            None if one.rate is None else float(one.rate),
            None if one.impact_ratio is None else float(one.impact_ratio),
            i in table.highest,
            one.left_out,
        )
        for i, one in enumerate(table.categories)
    ]
    rows.append(("unknown", cut.unknown, None, None, None, None, False, False))
    where = f", class {outcome.at['class']}" if "class" in outcome.at else ""
    columns = tuple("above the median" if name == "selected" and outcome.form == "scoring" else name for name in COLUMNS)
    return TableChart(title=f"{RATES[outcome.form].replace('_', ' ').capitalize()} by {cut.name}{where}", columns=columns, rows=rows)


def _notes(cut: _Cut, table: ImpactTable, justification: str) -> list[str]:
    notes = [f"{cut.name}: 2 % of the {table.base:,} rows of known membership is {0.02 * table.base:g} rows."]
    left = [f"{cut.title(i)} ({one.total:,} rows)" for i, one in enumerate(table.categories) if one.left_out]
    if left:
        notes.append(f"{cut.name}: left out of the ratios: {', '.join(left)}. Justification given: {justification.strip()}")
    if len(table.highest) > 1:
        notes.append(f"{cut.name}: {len(table.highest)} categories share the highest rate and all have a ratio of 1.")
    return notes

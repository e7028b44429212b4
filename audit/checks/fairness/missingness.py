"""The check `fairness.missingness`: whose inputs are missing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit.chart_kinds import BarChart
from audit.check import check
from audit.estimate_bars import estimate_bars
from audit.ledger import Ledger, family
from audit.methods.fairness.comparisons import FEWEST_COMPARED, compare
from audit.methods.fairness.equal_shares import equal_shares_p
from audit.methods.statistics.group_shares import group_shares, one_share
from audit.methods.statistics.intervals import Interval
from audit.methods.statistics.proportions import Share, proportion_interval
from audit.methods.statistics.simultaneous import bonferroni, holm
from audit.reference_group import reference_group, reference_note
from audit.results import Evidence
from audit.row_design import RowDesign, row_design
from audit.rows import Rows

INPUT = "subject.input."
LEVEL = 0.05
"""Adjusted p values below it are listed before larger differences that chance can explain."""
CHARTED = 15


@dataclass(frozen=True)
class _Attribute:
    """The groups of one attribute: sizes, and the position of the reference."""

    name: str
    levels: tuple[str, ...]
    codes: NDArray[np.int64]
    sizes: NDArray[np.int64]
    reference: int

    @property
    def compared(self) -> NDArray[np.int64]:
        """Levels large enough to compare with the reference."""
        if self.sizes[self.reference] < FEWEST_COMPARED:
            return np.empty(0, dtype=np.int64)
        return np.setdiff1d(np.flatnonzero(self.sizes >= FEWEST_COMPARED), [self.reference])


@dataclass(frozen=True)
class _Pairs:
    """Shares of missing values of one column in all groups of one attribute."""

    column: str
    attribute: _Attribute
    shares: Sequence[Share]

    def p_values(self) -> NDArray[np.float64]:
        """One per compared level."""
        held, level = np.array([(s.successes, s.total) for s in self.shares]), self.attribute.compared
        base = held[self.attribute.reference]
        return equal_shares_p(held[level, 0], held[level, 1], base[0], base[1], exact=all(share.exact for share in self.shares))

    def gaps(self) -> NDArray[np.float64]:
        """Share of each compared level less the reference's."""
        held, level = np.array([(s.successes, s.total) for s in self.shares]), self.attribute.compared
        base = held[self.attribute.reference]
        return np.asarray(held[level, 0] / held[level, 1] - base[0] / base[1])


@dataclass(frozen=True)
class _Found:
    """One comparison that is written: of which pair of shares, and its adjusted p value."""

    pairs: _Pairs
    level: int
    p_value: float


@check(
    title="Missing inputs by group",
    topics=("fairness", "data_quality", "missing_values"),
    measures=("columns_with_missing", "missing_share", "missing_share_difference", "p_value_holm", "unknown_membership_share"),
    reads=(),
    needs={"groups", "inputs"},
)
def missingness(rows: Rows, *, largest: int = 50) -> Evidence:
    """Are the inputs of some groups missing more often than those of others?

    Why it matters:
        What is missing is filled in with a guess, and guesses fit those best who are most like the rest. Where records of one group have
        more gaps, the network knows less of its members, and the gaps themselves can tell it who belongs to the group.

    How to read it:
        For each input with gaps, the missing share of a group is the part of its rows without a value; the difference is the group's less
        that of the reference group (the declared one, else the largest). All inputs and groups are one family of comparisons: p values
        are adjusted for their number, and each difference has a second interval that holds together with all others. Listed first are
        differences unlikely to be chance, then the largest; the notes say how many are not listed. Rows whose membership is unknown are in
        no group, and their share is shown for each attribute.

    What it cannot show:
        Why values are missing, values that were filled in before the audit, or values present but wrong. An absent difference is no sign
        that filling in does no harm.

    References:
        Rubin 1976, doi:10.1093/biomet/63.3.581
        Martínez-Plumed et al. 2019, arXiv:1905.12728
        Holm 1979, Scandinavian Journal of Statistics 6:65-70
        Newcombe 1998, Statistics in Medicine 17:873-890
    """
    ledger, design = Ledger(census=rows.facts.census), row_design(rows)
    notes = [design.note] if design.note else []
    for spec in rows.facts.groups:
        unknown = one_share(rows.group(spec.name).codes < 0, weights=design.weights, clusters=design.clusters)
        counts = {"unknown": int(unknown.successes), "total": unknown.rows} if unknown.exact else None
        ledger.add("unknown_membership_share", proportion_interval(unknown), at={"attribute": spec.name}, unit="proportion", counts=counts)
    attributes = _attributes(rows, ledger, notes, largest)
    gaps, columns = 0, 0
    pairs: list[_Pairs] = []
    for column, missing in _missing(rows):
        columns, gaps = columns + 1, gaps + int(missing.any())
        if missing.any():
            pairs += [_pairs(column, missing, attribute, design) for attribute in attributes if len(attribute.compared)]
    ledger.exact("columns_with_missing", gaps, rows.n, unit="columns", method=f"of {columns} inputs")
    if not gaps:
        notes.append(f"None of the {columns} inputs has a missing value.")
    found, comparisons = _listed(pairs, largest)
    if comparisons:
        notes.append(
            f"Of {comparisons:,} comparisons of an input and a group, {len(found):,} are listed and {comparisons - len(found):,} are left out."
        )
    _write(ledger, found, comparisons)
    return ledger.evidence(_charts(found), tuple(dict.fromkeys(notes)))


def _attributes(rows: Rows, ledger: Ledger, notes: list[str], largest: int) -> list[_Attribute]:
    held, small = [], 0
    for spec in rows.facts.groups:
        codes = rows.group(spec.name).codes.astype(np.int64)
        sizes = np.bincount(codes[codes >= 0], minlength=len(spec.levels))
        reference = reference_group(rows, spec.name, sizes.tolist())
        if reference is None:
            ledger.absent("missing_share_difference", "Membership is unknown for every row.", rows.n, at={"attribute": spec.name})
            continue
        notes.append(reference_note(rows, spec.name, reference))
        held.append(_Attribute(spec.name, spec.levels, codes, sizes, reference))
        for level in np.flatnonzero(sizes < FEWEST_COMPARED):
            small += 1
            if small <= largest:
                reason = f"The group has {sizes[level]} rows, too few to compare (at least {FEWEST_COMPARED})."
                ledger.absent("missing_share_difference", reason, int(sizes[level]), slice={spec.name: spec.levels[level]})
    if small > largest:
        notes.append(f"{small - largest:,} more groups have fewer than {FEWEST_COMPARED} rows and are not compared.")
    return held


def _missing(rows: Rows) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Each input with one value per row, and which of its values are missing."""
    for name in rows.names():
        if name.startswith(INPUT):
            values = rows.fresh().column(name)  # thousands of inputs are not held in memory together
            if values.ndim == 1:
                yield name.removeprefix(INPUT), _absent(values)


def _absent(values: NDArray[Any]) -> NDArray[np.bool_]:
    if values.dtype.kind == "f":
        return np.asarray(np.isnan(values))
    if values.dtype.kind == "O":
        return np.fromiter((value is None or value != value for value in values), dtype=np.bool_, count=len(values))  # noqa: PLR0124  NaN
    return np.zeros(len(values), dtype=np.bool_)


def _pairs(column: str, missing: NDArray[np.bool_], attribute: _Attribute, design: RowDesign) -> _Pairs:
    shares = group_shares(missing, attribute.codes, len(attribute.levels), weights=design.weights, clusters=design.clusters)
    return _Pairs(column, attribute, shares)


def _listed(pairs: Sequence[_Pairs], largest: int) -> tuple[list[_Found], int]:
    """The comparisons to write, and how many there were."""
    if not pairs:
        return [], 0
    owner = np.repeat(np.arange(len(pairs)), [len(one.attribute.compared) for one in pairs])
    levels = np.concatenate([one.attribute.compared for one in pairs])
    p_values = holm(np.concatenate([one.p_values() for one in pairs]))
    gaps = np.abs(np.concatenate([one.gaps() for one in pairs]))
    order = np.lexsort((np.arange(len(gaps)), -gaps, p_values >= LEVEL))[:largest]
    return [_Found(pairs[owner[i]], int(levels[i]), float(p_values[i])) for i in order], len(gaps)


def _write(ledger: Ledger, found: Sequence[_Found], comparisons: int) -> None:
    shown = {(one.pairs.column, one.pairs.attribute.name, level): one for one in found for level in (one.level, one.pairs.attribute.reference)}
    for (column, attribute, level), one in shown.items():
        share = one.pairs.shares[level]
        counts = {"missing": int(share.successes), "total": share.rows} if share.exact else None
        where = {attribute: one.pairs.attribute.levels[level]}
        ledger.add("missing_share", proportion_interval(share), slice=where, at={"column": column}, unit="proportion", counts=counts)
    for one in found:
        held, share, base = one.pairs.attribute, one.pairs.shares[one.level], one.pairs.shares[one.pairs.attribute.reference]
        where, versus, at = {held.name: held.levels[one.level]}, {held.name: held.levels[held.reference]}, {"column": one.pairs.column}
        plain = compare(share, base)
        wide = family(compare(share, base, confidence=bonferroni(0.95, comparisons)).difference, comparisons)
        ledger.add(
            "missing_share_difference", plain.difference, slice=where, versus=versus, at=at, unit="proportion", simultaneous=wide, n=plain.rows
        )
        method = f"two-proportion z or doubled Fisher tail, two-sided, Holm over {comparisons:,} comparisons"
        ledger.exact("p_value_holm", one.p_value, plain.rows, slice=where, versus=versus, at=at, method=method)


def _charts(found: Sequence[_Found]) -> list[BarChart]:
    held = [(one, compare(one.pairs.shares[one.level], one.pairs.shares[one.pairs.attribute.reference])) for one in found[:CHARTED]]
    drawn = [(one, replace(item.difference, n=item.rows)) for one, item in held if isinstance(item.difference, Interval)]
    return estimate_bars(
        title="Difference in missing values from the reference group",
        categories=[f"{one.pairs.column}: {one.pairs.attribute.levels[one.level]}" for one, _ in drawn],
        estimates=[gap for _, gap in drawn],
        x_label="share missing in the group less share missing in the reference",
    )

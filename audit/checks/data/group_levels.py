"""The check `data.group_levels`: levels of a protected attribute that look like spellings of one another."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import numpy as np

from audit.chart_kinds import TableChart
from audit.check import check
from audit.data.spellings import MOST_COMPARED, Alike, alike_pairs, reads_as_unknown
from audit.ledger import Ledger
from audit.results import Criterion, Evidence, Scalar
from audit.rows import Rows

SHOWN = 60
WHY = {"typography": "same but for case, spaces, accents or punctuation", "letters": "a letter apart, and one is rare"}


def _limit(measurement: str, because: str) -> Criterion:
    return Criterion(measurement=measurement, maximum=Decimal(0), because=because, source="Netassay", owner="Netassay", soft=True, technical=True)


LIMITS = (
    _limit("look_alike_pairs", "A group that is split over two spellings is compared in pieces, of which the smaller is often too small for it."),
    _limit("levels_like_unknown", "Rows of which membership is unknown are no group; declared unknown, they are counted apart."),
)


@check(
    title="Levels of groups that look like one another",
    topics=("data_quality", "fairness", "protected_attributes"),
    measures=("look_alike_pairs", "look_alike_rows", "levels_like_unknown"),
    criteria=LIMITS,
    reads=(),
    needs={"groups"},
)
def group_levels(rows: Rows, *, rare: float = 0.05) -> Evidence:
    """Do levels of a protected attribute look like spellings of one another, or of unknown?

    Why it matters:
        People written "female", "femal" and "Female " are one group to a reader and three to a program. The pieces are too small to be
        compared, so what happens to the people in them is not seen, and the rates of the rest leave them out. Rows with "?" are read as a
        group of their own unless that value is declared unknown.

    How to read it:
        For each attribute the first number counts pairs of levels that are the same but for case, spaces, accents or punctuation, or that
        differ by one letter per word, begin with the same letter, and of which one has fewer rows than the setting `rare` times the rows of
        the other. The second counts the rows of the smaller level of each pair, the third the levels that are blank or a common word for a
        missing value. All are listed. Numbers never look alike, nor do texts whose digits differ. Levels that mean the same are best made
        one in the data; levels that mean different things, as Iran and Iraq do, can stay: the limits are soft and technical, and no policy.

    What it cannot show:
        Other words for the same group (f and female), a wrong first letter, several slips in one word, or a common misspelling. Whether two
        levels mean the same, a person must say: nothing is merged.

    References:
        Damerau 1964, A technique for computer detection and correction of spelling errors, doi:10.1145/363958.363994
        Pollock & Zamora 1984, Automatic spelling correction in scientific and scholarly text, doi:10.1145/358027.358048
    """
    ledger, notes = Ledger(), []
    cells: list[list[Scalar]] = []
    for name, counts in _attributes(rows).items():
        pairs = [pair for pair in alike_pairs(tuple(counts)) if pair.why == "typography" or _one_is_rare(pair, counts, rare)]
        smaller = {min(pair.first, pair.second, key=counts.__getitem__) for pair in pairs}
        ledger.exact("look_alike_pairs", len(pairs), rows.n, at={"attribute": name}, unit="pairs", method="count of pairs of levels")
        ledger.exact("look_alike_rows", sum(counts[level] for level in smaller), rows.n, at={"attribute": name}, unit="rows", method="count of rows")
        cells += [_cells(name, pair, counts) for pair in pairs]
        unknown = [level for level in counts if reads_as_unknown(level)]
        ledger.exact("levels_like_unknown", len(unknown), rows.n, at={"attribute": name}, unit="levels", method="count of levels")
        cells += [[name, repr(level), counts[level], "unknown", None, "reads as a missing value; it can be declared unknown"] for level in unknown]
        if len(counts) > MOST_COMPARED:
            notes.append(f"{name}: with more than {MOST_COMPARED} levels, none were compared letter by letter.")
    if len(cells) > SHOWN:
        notes.append(f"{len(cells) - SHOWN:,} more are not listed.")
    columns = ("attribute", "level", "rows", "looks like", "its rows", "why")
    charts = [TableChart(title="Levels that look like one another", columns=columns, rows=cells[:SHOWN])] if cells else []
    return ledger.evidence(charts, notes)


def _attributes(rows: Rows) -> dict[str, dict[str, int]]:
    """Rows of each level by attribute; values that are each an attribute of their own are levels of the one they come from."""
    found: dict[str, dict[str, int]] = {}
    for spec in rows.facts.groups:
        codes = rows.group(spec.name).codes
        if spec.bins:
            continue
        if spec.part is None:
            counts = np.bincount(codes[codes >= 0], minlength=len(spec.levels))
            found[spec.name] = dict(zip(spec.levels, counts.tolist(), strict=True))
        else:
            found.setdefault(spec.name.removesuffix(f": {spec.part}"), {})[spec.part] = int((codes == 0).sum())
    return found


def _one_is_rare(pair: Alike, counts: Mapping[str, int], rare: float) -> bool:
    few, many = sorted((counts[pair.first], counts[pair.second]))
    return few < rare * many


def _cells(name: str, pair: Alike, counts: Mapping[str, int]) -> list[Scalar]:
    few, many = sorted((pair.first, pair.second), key=counts.__getitem__)
    return [name, repr(few), counts[few], repr(many), counts[many], WHY[pair.why]]

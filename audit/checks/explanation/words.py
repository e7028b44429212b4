"""The check `explanation.words`: which words of texts the network leans on, wherever they stand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit.check import check
from audit.estimate_bars import estimate_bars
from audit.ledger import Ledger
from audit.methods.statistics.intervals import Interval
from audit.methods.statistics.means import mean_interval
from audit.pieces import place_in, split
from audit.results import Evidence
from audit.row_design import row_design
from audit.rows import Rows

METHODS = {"shapley": "attribution.shapley", "integrated_gradients": "attribution.integrated_gradients"}
PIECES = "subject.pieces."
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class WordSums:
    """Of one word: rows (m,) it occurs in, ascending, and the sum of the attributions of its occurrences in each, (m,)."""

    rows: NDArray[np.int64]
    sums: Floats


@check(
    title="Words the network leans on",
    topics=("explanation", "global_explanation", "transparency"),
    measures=("mean_attribution", "mean_absolute_attribution"),
    optional=tuple(METHODS.values()),
    needs={"inputs", "background", "text"},
    exploratory=True,
)
def words(rows: Rows, *, shown: int = 20, kept: int = 100, least: int = 5) -> Evidence:
    """Which words does the network lean on, wherever they stand in a text?

    Why it matters:
        A word should move a decision by what it says about the case. Where a name, an origin, a religion or another word that names people is
        among those with the largest effect, the network may have learned what was said about them and not what was asked of it.

    How to read it:
        Each number is the mean, over the texts in which a word occurs, of what its occurrences together add to the explained output (for one
        output that of class 1, else that of the decided class): above 0 for, below 0 against. Words in fewer than `least` texts are left out;
        of the others the `kept` with the largest mean are told. They were chosen for their size, so take single ones for hints.

    What it cannot show:
        A word may carry its weight only beside others. What it means in one text it need not mean in the next, and a mean can hide both.

    References:
        Lundberg & Lee 2017, A Unified Approach to Interpreting Model Predictions, arXiv:1705.07874
        Dixon et al. 2018, Measuring and Mitigating Unintended Bias in Text Classification, doi:10.1145/3278721.3278729
    """
    ledger, charts, notes = Ledger(census=rows.facts.census), [], []
    texts = [name for name in rows.names() if name.startswith(PIECES)]
    if len(texts) != 1:
        ledger.absent("mean_attribution", f"Words are told for networks with one text; this one has {len(texts)}.", rows.n)
        return ledger.evidence()
    for method, probe in METHODS.items():
        if not rows.has(f"{probe}.values"):
            notes.append(f"{method}: {rows.why_absent(probe)}")
            continue
        estimates, told = _measure(ledger, rows.within(probe), (method, probe, texts[0]), kept=kept, least=least)
        notes.append(f"{method}: {told}")
        top = dict(list(estimates.items())[:shown])
        charts += estimate_bars(
            title=f"Mean attribution of a word ({method.replace('_', ' ')})",
            categories=list(top),
            estimates=list(top.values()),
            x_label="mean attribution, raw output",
        )
    if len(notes) == len(METHODS) and not charts:
        ledger.absent("mean_attribution", " ".join(notes), rows.n)
    return ledger.evidence(charts, notes)


def _measure(ledger: Ledger, held: Rows, source: tuple[str, str, str], *, kept: int, least: int) -> tuple[dict[str, Interval], str]:
    """Estimates of the signed means by word, the largest first, and what was left out; `source` is method, probe and column of the text."""
    method, probe, text = source
    found = word_sums(held, probe, text)
    often = {word: sums for word, sums in found.items() if len(sums.rows) >= least}
    chosen = sorted(often, key=lambda word: -abs(float(often[word].sums.mean())))[:kept]
    design, estimates = row_design(held), {}
    for word in chosen:
        own, at = often[word], {"method": method, "word": word}
        some = design.of(np.isin(np.arange(held.n), own.rows))
        estimate = mean_interval(own.sums, some.weights, clusters=some.clusters)
        ledger.add("mean_attribution", estimate, at=at)
        ledger.add("mean_absolute_attribution", mean_interval(np.abs(own.sums), some.weights, clusters=some.clusters), at=at)
        if isinstance(estimate, Interval):
            estimates[word] = estimate
    told = f"{len(chosen)} of {len(found)} words are told; {len(found) - len(often)} occur in fewer than {least} of the {held.n} explained texts."
    return estimates, told


def word_sums(held: Rows, probe: str, text: str) -> Mapping[str, WordSums]:
    """By word, in the order in which they first occur: its attributions in the explained rows, in lower case."""
    values = held.column(f"{probe}.values")
    players, texts = held.table(probe, "players")["name"], (text.removeprefix(PIECES),)
    places = {found[1]: player for player, name in enumerate(players) if (found := place_in(str(name), texts)) is not None}
    collected: dict[str, dict[int, float]] = {}
    for row, cell in enumerate(held.column(text)):
        if not np.isfinite(values[row]).all():
            continue
        for place, piece in enumerate(split(cell or "")):
            if place in places:
                own = collected.setdefault(piece.lower(), {})
                own[row] = own.get(row, 0.0) + float(values[row, places[place]])
    return {word: WordSums(np.array(list(own), dtype=np.int64), np.array(list(own.values()))) for word, own in collected.items()}

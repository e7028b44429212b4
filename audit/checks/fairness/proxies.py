"""The check `fairness.proxies`: how well the inputs tell a protected attribute, which of them do, and how much the network leans on those."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from audit.chart_kinds import BarChart, Chart, Mark
from audit.check import check
from audit.estimate_bars import estimate_bars
from audit.ledger import Ledger, family
from audit.methods.fairness.plain_inputs import plain_inputs
from audit.methods.fairness.predictability import chance_p, fold_area, level_shares
from audit.methods.fairness.quantities import group_interval, quantity
from audit.methods.performance.roc import auc
from audit.methods.statistics.intervals import Estimate, Interval, Undefined
from audit.methods.statistics.simultaneous import bonferroni, holm
from audit.results import Evidence
from audit.row_design import RowDesign, row_design
from audit.rows import Rows

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
SHAPLEY = "attribution.shapley"
FEWEST = 30
"""Rows a level needs on either side to be predicted."""
ACTIVATIONS = "fairness.activations"
CHARTED = 20


@dataclass(frozen=True)
class _Task:
    """One attribute and the rows whose membership is known: input columns, codes, folds and design."""

    attribute: str
    levels: tuple[str, ...]
    columns: Mapping[str, NDArray[Any]]
    codes: Ints
    folds: Ints
    design: RowDesign

    @property
    def counts(self) -> Ints:
        """Rows of each level."""
        return np.bincount(self.codes, minlength=len(self.levels))

    def predicted(self) -> list[int]:
        """Levels with enough rows on either side, the largest first; of two, only the rarer, for the other is its mirror image."""
        counts = self.counts
        enough = sorted(np.flatnonzero((counts >= FEWEST) & (counts.sum() - counts >= FEWEST)).tolist(), key=lambda level: (-counts[level], level))
        return enough[-1:] if self.mirrored else enough

    @property
    def mirrored(self) -> bool:
        """Whether there are two levels, so that who tells one tells the other."""
        return int((self.counts > 0).sum()) == 2


@check(
    title="Inputs that stand in for a protected attribute",
    topics=("fairness", "proxies", "explanation"),
    measures=("predictability", "activation_predictability", "single_column_area", "single_column_p_value", "attribution_share"),
    reads=(),
    optional=(SHAPLEY, ACTIVATIONS),
    needs={"groups", "inputs"},
)
def proxies(rows: Rows, *, rows_used: int = 20_000, folds: int = 5, most_levels: int = 10) -> Evidence:
    """Do the inputs give a protected attribute away, and does the network lean on those that do?

    Why it matters:
        Leaving an attribute out does not keep a network from treating groups differently: a postcode or a first name may stand in for it.
        What the inputs can tell, the network can use.

    How to read it:
        Predictability is the area under the ROC curve with which a plain model, fitted to other rows, tells members of a level from all
        others: 0.5 is guessing, 1 is certainty. A linear model and boosted trees are both shown; none is picked after the fact. Columns that
        the attribute is read from are left out. Activation predictability is the same with what the last layer of the network receives
        instead of the inputs: what is still told there can reach the decision. The area of a single column tells which inputs do it: far
        from 0.5 in either direction. Its p value is adjusted for all columns of the attribute (Holm), its wider interval holds for all of
        them at once. The attribution share is the part of the mean absolute Shapley values that falls on columns whose own 95 % interval
        excludes 0.5.

    What it cannot show:
        Whether the network uses an input as a stand-in or for what it says of the person: a column may tell both. Only two plain models
        were tried, so an area near 0.5 is no assurance that nothing can tell. With many rows, columns of no practical weight exclude 0.5.

    References:
        LeDell, Petersen & van der Laan 2015, doi:10.1214/15-EJS1035
        DeLong, DeLong & Clarke-Pearson 1988, doi:10.2307/2531595
        Holm 1979, Scandinavian Journal of Statistics 6:65-70
        Feldman et al. 2015, Certifying and Removing Disparate Impact, arXiv:1412.3756
    """
    drawn = rows.some(rows_used, "fairness.proxies")
    ledger, charts = Ledger(), list[Chart]()
    notes = list[str]()
    if drawn.n < rows.n:
        notes.append(f"{drawn.n:,} of {rows.n:,} rows were drawn at random.")
    for spec in rows.facts.groups:
        _activations(ledger, rows, spec.name, rows_used=rows_used, folds=folds, most_levels=most_levels)
        task = _task(ledger, drawn, spec.name, folds, notes)
        if task is None:
            continue
        chosen = task.predicted()[:most_levels]
        _say_absent(ledger, task, chosen, most_levels)
        if chosen:
            _predict(ledger, task, chosen, drawn, "predictability")
            telling, best = _single_columns(ledger, task, chosen)
            charts += _chart(task.attribute, best)
            _attributions(ledger, rows, task.attribute, telling)
    return ledger.evidence(charts, notes)


def _task(ledger: Ledger, rows: Rows, attribute: str, folds: int, notes: list[str]) -> _Task | None:
    own = rows.group_spec(attribute).column
    prefix = "subject.input."
    names = [name.removeprefix(prefix) for name in rows.names() if name.startswith(prefix) and rows.column(name).ndim == 1]
    if own in names:
        notes.append(f"{attribute}: {own} is itself an input of the network; it is left out here, and fairness.individual tells what it does.")
    codes = rows.group(attribute).codes.astype(np.int64)
    known = np.flatnonzero(codes >= 0)
    columns = {name: rows.column(prefix + name)[known] for name in names if name != own}
    at = {"attribute": attribute}
    if not columns:
        ledger.absent("predictability", "No other input is a column of numbers or texts.", len(known), at=at)
        return None
    design = row_design(rows).of(known)
    units = len(known) if design.clusters is None else len(np.unique(design.clusters))
    if units < max(folds, 2) or len(known) < 2 * FEWEST:
        reason = f"There are {len(known)} rows with known membership, too few to learn and to test (at least {2 * FEWEST})."
        ledger.absent("predictability", reason, len(known), at=at)
        return None
    split = _folds(design, len(known), max(folds, 2), rows.generator(f"fairness.proxies {attribute}"))
    return _Task(attribute, rows.group_spec(attribute).levels, columns, codes[known], split, design)


def _activations(ledger: Ledger, rows: Rows, attribute: str, *, rows_used: int, folds: int, most_levels: int) -> None:
    """The same models on what the last layer receives."""
    if not rows.has(f"{ACTIVATIONS}.components"):
        ledger.absent("activation_predictability", rows.why_absent(ACTIVATIONS), 0, at={"attribute": attribute})
        return
    held = rows.within(ACTIVATIONS).some(rows_used, "fairness.proxies activations")
    values = held.column(f"{ACTIVATIONS}.components")
    known = np.flatnonzero((held.group(attribute).codes >= 0) & np.isfinite(values).all(axis=1))
    design = row_design(held).of(known)
    units = len(known) if design.clusters is None else len(np.unique(design.clusters))
    if units < max(folds, 2) or len(known) < 2 * FEWEST:
        reason = f"There are {len(known)} rows with known membership and activations, too few to learn and to test (at least {2 * FEWEST})."
        ledger.absent("activation_predictability", reason, len(known), at={"attribute": attribute})
        return
    columns = {f"component {place + 1}": values[known, place] for place in range(values.shape[1])}
    split = _folds(design, len(known), max(folds, 2), held.generator(f"fairness.proxies activations {attribute}"))
    task = _Task(attribute, held.group_spec(attribute).levels, columns, held.group(attribute).codes[known].astype(np.int64), split, design)
    _predict(ledger, task, task.predicted()[:most_levels], held, "activation_predictability")


def _folds(design: RowDesign, n: int, folds: int, generator: np.random.Generator) -> Ints:
    """A fold for each row, clusters whole."""
    owner = np.arange(n) if design.clusters is None else np.unique(design.clusters, return_inverse=True)[1]
    units = int(owner.max()) + 1
    return (generator.permutation(units) % folds)[owner].astype(np.int64)


def _say_absent(ledger: Ledger, task: _Task, chosen: list[int], most_levels: int) -> None:
    counts, enough = task.counts, task.predicted()
    for level, name in enumerate(task.levels):
        if level in chosen or (task.mirrored and chosen):
            continue
        reason = f"{counts[level]} rows have this level and {counts.sum() - counts[level]} another; at least {FEWEST} of each are needed."
        if level in enough:
            reason = f"Only the {most_levels} largest levels are predicted."
        ledger.absent("predictability", reason, int(counts[level]), slice={task.attribute: name})


def _predict(ledger: Ledger, task: _Task, chosen: list[int], rows: Rows, measure: str) -> None:
    entries = plain_inputs(task.columns).entries
    seed = int(rows.generator(f"fairness.proxies models {task.attribute}").integers(2**31))
    for level in chosen:
        positives = task.codes == level
        for name in ("linear", "boosted trees"):
            scores = _scores(entries, positives, task, name, seed)
            estimate = fold_area(scores, positives, task.folds, task.design.weights, clusters=task.design.clusters)
            ledger.add(measure, estimate, slice={task.attribute: task.levels[level]}, at={"model": name}, unit="proportion")


def _scores(entries: Floats, positives: NDArray[np.bool_], task: _Task, name: str, seed: int) -> Floats:
    """Scores of each row by a model that was fitted to the other folds; where those hold one kind of rows only, 0 for all."""
    from sklearn.ensemble import HistGradientBoostingClassifier  # noqa: PLC0415  takes a second to load
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415
    from threadpoolctl import threadpool_limits  # noqa: PLC0415

    found = np.zeros(len(entries))
    if entries.shape[1] == 0:
        return found
    given = entries if task.design.weights is None or name == "linear" else _places(entries)
    for fold in np.unique(task.folds):
        mine = task.folds == fold
        if positives[~mine].min() == positives[~mine].max():
            continue
        model = (
            LogisticRegression(max_iter=1000)
            if name == "linear"
            else HistGradientBoostingClassifier(max_iter=25, max_leaf_nodes=15, early_stopping=False, random_state=seed)
        )
        weights = None if task.design.weights is None else task.design.weights[~mine]
        # On so few rows several threads only wait for one another.
        with threadpool_limits(1), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a fit that stops early is still a fit; its area on other rows tells how good
            model.fit(given[~mine], positives[~mine], sample_weight=weights)
        found[mine] = model.predict_proba(given[mine])[:, 1]
    return found


def _places(entries: Floats) -> Floats:
    """Places of the values among at most 255 quantiles of their column: all that trees look at, and weighted columns are slow to cut later."""
    cuts = np.quantile(entries, np.linspace(0, 1, 256)[1:-1], axis=0)
    return np.stack([np.searchsorted(np.unique(cut), column, side="right") for cut, column in zip(cuts.T, entries.T, strict=True)], axis=1).astype(
        np.float64
    )


def _single_columns(ledger: Ledger, task: _Task, chosen: list[int]) -> tuple[set[str], dict[str, Interval]]:
    """Write the area of each column for each level; returns the columns that tell, and the most telling area of each."""
    keys = [(level, name) for level in chosen for name in task.columns]
    found = {key: _column_area(task, *key, confidence=0.95) for key in keys}
    joint = bonferroni(0.95, len(keys))
    tested = {key: p for key in keys if (p := chance_p(found[key])) is not None}
    adjusted = dict(zip(tested, holm(np.array(list(tested.values()))), strict=True)) if tested else {}
    telling: set[str] = set()
    best: dict[str, Interval] = {}
    for level, name in keys:
        estimate, where, at = found[level, name], {task.attribute: task.levels[level]}, {"column": name}
        wide = family(_column_area(task, level, name, confidence=joint), len(keys))
        ledger.add("single_column_area", estimate, slice=where, at=at, unit="proportion", simultaneous=wide)
        if isinstance(estimate, Undefined):
            continue
        method = f"two-sided, from the logit interval, Holm over {len(tested)} comparisons"
        ledger.exact("single_column_p_value", adjusted[level, name], estimate.n, slice=where, at=at, unit="proportion", method=method)
        if not estimate.low <= 0.5 <= estimate.high:
            telling.add(name)
        if name not in best or abs(estimate.value - 0.5) > abs(best[name].value - 0.5):
            best[name] = estimate
    return telling, best


def _column_area(task: _Task, level: int, name: str, *, confidence: float) -> Estimate:
    """The area of a number by its ranks where it is known; of a text by the share of the level among rows of other folds."""
    values, positives, design = task.columns[name], task.codes == level, task.design
    if values.dtype.kind in "fiub":
        known = np.isfinite(values.astype(np.float64))
        held = design.of(known)
        return auc(values[known].astype(np.float64), positives[known], held.weights, clusters=held.clusters, confidence=confidence)
    codes = pd.factorize(pd.Series(values, dtype=object).fillna("\0missing"), sort=True)[0].astype(np.int64)
    scores = level_shares(codes, positives, task.folds, design.weights)
    return fold_area(scores, positives, task.folds, design.weights, clusters=design.clusters, confidence=confidence)


def _attributions(ledger: Ledger, rows: Rows, attribute: str, telling: set[str]) -> None:
    at = {"attribute": attribute}
    if not rows.has(f"{SHAPLEY}.values"):
        ledger.absent("attribution_share", rows.why_absent(SHAPLEY), rows.n, at=at)
        return
    held = rows.within(SHAPLEY)
    values = np.abs(held.column(f"{SHAPLEY}.values"))
    kept = np.isfinite(values).all(axis=1)
    names = [str(name) for name in held.table(SHAPLEY, "players")["name"]]
    apart = sorted(telling - set(names))
    if apart:
        reason = f"{', '.join(apart)}: explained together with other columns, so their own share is not known."
        ledger.absent("attribution_share", reason, rows.n, at=at)
        return
    ledger.add("attribution_share", _share_of(values[kept], np.isin(names, sorted(telling)), row_design(held).of(kept)), at=at, unit="proportion")


def _share_of(sizes: Floats, chosen: NDArray[np.bool_], design: RowDesign) -> Estimate:
    """Part of the sum of `sizes` (n, columns) in the chosen columns, a ratio of two means."""
    part, whole = sizes[:, chosen].sum(axis=1), sizes.sum(axis=1)
    total = float(np.average(whole, weights=design.weights)) if len(whole) else 0.0
    if total <= 0:
        return Undefined("No column has any attribution.", len(whole))
    share = float(np.average(part, weights=design.weights)) / total
    held = quantity(share, (part - share * whole) / total, design.weights, design.clusters)
    return group_interval(held, what="share of mean absolute Shapley values", lowest=0.0, highest=1.0)


def _chart(attribute: str, best: Mapping[str, Interval]) -> list[BarChart]:
    shown = sorted(best.items(), key=lambda item: (-abs(item[1].value - 0.5), item[0]))[:CHARTED]
    return estimate_bars(
        title=f"How well each column alone tells {attribute}",
        categories=[name for name, _ in shown],
        estimates=[one for _, one in shown],
        x_label="area under the ROC curve, level with the largest",
        marks=[Mark(value=0.5, label="guessing")],
    )

"""The check `robustness.adversarial`: how often, and how easily, a small legal change of a row changes its decision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit.chart_kinds import Chart, LineChart, Series, TableChart
from audit.check import check
from audit.ledger import Ledger
from audit.methods.statistics.censored import censored_quantile
from audit.methods.statistics.group_shares import one_share
from audit.methods.statistics.proportions import proportion_interval
from audit.results import Evidence, Scalar
from audit.row_design import RowDesign, row_design
from audit.rows import Rows

PROBE = "robustness.pgd"
POINTS = 41
"""Points of the curve."""
LARGEST_TABLE = 60
SIGNS = {
    "zero_gradient_share": "The gradient of cross-entropy is zero at {share} of the rows, so attacks that follow it cannot set out there.",
    "missed_by_cross_entropy": "Cross-entropy found no change at {share} of the rows where an attack free of the logits' scale, or one without "
    "gradients, found one: the network's logits hide its weakness from attacks that follow cross-entropy.",
    "missed_by_gradients": "Random corners changed the decision at {share} of the rows where no gradient attack did: its gradients mislead.",
    "changed_by_scaling_logits": "Multiplying the logits by 100, which changes no decision, changes the verdict on {share} of the rows: it rests "
    "on an attack that feels their scale.",
    "unverified_share": "For {share} of the rows a change was found that a fresh pass over the changed raw row did not confirm.",
}
"""Signs that an attack failed for a reason other than the network's robustness."""
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class _Attacked:
    """The rows that have a decision, and what the attacks came to."""

    rows: Rows
    decided: Mask
    flipped: Mask
    scales: NDArray[np.float64]
    resisted: Mask
    largest: float
    radius: float
    design: RowDesign


@check(
    title="Small changes that change the decision",
    topics=("robustness", "adversarial", "security"),
    measures=(
        "attack_success",
        "robust_accuracy",
        "changed_decisions",
        "smallest_scale",
        "resisted_all",
        "hidden_anomalies",
        "raised_alarms",
        "zero_gradient_share",
        "missed_by_cross_entropy",
        "missed_by_gradients",
        "changed_by_scaling_logits",
        "unverified_share",
    ),
    reads=("outputs", PROBE),
    needs={"inputs", "gradients"},
    tasks={"binary", "multiclass", "anomaly"},
)
def adversarial(rows: Rows, *, quantiles: tuple[float, ...] = (0.1, 0.25, 0.5), tolerated: float = 0.05) -> Evidence:
    """How small a change of what the network is given changes what it decides?

    Why it matters:
        A decision that turns on a measuring error, a rounded income or a few altered pixels is hard to rely on and easy to game. Where a
        person can move an input a little and be decided otherwise, so can an attacker.

    How to read it:
        Each row is changed within a radius per column: a share of the column's spread, listed in the table, chosen by the tool and not by
        what changes are plausible. Columns declared immutable are held, whole numbers stay whole, a level is exchanged for another at the
        price of a whole spread, unless the probe's setting `level_cost` says otherwise. Attack success is the share of correctly decided
        rows whose decision changes; robust accuracy is the share of all labelled rows that are decided correctly and stay so, which plain
        accuracy bounds from above. The smallest scale says how many radii the nearest change found needs; rows that resisted every attack
        count as beyond the largest scale tried. Every change was confirmed on the changed raw row. Signs of a failing attack are listed;
        when one shows, robustness is not to be relied on. Of a network that flags anomalies, hidden anomalies are the share of flagged rows
        that a small change takes below the threshold, raised alarms the share of other rows that one takes above it.

    What it cannot show:
        That no smaller change exists: attacks give lower bounds of attack success and upper bounds of robust accuracy. Nor whether a
        change is plausible for a person, or what happens under other kinds of change, such as shifts that touch all rows alike.

    References:
        Madry et al. 2018, arXiv:1706.06083
        Croce & Hein 2020, arXiv:2003.01690
        Carlini et al. 2019, arXiv:1902.06705
        Pintor et al. 2022, arXiv:2106.09947
    """
    held = rows.within(PROBE)
    attacked, ledger = _read(held), Ledger(census=rows.facts.census and held.n == rows.n)
    _outcomes(ledger, attacked)
    _smallest(ledger, attacked, quantiles)
    blockers = _signs(ledger, attacked, tolerated)
    return ledger.evidence(_charts(attacked), _notes(attacked, rows.n), blockers)


def _read(held: Rows) -> _Attacked:
    flipped, scales = held.column(f"{PROBE}.flipped"), held.column(f"{PROBE}.smallest_scale").astype(np.float64)
    resisted = ~np.isfinite(scales)
    table = held.table(PROBE, "scales") if held.has_table(PROBE, "scales") else {}
    reached = float(scales[~resisted].max()) if not resisted.all() else 1.0
    largest = float(table["largest"][0]) if table else max(reached, 1.0)
    radius = float(table["radius"][0]) if table else 1.0
    return _Attacked(held, flipped >= 0, flipped == 1, scales, resisted, largest, radius, row_design(held))


def _outcomes(ledger: Ledger, attacked: _Attacked) -> None:
    """Shares among all decided rows, and with labels among the correct and among all labelled rows."""
    decided, flipped = attacked.decided, attacked.flipped
    _share(ledger, "changed_decisions", attacked, flipped, base=decided)
    if attacked.rows.facts.task == "anomaly":
        flagged = attacked.rows.decisions == 1
        _share(ledger, "hidden_anomalies", attacked, flipped, base=decided & flagged)
        _share(ledger, "raised_alarms", attacked, flipped, base=decided & ~flagged)
    if not attacked.rows.has("subject.label"):
        for name in ("attack_success", "robust_accuracy"):
            ledger.absent(name, "There are no labels, so it is not known which decisions are correct.", attacked.rows.n)
        return
    labels = attacked.rows.labels
    known, correct = labels >= 0, decided & (labels >= 0) & (attacked.rows.decisions == labels)
    _share(ledger, "attack_success", attacked, flipped, base=correct)
    _share(ledger, "robust_accuracy", attacked, correct & ~flipped, base=known)


def _smallest(ledger: Ledger, attacked: _Attacked, quantiles: Sequence[float]) -> None:
    kept = attacked.decided
    design = attacked.design.of(kept)
    _share(ledger, "resisted_all", attacked, attacked.resisted, base=kept)
    for q in quantiles:
        found = censored_quantile(
            attacked.scales[kept], attacked.resisted[kept], q, largest=attacked.largest, weights=design.weights, clusters=design.clusters
        )
        ledger.add("smallest_scale", found, at={"quantile": q}, unit="radii")


def _signs(ledger: Ledger, attacked: _Attacked, tolerated: float) -> list[str]:
    """Measure the signs of a failing attack; returns a sentence for each that shows in more than `tolerated` of the rows."""

    def column(name: str) -> Mask:
        return np.asarray(attacked.rows.column(f"{PROBE}.{name}") == 1)

    entropy, ratio, corners = column("ce_flipped"), column("margin_loss_flipped"), column("corner_flipped")
    unconfirmed = attacked.rows.column(f"{PROBE}.verified") == 0
    masks = {
        "zero_gradient_share": column("zero_gradient"),
        "missed_by_cross_entropy": (ratio | corners) & ~entropy,
        "missed_by_gradients": corners & ~entropy & ~ratio,
        "unverified_share": np.asarray(unconfirmed),
        # The other attacks do not feel the scale, so the verdict on a row changes where it rests on cross-entropy alone.
        "changed_by_scaling_logits": (column("ce_hundredfold_flipped") != entropy) & ~ratio & ~corners,
    }
    found = {name: _share(ledger, name, attacked, mask, base=attacked.decided) for name, mask in masks.items()}
    return [text.format(share=f"{found[name]:.1%}") for name, text in SIGNS.items() if found[name] > tolerated]


def _share(ledger: Ledger, name: str, attacked: _Attacked, selected: Mask, *, base: Mask) -> float:
    """Write a share with its interval; returns it, 0 for no rows."""
    share = one_share(selected & base, base=base, weights=attacked.design.weights, clusters=attacked.design.clusters)
    counts = {"rows": int((selected & base).sum()), "of": int(base.sum())} if share.exact and share.rows else None
    ledger.add(name, proportion_interval(share), unit="proportion", counts=counts)
    return share.value if share.total > 0 else 0.0


def _notes(attacked: _Attacked, total: int) -> list[str]:
    notes = [f"{attacked.rows.n:,} of {total:,} rows were attacked."] if attacked.rows.n < total else []
    if attacked.design.note:
        notes.append(attacked.design.note)
    if not attacked.decided.all():
        notes.append(f"{int((~attacked.decided).sum()):,} rows have no decision; they cannot be attacked, and with a label they count as wrong.")
    resisted = int((attacked.resisted & attacked.decided).sum())
    if resisted:
        notes.append(f"{resisted:,} rows resisted every attack up to {attacked.largest:g} radii; their smallest scale lies beyond or was not found.")
    if attacked.rows.has_table(PROBE, "radii"):
        notes.append(f"Radii are {attacked.radius:g} of each column's spread, chosen by the tool; set radius in [probes.{PROBE}] to choose your own.")
    return [*notes, "Limits on attack success and robust accuracy are judged on what the attacks found; stronger attacks can only find more."]


def _charts(attacked: _Attacked) -> list[Chart]:
    return [*_curve(attacked), *_radii(attacked.rows)]


def _curve(attacked: _Attacked) -> list[Chart]:
    """Share of decisions that survive each scale, and with labels the accuracy that does."""
    decided, weight = attacked.decided, attacked.rows.weights
    if not decided.any():
        return []
    beyond = np.where(attacked.resisted, np.inf, attacked.scales)
    axis = np.linspace(0.0, attacked.largest, POINTS)
    bases = {"decision unchanged": (decided, decided)}
    if attacked.rows.has("subject.label") and (attacked.rows.labels >= 0).any():
        known = attacked.rows.labels >= 0
        bases["decided correctly and unchanged"] = (known, known & decided & (attacked.rows.decisions == attacked.rows.labels))
    series = [
        Series(name=name, x=axis.tolist(), y=[float(weight[good & (beyond > scale)].sum() / weight[base].sum()) for scale in axis])
        for name, (base, good) in bases.items()
    ]
    title, label = "Share of rows that stay as they were decided", f"largest change, in radii ({attacked.radius:g} of each column's spread)"
    return [LineChart(title=title, series=series, x_label=label, y_label="share of rows")]


def _radii(rows: Rows) -> list[Chart]:
    if not rows.has_table(PROBE, "radii"):
        return []
    table = rows.table(PROBE, "radii")
    names = ("column", "unit", "radius", "low", "high", "how")
    cells: list[list[Scalar]] = [
        [str(table["column"][i]), str(table["unit"][i]), *(float(table[name][i]) for name in ("radius", "low", "high")), str(table["how"][i])]
        for i in range(min(len(table["column"]), LARGEST_TABLE))
    ]
    return [TableChart(title="Radius of each column, and the range a change may use", columns=names, rows=cells)]

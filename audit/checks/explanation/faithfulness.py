"""The check `explanation.faithfulness`: whether attributions tell what the network does, beside controls that know nothing of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit.chart_kinds import BarChart, LineChart, Series
from audit.check import check
from audit.estimate_bars import estimate_bars
from audit.judge import number
from audit.ledger import Ledger
from audit.methods.statistics.intervals import Estimate, Interval, Undefined
from audit.methods.statistics.means import mean_interval
from audit.results import Evidence
from audit.row_design import RowDesign, row_design
from audit.rows import Rows

PROBE = "attribution.under_test"
RANDOM = "random"


@dataclass(frozen=True)
class Tested:
    """Columns (n, attributions) of the rows with attributions, and the names of these attributions."""

    names: tuple[str, ...]
    methods: tuple[str, ...]
    """Method behind each; empty for a control that is none."""
    control: NDArray[np.bool_]
    area: NDArray[np.float64]
    infidelity: NDArray[np.float64]
    design: RowDesign
    left_out: int
    whole: bool
    """Every audited row was tested."""

    def controls_of(self, place: int) -> list[int]:
        """Places of the controls that a method is compared with: its own on other weights, and those that are no method."""
        return [at for at in np.flatnonzero(self.control).tolist() if self.methods[at] in ("", self.methods[place])]

    def mean(self, values: NDArray[np.float64], kept: NDArray[np.bool_] | None = None) -> Estimate:
        """Mean of one number per row with its interval."""
        held = self.design if kept is None else self.design.of(kept)
        return mean_interval(values if kept is None else values[kept], held.weights, clusters=held.clusters)


@check(
    title="Faithfulness of attributions",
    topics=("explanation", "explanation_quality"),
    measures=("area", "area_difference", "infidelity", "infidelity_difference"),
    reads=(PROBE,),
    needs={"inputs", "background"},
)
def faithfulness(rows: Rows) -> Evidence:
    """Do attributions tell what happens to the output when columns are replaced, better than controls that know nothing of the network?

    Why it matters:
        An explanation is of use only if it describes this network. A chart of columns looks as convincing when it is wrong, so each method is
        asked to foretell what the network does, and stands beside numbers that cannot know.

    How to read it:
        Columns are replaced by those of background rows, most relevant first and least relevant first. The area is the mean distance between
        the two curves, over the larger of the row's own distance from the background and the usual spread of the output: large when the
        ranking is right, 0 on average for an order drawn at random. The infidelity is the part of the squared falls, when random sets of
        columns are replaced, that the attributions do not foretell after scaling them to fit best: 0 is all foretold, 1 is nothing. Each is
        compared, row by row, with random numbers, with how far the row's columns lie from the background, and with the same method on a
        network whose weights were drawn anew. A difference to random whose interval does not lie above 0 is a reason for attention.

    What it cannot show:
        Whether the columns' effects are right in the world, or how the network treats rows unlike these: replaced columns make rows that do not
        exist. Shapley values are built from the same replacements that the test makes, which favours them over gradients. The weights of that
        control were drawn once.

    References:
        Samek et al. 2017, Evaluating the visualization of what a deep neural network has learned, arXiv:1509.06321
        Blücher, Vielhaben & Strodthoff 2024, Decoupling Pixel Flipping and Occlusion Strategy, arXiv:2401.06654
        Yeh et al. 2019, On the (In)fidelity and Sensitivity of Explanations, arXiv:1901.09392
    """
    held = _tested(rows)
    ledger = Ledger(census=rows.facts.census and held.whole)
    notes = [f"{held.left_out:,} rows without finite outputs are left out."] if held.left_out else []
    if not len(held.area) or not (held.area != 0).any():
        ledger.absent("area", "No output changes when columns are replaced." if len(held.area) else "No row has finite outputs.", len(held.area))
        return ledger.evidence(notes=notes)
    areas = _measure(ledger, "area", held, held.area)
    _measure(ledger, "infidelity", held, held.infidelity)
    blockers = [reason for place in np.flatnonzero(~held.control).tolist() for reason in _compare(ledger, held, place)]
    return ledger.evidence([*_curves(rows, held), *_bars(held, areas)], notes, blockers)


def _tested(rows: Rows) -> Tested:
    view, table = rows.within(PROBE), rows.table(PROBE, "attributions")
    area = view.column(f"{PROBE}.area")
    kept = np.isfinite(area).all(axis=1)
    return Tested(
        names=tuple(str(name) for name in table["name"]),
        methods=tuple(str(name) for name in table["method"]),
        control=table["control"].astype(bool),
        area=area[kept],
        infidelity=view.column(f"{PROBE}.infidelity")[kept],
        design=row_design(view).of(kept),
        left_out=int((~kept).sum()),
        whole=view.n == rows.n,
    )


def _measure(ledger: Ledger, name: str, held: Tested, values: NDArray[np.float64]) -> list[Estimate]:
    """Write the mean of each attribution; rows in which nothing changes have no infidelity."""
    kept = np.asarray(np.isfinite(values).all(axis=1))
    found = [held.mean(values[:, place], kept) for place in range(len(held.names))]
    for attribution, estimate in zip(held.names, found, strict=True):
        ledger.add(name, estimate, at={"attribution": attribution}, unit="proportion" if name == "infidelity" else "")
    return found


def _compare(ledger: Ledger, held: Tested, place: int) -> list[str]:
    """Write what a method has over each control; returns the reason where it has nothing over random numbers."""
    reasons = []
    for other in held.controls_of(place):
        at = {"attribution": held.names[place], "control": held.names[other]}
        area = held.mean(held.area[:, place] - held.area[:, other])
        ledger.add("area_difference", area, at=at)
        both = np.asarray(np.isfinite(held.infidelity[:, [place, other]]).all(axis=1))
        less = held.mean(held.infidelity[:, other] - held.infidelity[:, place], both)
        ledger.add("infidelity_difference", less, at=at, unit="proportion")
        if held.names[other] == RANDOM and isinstance(area, Interval) and area.low <= 0:
            reasons.append(
                f"{_name(held.names[place])}: no better than random. The area exceeds that of random attributions by {number(area.value)} "
                f"(95 % interval {number(area.low)} to {number(area.high)})."
            )
    return reasons


def _name(method: str) -> str:
    return method.replace("_", " ").capitalize()


def _curves(rows: Rows, held: Tested) -> list[LineChart]:
    """Mean curves of each method and of random numbers, as changes from the output of the row."""
    view = rows.within(PROBE)
    first, last = (view.column(f"{PROBE}.{side}") for side in ("first", "last"))
    kept = np.isfinite(first).all(axis=1)
    shown = [place for place, name in enumerate(held.names) if not held.control[place] or name == RANDOM]
    series = []
    for side, values in (("most relevant first", first), ("least relevant first", last)):
        curves = values[kept].reshape(int(kept.sum()), len(held.names), -1)
        mean = np.average(curves - curves[:, :, :1], axis=0, weights=held.design.weights)
        shares = np.linspace(0, 1, curves.shape[2]).tolist()
        series += [Series(name=f"{_name(held.names[place])}, {side}", x=shares, y=mean[place].tolist()) for place in shown]
    return [
        LineChart(title="Output while columns are replaced", series=series, x_label="share of columns replaced", y_label="mean change of the output")
    ]


def _bars(held: Tested, areas: list[Estimate]) -> list[BarChart]:
    known = [(_name(name), one) for name, one in zip(held.names, areas, strict=True) if not isinstance(one, Undefined)]
    if not known:
        return []
    return estimate_bars(
        title="Area between the curves, methods and controls",
        categories=[name for name, _ in known],
        estimates=[one for _, one in known],
        x_label="mean LeRF − MoRF area, relative",
    )

"""The check `explanation.first_filters`: what the first layer of a network looks for in its inputs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from audit.chart_kinds import Chart, HeatMap, ImageOverlay
from audit.check import check
from audit.ledger import Ledger
from audit.results import Evidence
from audit.rows import Rows

PROBE = "effects.first_filters"
ACROSS = 8
"""Filters beside each other in a picture."""
ROWS_DRAWN, COLUMNS_DRAWN = 24, 32
IDLE = 1e-3
"""Filters whose norm is below this share of the largest are called idle."""
TWINS = 0.99
"""Absolute cosine from which two filters are called twins."""
Floats = NDArray[np.float64]


@check(
    title="Filters of the first layer",
    topics=("explanation", "global_explanation", "transparency"),
    measures=("norm", "largest_cosine", "idle_filters", "twin_filters"),
    reads=(PROBE,),
    needs={"inputs", "modules"},
)
def first_filters(rows: Rows) -> Evidence:
    """What does the first layer look for in the inputs?

    Why it matters:
        All that a network knows of a row passes through its first layer. Filters that show nothing but noise, or a filter that looks at one
        corner of an image only, tell of a network that was trained too little or on something it should not see; filters without weight, and
        twins of each other, that it is larger than its task.

    How to read it:
        Filters of images are drawn as small pictures, each from its own smallest to its largest weight, 0 is not at one shade in all. Filters of
        tables and series are lines of weights on encoded inputs: of a column of levels the largest difference between two levels. `idle_filters`
        counts those with less than a thousandth of the largest norm, `twin_filters` those with a cosine of .99 or more to another. These are
        exact: they are read off the weights.

    What it cannot show:
        What the layers behind make of it. Weights are on encoded inputs, so a large weight can meet an entry that hardly varies.

    References:
        Zeiler & Fergus 2014, Visualizing and Understanding Convolutional Networks, arXiv:1311.2901
    """
    held, ledger = rows.table(PROBE, "filters"), Ledger(census=False)
    norms, alike = held["norm"].astype(np.float64), held["alike"].astype(np.float64)
    count, largest = len(norms), float(norms.max(initial=0))
    idle = norms < IDLE * largest if largest else np.ones(count, dtype=bool)
    twins = (alike >= TWINS) & ~idle
    for name, chosen in (("idle_filters", idle), ("twin_filters", twins)):
        ledger.exact(name, int(chosen.sum()), count, unit="filters", method="read off the weights", counts={"filters": count})
    for place in np.argsort(-norms, kind="stable")[:ROWS_DRAWN].tolist():
        at = {"filter": int(held["filter"][place])}
        ledger.exact("norm", float(norms[place]), count, at=at, unit="weight", method="read off the weights")
        if np.isfinite(alike[place]):
            ledger.exact("largest_cosine", float(alike[place]), count, at=at, method="read off the weights")
        else:
            ledger.absent("largest_cosine", "The filter has no weight, or no other filter has.", count, at=at)
    about = rows.table(PROBE, "layer")
    notes = [f"The first layer is {str(about['name'][0]) or 'the network itself'}: {count} filters of {about['shape'][0]} weights."]
    kept = rows.table(PROBE, "weights")
    if not len(kept["weight"]):
        return ledger.evidence(notes=[*notes, "Its filters have too many weights to be drawn."])
    shape = tuple(int(part) for part in str(about["shape"][0]).split("x"))
    weights = kept["weight"].astype(np.float64).reshape(-1, *shape)
    numbers = kept["filter"].astype(int).reshape(len(weights), -1)[:, 0]
    return ledger.evidence([_picture(weights, numbers, rows)], notes)


def _picture(weights: Floats, numbers: NDArray[np.int64], rows: Rows) -> Chart:
    if weights.ndim == 4:
        return ImageOverlay(title=f"Filters {_told(numbers)} of the first layer, {ACROSS} to a line", image=_montage(weights))
    if weights.ndim == 5:
        weights = weights.reshape(len(weights), -1)
    if weights.ndim == 3:
        names = [f"channel {channel + 1}, tap {tap + 1}" for channel in range(weights.shape[1]) for tap in range(weights.shape[2])]
        lines = weights.reshape(len(weights), -1)
    else:
        names, lines = _by_player(weights, rows)
    drawn = np.argsort(-np.abs(lines).max(axis=0), kind="stable")[:COLUMNS_DRAWN] if weights.ndim == 2 else np.arange(min(COLUMNS_DRAWN, len(names)))
    chosen = np.sort(np.argsort(-np.linalg.norm(lines, axis=1), kind="stable")[:ROWS_DRAWN])
    return HeatMap(
        title="Weights of the filters with the largest norm",
        rows=[f"filter {numbers[place]}" for place in chosen.tolist()],
        columns=[names[place] for place in drawn.tolist()],
        values=[[float(lines[line, place]) for place in drawn.tolist()] for line in chosen.tolist()],
        x_label="encoded input",
        y_label="filter",
        unit="weight",
    )


def _told(numbers: NDArray[np.int64]) -> str:
    whole = len(numbers) == int(numbers[-1]) - int(numbers[0]) + 1
    return f"{numbers[0]} to {numbers[-1]}" if whole else ", ".join(map(str, numbers.tolist()))


def _by_player(weights: Floats, rows: Rows) -> tuple[list[str], Floats]:
    """One number per raw column: its weight, or of several entries how far the largest is from the smallest."""
    if not rows.has_table(PROBE, "entries"):
        return [f"entry {place + 1}" for place in range(weights.shape[1])], weights
    players = [str(name) for name in rows.table(PROBE, "entries")["player"]]
    names = list(dict.fromkeys(players))
    places = [[at for at, player in enumerate(players) if player == name] for name in names]
    lines = [weights[:, own[0]] if len(own) == 1 else np.ptp(weights[:, own], axis=1) for own in places]
    return names, np.stack(lines, axis=1)


def _montage(weights: Floats) -> list[list[float | list[float]]]:
    """Filters (n, channels, height, width) in lines with a white seam: three channels as colours, one as grey, others as their length."""
    n, depth, height, width = weights.shape
    pixels = weights.transpose(0, 2, 3, 1) if depth in (1, 3) else np.linalg.norm(weights, axis=1)[..., None]
    low, high = pixels.min(axis=(1, 2, 3), keepdims=True), pixels.max(axis=(1, 2, 3), keepdims=True)
    shades = np.divide(pixels - low, high - low, out=np.full_like(pixels, 0.5), where=high > low)
    across = min(ACROSS, n)
    down = -(-n // across)
    canvas = np.ones((down * (height + 1) + 1, across * (width + 1) + 1, pixels.shape[3]))
    for place in range(n):
        top, left = (place // across) * (height + 1) + 1, (place % across) * (width + 1) + 1
        canvas[top : top + height, left : left + width] = shades[place]
    held: list[list[float | list[float]]] = (canvas if canvas.shape[2] == 3 else canvas[..., 0]).tolist()
    return held

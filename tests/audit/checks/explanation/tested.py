"""Rows with planted columns of the probe `attribution.under_test`."""

from __future__ import annotations

import numpy as np

from tests.audit.checks.planted import planted, write_rows, write_table

PROBE = "attribution.under_test"
NAMES = ("shapley", "shapley, other weights", "distance from the background", "random")
METHODS = ("shapley", "shapley", "", "")


def planted_tests(folder, *, inclusion=None, redraws=(), **columns):
    """Rows of which the probe measured some; `redraws` are (method, layers) in the order of the columns of weights_correlation."""
    given = {name: columns.pop(name) for name in (*COLUMNS, "weights_correlation", "entropy_rise", "random_entropy_rise") if name in columns}
    n = len(next(iter(given.values())))
    zeros = {name: np.zeros((n, *shape)) for name, shape in COLUMNS.items()}
    measured = {name: np.asarray(values, dtype=float) for name, values in (zeros | given).items() if values is not None}
    write_rows(folder, PROBE, measured, inclusion=inclusion)
    write_table(folder, PROBE, "attributions", {"name": NAMES, "method": METHODS, "control": [0, 1, 1, 1]})
    if redraws:
        draws = [sum(before == one for before in redraws[:place]) for place, one in enumerate(redraws)]
        write_table(folder, PROBE, "redraws", {"method": [m for m, _ in redraws], "layers": [la for _, la in redraws], "draw": draws})
    return planted(folder, decisions=np.zeros(columns.pop("rows", n), dtype=int), **columns)


COLUMNS = {
    "area": (4,),
    "infidelity": (4,),
    "first": (4 * 3,),
    "last": (4 * 3,),
    "exact": (),
    "half_correlation": (),
    "half_overlap": (),
    "max_sensitivity": (),
}

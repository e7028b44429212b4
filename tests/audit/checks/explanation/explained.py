"""Rows with planted attributions."""

from __future__ import annotations

import numpy as np

from tests.audit.checks.planted import planted, write_rows, write_table

SHAPLEY = "attribution.shapley"
GRADIENTS = "attribution.integrated_gradients"


def explained(folder, *, n=None, names=None, shapley=None, gradients=None, **more):
    """Rows of which one or both probes measured some: each is (values, {se, relative_gap, positions, inclusion})."""
    for probe, given in ((SHAPLEY, shapley), (GRADIENTS, gradients)):
        if given is not None:
            write(folder, probe, *given, names=names)
    held = next(given for given in (shapley, gradients, (np.zeros((n or 1, 1)), {})) if given is not None)
    n = n or len(held[0])
    absent = {probe: f"{probe} was switched off." for probe, given in ((SHAPLEY, shapley), (GRADIENTS, gradients)) if given is None}
    return planted(folder, decisions=np.zeros(n, dtype=int), absent=absent, **more)


def write(folder, probe, values, about, *, names=None):
    values = np.asarray(values, dtype=float)
    columns = {
        "values": values,
        "se": np.asarray(about.get("se", np.zeros_like(values)), dtype=float),
        "relative_gap": np.asarray(about.get("relative_gap", np.zeros(len(values))), dtype=float),
    }
    write_rows(folder, probe, columns, positions=about.get("positions"), inclusion=about.get("inclusion"))
    write_table(folder, probe, "players", {"name": names or [f"x{i}" for i in range(values.shape[1])]})


def at(evidence, name, **where):
    """The one measurement of a name at a place."""
    (found,) = [m for m in evidence.measurements if m.name == name and where.items() <= dict(m.at).items()]
    return found

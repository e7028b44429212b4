"""Probe `effects.first_filters`: the weights with which a network's first layer looks at its inputs."""

from __future__ import annotations

from typing import Any

import numpy as np

from audit.looked_at import TRIED, drawn_rows, network_of
from audit.methods.saliency.first_filters import first_filters as filters_of
from audit.probe import Block, Columns, Prepared, probe
from audit.subject import Subject

MOST_FILTERS = 64
"""Filters whose weights are kept, those with the largest norm."""
MOST_WEIGHTS = 4096
"""Weights of one filter that are kept at most; with more, only norms and cosines are."""


@probe(columns={}, scope="subject", needs={"inputs", "modules"})
def first_filters(block: Block, state: Any) -> Columns:  # noqa: ARG001  everything is done in prepare
    """Weights, norms and likeness of the filters of the linear layer or convolution that is given the inputs."""
    raise TypeError("this probe leaves tables only")


@first_filters.prepare
def prepare(subject: Subject) -> Prepared:
    """Tables `filters` (filter, norm, alike), `weights` (filter, place, weight) of the largest, `layer`; of a table also `entries`, their columns."""
    model = network_of(subject)
    with model.session(gradients=False) as network:
        found = filters_of(network, model.module, model.tensor(drawn_rows(subject)[:TRIED]))
    norms = found.norms
    flat = found.weights.reshape(len(norms), -1)
    order = np.sort(np.argsort(-norms, kind="stable")[:MOST_FILTERS]) if flat.shape[1] <= MOST_WEIGHTS else np.zeros(0, dtype=np.int64)
    tables: dict[str, Any] = {
        "filters": {"filter": np.arange(len(norms)), "norm": norms, "alike": found.alike},
        "weights": {
            "filter": np.repeat(order, flat.shape[1]),
            "place": np.tile(np.arange(flat.shape[1]), len(order)),
            "weight": flat[order].reshape(-1),
        },
        "layer": {"name": [found.name], "shape": ["x".join(map(str, found.weights.shape[1:]))]},
    }
    players = subject.players
    if found.weights.ndim == 2 and not players.by_row and len(players.owner) == flat.shape[1]:
        tables["entries"] = {"player": [players.names[place] for place in players.owner]}
    notes = (f"Weights of {len(order)} of {len(norms)} filters are kept, those with the largest norm.",) if len(order) < len(norms) else ()
    return Prepared(tables=tables, notes=notes)

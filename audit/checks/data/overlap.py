"""The check `data.overlap`: how many evaluation rows the network may have seen before."""

from __future__ import annotations

from decimal import Decimal

import numpy as np

from audit.check import check
from audit.ledger import Ledger
from audit.methods.statistics.group_shares import one_share
from audit.methods.statistics.proportions import proportion_interval
from audit.results import Criterion, Evidence
from audit.row_design import row_design
from audit.rows import Rows


@check(
    title="Overlap of evaluation and reference data",
    topics=("data_quality", "leakage"),
    measures=("input_overlap", "row_overlap"),
    reads=("data.overlap",),
    needs={"reference", "inputs"},
    criteria=(
        Criterion(
            measurement="row_overlap",
            maximum=Decimal("0.01"),
            because="A network tested on rows it was fitted on looks better than it is.",
            source="Netassay",
            owner="Netassay",
            soft=True,
            technical=True,
        ),
    ),
)
def overlap(rows: Rows) -> Evidence:
    """Are evaluation rows also in the reference data?

    Why it matters:
        The reference data is usually what the network was fitted on. Rows that are in both were not a test: the network may repeat what it
        was told, and every performance number is then too good.

    How to read it:
        The row overlap is the share of evaluation rows whose inputs and label are also in the reference data, exactly; the input overlap
        ignores the label. Data of few, coarse columns has many rows that are equal by chance, so the limit is technical and soft.

    What it cannot show:
        Near copies, the same person in two different rows, or rows used for fitting that are not in the reference data.

    References:
        Kapoor & Narayanan 2023, Leakage and the reproducibility crisis, doi:10.1016/j.patter.2023.100804
    """
    held = rows.within("data.overlap")
    ledger, design = Ledger(census=rows.facts.census), row_design(held)
    for name, column in (("row_overlap", "row_seen"), ("input_overlap", "inputs_seen")):
        seen = held.column(f"data.overlap.{column}") == 1
        share = one_share(seen, weights=design.weights, clusters=design.clusters)
        counts = {"seen": int(np.sum(seen)), "total": held.n} if share.exact else None
        ledger.add(name, proportion_interval(share), unit="proportion", counts=counts)
    notes = [] if rows.facts.labelled else ["There are no labels, so a row is seen when its inputs are."]
    return ledger.evidence(notes=[*notes, *([design.note] if design.note else [])])

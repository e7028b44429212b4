"""How LIME sees the raw columns of a subject: bins and levels of the reference data, and rows drawn from them."""

from __future__ import annotations

import numpy as np

from audit.data.dataset import ColumnSchema, Dataset, RowBlock
from audit.errors import MethodError, SubjectError
from audit.methods.lime.column_sampler import ColumnSampler, observed_levels, quartile_bins
from audit.subject import Subject

READ = 100_000
"""Rows of the reference data, spread evenly over it, that bins, levels and their shares are taken from."""


def reference_of(subject: Subject) -> Dataset:
    """The reference data; raises SubjectError without it."""
    if subject.reference is None:
        raise SubjectError(subject.why_not("reference"))
    return subject.reference


def spread_rows(reference: Dataset) -> RowBlock:
    """At most `READ` rows, spread evenly."""
    return reference.take(np.unique(np.linspace(0, reference.n_rows - 1, min(reference.n_rows, READ)).astype(np.int64)))


def samplers_of(subject: Subject, rows: RowBlock) -> tuple[ColumnSampler, ...]:
    """Bins or levels of every raw column of a table, as `rows` have them; raises MethodError that names a column that has none."""
    return tuple(_sampler(column, rows) for column in subject.facts.schema.columns)


def _sampler(column: ColumnSchema, rows: RowBlock) -> ColumnSampler:
    values = rows.values[column.name]
    try:
        return quartile_bins(values) if column.kind == "numeric" else observed_levels(values)
    except MethodError as error:
        raise MethodError(f"column {column.name!r}: {error}") from error

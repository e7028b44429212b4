"""What stands for "absent" in an explanation: rows of the reference data, or a row's own text with everything left out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit.data.encoding import StructuredEncoder
from audit.errors import SubjectError
from audit.streams import generator
from audit.subject import Subject


def draw_background(subject: Subject, size: int) -> NDArray[Any]:
    """At most `size` encoded reference rows (b, …), drawn without replacement from the run's seed, the same for every probe.

    No rows where each row has an absence of its own (text). Raises SubjectError without reference data.
    """
    if isinstance(subject.encoder, StructuredEncoder) and not subject.encoder.needs_background:
        return subject.encode(subject.evaluate.take(np.zeros(1, dtype=np.int64))).values[:0]
    reference = subject.reference
    if reference is None:
        raise SubjectError(subject.why_not("reference"))
    count = min(size, reference.n_rows)
    chosen = generator(subject.seed, f"background {reference.digest}").permutation(reference.n_rows)[:count]
    return np.ascontiguousarray(subject.encode(reference.take(np.sort(chosen).astype(np.int64))).values)


def against(subject: Subject, values: NDArray[Any], background: NDArray[Any]) -> Iterator[tuple[NDArray[np.int64], NDArray[Any]]]:
    """Encoded rows (n, …) in parts that share what stands for absent: places of the rows (m,) and the background (b, …) of each part."""
    encoder = subject.encoder
    alike = encoder.alike(values) if isinstance(encoder, StructuredEncoder) else None
    if alike is None or not isinstance(encoder, StructuredEncoder):
        yield np.arange(len(values), dtype=np.int64), background
        return
    if not len(values):
        row = subject.encode(subject.evaluate.take(np.zeros(1, dtype=np.int64))).values[0]
        yield np.zeros(0, dtype=np.int64), encoder.absent(row, background)
        return
    _, first, owner = np.unique(alike.reshape(len(alike), -1), axis=0, return_index=True, return_inverse=True)
    for part, row in enumerate(first):
        yield np.flatnonzero(owner.reshape(-1) == part).astype(np.int64), encoder.absent(values[row], background)

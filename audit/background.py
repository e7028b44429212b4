"""What stands for "absent" in an explanation: rows of the reference data, or a row's own text with everything left out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit.data.encoding import StructuredEncoder
from audit.errors import SubjectError
from audit.streams import generator
from audit.subject import Subject


@dataclass(frozen=True)
class Against:
    """Rows that share what stands for absent and how their entries are shared out.

    `places` (m,) among the rows given, `absent` (b, …) what stands in for them, `owner` (entries,) the player of each entry of a flattened row.
    """

    places: NDArray[np.int64]
    absent: NDArray[Any]
    owner: NDArray[np.int64]


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


def against(subject: Subject, values: NDArray[Any], background: NDArray[Any]) -> Iterator[Against]:
    """Encoded rows (n, …) in parts that share what stands for absent and the players of their entries."""
    encoder, owners = subject.encoder, subject.owners(values)
    alike = encoder.alike(values) if isinstance(encoder, StructuredEncoder) else None
    if not isinstance(encoder, StructuredEncoder) or (alike is None and owners.ndim == 1):
        yield Against(np.arange(len(values), dtype=np.int64), background, subject.players.owner)
        return
    if not len(values):
        row = subject.encode(subject.evaluate.take(np.zeros(1, dtype=np.int64))).values[0]
        yield Against(np.zeros(0, dtype=np.int64), encoder.absent(row, background), subject.players.owner)
        return
    keys = [found.reshape(len(values), -1) for found in (alike, owners if owners.ndim > 1 else None) if found is not None]
    _, first, part = np.unique(np.concatenate(keys, axis=1), axis=0, return_index=True, return_inverse=True)
    for number, row in enumerate(first):
        places = np.flatnonzero(part.reshape(-1) == number).astype(np.int64)
        yield Against(places, encoder.absent(values[row], background), owners[row] if owners.ndim > 1 else owners)

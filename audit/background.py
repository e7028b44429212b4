"""The background: rows of the reference data that stand for "absent", the same for every attribution probe of a run."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit.errors import SubjectError
from audit.streams import generator
from audit.subject import Subject


def draw_background(subject: Subject, size: int) -> NDArray[Any]:
    """At most `size` encoded reference rows (b, …), drawn without replacement from the run's seed, the same for every probe.

    Raises SubjectError without reference data.
    """
    reference = subject.reference
    if reference is None:
        raise SubjectError(subject.why_not("reference"))
    count = min(size, reference.n_rows)
    chosen = generator(subject.seed, f"background {reference.digest}").permutation(reference.n_rows)[:count]
    return np.ascontiguousarray(subject.encode(reference.take(np.sort(chosen).astype(np.int64))).values)

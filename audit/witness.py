"""`Reference`: what another library makes of a few measured rows; `confront` holds ours against it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version

import numpy as np
from numpy.typing import NDArray

from audit.errors import NetassayError
from audit.methods.statistics.recomputed import compare
from audit.results import Witness

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Reference:
    """Our numbers and the library's for the same `m` rows, and the errors of their difference."""

    ours: Floats
    """(m, d)."""
    theirs: Floats
    """(m, d)."""
    se: Floats
    """Standard errors of the difference (m, d), of both sides together; 0 where neither draws at random."""
    scale: Floats
    """Size of what is measured in each row (m,), against which rounding is held."""
    freedom: int = 1
    """Degrees of freedom behind `se`."""
    note: str = ""
    rounding: float = 1e-3
    """Share of `scale` by which numbers may differ without counting as different."""
    rows: int | None = None
    """Rows recomputed where they are not the m rows of the numbers."""


def confront(library: str, reference: Reference) -> Witness:
    """The comparison as the run keeps it; raises MethodError when the numbers cannot be compared."""
    found = compare(reference.ours, reference.theirs, se=reference.se, scale=reference.scale, freedom=reference.freedom, rounding=reference.rounding)
    return Witness(
        library=_named(library),
        rows=len(reference.ours) if reference.rows is None else reference.rows,
        numbers=found.numbers,
        difference=found.difference,
        in_se=found.in_se,
        p_value=found.p_value,
        agrees=found.agrees,
        note=reference.note,
    )


def called(library: str, recompute: Callable[[], Reference]) -> Witness:
    """The comparison with what `recompute` gives; a witness that refuses or breaks says so and leaves the rest whole."""
    try:
        return confront(library, recompute())
    except NetassayError as error:
        return silent(library, f"{error}.")
    except Exception as error:  # noqa: BLE001  the library's own failure is no failure of the audit
        return silent(library, f"it broke with {type(error).__name__}: {error}")


def silent(library: str, reason: str) -> Witness:
    """The record of a witness that could not recompute anything."""
    return Witness(library=_named(library), rows=0, numbers=0, note=reason)


def told(witness: Witness, of: str) -> str:
    """The comparison as a sentence about the numbers `of` an instrument or check."""
    if witness.agrees is None:
        return f"{witness.library} did not recompute {of}: {witness.note}"
    verdict = "agrees" if witness.agrees else "disagrees by more than rounding and chance leave room for"
    chance = f", {witness.in_se:.2g} standard errors, adjusted p = {_short(witness.p_value)}" if witness.in_se is not None else ""
    apart = (
        f"the largest difference is {_short(witness.difference)} of the size of what is measured{chance}"
        if witness.difference
        else "no number differs"
    )
    end = f" {witness.note}" if witness.note else ""
    return f"{witness.library} recomputed {of} for {witness.rows:,} rows ({witness.numbers:,} numbers) and {verdict}: {apart}.{end}"


def _named(library: str) -> str:
    return f"{library} {version(library)}"


def _short(value: float | None) -> str:
    return "0" if not value else f"{value:.2g}"

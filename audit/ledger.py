"""`Ledger`: where a check writes estimates; what is undefined becomes an `Absent` with its reason, so nothing is lost or made up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from audit.chart_kinds import Chart
from audit.methods.statistics.intervals import Estimate, Undefined
from audit.results import Absent, Evidence, Measurement, Scalar, Simultaneous, Slice

At = Mapping[str, Scalar]
NOWHERE: At = {}
ALL_ROWS: Slice = {}


class Ledger:
    """Collects the measurements of one check. With `census` the rows are the whole population, and intervals are left out."""

    def __init__(self, *, census: bool = False) -> None:
        self._census = census
        self._measurements: list[Measurement] = []
        self._absent: list[Absent] = []

    def add(
        self,
        name: str,
        estimate: Estimate,
        *,
        slice: Slice = ALL_ROWS,  # noqa: A002  the word of `Measurement`
        versus: Slice | None = None,
        at: At = NOWHERE,
        unit: str = "",
        counts: Mapping[str, int] | None = None,
        simultaneous: Simultaneous | None = None,
        n: int | None = None,
    ) -> None:
        """Write an estimate; `n` replaces the number of rows of the estimate where a comparison rests on fewer."""
        rows = estimate.n if n is None else n
        if isinstance(estimate, Undefined):
            self.absent(name, estimate.reason, rows, slice=slice, versus=versus, at=at)
            return
        low, high, family = (None, None, None) if self._census else (estimate.low, estimate.high, simultaneous)
        self._measurements.append(
            Measurement(
                name=name,
                value=estimate.value,
                n=rows,
                slice=dict(slice),
                versus=None if versus is None else dict(versus),
                at=dict(at),
                low=low,
                high=high,
                unit=unit,
                method=f"{estimate.method}; left out, the rows are the whole population" if self._census else estimate.method,
                counts=counts,
                simultaneous=family,
            )
        )

    def exact(
        self,
        name: str,
        value: float,
        n: int,
        *,
        slice: Slice = ALL_ROWS,  # noqa: A002  the word of `Measurement`
        versus: Slice | None = None,
        at: At = NOWHERE,
        unit: str = "",
        method: str = "",
        counts: Mapping[str, int] | None = None,
    ) -> None:
        """Write a number that has no sampling error, or none that is claimed."""
        held = None if versus is None else dict(versus)
        self._measurements.append(
            Measurement(name=name, value=float(value), n=n, slice=dict(slice), versus=held, at=dict(at), unit=unit, method=method, counts=counts)
        )

    def absent(
        self,
        name: str,
        reason: str,
        n: int,
        *,
        slice: Slice = ALL_ROWS,  # noqa: A002  the word of `Measurement`
        versus: Slice | None = None,
        at: At = NOWHERE,
    ) -> None:
        """Write what could not be estimated, and why."""
        self._absent.append(Absent(name=name, reason=reason, n=n, slice=dict(slice), versus=None if versus is None else dict(versus), at=dict(at)))

    def evidence(self, charts: Sequence[Chart] = (), notes: Sequence[str] = (), blockers: Sequence[str] = ()) -> Evidence:
        """Everything written, in order."""
        return Evidence(
            measurements=tuple(self._measurements), absent=tuple(self._absent), charts=tuple(charts), notes=tuple(notes), blockers=tuple(blockers)
        )


def family(estimate: Estimate, comparisons: int) -> Simultaneous | None:
    """The ends of an estimate made at a Bonferroni-adjusted level, as the interval of a family; None when it is undefined."""
    if isinstance(estimate, Undefined):
        return None
    return Simultaneous(low=estimate.low, high=estimate.high, comparisons=comparisons, method="Bonferroni")

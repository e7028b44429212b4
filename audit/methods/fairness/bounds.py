"""Where a group's rate could lie if the rows of unknown membership were known."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Bounds:
    """Lowest and highest rate that any assignment of the unknown rows allows."""

    low: float
    high: float


def rate_bounds(selected: float, total: float, unknown_selected: float, unknown_total: float) -> Bounds | None:
    """Manski's worst-case bounds: lowest when all unknown refused rows belong to the group, highest when all unknown selected ones do.

    None when there is no row at all. Manski 1989, doi:10.2307/145818.
    """
    refused = unknown_total - unknown_selected
    if total + refused <= 0 or total + unknown_selected <= 0:
        return None
    return Bounds(selected / (total + refused), (selected + unknown_selected) / (total + unknown_selected))

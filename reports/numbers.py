"""Numbers as a reader sees them. Rounding happens here and nowhere else: what arrives is unrounded."""

from __future__ import annotations

import math
from collections.abc import Sequence

from audit.results import Measurement

_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_DIFFERENCES = ("gap", "difference", "shortfall", "change", "drop", "gain", "disparity", "excess")
_POINTS = ("percentage point", "percentage points", "points")


def count(value: int) -> str:
    """A whole number with thousands separated."""
    return f"{value:,}".replace("-", "−")


def number(value: float) -> str:
    """A number to four significant digits, whole numbers exactly, very large and very small ones as powers of ten."""
    if float(value).is_integer() and abs(value) < 1e9:
        return count(int(value))
    if not 1e-4 <= abs(value) < 1e9:
        return _power_of_ten(value, 2)
    decimals = max(0, 3 - math.floor(math.log10(abs(value))))
    return f"{value:,.{min(decimals, 6)}f}".replace("-", "−")


def percent(value: float) -> str:
    """A proportion in percent with one decimal; more where one decimal would read as none or as all."""
    return f"{_percent(value)} %"


def ratio(value: float) -> str:
    """A ratio with three decimals; more digits where three would read as zero."""
    return number(value) if 0 < abs(value) < 5e-4 or abs(value) >= 1e6 else f"{value:,.3f}".replace("-", "−")


def is_difference(measurement: Measurement) -> bool:
    """Whether a proportion is a difference of two proportions, which is told in percentage points."""
    return measurement.versus is not None or any(word in measurement.name.split("_") for word in _DIFFERENCES)


def quantity(value: float, measurement: Measurement) -> str:
    """`value` in the unit of `measurement`."""
    unit = measurement.unit
    if unit in ("proportion", *_POINTS):
        points = unit in _POINTS or is_difference(measurement)
        return f"{_percent(value)} points" if points else percent(value)
    if unit == "ratio":
        return ratio(value)
    return f"{number(value)} {unit}".strip()


def interval(measurement: Measurement, low: float | None, high: float | None) -> str:
    """Both ends of an interval in the unit of `measurement`; empty when there is none."""
    if low is None or high is None:
        return ""
    first, last = quantity(low, measurement), quantity(high, measurement)
    for unit in (" points", " %", f" {measurement.unit}"):
        if len(unit) > 1 and first.endswith(unit) and last.endswith(unit):
            first = first.removesuffix(unit)
            break
    return f"{first} to {last}"


def seconds(value: float) -> str:
    """A duration in the unit a person would use."""
    if value < 60:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def ticks(values: Sequence[float]) -> list[str]:
    """Labels of axis ticks with the fewest decimals that keep them apart."""
    if any(value and not 1e-4 <= abs(value) < 1e6 for value in values):
        fewest = next((d for d in range(2) if all(math.isclose(float(f"{value:.{d}e}"), value, rel_tol=1e-9) for value in values)), 2)
        return [number(value) if not value or 1e-4 <= abs(value) < 1e6 else _power_of_ten(value, fewest) for value in values]
    for decimals in range(7):
        shown = [f"{value:,.{decimals}f}" for value in values]
        if all(math.isclose(float(text.replace(",", "")), value, rel_tol=1e-9, abs_tol=1e-12) for text, value in zip(shown, values, strict=True)):
            break
    return [("0" if float(text.replace(",", "")) == 0 else text).replace("-", "−") for text in shown]


def _power_of_ten(value: float, decimals: int) -> str:
    mantissa, exponent = f"{value:.{decimals}e}".split("e")
    return f"{mantissa} × 10{str(int(exponent)).translate(_SUPERSCRIPT)}".replace("-", "−")


def _percent(value: float) -> str:
    scaled = 100 * value
    for decimals in range(1, 7):
        text = f"{scaled:,.{decimals}f}"
        rounded = float(text.replace(",", ""))
        if (rounded != 0 or value == 0) and (abs(rounded) != 100 or abs(value) == 1):
            return text.replace("-", "−")
    return number(scaled)

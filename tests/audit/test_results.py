"""Results are finite by construction, and say what each of their fields is."""

from __future__ import annotations

import dataclasses
import math
import re
from pathlib import Path

import pytest

from audit import results
from audit.results import Absent, AuditRun, Criterion, Finding, Measurement, ProbeRecord


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_measurement_is_finite_by_construction(value: float) -> None:
    with pytest.raises(ValueError, match="Absent"):
        Measurement(name="x", value=value, n=1)
    with pytest.raises(ValueError, match="Absent"):
        Measurement(name="x", value=1.0, low=value, high=2.0, n=1)


def test_an_interval_has_two_ends_in_order() -> None:
    with pytest.raises(ValueError, match="both ends"):
        Measurement(name="x", value=1.0, low=0.5, n=1)
    with pytest.raises(ValueError, match="reversed"):
        Measurement(name="x", value=1.0, low=1.5, high=0.5, n=1)


@pytest.mark.parametrize("kind", [Measurement, Absent, Criterion, Finding, AuditRun, ProbeRecord])
def test_every_stored_field_is_documented_where_it_is_defined(kind: type) -> None:
    source = Path(results.__file__).read_text(encoding="utf-8")
    body = source.split(f"class {kind.__name__}:")[1].split("\n@dataclass")[0]
    for field in dataclasses.fields(kind):
        assert re.search(rf'^    {field.name}: [^\n]*\n    """', body, flags=re.MULTILINE), f"{kind.__name__}.{field.name}"

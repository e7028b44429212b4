"""What a person asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Request:
    """What the person named."""

    table: Path
    out: Path
    model: str | None = None
    """A file, ``package.module:function`` or a URL."""
    predictions: str | None = None
    """Column of the table that holds scores, instead of a model."""
    architecture: str | None = None
    code: tuple[Path, ...] = ()
    reference: Path | None = None
    label: str | None = None
    groups: tuple[str, ...] = ()
    files: frozenset[str] = frozenset()
    """sha256 sums of model files that may run what they hold."""
    factory: Path | None = None
    """Where a factory for the weights is to be written."""
    text: str | None = None
    """Column that holds texts."""
    vocabulary: Path | None = None
    series: str | None = None
    """Array of an npz file, or column that names the series of each row of a table."""

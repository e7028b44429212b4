"""How a running audit tells what it does; the command line draws it, tests stay silent."""

from __future__ import annotations

from typing import Protocol, Self


class Progress(Protocol):
    """Receives what happens; must not fail."""

    def probe(self, instance: str, done: int, total: int) -> None:
        """`done` of `total` rows measured by one probe."""
        ...

    def checks(self, done: int, total: int) -> None:
        """`done` of `total` checks asked."""
        ...


class Silent:
    """Tells nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to end."""

    def probe(self, instance: str, done: int, total: int) -> None:
        """Ignore."""

    def checks(self, done: int, total: int) -> None:
        """Ignore."""

"""`Companion`: another model for the same rows, such as the teacher of a student or a member of an ensemble."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Any

from audit.facts import Facts, OutputKind
from audit.models.model import Model


@dataclass(frozen=True)
class Companion:
    """A model that takes the encoded rows of the subject; `output` says what it returns."""

    model: Model
    output: OutputKind

    @property
    def digest(self) -> str:
        """sha256 of the model and of what its outputs mean."""
        return hashlib.sha256(f"{self.model.digest} {self.output}".encode()).hexdigest()

    def facts(self, facts: Facts) -> Facts:
        """The subject's facts with this output; classes and threshold are the same."""
        return replace(facts, output=self.output)

    def describe(self) -> dict[str, Any]:
        """Hashes, sizes and meaning for the run, as plain data."""
        about = {"sha256": self.model.digest, "capabilities": sorted(self.model.capabilities), "output": self.output}
        return self.model.description | about

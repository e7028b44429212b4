"""How what a model returns for some rows becomes its outputs where it is not taken as it is: a reconstruction's error, a score turned about."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from audit.errors import ModelError


@dataclass(frozen=True)
class Reading:
    """A reading of arrays or tensors alike, with the words that tell of it in the run."""

    words: str
    of: Callable[[Any, Any], Any]
    """What a model was given (m, …), and what it returned for it, to its outputs (m,) or (m, k)."""


def reconstruction_error(given: Any, returned: Any) -> Any:
    """Mean squared error of each row (m,), in the units of the encoded inputs; its gradient reaches `given` on both ways.

    `given` (m, …) and `returned` (m, …) hold as many numbers per row, in the same order. Raises ModelError when they do not.
    """
    shape, rows = getattr(returned, "shape", None), len(given)
    if shape is None:
        return returned
    expected, found = math.prod(given.shape[1:]), math.prod(shape[1:])
    if not len(shape) or shape[0] != rows or found != expected:
        raise ModelError(
            f"the network returns shape {tuple(shape)} for {rows} rows of {expected} numbers; a reconstruction returns each row itself, "
            f"so ({', '.join(map(str, (rows, *given.shape[1:])))}) or ({rows}, {expected}) is expected"
        )
    return ((returned.reshape(rows, found) - given.reshape(rows, found)) ** 2).mean(axis=1)


def negative(given: Any, returned: Any) -> Any:  # noqa: ARG001  every reading is given the rows
    """The negative, so that higher is more unusual."""
    return -returned if hasattr(returned, "shape") else returned


RECONSTRUCTION = Reading("mean squared error between each row as it was given, encoded, and what the network returned", reconstruction_error)
LOW_IS_UNUSUAL = Reading("negative of what the network returned, since low scores are flagged", negative)

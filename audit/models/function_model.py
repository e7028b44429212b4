"""`FunctionModel`: anything that answers rows with numbers, as a `Model` that gives outputs only but can be asked about changed inputs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from audit.data.batch import Batch
from audit.data.canonical import canonical_text
from audit.errors import ModelError, nearest
from audit.models.model import micro_batches
from audit.models.readings import Reading

if TYPE_CHECKING:
    import torch

Answer = Callable[[NDArray[Any]], Any]
"""A leaf (m, …) to what can be read as numbers (m,) or (m, k)."""
CLOSE = 1e-6
"""How far two answers for the same row may differ, relative to the largest output, before a note says so."""


class FunctionModel:
    """Calls `answer` with at most `micro_batch` rows at a time, counted from the first row of each call.

    `classes` are given when the answers are decided classes, whose positions are then the outputs. `changing` says that nothing on this
    machine tells whether the answers are still those of yesterday; the answers to the trial then are part of the digest.
    """

    def __init__(
        self,
        answer: Answer,
        *,
        dtype: str,
        micro_batch: int,
        description: Mapping[str, Any],
        classes: Sequence[str] = (),
        changing: bool = False,
    ) -> None:
        self._answer = answer
        self._dtype = dtype
        self._micro_batch = micro_batch
        self._about = dict(description)
        self._notes: list[str] = list(self._about.pop("notes", ()))
        self._classes = tuple(classes)
        self._changing = changing
        self._reading: Reading | None = None
        self._tried = ""
        self._width = 1

    @property
    def capabilities(self) -> frozenset[str]:
        """Outputs only."""
        return frozenset({"outputs"})

    @property
    def digest(self) -> str:
        """sha256 of the description less its notes, and of the answers to the trial where nothing else tells of a change; hexadecimal."""
        return hashlib.sha256(json.dumps([self._about, self._dtype, self._classes, self._tried], sort_keys=True).encode()).hexdigest()

    @property
    def description(self) -> dict[str, Any]:
        """What was given on making it, floating type and micro-batch, and notes."""
        used = {"device": self.device, "dtype": self._dtype, "micro_batch": self._micro_batch}
        return self._about | used | ({"notes": list(self._notes)} if self._notes else {})

    @property
    def device(self) -> str:
        """Where its inputs and outputs are."""
        return "cpu"

    @property
    def dtype(self) -> str:
        """Name of the floating type of the leaf."""
        return self._dtype

    def outputs(self, batch: Batch) -> NDArray[np.float64]:
        """Answers (n, k); raises ModelError when there is not one number, or k, per row."""
        further = sorted(set(batch.arrays) - {batch.leaf})
        if further:
            raise ModelError(f"the model would be given {', '.join(further)} beside {batch.leaf}; this door takes one array of inputs")
        return self._answers(batch.values)

    def read_by(self, reading: Reading) -> None:
        """Take the answers by `reading` from now on."""
        self._reading = reading
        self._about["reading"] = reading.words

    def tensor(self, values: NDArray[Any]) -> torch.Tensor:
        """A copy of `values`: floats in the leaf's type, integers as int64."""
        import torch  # noqa: PLC0415  loaded only when a probe works with tensors

        kinds = {"f": getattr(torch, self._dtype), "i": torch.int64, "u": torch.int64, "b": torch.bool}
        if values.dtype.kind not in kinds:
            raise ModelError(f"values of type {values.dtype} cannot be given to the model")
        return torch.tensor(np.ascontiguousarray(values), dtype=kinds[values.dtype.kind])

    @contextmanager
    def session(self, *, gradients: bool) -> Iterator[Callable[[torch.Tensor], torch.Tensor]]:
        """A context in which the model is callable on a leaf tensor (m, …) → (m, k) float64; raises ModelError when gradients are asked for."""
        if gradients:
            raise ModelError("the model gives outputs only, no gradients")
        import torch  # noqa: PLC0415  loaded only when a probe works with tensors

        yield lambda leaf: torch.from_numpy(self._answers(leaf.detach().cpu().numpy()))

    def trial(self, batch: Batch) -> None:
        """Ask about a few rows twice, the second time in another order; a note says when the answers differ.

        Raises ModelError when the model cannot be called on these inputs.
        """
        first = self.outputs(batch)
        again = self._answers(batch.values[::-1])[::-1]
        if first.shape != again.shape:
            raise ModelError(f"the model answered {first.shape[1]} numbers per row, and then {again.shape[1]} for the same rows")
        if self._changing:
            self._tried = hashlib.sha256(np.ascontiguousarray(first).tobytes()).hexdigest()
        both = np.isfinite(first) & np.isfinite(again)
        apart = float(np.max(np.abs(first[both] - again[both]), initial=0.0))
        if apart > CLOSE * float(np.max(np.abs(first[np.isfinite(first)]), initial=0.0)):
            self._notes.append(
                f"Asked twice about the same rows, in another order, the model answered differently (by up to {apart:.3g}): "
                "its answers are random or depend on the other rows, and no number of this run can be repeated exactly."
            )

    def _answers(self, leaf: NDArray[Any]) -> NDArray[np.float64]:
        parts = [self._part(leaf[part]) for part in micro_batches(len(leaf), self._micro_batch)]
        widths = sorted({part.shape[1] for part in parts})
        if len(widths) > 1:
            raise ModelError(f"the model answers {' or '.join(map(str, widths))} numbers per row; expected the same number for all")
        self._width = widths[0] if widths else self._width
        # A model is asked about no rows when a block has none that it could explain.
        return np.concatenate(parts) if parts else np.zeros((0, self._width))

    def _part(self, leaf: NDArray[Any]) -> NDArray[np.float64]:
        answered = self._answer(np.array(leaf, order="C"))  # a copy: the function may write into what it is given
        if self._reading is not None:
            answered = self._reading.of(leaf.astype(np.float64), one_row_each(_flat(answered, len(leaf)), len(leaf)))
        return self._positions(answered, len(leaf)) if self._classes else one_row_each(answered, len(leaf))

    def _positions(self, answered: Any, rows: int) -> NDArray[np.float64]:
        """Positions (m, 1) of decided classes (m,) or (m, 1)."""
        decided = np.asarray(answered, dtype=object).reshape(-1)
        if len(decided) != rows:
            raise ModelError(f"the model returns {len(decided)} decisions for {rows} rows")
        return np.array([[self._position(value)] for value in decided], dtype=np.float64)

    def _position(self, value: Any) -> int:
        try:
            word = canonical_text(value)
        except (TypeError, ValueError) as error:
            raise ModelError(f"the model decides {type(value).__name__} {value!r}; expected one of {', '.join(map(repr, self._classes))}") from error
        if word not in self._classes:
            raise ModelError(f"the model decides class {word!r}: {nearest(word, self._classes)}")
        return self._classes.index(word)


def one_row_each(answered: Any, rows: int) -> NDArray[np.float64]:
    """Answers as float64 (rows, k); raises ModelError for another shape, and for what is no number."""
    try:
        found = np.asarray(answered)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ModelError(f"the model returns {type(answered).__name__}, which cannot be read as numbers: {_first_line(error)}") from error
    if found.dtype.kind == "O" and not all(isinstance(value, (int, float, np.number)) for value in found.flat):
        other = next(value for value in found.flat if not isinstance(value, (int, float, np.number)))
        raise ModelError(f"the model returns {type(other).__name__} {_short(other)} among its outputs; expected numbers")
    if found.dtype.kind not in "fiubO":
        raise ModelError(f"the model returns values of type {found.dtype}; expected numbers")
    values = found.astype(np.float64)
    column = values[:, None] if values.ndim == 1 else values
    if column.ndim != 2 or len(column) != rows or not column.shape[1]:
        raise ModelError(f"the model returns shape {values.shape} for {rows} rows; expected ({rows}, k) or ({rows},)")
    return column


def _flat(answered: Any, rows: int) -> Any:
    """Answers of any shape as (rows, k), where they are an array of that many rows."""
    shape = tuple(getattr(answered, "shape", (0,)))
    return answered.reshape(rows, int(np.prod(shape[1:]))) if len(shape) > 2 and shape[0] == rows else answered


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [""])[0]

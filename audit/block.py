"""One unit of work: one probe over one block of rows. The same function on one core, many cores and many machines."""

from __future__ import annotations

import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit import discovery
from audit.errors import MethodError, NetassayError
from audit.probe import Block, Columns
from audit.subject import Subject


@dataclass(frozen=True)
class BlockTask:
    """What to measure: a probe, its settings and prepared state, the rows, and the columns it reads of them. Picklable."""

    part: int
    probe: str
    instance: str
    settings: Mapping[str, Any]
    state: Any
    positions: NDArray[np.int64]
    reads: Mapping[str, NDArray[Any]]
    seed: int
    key: str
    """Address of the result in the block cache."""


@dataclass(frozen=True)
class BlockResult:
    """Columns of the block, or the trace of what broke."""

    task: BlockTask
    columns: Columns
    seconds: float
    trace: str = ""
    refusal: str = ""
    """The message of a method that refused what it was asked for; such a block is not a breakdown."""
    reused: bool = False


def measure_block(subject: Subject, task: BlockTask) -> BlockResult:
    """Measure one block; an exception becomes a trace, so that one broken block leaves the others whole.

    What the user can mend (a network whose outputs are not as declared, data that cannot be read) is raised.
    """
    started = time.perf_counter()
    probe = discovery.probe(task.probe)
    try:
        block = Block(subject, subject.evaluate.take(task.positions), task.reads, task.seed, task.instance)
        columns = {name: np.ascontiguousarray(values) for name, values in probe.measure(block, task.state, task.settings).items()}
    except MethodError as error:
        return BlockResult(task, {}, time.perf_counter() - started, traceback.format_exc(), refusal=str(error))
    except NetassayError:
        raise
    except Exception:  # noqa: BLE001  the runner alone catches all, and keeps the trace
        return BlockResult(task, {}, time.perf_counter() - started, traceback.format_exc())
    return BlockResult(task, columns, time.perf_counter() - started)

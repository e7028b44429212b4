"""Measures one probe instance: prepare once, cut rows into blocks, take from the cache what stands there, measure the rest, write parts."""

from __future__ import annotations

import math
import time
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from itertools import islice
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from audit.block import BlockResult, BlockTask
from audit.data.several import SeveralEncoder
from audit.errors import MethodError, NetassayError
from audit.models.model import SmoothModel
from audit.plan import Node, Skip
from audit.probe import Block, Prepared
from audit.progress import Progress
from audit.results import ProbeRecord, Witness
from audit.rows import Rows
from audit.sampling import Sample, draw
from audit.store import BlockCache, Stage, digest
from audit.subject import Subject
from audit.versions import engine_digest
from audit.witness import Reference, called

ProbeStatus = Literal["measured", "not_assessed", "not_applicable", "error"]
AHEAD = 32
"""Blocks looked up in the cache, or sent to be measured, before the first of them is written."""
MOST_VALUES = 2**24
"""Values that the network is given in a block."""


class Maps(Protocol):
    """The part of an executor that is needed here."""

    def map(self, tasks: Iterator[BlockTask]) -> Iterator[BlockResult]:
        """Results in the order of the tasks."""
        ...


@dataclass(frozen=True)
class RunContext:
    """What every step of one running audit shares."""

    stage: Stage
    subject: Subject
    seed: int
    cache: BlockCache
    executor: Maps
    progress: Progress


@dataclass
class _Tally:
    rows: int = 0
    blocks: int = 0
    reused: int = 0
    failed: int = 0
    trace: str = ""
    refusal: str = ""
    columns: dict[str, dict[str, str]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    witness: Witness | None = None


def measure_node(context: RunContext, node: Node) -> ProbeRecord:
    """Fill the node's columns and tables; returns what became of it. User errors propagate, any other failure is recorded."""
    started = time.perf_counter()
    if node.skip is not None:
        return _record(node, node.skip.status, node.skip.reason, _Tally(), 0.0)
    try:
        prepared = node.probe.prepared(context.subject, node.settings)
    except MethodError as error:
        return _record(node, "not_assessed", str(error), _Tally(), time.perf_counter() - started)
    except NetassayError:
        raise
    except Exception:  # noqa: BLE001  kept in the record
        tally = _Tally(trace=traceback.format_exc())
        return _record(node, "error", "Preparing the probe failed.", tally, time.perf_counter() - started)
    for name, table in prepared.tables.items():
        context.stage.write_table(node.instance, name, table)
    tally = _Tally() if node.probe.scope == "subject" else _measure_rows(context, node, prepared)
    tally.notes = prepared.notes
    if node.probe.library and node.witness and tally.rows:
        tally.witness = _witness(context, node, prepared)
    return _record(node, *_outcome(tally), tally, time.perf_counter() - started)


def _outcome(tally: _Tally) -> tuple[ProbeStatus, str]:
    if not tally.failed:
        return "measured", ""
    if not tally.rows and tally.refusal:
        return "not_assessed", tally.refusal
    total = tally.failed + tally.rows
    why = tally.refusal or (tally.trace.strip().splitlines() or [""])[-1]
    return ("measured" if tally.rows else "error"), f"{tally.failed} of {total} rows could not be measured: {why}"


def _rows_that_fit(subject: Subject, background: int = 1) -> int:
    """Rows of a block of at most `MOST_VALUES` values; a row of a table counts little, one of images much.

    Of several inputs every row may have a `background` of its own, in which a word counts as many values as its embedding has.
    """
    values = sum(math.prod(column.shape) for column in subject.facts.schema.columns)
    if isinstance(subject.encoder, SeveralEncoder):
        shape = (len(subject.players.owner),)
        wide = len(subject.model.smooth_entries(shape).origin) if isinstance(subject.model, SmoothModel) else shape[0]
        values = max(values, wide * background)
    return max(1, MOST_VALUES // max(1, values))


def _measure_rows(context: RunContext, node: Node, prepared: Prepared) -> _Tally:
    rows = Rows(context.stage.folder, context.subject.facts, seed=context.seed)
    sample = draw(rows, node.rows, purpose=node.probe.sampled_with or node.instance)
    tally = _Tally()
    tasks = _tasks(context, node, prepared, rows, sample)
    for result in _cached(tasks, context.cache, context.executor):
        _keep(context.stage, node, sample, result, tally)
        context.progress.probe(node.instance, tally.rows + tally.failed, len(sample.positions))
    return tally


def _tasks(context: RunContext, node: Node, prepared: Prepared, rows: Rows, sample: Sample) -> Iterator[BlockTask]:
    seed = context.seed
    base, read = address(context, node, prepared), readable(rows, node)
    size = min(node.probe.block, _rows_that_fit(context.subject, int(node.settings.get("background", 1))))
    for part, start in enumerate(range(0, len(sample.positions), size)):
        positions = sample.positions[start : start + size]
        reads = {name: column[np.searchsorted(held, positions)] for name, (held, column) in read.items()}
        key = digest(base, positions, reads)
        yield BlockTask(part, node.probe.id, node.instance, node.settings, prepared.state, positions, reads, seed, key)


def address(context: RunContext, node: Node, prepared: Prepared) -> str:
    """Digest of all that a probe's numbers depend on, but for the rows."""
    subject = context.subject
    return digest(
        engine_digest(),
        node.probe.source_digest,
        subject.model.digest,
        subject.evaluate.digest,
        subject.encoder.digest if subject.encoder is not None else "",
        _meaning(subject),
        node.instance,
        dict(node.settings),
        prepared.state,
        context.seed,
        {name: one.digest for name, one in subject.companions.items()} if "companions" in node.probe.needs else {},
    )


def _meaning(subject: Subject) -> Mapping[str, Any]:
    facts = subject.facts
    names = ("task", "output", "classes", "threshold", "thresholds", "flag", "label", "labels")
    return {name: getattr(facts, name) for name in names}


def readable(rows: Rows, node: Node) -> dict[str, tuple[NDArray[np.int64], NDArray[Any]]]:
    """Columns of the probes that a probe reads, each with the positions it was measured at."""
    found = {}
    for probe in node.probe.reads:
        view = rows.within(probe)
        for name in rows.names():
            if name.startswith(f"{probe}.") and rows.has(name):
                found[name] = (view.positions, view.column(name))
    return found


def _cached(tasks: Iterator[BlockTask], cache: BlockCache, executor: Maps) -> Iterator[BlockResult]:
    """Results in block order: what stands in the cache is taken from it, the rest is measured, a bounded number of blocks at a time."""
    while chunk := list(islice(tasks, AHEAD)):
        held = [cache.get(task.key) for task in chunk]
        measured = executor.map(task for task, columns in zip(chunk, held, strict=True) if columns is None)
        for task, columns in zip(chunk, held, strict=True):
            if columns is not None:
                yield BlockResult(task, columns, 0.0, reused=True)
                continue
            result = next(measured)
            if not result.trace:
                cache.put(result.task.key, result.columns)
            yield result


def _witness(context: RunContext, node: Node, prepared: Prepared) -> Witness:
    """A few measured rows by another library, from the cache where they stand there."""
    rows = Rows(context.stage.folder, context.subject.facts, seed=context.seed)
    held = rows.within(node.instance)
    measured = {name.removeprefix(f"{node.instance}."): held.column(name) for name in held.names() if name.startswith(f"{node.instance}.")}
    usable = np.flatnonzero(np.isfinite(measured["values"]).all(axis=1))
    chosen = np.sort(rows.generator(f"witness {node.instance}").permutation(usable)[: node.witness])
    ours = {name: column[chosen] for name, column in measured.items()}
    positions = held.positions[chosen]
    reads = {name: column[np.searchsorted(at, positions)] for name, (at, column) in readable(rows, node).items()}
    key = digest(address(context, node, prepared), "witness", node.probe.library, version(node.probe.library), positions)

    def recompute() -> Reference:
        if not len(chosen):
            raise MethodError("no measured row has finite values")
        known = context.cache.get(key)
        if known is not None:
            return Reference(ours["values"], known["theirs"], known["se"], known["scale"], int(known["freedom"][0]), str(known["note"][0]))
        block = Block(context.subject, context.subject.evaluate.take(positions), reads, context.seed, node.instance)
        found = node.probe.recompute(block, prepared.state, ours, node.settings)
        note = np.array([found.note], dtype=object)
        context.cache.put(key, {"theirs": found.theirs, "se": found.se, "scale": found.scale, "freedom": np.array([found.freedom]), "note": note})
        return found

    return called(node.probe.library, recompute)


def _keep(stage: Stage, node: Node, sample: Sample, result: BlockResult, tally: _Tally) -> None:
    size = len(result.task.positions)
    tally.blocks += 1
    tally.reused += result.reused
    if result.trace:
        tally.failed += size
        tally.trace = tally.trace or result.trace
        tally.refusal = tally.refusal or result.refusal
        return
    where = np.searchsorted(sample.positions, result.task.positions)
    units = {name: column.unit for name, column in node.probe.columns.items() if name in result.columns and column.unit}
    stage.write_rows(node.instance, result.task.part, result.columns, positions=result.task.positions, inclusion=sample.inclusion[where], units=units)
    tally.rows += size
    for name, values in result.columns.items():
        declared = node.probe.columns[name]
        tally.columns[name] = {"unit": declared.unit, "dtype": str(values.dtype), "about": declared.about}


def left_out(instance: str, skip: Skip) -> ProbeRecord:
    """The record of a probe that the subject cannot serve; it was never imported, so its settings are not known."""
    return ProbeRecord(
        id=instance.partition(":")[0],
        instance=instance,
        scope="rows",
        status=skip.status,
        reason=skip.reason,
        settings={},
        rows=0,
        seconds=0.0,
        columns={},
    )


def _record(node: Node, status: ProbeStatus, reason: str, tally: _Tally, seconds: float) -> ProbeRecord:
    return ProbeRecord(
        id=node.probe.id,
        instance=node.instance,
        scope=node.probe.scope,
        status=status,
        reason=reason,
        settings=dict(node.settings),
        rows=tally.rows,
        seconds=round(seconds, 3),
        columns=tally.columns,
        blocks_reused=tally.reused,
        blocks=tally.blocks,
        failed_rows=tally.failed,
        trace=tally.trace,
        notes=tally.notes,
        witness=tally.witness,
    )

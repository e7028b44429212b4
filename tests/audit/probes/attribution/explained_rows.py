"""Opens a small made-up subject and measures its rows with one attribution probe, as the engine would."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from audit.config_file import load_config
from audit.data.dataset import RowBlock
from audit.open_model import Trust
from audit.open_subject import open_subject
from audit.probe import Block, Probe
from audit.probes.outputs import outputs
from audit.subject import Subject

ROOT = Path(__file__).resolve().parents[4]


@dataclass(frozen=True)
class Measured:
    """A subject, the encoded rows and background, the outputs of its rows, and what the probe measured of them."""

    subject: Subject
    inputs: np.ndarray
    background: np.ndarray
    outputs: dict[str, Any]
    columns: dict[str, Any]
    tables: dict[str, Any]


def measure(
    config: Path | Subject, probe: Probe, *, rows: int = 12, block: int | None = None, broken: tuple[int, ...] = (), seed: int = 7, **given: Any
) -> Measured:
    """Measure the first rows of an audit file or subject, `block` at a time, as if the outputs of those `broken` were not finite."""
    subject = open_subject(load_config(config), Trust((ROOT,))) if isinstance(config, Path) else config
    settings = probe.settings.resolve(given, probe.id)
    prepared = probe.prepared(subject, settings)
    taken = subject.evaluate.take(np.arange(rows))
    answers = dict(outputs.measure(Block(subject, taken, {}, seed, "outputs"), None, {}))
    answers["finite"] = np.where(np.isin(np.arange(rows), broken), 0, answers["finite"]).astype(np.int8)
    parts = [_part(subject, taken, probe, prepared.state, answers, settings, part, seed) for part in _slices(rows, block or rows)]
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return Measured(
        subject, subject.encode(taken).values, getattr(prepared.state, "background", np.zeros(0)), answers, columns, dict(prepared.tables)
    )


def _slices(rows: int, size: int) -> list[slice]:
    return [slice(start, start + size) for start in range(0, rows, size)]


def _part(subject: Subject, taken: RowBlock, probe: Probe, state: Any, answers: Any, settings: Any, part: slice, seed: int) -> Any:  # noqa: PLR0917
    held = RowBlock(taken.positions[part], {name: values[part] for name, values in taken.values.items()})
    reads = {f"outputs.{name}": values[part] for name, values in answers.items()}
    return probe.measure(Block(subject, held, reads, seed, probe.id), state, settings)

"""Opens a smoke subject and measures all of its rows with one anomaly probe, as the engine would."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from audit.config_file import load_config
from audit.data.dataset import RowBlock
from audit.open_model import Trust
from audit.open_subject import open_subject
from audit.probe import Block, Prepared, Probe
from audit.probes.outputs import outputs
from audit.subject import Subject
from tests.smoke import subjects

TRUST = Trust((subjects.CODE,))


@dataclass(frozen=True)
class Measured:
    """What a probe prepared, its columns over all rows, and what the network answers."""

    prepared: Prepared
    columns: dict[str, Any]
    outputs: dict[str, Any]


def table(folder: Path, **settings: Any) -> Subject:
    """The made-up table: 120 reference, 60 calibration and 60 evaluated rows."""
    return open_subject(load_config(subjects.write_table_network(folder, **settings)), TRUST)


def digits(folder: Path) -> Subject:
    """Images, with the test images as calibration data too."""
    path = subjects.write_digits(folder)
    text = path.read_text(encoding="utf-8").replace('label = "label"', 'calibration = "test.npz"\nlabel = "label"')
    path.write_text(text, encoding="utf-8")
    return open_subject(load_config(path), TRUST)


def answering(subject: Subject, output: str) -> Subject:
    """The subject as if it had declared another kind of output."""
    return replace(subject, facts=replace(subject.facts, output=output))


def measure(probe: Probe, subject: Subject, *, block: int | None = None, broken: tuple[int, ...] = (), **given: Any) -> Measured:
    """All rows, `block` at a time, as if the outputs of those `broken` were not finite."""
    settings = probe.settings.resolve(given, probe.id)
    prepared, n = probe.prepared(subject, settings), subject.evaluate.n_rows
    parts, answers = [], []
    for start in range(0, n, block or n):
        rows = subject.evaluate.take(np.arange(start, min(start + (block or n), n)))
        answered = _answers(subject, rows, broken)
        reads = {f"outputs.{name}": values for name, values in answered.items()}
        parts.append(probe.measure(Block(subject, rows, reads, 7, probe.id), prepared.state, settings))
        answers.append(answered)
    return Measured(prepared, _joined(parts), _joined(answers))


def _answers(subject: Subject, rows: RowBlock, broken: tuple[int, ...]) -> dict[str, Any]:
    found = dict(outputs.measure(Block(subject, rows, {}, 7, "outputs"), None, {}))
    lost = np.isin(rows.positions, broken)
    for name in ("output", "probability"):
        if name in found:
            found[name] = np.where(lost[:, None], np.nan, found[name])
    return found | {"finite": np.where(lost, 0, found["finite"]).astype(np.int8)}


def _joined(parts: list[Any]) -> dict[str, Any]:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

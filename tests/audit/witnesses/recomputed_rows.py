"""Measures rows of a small subject with one probe and has them recomputed by its witness, as the engine would."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from audit.config_file import load_config
from audit.open_model import Trust
from audit.open_subject import open_subject
from audit.probe import Block, Probe
from audit.probes.outputs import outputs
from audit.witness import Reference

ROOT = Path(__file__).resolve().parents[3]


def recomputed(config: Path, probe: Probe, *, rows: int = 3, seed: int = 7, **given: Any) -> Reference:
    """The reference for the first rows of an audit file."""
    subject = open_subject(load_config(config), Trust((ROOT,)))
    settings = probe.settings.resolve(given, probe.id)
    prepared = probe.prepared(subject, settings)
    taken = subject.evaluate.take(np.arange(rows))
    answers = outputs.measure(Block(subject, taken, {}, seed, "outputs"), None, {})
    block = Block(subject, taken, {f"outputs.{name}": values for name, values in answers.items()}, seed, probe.id)
    measured = probe.measure(block, prepared.state, settings)
    return probe.recompute(block, prepared.state, measured, settings)

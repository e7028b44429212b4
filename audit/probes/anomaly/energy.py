"""The probe `anomaly.energy`: rows on which no class gets a large logit."""

from __future__ import annotations

import numpy as np

from audit.calibrated import COLUMNS, Calibration, calibrate
from audit.errors import MethodError
from audit.methods.anomaly.outputs import energy as energy_score
from audit.probe import Block, Columns, Prepared, probe
from audit.subject import Subject


@probe(columns=COLUMNS, needs={"calibration"}, reads=("outputs",), tasks={"binary", "multiclass"})
def energy(block: Block, state: Calibration, *, temperature: float = 1.0) -> Columns:
    """Scores each row by its energy, the negative log of the summed exponentials of its logits.

    A single logit stands for the pair of it and 0. Rows whose outputs are not finite get NaN.
    """
    usable = block.reads["outputs.finite"] == 1
    return state.columns(np.where(usable, energy_score(block.reads["outputs.output"], temperature=temperature), np.nan))


@energy.prepare
def prepare(subject: Subject, *, temperature: float = 1.0) -> Prepared:
    """Score the calibration rows; refuse outputs that are no logits."""
    if subject.facts.output != "logits":
        raise MethodError(f"energy is a function of logits; the network returns {subject.facts.output.replace('_', ' ')}")
    held = calibrate(subject, lambda rows: energy_score(subject.model.outputs(subject.encode(rows)), temperature=temperature))
    return Prepared(held, held.tables, held.notes)

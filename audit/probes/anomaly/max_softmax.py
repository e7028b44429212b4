"""The probe `anomaly.max_softmax`: rows on which the network is least sure of any class."""

from __future__ import annotations

from audit.calibrated import COLUMNS, Calibration, Floats, calibrate
from audit.decide import decide
from audit.errors import MethodError
from audit.methods.anomaly.outputs import one_minus_largest
from audit.probe import Block, Columns, Prepared, probe
from audit.subject import Subject


@probe(columns=COLUMNS, needs={"calibration"}, reads=("outputs",), tasks={"binary", "multiclass"})
def max_softmax(block: Block, state: Calibration) -> Columns:
    """Scores each row by one minus its largest class probability; rows whose outputs are not finite get NaN."""
    return state.columns(one_minus_largest(block.reads["outputs.probability"]))


@max_softmax.prepare
def prepare(subject: Subject) -> Prepared:
    """Score the calibration rows; refuse networks without probabilities."""
    if subject.facts.output not in ("logits", "log_probabilities", "probabilities"):
        raise MethodError(f"the largest probability needs class probabilities; the network returns a {subject.facts.output}")
    held = calibrate(subject, lambda rows: one_minus_largest(_probability(subject, subject.model.outputs(subject.encode(rows)))))
    return Prepared(held, held.tables, held.notes)


def _probability(subject: Subject, outputs: Floats) -> Floats:
    found = decide(outputs, subject.facts).probability
    if found is None:
        raise MethodError("the network gives no class probabilities")
    return found

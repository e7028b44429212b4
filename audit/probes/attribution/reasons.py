"""Probe `attribution.reasons`: which columns pulled a declined row away from the favourable decision, against two baselines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from audit.data.dataset import Dataset
from audit.decide import decide
from audit.decision_logits import decision_logits
from audit.errors import MethodError
from audit.explained import differentiable, filled, finite
from audit.methods.attribution.game import ShapleyValues
from audit.methods.attribution.principal_factors import principal_factors
from audit.methods.attribution.shapley import drawn_by, shapley_values
from audit.probe import Block, Column, Columns, Prepared, Table, probe
from audit.streams import generator
from audit.subject import Subject

if TYPE_CHECKING:
    from torch import Tensor

FEWEST_WALKS = 200
"""Random orders a row is explained by, over all rows of a baseline."""
SCANNED = 20_000
"""Applicants whose scores are looked at for those at the cut-off."""
BASELINES = ("cutoff", "everyone")
WORDS = {"score": "the raw score", "logits": "the log-odds", "log_probabilities": "the log-odds", "probabilities": "the logit of the probability"}
ABOUT = {"cutoff": "applicants at or slightly above the cut-off", "everyone": "all applicants"}
OF_A_BASELINE: Mapping[str, str] = {
    "values": "Shapley value of each column for the score of the favourable decision, negative where it speaks against, compared with {}.",
    "se": "Standard error of each value: orders drawn at random, and rows of the baseline seen as drawn; compared with {}.",
    "named": "Positions of the columns that are candidate reasons, the largest shortfall first, -1 where there are no more; compared with {}.",
    "certain": "1 where the last column named is told from the first one left out; compared with {}.",
    "withheld": "Protected columns that would have been among the reasons and are withheld; compared with {}.",
    "base": "Mean score of {}.",
}


@dataclass(frozen=True)
class State:
    """Encoded rows of both baselines, (b, …) each, columns (players,) that may not be named, and the side of the favourable class, 1 or -1."""

    cutoff: NDArray[Any]
    everyone: NDArray[Any]
    barred: NDArray[np.bool_]
    side: int


@probe(
    columns={
        "declined": Column("Whether the decision is none of the favourable ones.", "0 or 1"),
        "total": Column("Score of the favourable decision, as distance from the threshold."),
        **{f"{name}_{one}": Column(about.format(ABOUT[one])) for one in BASELINES for name, about in OF_A_BASELINE.items()},
    },
    needs={"inputs", "columns"},
    reads=("outputs",),
    sample=1000,
    block=250,
    tasks={"binary"},
)
def reasons(
    block: Block,
    state: State,
    *,
    background: int = 50,  # noqa: ARG001  read by prepare
    band: float = 0.1,  # noqa: ARG001  read by prepare
    fewest: int = 20,  # noqa: ARG001  read by prepare
    pairs: int = 2,
    most_pairs: int = 8,
    precision: float = 0.02,
    exact_up_to: int = 10,
    most: int = 4,
) -> Columns:
    """Candidate principal reasons of declined rows: Shapley values of the decision score, against applicants at the cut-off and all applicants.

    What is divided among the columns is the log-odds of the favourable decision (the logit of an audited probability; a raw score as it is).
    The applicants at the cut-off are reference rows (else evaluated rows) decided favourably whose score lies within `band` of the threshold,
    in probability, or for a raw score in standard deviations; where these are fewer than `fewest`, the nearest so many. Adverse columns are
    ranked by how far they pull down, at most `most` of them named, never one that a declared group is read from. Rows decided favourably, and
    rows without finite outputs, get NaN and no reasons.
    """
    declined = finite(block) & ~np.isin(block.reads["outputs.decision"], block.subject.facts.favourable)
    inputs, streams = block.batch.values[declined], [stream for stream, keep in zip(block.generators(), declined, strict=True) if keep]
    found: dict[str, NDArray[Any]] = {}
    for one, baseline in (("cutoff", state.cutoff), ("everyone", state.everyone)):
        values = _values(block.subject, inputs, baseline, streams, state.side, pairs, most_pairs, precision, exact_up_to)
        found |= {f"{name}_{one}": column for name, column in _columns(values, state.barred, most).items()}
        found["total"] = values.total[:, 0]
    columns = dict(filled(declined, found))
    for name in (f"named_{one}" for one in BASELINES):
        columns[name] = np.where(declined[:, None], columns[name], -1).astype(np.int32)
    return {"declined": declined.astype(np.int8), **columns}


def _values(  # noqa: PLR0917  data first, then the budget
    subject: Subject,
    inputs: NDArray[Any],
    baseline: NDArray[Any],
    streams: list[np.random.Generator],
    side: int,
    pairs: int,
    most_pairs: int,
    precision: float,
    exact_up_to: int,
) -> ShapleyValues:
    players, model = subject.by_column, differentiable(subject)
    walks = max(pairs, -(-FEWEST_WALKS // len(baseline)))
    with model.session(gradients=False) as network:

        def favourable(leaf: Tensor) -> Tensor:
            return side * decision_logits(network(leaf).double(), subject.facts)

        return shapley_values(
            favourable,
            model.tensor(inputs),
            model.tensor(baseline),
            players.owner,
            players=len(players.names),
            draws=[drawn_by(stream, len(baseline), len(players.names)) for stream in streams],
            exact_up_to=exact_up_to,
            pairs=walks,
            most_pairs=max(walks, most_pairs),
            precision=precision,
            estimator="permutation",
        )


def _columns(found: ShapleyValues, barred: NDArray[np.bool_], most: int) -> dict[str, NDArray[Any]]:
    values, wide = found.values[:, :, 0], found.background_se[:, :, 0]
    se = np.where(np.isfinite(wide), wide, found.se[:, :, 0])
    ranked = principal_factors(-values, se, barred, most=most)
    return {
        "values": values,
        "se": se,
        "named": ranked.named,
        "certain": ranked.certain.astype(np.int8),
        "withheld": ranked.withheld,
        "base": np.full(len(values), found.base[0]),
    }


@reasons.prepare
def prepare(subject: Subject, *, background: int = 50, band: float = 0.1, fewest: int = 20) -> Prepared:
    """Draw both baselines once; raises MethodError where no decision is declared favourable, and where no applicant gets one."""
    facts = subject.facts
    if facts.output not in WORDS:
        raise MethodError(f"reasons divide a score; the model gives {facts.output} only")
    if not facts.favourable:
        raise MethodError("decision.favourable names no class, so it is not known which decision is adverse")
    differentiable(subject)
    applicants = subject.evaluate if subject.reference is None else subject.reference
    draw = generator(subject.seed, f"reasons {applicants.digest}")
    positions = np.sort(draw.permutation(applicants.n_rows)[:SCANNED]).astype(np.int64)
    decided = decide(subject.model.outputs(subject.encode(applicants.take(positions))), facts)
    near, told = _at_the_cutoff(decided.score, decided.decision, facts.favourable, _threshold(subject), _width(subject, decided.score, band), fewest)
    usable = np.flatnonzero(decided.finite == 1)
    state = State(
        _encoded(subject, applicants, positions[near], background, draw),
        _encoded(subject, applicants, positions[usable], background, draw),
        np.isin(subject.by_column.names, [spec.column for spec in facts.groups]),
        1 if facts.favourable == (1,) else -1,
    )
    notes = (f"What is divided among the columns is {WORDS[facts.output]} of the favourable decision.", told)
    return Prepared(state, {"players": _players(subject, state.barred)}, notes)


def _players(subject: Subject, barred: NDArray[np.bool_]) -> Table:
    """Columns name, reason (the declared text, else the name) and protected (0 or 1)."""
    names = list(subject.by_column.names)
    declared = {column.name: column.reason for column in subject.facts.schema.columns}
    return {"name": names, "reason": [declared.get(name) or name for name in names], "protected": barred.astype(np.int8).tolist()}


def _threshold(subject: Subject) -> float:
    return 0.5 if subject.facts.threshold is None else subject.facts.threshold


def _width(subject: Subject, score: NDArray[np.float64] | None, band: float) -> float:
    """The band in units of the score."""
    return band * float(np.nanstd(score)) if subject.facts.output == "score" and score is not None else band


def _at_the_cutoff(  # noqa: PLR0917  what is known of the applicants, then the rule
    score: NDArray[np.float64] | None,
    decision: NDArray[np.int32] | None,
    favourable: tuple[int, ...],
    threshold: float,
    width: float,
    fewest: int,
) -> tuple[NDArray[np.int64], str]:
    """Places of the applicants at or slightly above the cut-off, and a sentence about them."""
    if score is None or decision is None:
        raise MethodError("reasons divide a score, and the model gives none")
    passed = np.flatnonzero(np.isin(decision, favourable))
    if not len(passed):
        raise MethodError("no applicant is decided favourably, so there is none at the cut-off to compare with")
    distance = np.abs(score[passed] - threshold)
    order = np.argsort(distance, kind="stable")
    within = int((distance <= width).sum())
    chosen = passed[order[: max(within, fewest)]]
    farthest = float(distance[order][: len(chosen)].max())
    told = f"{len(chosen):,} applicants at or slightly above the cut-off: favourable, with a score at most {farthest:.3g} from it."
    return np.sort(chosen), told + (f" Only {within} lay within the band of {width:.3g}, so the nearest were taken." if within < fewest else "")


def _encoded(subject: Subject, rows: Dataset, positions: NDArray[np.int64], size: int, draw: np.random.Generator) -> NDArray[Any]:
    chosen = np.sort(draw.permutation(positions)[:size])
    return np.ascontiguousarray(subject.encode(rows.take(chosen)).values)

"""From a model and a table to the text of an audit file: looks at both, guesses, tries the guesses on some rows, and holds the result legal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from audit import discovery
from audit.errors import ConfigError, NetassayError, nearest
from audit.facts import Task
from audit.proposal.document import Proposal, document
from audit.proposal.given_rows import Known, Rows, find_rows
from audit.proposal.meaning import Answers, Meaning, guess_meaning
from audit.proposal.network import Network, asked_factory, factory_source, find_network, layers_told
from audit.proposal.profile import Column, merge_profiles, profile_table
from audit.proposal.request import Request
from audit.proposal.roles import Roles, guess_roles, width
from audit.proposal.source import Source, relative
from audit.proposal.toml_text import shown
from audit.proposal.trial import TRIED_ROWS, Found, audit_file, find_scaling, try_orders, try_rows

MOST_WIDTH = 2000
"""Up to so many numbers of a row are tried."""
EVERYDAY = frozenset({"weights", "model", "network", "state_dict", "checkpoint", "best"})
ASSUMED_IMAGES = "The factory is a draft from shapes alone: ReLU, pooling, padding and strides are assumed. Put in what the network was trained with."
ASSUMED = "The factory is a draft from widths alone: ReLU is assumed. Put in the activation functions the network was trained with."


@dataclass(frozen=True, kw_only=True)
class Draft:
    """What was made of a request; nothing has been written."""

    text: str
    """The audit file."""
    factory: str | None
    """Source of a factory, where one was asked for."""
    proposal: Proposal
    layers: str
    """The weights' layers as in ``a plain multilayer perceptron, 4 → 8 → 1`` where a factory could be written for them; else empty."""
    new: Mapping[Path, str] = field(default_factory=dict)
    """Tables that had to be made, by the file they are to be written to."""


def draft(request: Request) -> Draft:
    """The draft of an audit file.

    Raises DataError for what is no table, ModelError (UntrustedFileError, WeightsError) for weights and architecture, ConfigError for
    columns that do not exist; whatever else does not fit is told as a doubt in the text.
    """
    with TemporaryDirectory(prefix="netassay-init-") as scratch:
        return _draft(request, Path(scratch))


def _draft(request: Request, scratch: Path) -> Draft:
    network = find_network(request)
    known = Known(
        taken=network.taken,
        channels=network.channels,
        tokens=network.tokens,
        text=request.text,
        vocabulary=request.vocabulary,
        series=request.series,
        recurrent=network.recurrent,
    )
    rows = find_rows(request.table, out=request.out, scratch=scratch, known=known)
    made = factory_source(network, rows)
    source = asked_factory(request, network, made)
    columns, absent = _columns(request, rows)
    network = _of_some_width(network, request, rows, columns)
    roles = guess_roles(
        columns,
        wanted=network.wanted if rows.kind == "table" else None,
        label=request.label,
        groups=request.groups,
        taken=[*rows.taken, *([] if request.predictions is None else [_known(request.predictions, columns)])],
        absent=absent,
    )
    found = Found(request, network, rows, _fitting(roles, network) if rows.kind == "several" else _in_order(roles, network))
    _refuse_empty(roles)
    answers = _first_answers(request, network, columns)
    proposal = _proposal(found, answers)
    if request.architecture is not None or request.predictions is not None or (network.source is not None and network.source.tried):
        proposal = _tried(found, proposal, answers)
    audit_file(found, proposal)
    return Draft(text=document(proposal), factory=source, proposal=proposal, layers="" if made is None else layers_told(network), new=rows.new)


def _of_some_width(network: Network, request: Request, rows: Rows, columns: Sequence[Column]) -> Network:
    """With the number of inputs that a trusted network answers, where nothing else tells it."""
    source = network.source
    if rows.kind != "table" or network.wanted is not None or source is None or source.path is None or not request.files:
        return network
    from audit.models.program import fitting_width  # noqa: PLC0415  torch is loaded only for what is trusted

    with suppress(NetassayError):  # what stands in the way of opening it is told once the audit file is tried
        most = min(MOST_WIDTH, sum(map(width, columns)))
        return replace(network, wanted=fitting_width(source.path, trusted=request.files, most=most))
    return network


def _fitting(roles: Roles, network: Network) -> Roles:
    """Columns beside other inputs; whether a linear layer takes as many numbers is told."""
    linear = network.file.stack.layers if network.file is not None else ()
    layer = next((layer.name for layer in linear if layer.inputs == roles.width), None)
    told = "no linear layer takes so many" if layer is None else f"as many as the layer {shown(layer)} takes"
    why = f"all columns in table order but label, id and protected attributes; they encode to {roles.width} numbers, {told}"
    return replace(roles, inputs_why=why)


def _in_order(roles: Roles, network: Network) -> Roles:
    """Inputs as the model itself names them, where all of them are columns."""
    names = () if network.source is None else network.source.columns
    held = {column.name: column for column in (*roles.inputs, *(part.column for part in (*roles.groups, *roles.left_out)))}
    if not names or not set(names) <= set(held):
        return roles
    kept = tuple(part for part in roles.left_out if part.column.name not in names)
    return replace(roles, inputs=tuple(held[name] for name in names), inputs_why="as the model names them", left_out=kept, wanted=None)


def _columns(request: Request, rows: Rows) -> tuple[tuple[Column, ...], set[str]]:
    """All columns of the table, with what the reference table adds, and the names the reference table lacks."""
    columns = profile_table(rows.columns)
    if request.reference is None or rows.columns != rows.evaluate:
        return columns, set()
    others = profile_table(request.reference)
    return merge_profiles(columns, others), {column.name for column in columns} - {column.name for column in others}


def _known(name: str, columns: Sequence[Column]) -> str:
    found = next((column for column in columns if column.name == name), None)
    if found is None:
        raise ConfigError(f"--predictions {shown(name)}: there is no such column: {nearest(name, [column.name for column in columns])}")
    if found.stored != "number" or found.low is None:
        raise ConfigError(f"--predictions {shown(name)}: the column holds no numbers but {found.stored}; expected one score per row")
    return name


def _refuse_empty(roles: Roles) -> None:
    chosen = [("--group", part) for part in roles.groups] + ([("--label", roles.label)] if roles.label is not None else [])
    for option, part in chosen:
        if part.asked and (part.column.missing >= part.column.rows or part.column.stored not in ("number", "text", "boolean")):
            held = "no value in any row" if part.column.missing >= part.column.rows else f"values stored as {part.column.stored}"
            raise ConfigError(f"{option} {shown(part.column.name)}: the column holds {held}; expected numbers or text")


def _first_answers(request: Request, network: Network, columns: Sequence[Column]) -> Answers:
    if request.predictions is None:
        return Answers(count=network.count, last=network.last)
    score = next(column for column in columns if column.name == request.predictions)
    ends = np.asarray([[score.low], [score.high]], dtype=np.float64)
    return Answers(count=1, sample=np.repeat(ends, TRIED_ROWS // 2, axis=0)[: score.rows], column=True)


def _proposal(found: Found, answers: Answers) -> Proposal:
    request, rows, roles, source = found.request, found.rows, found.roles, found.network.source
    meaning = _said(guess_meaning(None if roles.label is None else roles.label.column, answers), source)
    misfit = [f"The inputs do not match the network: {roles.inputs_why.removeprefix('DOES NOT FIT: ')}."] if _misfit(found) else []
    fixed = () if source is None else source.doubts
    assumed = [] if request.factory is None else [ASSUMED_IMAGES if found.network.chain else ASSUMED]
    weights = None if request.model is None or source is not None else Path(request.model)
    return Proposal(
        name=source.name[:200] if source is not None and source.path is None else _name((source.path if source else weights) or request.table),
        weights=None if weights is None else relative(weights, request.out),
        architecture=found.architecture,
        architecture_why=assumed[0] if assumed else "",
        predictions=request.predictions,
        evaluate=relative(rows.evaluate, request.out),
        reference=None if request.reference is None else relative(request.reference, request.out),
        roles=roles,
        meaning=meaning,
        unassessed=_unassessed(request, meaning.task),
        source=source,
        kind=rows.kind,
        kind_lines=rows.lines,
        parts=rows.orders[0] if rows.orders else (),
        kind_told=rows.told,
        folder=None if rows.folder is None else relative(rows.folder, request.out),
        doubts=(*fixed, *misfit, *meaning.doubts, *rows.doubts, *assumed),
    )


def _said(meaning: Meaning, source: Source | None) -> Meaning:
    """`meaning` with what the model itself says."""
    if source is not None and source.output is not None and meaning.task != "regression":
        threshold = None if meaning.task != "binary" or source.output == "decision" else 0.0 if source.output == "score" else 0.5
        meaning = replace(meaning, output=source.output, output_why=source.output_why, threshold=threshold)
    if source is not None and source.classes and meaning.task in ("binary", "multiclass"):
        known = meaning.favourable if meaning.favourable in source.classes or meaning.task != "binary" else source.classes[-1]
        meaning = replace(meaning, classes=source.classes, classes_why="as the model names them, in the order of its outputs", favourable=known)
    return meaning


def _name(path: Path) -> str:
    """The file's name, or its folder's where the file is called as all such files are."""
    stem = path.resolve().parent.name if path.stem.casefold() in EVERYDAY else path.stem
    return stem[:200] or "Network"


def _misfit(found: Found) -> bool:
    roles = found.roles
    return found.request.predictions is None and roles.wanted is not None and roles.width != roles.wanted


def _unassessed(request: Request, task: Task) -> Mapping[str, Sequence[str]]:
    missing = ["calibration", *(["reference"] if request.reference is None else [])]
    asked = [check for check in discovery.checks().values() if not check.tasks or task in check.tasks]
    found = {need: [check.id for check in asked if need in check.needs] for need in sorted(missing, reverse=True)}
    return {need: ids for need, ids in found.items() if ids}


def _tried(found: Found, proposal: Proposal, answers: Answers) -> Proposal:
    """`proposal` with what the network answers on some rows; what stands in the way of an audit is added to the doubts."""
    found, first = try_orders(found, proposal)
    if first.sample is None:
        return doubted(proposal, first.problem)
    # The number of outputs may change the task, and only then is it known whether scaled inputs agree better with the labels.
    proposal = _proposal(found, replace(answers, count=first.sample.shape[1], sample=first.sample))
    second = try_rows(found, proposal)
    if second.subject is not None and not second.problem and not proposal.doubts and proposal.columns and _torch(proposal.source):
        try:
            scaling, sample = find_scaling(found, second.subject, proposal)
        except NetassayError as error:
            return doubted(proposal, str(error))
        better = replace(answers, count=sample.shape[1], sample=sample)
        proposal = replace(_proposal(found, better), scaling=scaling)
        second = try_rows(found, proposal)
    return doubted(proposal, second.problem)


def _torch(source: Source | None) -> bool:
    """Whether it is a network that may have been trained on scaled inputs."""
    return source is None or source.door == "file"


def doubted(proposal: Proposal, problem: str) -> Proposal:
    return replace(proposal, doubts=(f"The audit does not open yet: {problem}",)) if problem and not proposal.doubts else proposal

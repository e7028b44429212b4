"""From a model and a table to the text of an audit file: looks at both, tries the network on some rows, guesses, and holds the result legal."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from audit import discovery
from audit.config_file import ConfigFile, check_config
from audit.data.dataset import Dataset, RowBlock
from audit.data.encoding import Encoder, fit_table_encoder
from audit.data.groups import label_codes
from audit.data_config import ColumnConfig
from audit.declared_outputs import check_meaning
from audit.errors import ConfigError, NetassayError, WeightsError, nearest
from audit.facts import Task
from audit.open_model import Trust
from audit.open_subject import open_subject
from audit.proposal.document import Proposal, document
from audit.proposal.factory_text import factory_module, factory_text
from audit.proposal.meaning import Answers, guess_meaning
from audit.proposal.profile import Column, merge_profiles, profile_table
from audit.proposal.roles import Roles, guess_roles
from audit.proposal.scaling import UNTRIED, Scale, Scaling, agreement, choose, middle_scales
from audit.proposal.toml_text import shown
from audit.subject import Subject

if TYPE_CHECKING:
    from audit.models.inspection import Fit, WeightsFile

TRIED_ROWS = 1024
"""Rows on which the network is tried to see what it returns."""
EVERYDAY = frozenset({"weights", "model", "network", "state_dict", "checkpoint", "best"})
ASSUMED = "The factory is a draft from widths alone: ReLU is assumed. Put in the activation functions the network was trained with."


@dataclass(frozen=True, kw_only=True)
class Request:
    """What the person named."""

    table: Path
    out: Path
    weights: Path | None = None
    predictions: str | None = None
    """Column of the table that holds scores, instead of weights."""
    architecture: str | None = None
    code: tuple[Path, ...] = ()
    reference: Path | None = None
    label: str | None = None
    groups: tuple[str, ...] = ()
    factory: Path | None = None
    """Where a factory for the weights is to be written."""


@dataclass(frozen=True, kw_only=True)
class Draft:
    """What was made of a request; nothing has been written."""

    text: str
    """The audit file."""
    factory: str | None
    """Source of a factory, where one was asked for."""
    proposal: Proposal
    perceptron: str
    """The weights' layers as in ``4 → 8 → 1`` where a factory could be written for them; else empty."""


@dataclass(frozen=True)
class _Network:
    """What is known of the network without a table."""

    file: WeightsFile | None
    fit: Fit | None
    wanted: int | None
    count: int | None


@dataclass(frozen=True)
class _Trial:
    """What came of opening the audit and calling the network."""

    subject: Subject | None
    sample: NDArray[np.float64] | None
    """Outputs of some rows (n, k); None without a network, or where it could not be called."""
    problem: str
    """Why the audit cannot be run; empty when it can."""


def draft(request: Request) -> Draft:
    """The draft of an audit file.

    Raises DataError for what is no table, ModelError (UntrustedFileError, WeightsError) for weights and architecture, ConfigError for
    columns that do not exist; whatever else does not fit is told as a doubt in the text.
    """
    network = _network(request)
    source = _factory(request, network)
    architecture = f"{factory_module(request.factory)}:build" if request.factory is not None else request.architecture
    columns, absent = _columns(request)
    roles = guess_roles(
        columns,
        wanted=network.wanted,
        label=request.label,
        groups=request.groups,
        taken=[] if request.predictions is None else [_known(request.predictions, columns)],
        absent=absent,
    )
    _refuse_empty(roles)
    answers = _first_answers(request, network, columns)
    proposal = _proposal(request, architecture, roles, answers)
    if request.architecture is not None or request.predictions is not None:
        proposal = _tried(request, proposal, answers)
    layers = network.file.stack.layers if network.file is not None and factory_text(network.file.stack) is not None else ()
    widths = [layers[0].inputs, *(layer.outputs for layer in layers)] if layers else []
    return Draft(text=document(proposal), factory=source, proposal=proposal, perceptron=" → ".join(map(str, widths)))


def _network(request: Request) -> _Network:
    if request.weights is None:
        return _Network(None, None, None, 1)
    from audit.models.inspection import inspect_fit, inspect_weights  # noqa: PLC0415  torch is loaded only when there is a network

    file = inspect_weights(request.weights)
    fit = None if request.architecture is None else inspect_fit(request.weights, request.architecture, code=request.code)
    if fit is not None and fit.problem:
        raise WeightsError(fit.problem)
    flat = all(len(tensor.shape) <= 2 for tensor in file.tensors)
    layers = file.stack.layers if file.stack.chained and flat else ()
    return _Network(file, fit, layers[0].inputs if layers else None, layers[-1].outputs if layers else None)


def _factory(request: Request, network: _Network) -> str | None:
    if request.factory is None:
        return None
    if network.file is None or request.architecture is not None:
        raise ConfigError("--write-factory goes with weights and without --architecture")
    factory_module(request.factory)
    source = factory_text(network.file.stack, source=network.file.path.name)
    if source is None:
        raise ConfigError(f"--write-factory: {network.file.path} is no plain multilayer perceptron; see `netassay inspect`, and write the factory")
    return source


def _columns(request: Request) -> tuple[tuple[Column, ...], set[str]]:
    """All columns of the table, with what the reference table adds, and the names the reference table lacks."""
    columns = profile_table(request.table)
    if request.reference is None:
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


def _first_answers(request: Request, network: _Network, columns: Sequence[Column]) -> Answers:
    if request.predictions is None:
        return Answers(count=network.count, last="" if network.fit is None else network.fit.last)
    score = next(column for column in columns if column.name == request.predictions)
    ends = np.asarray([[score.low], [score.high]], dtype=np.float64)
    return Answers(count=1, sample=np.repeat(ends, TRIED_ROWS // 2, axis=0)[: score.rows], column=True)


def _proposal(request: Request, architecture: str | None, roles: Roles, answers: Answers) -> Proposal:
    meaning = guess_meaning(None if roles.label is None else roles.label.column, answers)
    misfit = [f"The inputs do not match the network: {roles.inputs_why.removeprefix('DOES NOT FIT: ')}."] if _misfit(request, roles) else []
    assumed = [ASSUMED] if request.factory is not None else []
    return Proposal(
        name=_name(request.weights or request.table),
        weights=None if request.weights is None else _relative(request.weights, request.out),
        architecture=architecture,
        architecture_why=ASSUMED if request.factory is not None else "",
        predictions=request.predictions,
        evaluate=_relative(request.table, request.out),
        reference=None if request.reference is None else _relative(request.reference, request.out),
        roles=roles,
        meaning=meaning,
        unassessed=_unassessed(request, meaning.task),
        doubts=(*misfit, *meaning.doubts, *assumed),
    )


def _name(path: Path) -> str:
    """The file's name, or its folder's where the file is called as all such files are."""
    stem = path.resolve().parent.name if path.stem.casefold() in EVERYDAY else path.stem
    return stem[:200] or "Network"


def _misfit(request: Request, roles: Roles) -> bool:
    return request.predictions is None and roles.wanted is not None and roles.width != roles.wanted


def _relative(path: Path, out: Path) -> str:
    found = Path(os.path.relpath(path.resolve(), out.resolve().parent)).as_posix()
    try:
        found.encode("utf-8")
    except UnicodeEncodeError:
        raise ConfigError(f"{str(path)!a}: the name is not UTF-8, so no audit file can hold it; rename the file") from None
    return found


def _unassessed(request: Request, task: Task) -> Mapping[str, Sequence[str]]:
    missing = ["calibration", *(["reference"] if request.reference is None else [])]
    asked = [check for check in discovery.checks().values() if not check.tasks or task in check.tasks]
    found = {need: [check.id for check in asked if need in check.needs] for need in sorted(missing, reverse=True)}
    return {need: ids for need, ids in found.items() if ids}


def _tried(request: Request, proposal: Proposal, answers: Answers) -> Proposal:
    """`proposal` with what the network answers on some rows; what stands in the way of an audit is added to the doubts."""
    first = _try(request, proposal)
    if first.sample is None:
        return _doubted(proposal, first.problem)
    # The number of outputs may change the task, and only then is it known whether scaled inputs agree better with the labels.
    proposal = _proposal(request, proposal.architecture, proposal.roles, replace(answers, count=first.sample.shape[1], sample=first.sample))
    second = _try(request, proposal)
    if second.subject is not None and not second.problem and not proposal.doubts:
        try:
            scaling, sample = _scaling(second.subject, proposal)
        except NetassayError as error:
            return _doubted(proposal, str(error))
        better = replace(answers, count=sample.shape[1], sample=sample)
        proposal = replace(_proposal(request, proposal.architecture, proposal.roles, better), scaling=scaling)
        second = _try(request, proposal)
    return _doubted(proposal, second.problem)


def _doubted(proposal: Proposal, problem: str) -> Proposal:
    return replace(proposal, doubts=(f"The audit does not open yet: {problem}",)) if problem and not proposal.doubts else proposal


def _try(request: Request, proposal: Proposal) -> _Trial:
    subject, sample = None, None
    try:
        subject = open_subject(_file(request, proposal), Trust(request.code))
        if subject.encoder is not None:
            sample = subject.model.outputs(subject.encoder.encode(_some_rows(subject.evaluate)))
            check_meaning(sample, subject.facts)
    except NetassayError as error:
        return _Trial(subject, sample, str(error))
    return _Trial(subject, sample, "")


def _some_rows(dataset: Dataset) -> RowBlock:
    return dataset.take(np.arange(min(TRIED_ROWS, dataset.n_rows), dtype=np.int64))


def _scaling(subject: Subject, proposal: Proposal) -> tuple[Scaling, NDArray[np.float64]]:
    """The scaling proposed, and the outputs of some rows with it."""
    rows = _some_rows(subject.evaluate)
    source = subject.reference or subject.evaluate
    numeric = [column.name for column in subject.facts.schema.columns if column.kind == "numeric"]
    held = _some_rows(source).values
    scales = middle_scales({name: held[name] for name in numeric})
    outputs = [subject.model.outputs(_encoder(subject, proposal, chosen).encode(rows)) for chosen in ({}, scales)]
    labels = _labels(subject, rows)
    if labels is None or not scales:
        return UNTRIED, outputs[0]
    plain, scaled = (agreement(subject.facts.task, output, labels) for output in outputs)
    where = "reference" if subject.reference is not None else "evaluation"
    scaling = choose(subject.facts.task, plain, scaled, scales, rows=len(rows), source=where)
    return scaling, outputs[1 if scaling.scales else 0]


def _encoder(subject: Subject, proposal: Proposal, scales: Mapping[str, Scale]) -> Encoder:
    raw = tomllib.loads(document(replace(proposal, scaling=Scaling(scales, ""))), parse_float=Decimal)
    declared = {name: ColumnConfig.model_validate(column) for name, column in raw["data"]["columns"].items()}
    return fit_table_encoder(subject.facts.schema, None, declared, "float32")


def _labels(subject: Subject, rows: RowBlock) -> NDArray[Any] | None:
    facts = subject.facts
    if facts.label is None:
        return None
    values = rows.values[facts.label]
    return values if facts.task == "regression" else label_codes(values, facts.classes, facts.label)


def _file(request: Request, proposal: Proposal) -> ConfigFile:
    given = [path for path in (request.table, request.weights, request.reference) if path is not None]
    return check_config(tomllib.loads(document(proposal), parse_float=Decimal), request.out, folders=[path.resolve().parent for path in given])

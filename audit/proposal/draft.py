"""From a model and a table to the text of an audit file: looks at both, tries the network on some rows, guesses, and holds the result legal."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
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
from audit.proposal.convolution_text import Part, convolution_text, find_chain
from audit.proposal.document import Proposal, document
from audit.proposal.factory_text import factory_module, factory_text
from audit.proposal.given_rows import Known, Rows, find_rows
from audit.proposal.meaning import Answers, Meaning, guess_meaning
from audit.proposal.profile import Column, merge_profiles, profile_table
from audit.proposal.roles import Roles, guess_roles
from audit.proposal.scaling import UNTRIED, Scale, Scaling, agreement, choose, middle_scales
from audit.proposal.source import Source, find_source, relative
from audit.proposal.toml_text import shown
from audit.subject import Subject

if TYPE_CHECKING:
    from audit.models.inspection import Fit, WeightsFile

TRIED_ROWS = 1024
"""Rows on which the network is tried to see what it returns."""
EVERYDAY = frozenset({"weights", "model", "network", "state_dict", "checkpoint", "best"})
ASSUMED_IMAGES = "The factory is a draft from shapes alone: ReLU, pooling, padding and strides are assumed. Put in what the network was trained with."
ASSUMED = "The factory is a draft from widths alone: ReLU is assumed. Put in the activation functions the network was trained with."


@dataclass(frozen=True, kw_only=True)
class Request:
    """What the person named."""

    table: Path
    out: Path
    model: str | None = None
    """A file, ``package.module:function`` or a URL."""
    predictions: str | None = None
    """Column of the table that holds scores, instead of a model."""
    architecture: str | None = None
    code: tuple[Path, ...] = ()
    reference: Path | None = None
    label: str | None = None
    groups: tuple[str, ...] = ()
    factory: Path | None = None
    """Where a factory for the weights is to be written."""
    text: str | None = None
    """Column that holds texts."""
    vocabulary: Path | None = None
    series: str | None = None
    """Array of an npz file, or column that names the series of each row of a table."""


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


@dataclass(frozen=True, kw_only=True)
class _Network:
    """What is known of the network without rows."""

    file: WeightsFile | None = None
    fit: Fit | None = None
    source: Source | None = None
    chain: tuple[Part, ...] = ()
    """Layers of a plain convolutional network."""
    wanted: int | None = None
    count: int | None = None
    tokens: int | None = None
    """Rows of the first embedding."""
    recurrent: bool = False
    """A layer reads step by step."""

    @property
    def channels(self) -> int | None:
        """Of the images it takes."""
        if self.chain:
            return self.chain[0].inputs
        if self.source is not None:
            return self.source.channels
        first = next((tensor.shape for tensor in self.file.tensors if len(tensor.shape) == 4), None) if self.file is not None else None
        return None if first is None else first[1]


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
    with TemporaryDirectory(prefix="netassay-init-") as scratch:
        return _draft(request, Path(scratch))


def _draft(request: Request, scratch: Path) -> Draft:
    network = _network(request)
    known = Known(
        channels=network.channels,
        tokens=network.tokens,
        text=request.text,
        vocabulary=request.vocabulary,
        series=request.series,
        recurrent=network.recurrent,
    )
    rows = find_rows(request.table, out=request.out, scratch=scratch, known=known)
    made = _factory_text(network, rows)
    source = _factory(request, network, made)
    columns, absent = _columns(request, rows)
    roles = guess_roles(
        columns,
        wanted=network.wanted if rows.kind == "table" else None,
        label=request.label,
        groups=request.groups,
        taken=[*rows.taken, *([] if request.predictions is None else [_known(request.predictions, columns)])],
        absent=absent,
    )
    found = _Found(request, network, rows, _in_order(roles, network))
    _refuse_empty(roles)
    answers = _first_answers(request, network, columns)
    proposal = _proposal(found, answers)
    if request.architecture is not None or request.predictions is not None or (network.source is not None and network.source.tried):
        proposal = _tried(found, proposal, answers)
    _file(found, proposal)
    return Draft(text=document(proposal), factory=source, proposal=proposal, layers="" if made is None else _layers(network), new=rows.new)


@dataclass(frozen=True)
class _Found:
    """What was found out before anything was guessed."""

    request: Request
    network: _Network
    rows: Rows
    roles: Roles

    @property
    def architecture(self) -> str | None:
        """As named, or that of the factory that is to be written."""
        request = self.request
        return f"{factory_module(request.factory)}:build" if request.factory is not None else request.architecture


def _network(request: Request) -> _Network:
    if request.model is None:
        return _Network(count=1)
    source = find_source(request.model, request.out)
    if source is not None:
        if request.architecture is not None:
            raise ConfigError(f"--architecture goes with weights; {request.model} brings its own")
        return _Network(source=source, wanted=source.wanted, count=source.count)
    from audit.models.inspection import inspect_fit, inspect_weights  # noqa: PLC0415  torch is loaded only when there is a network

    path = Path(request.model)
    file = inspect_weights(path)
    fit = None if request.architecture is None else inspect_fit(path, request.architecture, code=request.code)
    if fit is not None and fit.problem:
        raise WeightsError(fit.problem)
    shapes = {tensor.name.removeprefix(file.prefix): tensor.shape for tensor in file.tensors}
    chain = find_chain(shapes)
    words = [shape[0] for name, shape in shapes.items() if len(shape) == 2 and "emb" in name.lower()]
    flat = all(len(shape) <= 2 for shape in shapes.values()) and not words
    layers = file.stack.layers if file.stack.chained and flat else ()
    return _Network(
        file=file,
        fit=fit,
        chain=chain,
        wanted=layers[0].inputs if layers else None,
        count=layers[-1].outputs if layers else chain[-1].outputs if chain else None,
        tokens=words[0] if words else None,
        recurrent=any("weight_ih" in name for name in shapes),
    )


def _factory_text(network: _Network, rows: Rows) -> str | None:
    """Source of a factory, where weights and rows say enough for one."""
    if network.file is None:
        return None
    if network.chain:
        return convolution_text(network.chain, None if rows.images is None else rows.images.shape)
    return factory_text(network.file.stack, source=network.file.path.name)


def _factory(request: Request, network: _Network, made: str | None) -> str | None:
    if request.factory is None:
        return None
    if network.file is None or request.architecture is not None:
        raise ConfigError("--write-factory goes with weights and without --architecture")
    factory_module(request.factory)
    if made is None:
        what = "no plain multilayer perceptron, nor a plain convolutional network that takes such rows"
        raise ConfigError(f"--write-factory: {network.file.path} is {what}; see `netassay inspect`, and write the factory")
    return made


def _layers(network: _Network) -> str:
    if network.chain:
        kinds = [{"conv": "convolution", "linear": "linear", "norm": ""}[part.kind] for part in network.chain]
        return f"a plain convolutional network, {' → '.join(kind for kind in kinds if kind)}"
    layers = network.file.stack.layers if network.file is not None else ()
    return f"a plain multilayer perceptron, {' → '.join(map(str, [layers[0].inputs, *(layer.outputs for layer in layers)]))}"


def _in_order(roles: Roles, network: _Network) -> Roles:
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


def _first_answers(request: Request, network: _Network, columns: Sequence[Column]) -> Answers:
    if request.predictions is None:
        return Answers(count=network.count, last="" if network.fit is None else network.fit.last)
    score = next(column for column in columns if column.name == request.predictions)
    ends = np.asarray([[score.low], [score.high]], dtype=np.float64)
    return Answers(count=1, sample=np.repeat(ends, TRIED_ROWS // 2, axis=0)[: score.rows], column=True)


def _proposal(found: _Found, answers: Answers) -> Proposal:
    request, rows, roles, source = found.request, found.rows, found.roles, found.network.source
    meaning = _said(guess_meaning(None if roles.label is None else roles.label.column, answers), source)
    misfit = [f"The inputs do not match the network: {roles.inputs_why.removeprefix('DOES NOT FIT: ')}."] if _misfit(found) else []
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
        kind_told=rows.told,
        folder=None if rows.folder is None else relative(rows.folder, request.out),
        doubts=(*misfit, *meaning.doubts, *rows.doubts, *assumed),
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


def _misfit(found: _Found) -> bool:
    roles = found.roles
    return found.request.predictions is None and roles.wanted is not None and roles.width != roles.wanted


def _unassessed(request: Request, task: Task) -> Mapping[str, Sequence[str]]:
    missing = ["calibration", *(["reference"] if request.reference is None else [])]
    asked = [check for check in discovery.checks().values() if not check.tasks or task in check.tasks]
    found = {need: [check.id for check in asked if need in check.needs] for need in sorted(missing, reverse=True)}
    return {need: ids for need, ids in found.items() if ids}


def _tried(found: _Found, proposal: Proposal, answers: Answers) -> Proposal:
    """`proposal` with what the network answers on some rows; what stands in the way of an audit is added to the doubts."""
    first = _try(found, proposal)
    if first.sample is None:
        return _doubted(proposal, first.problem)
    # The number of outputs may change the task, and only then is it known whether scaled inputs agree better with the labels.
    proposal = _proposal(found, replace(answers, count=first.sample.shape[1], sample=first.sample))
    second = _try(found, proposal)
    if second.subject is not None and not second.problem and not proposal.doubts and proposal.kind == "table" and proposal.source is None:
        try:
            scaling, sample = _scaling(second.subject, proposal)
        except NetassayError as error:
            return _doubted(proposal, str(error))
        better = replace(answers, count=sample.shape[1], sample=sample)
        proposal = replace(_proposal(found, better), scaling=scaling)
        second = _try(found, proposal)
    return _doubted(proposal, second.problem)


def _doubted(proposal: Proposal, problem: str) -> Proposal:
    return replace(proposal, doubts=(f"The audit does not open yet: {problem}",)) if problem and not proposal.doubts else proposal


def _try(found: _Found, proposal: Proposal) -> _Trial:
    subject, sample = None, None
    try:
        subject = open_subject(_file(found, proposal, readable=True), Trust(found.request.code))
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


def _file(found: _Found, proposal: Proposal, *, readable: bool = False) -> ConfigFile:
    """The audit file as it would be loaded; `readable` names rows that have yet to be written where they can be read now."""
    request, rows = found.request, found.rows
    if readable:
        proposal = replace(proposal, evaluate=relative(rows.readable, request.out))
    source = found.network.source
    model = source.path if source is not None else None if request.model is None else Path(request.model)
    given = [path for path in (rows.evaluate, rows.readable, model, request.reference, request.vocabulary) if path is not None]
    folders = [path.resolve().parent for path in given] + ([rows.folder.resolve()] if rows.folder is not None else [])
    return check_config(tomllib.loads(document(proposal), parse_float=Decimal), request.out, folders=folders)

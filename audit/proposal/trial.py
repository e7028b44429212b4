"""The proposed audit is opened and its network called on some rows: whether it answers, in which order of inputs, and scaled or not."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit.config_file import ConfigFile, check_config
from audit.data.dataset import Dataset, RowBlock
from audit.data.encoding import Encoder, fit_table_encoder
from audit.data.groups import label_codes
from audit.data_config import ColumnConfig
from audit.declared_outputs import check_meaning
from audit.errors import NetassayError, UntrustedFileError
from audit.open_model import Trust
from audit.open_subject import open_subject
from audit.proposal.document import Proposal, document
from audit.proposal.factory_text import factory_module
from audit.proposal.given_rows import Rows
from audit.proposal.given_several import tried
from audit.proposal.network import Network
from audit.proposal.request import Request
from audit.proposal.roles import Roles
from audit.proposal.scaling import UNTRIED, Scale, Scaling, agreement, choose, middle_scales
from audit.proposal.source import relative
from audit.subject import Subject

TRIED_ROWS = 1024
"""Rows on which the network is tried to see what it returns."""


@dataclass(frozen=True)
class Found:
    """What was found out before anything was guessed."""

    request: Request
    network: Network
    rows: Rows
    roles: Roles

    @property
    def architecture(self) -> str | None:
        """As named, or that of the factory that is to be written."""
        request = self.request
        return f"{factory_module(request.factory)}:build" if request.factory is not None else request.architecture


@dataclass(frozen=True)
class Trial:
    """What came of opening the audit and calling the network."""

    subject: Subject | None
    sample: NDArray[np.float64] | None
    """Outputs of some rows (n, k); None without a network, or where it could not be called."""
    problem: str
    """Why the audit cannot be run; empty when it can."""


def try_orders(found: Found, proposal: Proposal) -> tuple[Found, Trial]:
    """What comes of the first way to give the inputs in which the network answers, else of the likeliest; and the rows read in that way."""
    first = try_rows(found, proposal)
    if first.sample is not None:
        return found, first
    for lines in found.rows.ways:
        trial = try_rows(found, replace(proposal, kind_lines=lines))
        if trial.sample is not None:
            return replace(found, rows=replace(found.rows, lines=lines)), trial
    if not found.rows.orders:
        return found, first
    for order in found.rows.orders[1:]:
        trial = try_rows(found, replace(proposal, parts=order))
        if trial.sample is not None:
            return replace(found, rows=replace(found.rows, orders=(tried(order),))), trial
    return found, replace(first, problem=f"{first.problem}; {_given(found)}")


def _given(found: Found) -> str:
    """What was tried, for a person who knows which columns the network was trained with."""
    roles = found.roles
    kinds = " and ".join("an image" if one.kind == "image" else "a text" if one.kind == "text" else "columns" for one in found.rows.orders[0])
    return f"it was given {kinds} in every order, with {len(roles.inputs)} columns that encode to {roles.width} numbers: correct data.parts"


def try_rows(found: Found, proposal: Proposal) -> Trial:
    subject, sample = None, None
    try:
        subject = open_subject(audit_file(found, proposal, readable=True), Trust(found.request.code, found.request.files))
        if subject.encoder is not None:
            sample = subject.model.outputs(subject.encoder.encode(_some_rows(subject.evaluate)))
            check_meaning(sample, subject.facts)
    except NetassayError as error:
        if found.request.files and isinstance(error, UntrustedFileError):
            raise  # a trusted file that is refused all the same is nothing to propose an audit of
        return Trial(subject, sample, str(error))
    return Trial(subject, sample, "")


def _some_rows(dataset: Dataset) -> RowBlock:
    return dataset.take(np.arange(min(TRIED_ROWS, dataset.n_rows), dtype=np.int64))


def find_scaling(found: Found, subject: Subject, proposal: Proposal) -> tuple[Scaling, NDArray[np.float64]]:
    """The scaling proposed, and the outputs of some rows with it."""
    rows = _some_rows(subject.evaluate)
    source = subject.reference or subject.evaluate
    numeric = [column.name for column in subject.facts.schema.columns if column.kind == "numeric"]
    held = _some_rows(source).values
    scales = middle_scales({name: held[name] for name in numeric})
    outputs = [subject.model.outputs(_encoder(found, subject, proposal, chosen).encode(rows)) for chosen in ({}, scales)]
    labels = _labels(subject, rows)
    if labels is None or not scales:
        return UNTRIED, outputs[0]
    plain, scaled = (agreement(subject.facts.task, output, labels) for output in outputs)
    where = "reference" if subject.reference is not None else "evaluation"
    scaling = choose(subject.facts.task, plain, scaled, scales, rows=len(rows), source=where)
    return scaling, outputs[1 if scaling.scales else 0]


def _encoder(found: Found, subject: Subject, proposal: Proposal, scales: Mapping[str, Scale]) -> Encoder:
    if proposal.kind == "several":
        opened = open_subject(
            audit_file(found, replace(proposal, scaling=Scaling(scales, "")), readable=True), Trust(found.request.code, found.request.files)
        )
        if opened.encoder is not None:
            return opened.encoder
    raw = tomllib.loads(document(replace(proposal, scaling=Scaling(scales, ""))), parse_float=Decimal)
    declared = {name: ColumnConfig.model_validate(column) for name, column in raw["data"]["columns"].items()}
    return fit_table_encoder(subject.facts.schema, None, declared, "float32")


def _labels(subject: Subject, rows: RowBlock) -> NDArray[Any] | None:
    facts = subject.facts
    if facts.label is None:
        return None
    values = rows.values[facts.label]
    return values if facts.task == "regression" else label_codes(values, facts.classes, facts.label)


def audit_file(found: Found, proposal: Proposal, *, readable: bool = False) -> ConfigFile:
    """The audit file as it would be loaded; `readable` names rows that have yet to be written where they can be read now."""
    request, rows = found.request, found.rows
    if readable:
        proposal = replace(proposal, evaluate=relative(rows.readable, request.out))
    source = found.network.source
    model = source.path if source is not None else None if request.model is None else Path(request.model)
    given = [path for path in (rows.evaluate, rows.readable, model, request.reference, request.vocabulary) if path is not None]
    folders = [path.resolve().parent for path in given] + ([rows.folder.resolve()] if rows.folder is not None else [])
    return check_config(tomllib.loads(document(proposal), parse_float=Decimal), request.out, folders=folders)

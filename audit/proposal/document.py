"""The proposal as the text of an audit file: what was guessed with its reason, and what only a person can add as comments."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from audit.proposal.given_several import Given
from audit.proposal.limits import limit_comments
from audit.proposal.meaning import Meaning
from audit.proposal.profile import Column
from audit.proposal.roles import FEW, Part, Roles
from audit.proposal.scaling import UNTRIED, Scale, Scaling
from audit.proposal.source import Source
from audit.proposal.toml_text import comment, listed, number, quoted, shown, wrapped

PLACEHOLDER = "your_module:build"
SHOWN_LEVELS = 6


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """Everything an audit file is written from. Paths are as the file names them."""

    name: str
    weights: str | None
    """None when a column of predictions stands in for the network."""
    architecture: str | None
    """None when it is not known."""
    architecture_why: str
    predictions: str | None
    evaluate: str
    reference: str | None
    roles: Roles
    meaning: Meaning
    unassessed: Mapping[str, Sequence[str]]
    """Need that is not met, ``reference`` or ``calibration``, to the ids of the checks that have it."""
    scaling: Scaling = UNTRIED
    source: Source | None = None
    """What answers where it is neither weights nor a column."""
    kind: str = "table"
    kind_lines: tuple[str, ...] = ()
    """How rows are read that are no table, instead of data.columns."""
    kind_told: str = ""
    parts: tuple[Given, ...] = ()
    """Of a network with several inputs, in their order."""
    folder: str | None = None
    """Of images, where it is not that of their table."""
    doubts: tuple[str, ...]
    """What must be resolved before the file can be run."""

    @property
    def columns(self) -> bool:
        """Whether columns of the table are given to the network."""
        return self.kind == "table" or any(part.kind == "columns" for part in self.parts)

    @property
    def network(self) -> bool:
        """Whether something is called with rows."""
        return self.predictions is None


def document(proposal: Proposal) -> str:
    """The text of the audit file; legal TOML whatever the names in it hold."""
    sections = (_head, _model, _decision, _data, _groups, _columns, _limits)
    return "\n\n".join("\n".join(section(proposal)) for section in sections) + "\n"


def _head(proposal: Proposal) -> Iterator[str]:
    yield comment(
        "Proposed by `netassay init`, which looked at the model and the table. It is a draft: nothing in it has been confirmed by a person."
    )
    yield comment('Lines marked "guess" say why something was guessed and what to check. Remove the mark when you have checked it.')
    for doubt in proposal.doubts:
        yield comment(f"TO RESOLVE: {doubt}")
    yield ""
    yield f"name = {quoted(proposal.name)}"
    yield comment('purpose = "…"     for a person to write: what the network decides or recommends, about whom, and who acts on it')
    yield f"seed = 0  {comment('every random number of the run follows from it')}"


def _model(proposal: Proposal) -> Iterator[str]:
    meaning = proposal.meaning
    yield "[model]"
    if proposal.predictions is not None:
        yield f"predictions = {{ score = {quoted(proposal.predictions)} }}"
    elif proposal.source is not None:
        yield comment(proposal.source.told)
        if proposal.source.unknown:
            yield comment(f"Not known without loading it: {proposal.source.unknown}. The same `netassay init` with {proposal.source.option} tries it")
        yield from proposal.source.lines
    else:
        if proposal.architecture is None:
            yield comment("FILL IN: package.module:factory, a function without arguments that returns the nn.Module these weights belong to.")
        elif proposal.architecture_why:
            yield comment(proposal.architecture_why)
        yield f"architecture = {quoted(proposal.architecture or PLACEHOLDER)}"
        yield f"weights = {quoted(proposal.weights or '')}"
    yield comment(f"guess: {meaning.task_why}. Check: binary, multiclass or regression")
    yield f'task = "{meaning.task}"'
    yield comment(f"guess: {meaning.output_why}. Check: what the network returns")
    yield f'output = "{meaning.output}"'
    if meaning.classes:
        yield comment(f"guess: {meaning.classes_why}")
        yield f"classes = {wrapped(meaning.classes)}"


def _decision(proposal: Proposal) -> Iterator[str]:
    meaning = proposal.meaning
    yield "[decision]"
    if meaning.threshold is not None:
        scale = "score" if meaning.output == "score" else "probability of class 1"
        yield comment(f"guess: a common choice, on the {scale}. Check: the threshold the network is used with")
        yield f"threshold = {number(meaning.threshold)}"
    if meaning.favourable is not None:
        yield comment(f"guess: {meaning.favourable_why}. Check: it decides what counts as being selected")
        yield f"favourable = [{_class(meaning.favourable)}]"
    elif meaning.task == "multiclass":
        yield comment(
            f"favourable = [{_class(meaning.classes[-1]) if meaning.classes else ''}]     for you to declare: the classes good for the person"
        )
    else:
        yield comment("A quantity is reported as it is: there is no threshold to declare.")


def _class(name: str) -> str:
    return name if re.fullmatch(r"0|-?[1-9][0-9]{0,15}", name) else quoted(name)


def _data(proposal: Proposal) -> Iterator[str]:
    roles = proposal.roles
    yield "[data]"
    if proposal.kind != "table":
        yield f"kind = {quoted(proposal.kind)}"
    yield f"evaluate = {quoted(proposal.evaluate)}"
    yield from _reference(proposal)
    if roles.label is None:
        yield comment("No column looks like a label; without one nothing is said about errors.")
        yield comment('label = "…"')
    else:
        yield comment(_marked(roles.label, "Check: it holds what the network was trained to predict"))
        yield f"label = {quoted(roles.label.column.name)}"
        yield comment("guess: stated beside every error rate. Check: outcome (what happened), past_decision (what people decided) or proxy")
        yield 'label_kind = "outcome"'
    if roles.id is not None:
        yield comment(_marked(roles.id, "Check: it names a row without telling more about the person than the report may"))
        yield f"id = {quoted(roles.id.column.name)}"
    yield comment('weight = "…"  cluster = "…"  time = "…"     other columns that may play a part')
    if proposal.predictions is None and proposal.columns:
        yield comment(f"guess: {roles.inputs_why}. Check: the order the network was trained with")
        for name in roles.protected_inputs:
            yield comment(f"NOTE: {shown(name)} is, or is named like, a protected attribute, and it is among the inputs")
        if proposal.kind == "table":
            yield f"inputs = {wrapped(column.name for column in roles.inputs)}"
    for part in roles.left_out:
        yield comment(f"not used: {shown(part.column.name)}: {part.why}")


def _marked(part: Part, check: str) -> str:
    return part.why if part.asked else f"guess: {part.why}. {check}"


def _reference(proposal: Proposal) -> Iterator[str]:
    if proposal.reference is not None:
        yield f"reference = {quoted(proposal.reference)}"
    else:
        yield comment('reference = "…"     rows the network was fitted on')
    for need, ids in proposal.unassessed.items():
        yield comment(f"Without {need} rows these checks are not assessed: {', '.join(ids)}")
    yield comment('calibration = "…"   rows the network was not fitted on, kept apart from the evaluation')


def _groups(proposal: Proposal) -> Iterator[str]:
    roles = proposal.roles
    yield comment("Protected attributes: who is compared with whom. They are compared, not given to the network, unless they are among the inputs.")
    yield "[data.groups]"
    names: set[str] = set()
    for part in roles.groups:
        yield comment(_marked(part, 'Check: that it may be used for this, and name the group to compare with: reference = "…"'))
        yield f"{_group_name(part.column.name, names)} = {_group(part.column)}  {comment(_levels(part.column))}"
    for column in roles.uncut:
        yield comment(f"named like a protected attribute with many values ({_levels(column)}); to compare it, choose cut points:")
        yield comment(f"{_group_name(column.name, names)} = {_group(column)}")
    if not roles.groups:
        yield comment('None is declared, so groups are not compared. To compare them:  sex = { column = "sex" }')


def _group_name(column: str, taken: set[str]) -> str:
    plain = re.sub(r"[^A-Za-z0-9]+", "_", column).strip("_").lower()[:40] or "group"
    name = next(name for place in range(1, len(taken) + 2) if (name := plain if place == 1 else f"{plain}_{place}") not in taken)
    taken.add(name)
    return name


def _group(column: Column) -> str:
    declared = f"column = {quoted(column.name)}"
    many = column.stored == "number" and (column.levels is None or len(column.levels) > FEW)
    if not many or column.low is None or column.high is None:
        return f"{{ {declared} }}"
    cuts = dict.fromkeys(_rounded(column.low + (column.high - column.low) * part / 3) for part in (1, 2))
    return f"{{ {declared}, bins = [{', '.join(map(number, cuts))}] }}"


def _rounded(value: float) -> float:
    return float(f"{value:.3g}")


def _levels(column: Column) -> str:
    if column.levels is None or len(column.levels) > FEW:
        return _range(column) if column.stored == "number" else "many values"
    more = ", …" if len(column.levels) > SHOWN_LEVELS else ""
    unknown = f"; unknown in {column.missing} rows" if column.missing else ""
    return ", ".join(shown(level) for level in column.levels[:SHOWN_LEVELS]) + more + unknown


def _columns(proposal: Proposal) -> Iterator[str]:
    if proposal.predictions is not None:
        yield comment("There is no network, so there are no inputs to describe.")
        return
    if proposal.kind == "several":
        for place, given in enumerate(proposal.parts):
            yield from [""] if place else []
            yield from given.section([column.name for column in proposal.roles.inputs])
        if not proposal.columns:
            return
        yield ""
    elif proposal.kind != "table":
        yield from proposal.kind_lines
        if proposal.folder is not None:
            yield f"folder = {quoted(proposal.folder)}"
        return
    scaling = proposal.scaling
    yield comment("One line per input. Text is given to the network as one entry per level.")
    if scaling.scales:
        yield comment(f"guess: {scaling.why}. Check: scale with the numbers the network was trained with")
    else:
        tried = f" ({scaling.why})" if scaling.why else ""
        yield comment(f"guess: no preprocessing; the network is given the values as they are{tried}. Check: if it was")
        yield comment('trained on scaled inputs, add the numbers of its training to each column:  encode = "standard", mean = …, scale = …')
    yield comment('Bounds and units are for you to add:  unit = "…", min = …, max = …;  immutable = true where a person cannot change it.')
    yield "[data.columns]"
    for column in proposal.roles.inputs:
        yield f"{quoted(column.name)} = {{ {_declared(column, scaling.scales.get(column.name))} }}  {comment(_seen(column))}"


def _declared(column: Column, scale: Scale | None) -> str:
    said = f'kind = "{column.kind}"'
    if scale is not None:
        said += f', encode = "standard", mean = {number(scale.mean)}, scale = {number(scale.deviation)}'
    if column.kind == "categorical":
        said += f", levels = {listed(column.levels or ())}"
    if column.missing:
        said += f', missing = "constant", fill = {_fill(column)}'
    return said


def _fill(column: Column) -> str:
    if column.kind == "numeric":
        mean = column.mean or 0.0
        return number(round(mean) if column.whole else float(f"{mean:.6g}"))
    common = column.commonest if column.commonest is not None else (column.levels or ("0",))[0]
    return common if column.stored == "number" else quoted(common)


def _seen(column: Column) -> str:
    seen = f"guess: {len(column.levels or ())} levels, in alphabetical order" if column.kind == "categorical" else _range(column)
    if not column.missing:
        return seen
    stand_in = "mean" if column.kind == "numeric" else "commonest value"
    return f"{seen}; guess: {column.missing} missing, filled with the {stand_in}. Check: what the network is given for them"


def _range(column: Column) -> str:
    if column.low is None or column.high is None:
        return f"observed {', '.join(column.levels or ())}"
    return f"observed {_plain(column.low)} to {_plain(column.high)}" + (", whole numbers" if column.whole and column.kind != "binary" else "")


def _plain(value: float) -> str:
    return format(Decimal(f"{value:.6g}").normalize(), "f") if 1e-4 <= abs(value) < 1e9 else f"{value:g}"


def _limits(proposal: Proposal) -> Iterator[str]:
    for line in limit_comments(proposal.meaning.task, groups=bool(proposal.roles.groups), label=proposal.roles.label is not None):
        yield comment(line)

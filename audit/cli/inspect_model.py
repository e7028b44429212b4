"""``netassay inspect``: what a weights file holds and whether it fits an architecture. Nothing of the file is run."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from audit.cli.terminal import printable
from audit.errors import ConfigError

if TYPE_CHECKING:
    from audit.models.function_listing import FunctionListing
    from audit.models.inspection import Fit, ModulePart, TensorNote, WeightsFile
    from audit.models.program_listing import ProgramListing

CAN = {
    "architecture": "outputs, gradients, layers and what they give: every check",
    "file": "outputs and gradients, of a .pt2 file also layers",
    "onnx": "outputs, so also Shapley values and LIME; no gradients or layers",
    "sklearn": "outputs, so also Shapley values and LIME; no gradients or layers",
}
"""What can be asked of a model, by the key of the audit file that opens it."""
SHOWN = 12
"""Entries of a long list that are printed from its beginning; the last two follow."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("inspect")(inspect_model)


def inspect_model(
    model: Annotated[
        Path,
        typer.Argument(help="Weights (.safetensors, or a state dict .pt, .pth), a network with its code (.pt2, TorchScript), .onnx or .skops."),
    ],
    architecture: Annotated[str | None, typer.Option(help="package.module:factory; builds the network, which runs its code.")] = None,
    code: Annotated[list[Path] | None, typer.Option(help="Folder that the architecture's code may be imported from; repeatable.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show what MODEL holds: tensors, what their shapes suggest, what looks wrong; with an architecture, whether the weights fit.

    Of a network with its code it shows kind, size, what a .pt2 file says it takes and gives, and the option that trusts it, without loading
    it; of .onnx inputs and outputs, of .skops types, columns and classes. It says what opens the file, and what can then be asked.

    Exit code 0 when the file could be read, fitting or not; 2 when it could not, or would run code.
    """
    if code and architecture is None:
        raise ConfigError("--code is given without --architecture; expected --architecture package.module:factory beside it")
    from audit.models.program_listing import list_program  # noqa: PLC0415

    program = list_program(model)
    if program is not None:
        _tell_program(program, architecture, as_json=as_json)
        return
    from audit.models.function_listing import list_function  # noqa: PLC0415

    function = list_function(model)
    if function is not None:
        _tell_function(function, architecture, as_json=as_json)
        return
    from audit.models.inspection import inspect_fit, inspect_weights  # noqa: PLC0415  loads torch

    found = inspect_weights(model)
    fit = inspect_fit(model, architecture, code=[path.resolve() for path in code or []]) if architecture is not None else None
    if as_json:
        typer.echo(json.dumps(_plain(found, fit), allow_nan=False))
        return
    lines = [*_about(found), "", *_tensors(found.tensors), "", *_suggestions(found), *([] if fit is None else ["", *_fit(fit)])]
    # A name of the file must not forge a line.
    typer.echo("\n".join(printable(line).replace("\n", "\\n") for line in lines))


def _tell_program(found: ProgramListing, architecture: str | None, *, as_json: bool) -> None:
    if architecture is not None:
        raise ConfigError(f"{found.path} is a {found.kind} and brings its own architecture; expected no --architecture")
    if as_json:
        typer.echo(json.dumps({"schema": 1, **asdict(found), "path": str(found.path), "door": "file", "can": CAN["file"], "trust": found.trust}))
        return
    read = "only names of its parts were read" if found.signature is None else "only its own description was read, and may be wrong"
    lines = [
        f"file      {found.path}",
        f"kind      {found.kind}; {read}, nothing of the file was loaded or run",
        f"sha256    {found.sha256}",
        f"size      {found.size:,} bytes, {found.unpacked:,} unpacked, in {found.entries:,} parts",
        *_described(found),
        "audit     name it in the audit file under [model]: file = …",
        f"can       {CAN['file']}",
        f"then      loading it may run the code it holds: if you know where it comes from, netassay run AUDIT.toml {found.trust}",
    ]
    typer.echo("\n".join(printable(line).replace("\n", "\\n") for line in lines))


def _described(found: ProgramListing) -> list[str]:
    """What the file says of the network, and what it does not."""
    if found.signature is None:
        code = _shortened(list(found.code), "modules")
        return [*(f"code      {name.strip()}" for name in code), "unknown   what it takes and gives: netassay init with the option below finds out"]
    inputs, outputs = ([str(port) for port in ports] for ports in (found.signature.inputs, found.signature.outputs))
    return [
        *(f"input     {port.strip()}" for port in _shortened(inputs, "inputs")),
        *(f"output    {port.strip()}" for port in _shortened(outputs, "outputs")),
        f"weights   {len(found.signature.weights):,} tensors",
    ]


def _tell_function(found: FunctionListing, architecture: str | None, *, as_json: bool) -> None:
    if architecture is not None:
        raise ConfigError(f"{found.path} is a {found.kind} and brings its own architecture; expected no --architecture")
    if as_json:
        typer.echo(json.dumps({"schema": 1, **asdict(found), "path": str(found.path), "can": CAN[found.door]}))
        return
    lines = [
        f"file      {found.path}",
        f"kind      {found.kind}",
        f"sha256    {found.sha256}",
        f"size      {found.size:,} bytes",
        *(f"{word:9} {value}" for word, value in found.facts),
        f"audit     name it in the audit file under [model]: {found.door} = …",
        f"can       {CAN[found.door]}",
    ]
    typer.echo("\n".join(printable(line).replace("\n", "\\n") for line in lines))


def _plain(found: WeightsFile, fit: Fit | None) -> dict[str, Any]:
    held = asdict(found)
    held["path"] = str(found.path)
    return {
        "schema": 1,
        **held,
        "door": "architecture",
        "can": CAN["architecture"],
        "parameters": found.parameters,
        "fit": None if fit is None else asdict(fit),
    }


def _about(found: WeightsFile) -> list[str]:
    wrapping = ", ".join(map(repr, found.wrapping)) or "none"
    return [
        f"file        {found.path}",
        f"kind        {found.kind}; only tensors were read, nothing of the file was run",
        f"sha256      {found.sha256}",
        f"size        {found.size:,} bytes",
        f"wrapped in  {wrapping}",
        f"parameters  {found.parameters:,} in {len(found.tensors)} tensors",
        "audit       name it in the audit file under [model]: weights = …, beside architecture = package.module:factory",
        f"can         {CAN['architecture']}",
    ]


def _tensors(tensors: tuple[TensorNote, ...]) -> list[str]:
    rows = [f"  {tensor.name:40} {_shape(tensor.shape):16} {tensor.dtype}{_remark(tensor)}" for tensor in tensors]
    odd = [row for tensor, row in zip(tensors, rows, strict=True) if _remark(tensor)]
    shown = _shortened(rows, "tensors")
    return ["tensors", *shown, *(["look at", *_shortened(odd, "such tensors")] if odd and len(rows) > len(shown) else [])]


def _remark(tensor: TensorNote) -> str:
    if tensor.finite is False:
        return "   NOT FINITE: holds infinite or undefined entries"
    if tensor.constant is not None:
        return "   all zero" if tensor.constant == 0 else f"   constant: every entry is {tensor.constant:g}"
    return f"   not read: {tensor.unread}" if tensor.unread else ""


def _shape(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape)) or "one number"


def _shortened(rows: list[str], what: str) -> list[str]:
    if len(rows) <= SHOWN + 3:
        return rows
    return [*rows[:SHOWN], f"  … {len(rows) - SHOWN - 2} more {what} …", *rows[-2:]]


def _suggestions(found: WeightsFile) -> list[str]:
    stack = found.stack
    if not stack.layers:
        return ["The shapes show no linear layer: nothing is suggested about inputs and outputs."]
    first, last = stack.layers[0], stack.layers[-1]
    sure = "Their shapes follow one another" if stack.chained else "The shapes do not follow one another, so the order is by name and a guess"
    whole = "; the file holds nothing else, so it looks like a plain multilayer perceptron." if stack.plain else "; the file holds other tensors too."
    return [
        f"suggested   {len(stack.layers)} linear layers. {sure}{whole}",
        f"inputs      {first.inputs} numbers into the first, {first.name or '(unnamed)'!r}",
        f"outputs     {last.outputs} from the last, {last.name or '(unnamed)'!r}",
        "Activation functions, and what follows the last layer, cannot be read from weights.",
    ]


def _fit(fit: Fit) -> list[str]:
    return [
        f"architecture  {fit.architecture}: {fit.parameters:,} parameters",
        *_shortened([_module(part) for part in fit.modules], "modules"),
        f"weights       {fit.problem or 'fit: every tensor has its place and shape'}",
    ]


def _module(part: ModulePart) -> str:
    return f"  {part.name or '(the network)':40} {part.kind:16} {part.parameters:,}"

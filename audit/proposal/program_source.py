"""A file that holds a network with its code, as `netassay init` sees it: what it says of itself, or once it is trusted, what it is found to be."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from audit.errors import UntrustedFileError
from audit.models.ports import Port, Signature
from audit.models.program_listing import ProgramListing
from audit.models.trusted_file import refusal
from audit.proposal.source import Source, relative
from audit.proposal.taken import taken
from audit.proposal.toml_text import quoted

ASKED = "how it answers these rows, whether its inputs were scaled, and whether its outputs are probabilities"
SHOWN = 8
MOST_OUTPUTS = 65_536
"""A file that says it gives more is not believed before it was tried."""


def program_source(program: ProgramListing, out: Path, trusted: Collection[str]) -> Source:
    """The source of a listed file; loaded by nobody unless its sha256 is among `trusted`.

    Raises UntrustedFileError where others are trusted and this one is not, ModelError for a trusted TorchScript file that is damaged.
    """
    if trusted and program.sha256 not in trusted:
        raise UntrustedFileError(refusal(program.path, program.kind, program.sha256, others=True))
    signature = program.signature
    if signature is None and trusted:
        from audit.models.torchscript_door import script_signature  # noqa: PLC0415  torch is loaded only for what is trusted

        signature = script_signature(program.path, trusted)
    found = Signature() if signature is None else signature
    return Source(
        door="file",
        name=program.path.stem,
        lines=(f"file = {quoted(relative(program.path, out))}",),
        told=f"A {program.kind}{_said(program, found)}. Loading it may run the code it holds, so run it with {program.trust}",
        unknown="" if trusted else f"{'' if found.inputs else 'what it takes and gives, '}{ASKED}",
        path=program.path,
        option=program.trust,
        tried=bool(trusted),
        taken=taken(found.inputs, further=found.further),
        weights=found.weights,
        tokens=found.tokens,
        recurrent=found.recurrent or any(module.endswith(".rnn") for module in program.code),
        count=_count(found.outputs),
        last=found.last,
        doubts=_fixed(program, found),
    )


def _said(program: ProgramListing, found: Signature) -> str:
    ports = [*(f"input {port}" for port in found.inputs[:SHOWN]), *(f"output {port}" for port in found.outputs[:SHOWN])]
    if ports:
        return f", of which the file says: {'; '.join(ports)}"
    return f", with code of {', '.join(program.code[:SHOWN])}" if program.code else ""


def _count(outputs: tuple[Port, ...]) -> int | None:
    shape = outputs[0].shape if len(outputs) == 1 else None
    last = None if not shape else 1 if len(shape) == 1 else shape[-1]
    return last if isinstance(last, int) and last <= MOST_OUTPUTS else None


def _fixed(program: ProgramListing, found: Signature) -> tuple[str, ...]:
    rows = next((port.shape[0] for port in found.inputs if port.shape), None)
    if not isinstance(rows, int):
        return ()
    return (f"{program.path.name} was exported for {rows} rows at a time only: export it with dynamic_shapes, for any number of rows.",)

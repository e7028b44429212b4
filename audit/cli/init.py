"""``netassay init``: write a first audit file from a model and a table, every guess marked for a person to check."""

from __future__ import annotations

import os
import shlex
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from audit.cli.terminal import printable
from audit.errors import ConfigError

if TYPE_CHECKING:
    from audit.proposal.draft import Draft


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("init")(init)


def init(
    given: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL ROWS",
            help="MODEL: a file, package.module:function or a URL. ROWS: a table, npz or .ts file, or a folder of images; alone with --predictions.",
        ),
    ],
    architecture: Annotated[str | None, typer.Option(help="package.module:factory; builds the network, which runs its code.")] = None,
    code: Annotated[list[Path] | None, typer.Option(help="Folder that the architecture's code may be imported from; repeatable.")] = None,
    trust: Annotated[
        list[str] | None, typer.Option(metavar="sha256:HEX", help="A model file with this sum may run the code it holds, so it is tried; repeatable.")
    ] = None,
    reference: Annotated[Path | None, typer.Option(help="Table of the rows the network was fitted on.")] = None,
    label: Annotated[str | None, typer.Option(help="Column that holds the label; guessed when not given.")] = None,
    group: Annotated[list[str] | None, typer.Option(help="Column of a protected attribute; repeatable.")] = None,
    predictions: Annotated[str | None, typer.Option(help="Column of ROWS that holds scores, instead of MODEL.")] = None,
    text: Annotated[str | None, typer.Option(help="Column that holds texts, for a network that reads text.")] = None,
    vocabulary: Annotated[Path | None, typer.Option(help="File of the tokens of a network that reads text, in the order of their ids.")] = None,
    series: Annotated[
        str | None, typer.Option(help="For series: array of an npz file, or the column that names the series of each row of a table.")
    ] = None,
    out: Annotated[Path, typer.Option(help="The audit file to write.")] = Path("audit.toml"),
    write_factory: Annotated[
        Path | None, typer.Option(metavar="FILE.py", help="Also write a draft of the network's code, where shapes allow it.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files that exist.")] = False,
) -> None:
    """Look at MODEL and ROWS and write an audit file to check and run.

    MODEL: .safetensors, a state dict (.pt, .pth), .pt2, TorchScript, .onnx, .skops, package.module:function or a URL. ROWS: a table, an npz
    file of images, a table or folder of image files, series.

    No limit is declared, no code is run unless --architecture, package.module:function or --trust names it, no row is sent anywhere. Exit
    code 0, or 2 with nothing written.
    """
    if len(given) != (1 if predictions is not None else 2):
        expected = "ROWS alone beside --predictions" if predictions is not None else "MODEL and ROWS, or ROWS with --predictions COLUMN"
        raise ConfigError(f"found {len(given)} files; expected {expected}")
    if predictions is not None and (architecture or code or write_factory or trust):
        raise ConfigError("--predictions goes without --architecture, --code, --write-factory and --trust: there is no network")
    for target in (out, write_factory):
        _refuse_target(target, force=force)

    from audit.models.trusted_file import trusted_digests  # noqa: PLC0415

    files = trusted_digests(trust or [])
    from audit.proposal.draft import draft  # noqa: PLC0415  heavy
    from audit.proposal.request import Request  # noqa: PLC0415

    request = Request(
        table=Path(given[-1]),
        out=out,
        model=None if predictions is not None else given[0],
        predictions=predictions,
        architecture=architecture,
        code=tuple(path.resolve() for path in code or []),
        reference=reference,
        label=label,
        groups=tuple(group or ()),
        files=files,
        factory=write_factory,
        text=text,
        vocabulary=vocabulary,
        series=series,
    )
    made = draft(request)
    for target in made.new:
        _refuse_target(target, force=force)
    texts = {out: made.text} | dict(made.new) | ({write_factory: made.factory} if write_factory is not None and made.factory is not None else {})
    _write(texts, audit_file=out, force=force)
    _tell(made, out, [*(code or []), *([write_factory.parent] if write_factory is not None else [])], write_factory)


def _refuse_target(path: Path | None, *, force: bool) -> None:
    if path is None:
        return
    if path.is_dir():
        raise ConfigError(f"{path} is a folder; expected the name of a file to write")
    if not path.parent.is_dir():
        raise ConfigError(f"{path}: there is no folder {path.parent}")
    if (path.exists() or path.is_symlink()) and not force:
        raise ConfigError(f"{path} exists; nothing was written: give another name, or --force to replace it")


def _write(texts: Mapping[Path, str], *, audit_file: Path, force: bool) -> None:
    """All files or none; the audit file is loaded before it gets its name."""
    from audit.config_file import load_config  # noqa: PLC0415
    from audit.store.disk import writing  # noqa: PLC0415

    with writing(audit_file, sum(map(len, texts.values()))), _temporary(texts) as written:
        load_config(written[audit_file])
        _place(written, force=force)


def _place(written: Mapping[Path, Path], *, force: bool) -> None:
    """Give each file its name, or leave all names as they were. A link fails where another process has written the name meanwhile."""
    replaced: list[Path] = []
    with ExitStack() as undo:
        for target, temporary in written.items():
            old = temporary.with_name(f"{temporary.name}.old")
            if force and (target.exists() or target.is_symlink()):
                target.rename(old)
                replaced.append(old)
                undo.callback(old.replace, target)
            (os.replace if force else os.link)(temporary, target)
            if old not in replaced:
                undo.callback(target.unlink)
        undo.pop_all()
    for old in replaced:
        old.unlink(missing_ok=True)


@contextmanager
def _temporary(texts: Mapping[Path, str]) -> Iterator[dict[Path, Path]]:
    """Each text in a file beside its target; what still has its temporary name at the end is removed."""
    written: dict[Path, Path] = {}
    try:
        for target, text in texts.items():
            handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:60]}.")
            written[target] = Path(name)
            written[target].chmod(0o644)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
        yield written
    finally:
        for path in written.values():
            with suppress(FileNotFoundError):
                path.unlink()


def _tell(made: Draft, out: Path, code: list[Path], factory: Path | None) -> None:
    proposal = made.proposal
    for doubt in proposal.doubts:
        typer.echo(_line(f"to resolve  {doubt}"), err=True)
    roles, meaning = proposal.roles, proposal.meaning
    guesses = [
        f"label {roles.label.column.name!r}" if roles.label is not None else "no label",
        f"task {meaning.task}",
        f"output {meaning.output}",
        *([] if proposal.predictions is not None else [proposal.kind_told or f"{len(roles.inputs)} inputs"]),
        f"groups {', '.join(repr(part.column.name) for part in roles.groups) or 'none'}",
    ]
    typer.echo(_line(f"wrote       {out}: {'; '.join(guesses)}"))
    for path in made.new:
        typer.echo(_line(f"wrote       {path}: the images and their classes, from the names of their folders"))
    if factory is not None:
        typer.echo(_line(f"wrote       {factory}: {made.layers}; what stands between the layers is assumed; it was not run"))
        again = f"--architecture {factory.stem}:build --code {shlex.quote(str(factory.parent))} --force"
        typer.echo(_line(f"complete    what is marked as assumed in it; then init again with {again} tries it on the rows"))
    typer.echo("check       every line marked guess: it says why it was guessed")
    if proposal.architecture is None and proposal.predictions is None and proposal.source is None:
        _next_without_code(made, out)
        return
    folders = "".join(f" --code {shlex.quote(str(folder))}" for folder in code)
    option = "" if proposal.source is None or not proposal.source.option else f" {proposal.source.option}"
    if proposal.source is not None and proposal.source.unknown:
        typer.echo(_line(f"unknown     {proposal.source.unknown}: the same command with {proposal.source.option} --force tries it"))
    code_needed = " --code FOLDER_OF_THAT_CODE" if proposal.source is not None and proposal.source.door == "callable" and not code else ""
    typer.echo(_line(f"then        netassay run {shlex.quote(str(out))}{folders}{code_needed}{option}{_elsewhere(made, out)}"))


def _next_without_code(made: Draft, out: Path) -> None:
    if made.layers:
        typer.echo(f"network     the weights look like {made.layers}: the same command with")
        typer.echo("            --write-factory network.py --force writes a draft of its code, and names it in the audit file")
    typer.echo("fill in     architecture: package.module:factory, the function that builds the network")
    typer.echo(_line(f"then        netassay run {shlex.quote(str(out))} --code FOLDER_OF_THAT_CODE{_elsewhere(made, out)}"))


def _elsewhere(made: Draft, out: Path) -> str:
    """The options that let a run read files outside the audit file's folder."""
    home = out.resolve().parent
    named = [name for name in (made.proposal.weights, made.proposal.evaluate, made.proposal.reference) if name is not None]
    paths = [(home / name).resolve() for name in named]
    paths += [] if made.proposal.source is None or made.proposal.source.path is None else [made.proposal.source.path.resolve()]
    outside = [path.parent for path in paths if not path.is_relative_to(home)]
    images = [(home / made.proposal.folder).resolve()] if made.proposal.folder is not None else []
    folders = dict.fromkeys([*outside, *(path for path in images if not path.is_relative_to(home))])
    return "".join(f" --data {shlex.quote(str(folder))}" for folder in folders)


def _line(text: str) -> str:
    """One line: names of a file are shown, and cannot forge another."""
    return printable(text).replace("\n", "\\n")

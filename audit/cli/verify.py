"""``netassay verify``: hold a sealed run against its manifest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from audit.cli.terminal import printable
from audit.errors import TamperedError

if TYPE_CHECKING:
    from audit.store import Verification


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("verify")(verify)


def verify(
    run: Annotated[str, typer.Argument(help="Id of the run, an unambiguous beginning of it, 'latest', or the path of its folder.")] = "latest",
    out: Annotated[Path, typer.Option(help="Folder that holds the runs.")] = Path("runs"),
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Check that every file of RUN is as it was sealed. Exit code 0 when intact, 2 when a file was changed, removed or added."""
    from audit.store import RunStore  # noqa: PLC0415  heavy

    checked = RunStore(out).verify(run)
    if as_json:
        problems = [{"file": problem.file, "problem": problem.kind} for problem in checked.problems]
        shown = {"intact": checked.ok, "run": str(checked.path), "files": checked.files, "manifest": checked.digest}
        typer.echo(json.dumps({**shown, "problems": problems, "note": checked.note}))
    elif checked.ok:
        typer.echo(f"intact: {checked.files} files match MANIFEST.json sha256:{checked.digest}; {checked.note}")
    if not checked.ok:
        raise TamperedError(_message(checked), [problem.file for problem in checked.problems])


def _message(checked: Verification) -> str:
    lines = [f"{problem.kind}: {problem.file}" for problem in checked.problems]
    # A file name may hold a line break, which would forge a line.
    return "\n".join(printable(line).replace("\n", "\\n") for line in lines)

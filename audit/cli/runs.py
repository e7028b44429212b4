"""``netassay runs list``: the sealed runs, newest first."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from audit.cli.terminal import printable

if TYPE_CHECKING:
    from audit.store import RunSummary

runs = typer.Typer(help="The sealed runs.", no_args_is_help=True, rich_markup_mode=None)


def register(app: typer.Typer) -> None:
    """Add the group of commands."""
    app.add_typer(runs, name="runs")


@runs.callback()
def group() -> None:
    """The sealed runs."""


@runs.command("list")
def list_runs(
    out: Annotated[Path, typer.Option(help="Folder that holds the runs.")] = Path("runs"),
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """List the runs, newest first: id, start, number of checks, name, findings per status."""
    from audit.store import RunStore  # noqa: PLC0415  heavy

    found = RunStore(out).runs()
    if as_json:
        typer.echo(json.dumps([_plain(item) for item in found]))
        return
    if not found:
        typer.echo(printable(f"no runs in {out}"), err=True)
    for item in found:
        typer.echo(_line(item))


def _line(item: RunSummary) -> str:
    if item.problem:
        return printable(f"{item.id}  cannot be read: {item.problem}").replace("\n", "\\n")
    statuses = ", ".join(f"{number} {status.replace('_', ' ')}" for status, number in item.statuses.items() if number)
    return printable(f"{item.id}  {item.started}  {item.checks:3} checks  {item.name}  ({statuses})").replace("\n", "\\n")


def _plain(item: RunSummary) -> dict[str, object]:
    shown = {"id": item.id, "path": str(item.path), "manifest": item.digest}
    if item.problem:
        return {**shown, "problem": item.problem}
    return {**shown, "name": item.name, "started": item.started, "seconds": item.seconds, "checks": item.checks, "statuses": dict(item.statuses)}

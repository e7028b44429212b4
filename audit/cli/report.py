"""``netassay report``: draw the report of a sealed run again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from audit.store import RunStore


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("report")(report)


def report(
    run: Annotated[str, typer.Argument(help="Id of the run, an unambiguous beginning of it, or 'latest'.")] = "latest",
    out: Annotated[Path, typer.Option(help="Folder that holds the runs.")] = Path("runs"),
) -> None:
    """Write report.html of RUN beside the sealed run and print its path."""
    from audit.store import RunStore  # noqa: PLC0415

    typer.echo(write(RunStore(out), run))


def write(store: RunStore, run: str) -> Path:
    """Verify the run, write ``runs/<id>.docs/report.html``, return its path."""
    from audit.errors import TamperedError  # noqa: PLC0415
    from reports.html import write_report  # noqa: PLC0415

    checked = store.verify(run)
    if not checked.ok:
        raise TamperedError(f"{store.path(run)}: differs from its manifest, so no report is drawn from it; see netassay verify")
    sealed = store.read(run)
    return write_report(sealed, store.documents(sealed.id) / "report.html", manifest=checked.digest)

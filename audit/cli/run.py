"""``netassay run``: audit what a file describes, seal the run, write the report."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from audit.cli.terminal import printable
from audit.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from audit.config_file import ConfigFile
    from audit.open_model import Trust
    from audit.results import AuditRun
    from audit.runner import Executor
    from audit.subject import Subject

Fail = Literal["outside", "attention", "never"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("run")(run)


def run(
    config: Annotated[Path, typer.Argument(help="The audit file (TOML).")],
    out: Annotated[Path, typer.Option(help="Folder that holds the runs.")] = Path("runs"),
    code: Annotated[list[Path] | None, typer.Option(help="Folder that the architecture's code may be imported from; repeatable.")] = None,
    data: Annotated[list[Path] | None, typer.Option(help="Folder, beside CONFIG's own, that its files may lie in; repeatable.")] = None,
    trust: Annotated[
        list[str] | None, typer.Option(metavar="sha256:HEX", help="A model file with this sum may run the code it holds; repeatable.")
    ] = None,
    send_to: Annotated[
        list[str] | None, typer.Option(metavar="URL", help="Place (https://host:port) that an endpoint's rows may be sent to; repeatable.")
    ] = None,
    setting: Annotated[list[str] | None, typer.Option("--set", help="Override one key: dotted.key=value; repeatable.")] = None,
    only: Annotated[list[str] | None, typer.Option(help="Run this check only; repeatable.")] = None,
    workers: Annotated[int, typer.Option(min=1, max=256, help="Worker processes; 1 measures in this process.")] = 1,
    fail_on: Annotated[Fail, typer.Option(help="Which status makes the exit code 1.")] = "outside",
    allow_unresolved: Annotated[
        bool, typer.Option("--allow-unresolved", help="Declared limits left inconclusive or not assessed do not fail.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON on standard output.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress on standard error.")] = False,
) -> None:
    """Audit the network that CONFIG describes.

    Exit codes: 0; 1 a limit is outside or left unresolved; 2 usage or internal error; 3 incomplete; 130 interrupted.
    """
    # The audit file is checked before anything heavy is imported: a mistake in it is told at once.
    from audit.config_file import load_config  # noqa: PLC0415
    from audit.models.places import trusted_places  # noqa: PLC0415
    from audit.models.trusted_file import trusted_digests  # noqa: PLC0415

    overrides = [*(setting or []), *([f"only={json.dumps(only)}"] if only else [])]
    file = load_config(config, overrides, folders=[_folder(path, "--data") for path in data or []])
    files, places = trusted_digests(trust or []), trusted_places(send_to or [])
    folders = tuple(_folder(path, "--code") for path in code or [])

    from audit.cli.progress import TerminalProgress  # noqa: PLC0415
    from audit.cli.report import write  # noqa: PLC0415
    from audit.open_model import Trust  # noqa: PLC0415
    from audit.outcome import outcome  # noqa: PLC0415
    from audit.progress import Silent  # noqa: PLC0415
    from audit.runner import run_audit  # noqa: PLC0415
    from audit.store import RunStore  # noqa: PLC0415

    trusted = Trust(folders, files, places)
    with Silent() if quiet else TerminalProgress() as progress:
        sealed = run_audit(file, RunStore(out), executor=_executor(file, trusted, workers), trust=trusted, progress=progress)
    page = write(RunStore(out), sealed.run.id)
    result = outcome(sealed.run, fail_on=fail_on, allow_unresolved=allow_unresolved)
    if as_json:
        statuses = {status: number for status, number in sealed.run.statuses.items() if number}
        typer.echo(json.dumps({"schema": 1, "run": str(sealed.folder), "report": str(page), "statuses": statuses, "exit": result.code}))
    else:
        _tell(sealed.run, sealed.folder, page, result.reason)
    raise typer.Exit(result.code)


def _folder(path: Path, option: str) -> Path:
    if not path.is_dir():
        raise ConfigError(f"{option} {path}: there is no such folder")
    return path.resolve()


def _executor(file: ConfigFile, trust: Trust, workers: int) -> Callable[[Subject], Executor]:
    from audit.executors.local import LocalExecutor  # noqa: PLC0415
    from audit.executors.processes import ProcessExecutor  # noqa: PLC0415

    if workers == 1:
        return LocalExecutor
    return lambda _: ProcessExecutor(file, trust, workers=min(workers, 4 * (os.cpu_count() or 1)))


def _tell(run: AuditRun, folder: Path, page: Path, reason: str) -> None:
    for finding in run.findings:
        typer.echo(printable(f"{finding.status.replace('_', ' '):15} {finding.check:32} {_short(finding.reason)}"))
    typer.echo(printable(f"\n{reason}\nrun     {folder}\nreport  {page}"))


def _short(text: str, width: int = 160) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"

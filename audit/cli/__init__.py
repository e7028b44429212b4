"""The command line: one subcommand a file, registered here. Heavy imports happen inside commands, so that ``--help`` is quick."""

from __future__ import annotations

import os
import sys
from importlib.metadata import version
from typing import Annotated, NoReturn

import typer

from audit.cli import catalogue, dashboard, init, inspect_model, report, run, runs, verify
from audit.cli.terminal import printable
from audit.errors import NetassayError

# Threads that have nothing to do must not spin, which takes cores from those that have: neither OpenMP's nor OpenBLAS's (2 to that many cycles).
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "10")
os.environ.setdefault("TORCH_FORCE_WEIGHTS_ONLY_LOAD", "1")
os.environ.setdefault("MPLBACKEND", "Agg")

app = typer.Typer(
    name="netassay",
    help="Audit a trained neural network: measure every row, ask questions of the rows, hold the answers against limits fixed beforehand.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _told_version(asked: bool) -> None:
    if asked:
        typer.echo(f"netassay {version('netassay')}")
        raise typer.Exit


@app.callback()
def options(*, _version: Annotated[bool, typer.Option("--version", callback=_told_version, is_eager=True, help="Show the version.")] = False) -> None:
    """Options of the command line itself, before a subcommand."""


for command in (init, inspect_model, run, report, dashboard, verify, runs, catalogue):
    command.register(app)


def main() -> NoReturn:
    """Entry point: user errors become one message and exit code 2, an interrupt 130, anything else 2 with a trace."""
    code: object = 0
    try:
        # Without its own error pages, the library returns the exit code instead of ending the process.
        code = app(standalone_mode=False)
    except NetassayError as error:
        _stop(str(error), error.exit_code)
    except typer.Exit as stop:
        sys.exit(stop.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        _stop("interrupted; measured blocks are kept, so the same command resumes", 130)
    except Exception as error:
        show = getattr(error, "show", None)
        if show is None:
            raise SystemExit(_internal(error)) from error
        show()
        sys.exit(2)
    sys.exit(code if isinstance(code, int) else 0)


def _stop(message: str, code: int) -> NoReturn:
    sys.stderr.write("".join(f"netassay: {line}\n" for line in printable(message).splitlines()))
    sys.exit(code)


def _internal(error: Exception) -> int:
    import traceback  # noqa: PLC0415  only needed when something broke

    sys.stderr.write("".join(traceback.format_exception(error)))
    sys.stderr.write("netassay: internal error; please report it with the lines above\n")
    return 2

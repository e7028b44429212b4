"""``netassay checks`` and ``netassay probes``: what there is, what each asks or measures, its settings and defaults."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from audit.cli.terminal import printable

checks = typer.Typer(help="The questions an audit asks.", no_args_is_help=True, rich_markup_mode=None)
probes = typer.Typer(help="The instruments that measure rows.", no_args_is_help=True, rich_markup_mode=None)
Json = Annotated[bool, typer.Option("--json", help="Print as JSON.")]


def register(app: typer.Typer) -> None:
    """Add both groups of commands."""
    app.add_typer(checks, name="checks")
    app.add_typer(probes, name="probes")


@checks.command("list")
def list_checks(family: Annotated[str | None, typer.Option(help="Only this family.")] = None, as_json: Json = False) -> None:
    """List every check with its question."""
    from audit import discovery  # noqa: PLC0415
    from audit.errors import ConfigError, nearest  # noqa: PLC0415

    found = [item for item in discovery.checks().values() if family is None or item.family == family]
    if not found:
        raise ConfigError(f"there is no family {family!r}: {nearest(str(family), {item.family for item in discovery.checks().values()})}")
    if as_json:
        typer.echo(json.dumps([{"id": item.id, "title": item.title, "question": item.card.question} for item in found]))
        return
    for item in found:
        typer.echo(printable(f"{item.id:32} {item.card.question}"))


@checks.command("show")
def show_check(check_id: Annotated[str, typer.Argument(metavar="ID")], as_json: Json = False) -> None:
    """Show the page of one check: question, why, how to read it, settings, limits it ships."""
    from audit import discovery  # noqa: PLC0415
    from audit.check import describe  # noqa: PLC0415
    from audit.metric_names import names_of  # noqa: PLC0415
    from audit.run_json import plain  # noqa: PLC0415

    item = discovery.check(check_id)
    if as_json:
        typer.echo(json.dumps(plain({**describe(item), "names": names_of(item.measures)})))
        return
    card = item.card
    parts = [("", card.question), ("Why it matters", card.why), ("How to read it", card.how_to_read), ("What it cannot show", card.cannot_show)]
    typer.echo(f"{item.id}: {item.title}\n")
    for heading, text in parts:
        typer.echo((f"{heading}\n" if heading else "") + _wrapped(text) + "\n")
    typer.echo("References\n" + "\n".join(f"  {line}" for line in card.references) + "\n")
    typer.echo(f"Reads     {', '.join(item.reads)}")
    typer.echo(f"Needs     {', '.join(sorted(item.needs)) or 'nothing beyond what it reads'}")
    typer.echo(f"Measures  {', '.join(item.measures)}")
    for name, about in names_of(item.measures).items():
        typer.echo(
            f"  {name}\n" + textwrap.fill(f"{about.definition} Equal: {about.equal}.", 100, initial_indent="      ", subsequent_indent="      ")
        )
        for tool, text in about.elsewhere.items():
            typer.echo(textwrap.fill(f"{tool}: {text}", 100, initial_indent="      ", subsequent_indent="        "))
    _settings(item.settings.defaults)
    for criterion in item.criteria:
        low, high = criterion.minimum, criterion.maximum
        typer.echo(f"Technical limit  {criterion.measurement}: min {low}, max {high} ({criterion.because})")


@probes.command("list")
def list_probes(as_json: Json = False) -> None:
    """List every probe with what it measures."""
    from audit import discovery  # noqa: PLC0415

    found = [discovery.probe(probe_id) for probe_id in discovery.probe_ids()]
    if as_json:
        typer.echo(json.dumps([{"id": item.id, "about": item.about, "scope": item.scope} for item in found]))
        return
    for item in found:
        typer.echo(printable(f"{item.id:36} {' '.join(item.about.split())}"))


@probes.command("show")
def show_probe(probe_id: Annotated[str, typer.Argument(metavar="ID")], as_json: Json = False) -> None:
    """Show one probe: columns with units, needs, settings with defaults."""
    from audit import discovery  # noqa: PLC0415

    item = discovery.probe(probe_id)
    columns = {name: {"about": column.about, "unit": column.unit} for name, column in item.columns.items()}
    if as_json:
        typer.echo(json.dumps({"id": item.id, "about": item.about, "columns": columns, "settings": dict(item.settings.defaults)}, default=str))
        return
    typer.echo(f"{item.id}\n\n{_wrapped(' '.join(item.about.split()))}\n\nColumns")
    for name, column in item.columns.items():
        typer.echo(printable(f"  {name:16} {column.about}" + (f" [{column.unit}]" if column.unit else "")))
    typer.echo(f"Needs  {', '.join(sorted(item.needs)) or 'nothing'}\nRows   {item.sample or 'all'}")
    _settings(item.settings.defaults)


def _settings(defaults: Mapping[str, Any]) -> None:
    typer.echo("Settings and defaults" if defaults else "No settings.")
    for name, value in defaults.items():
        typer.echo(f"  {name} = {json.dumps(value, default=str)}")


def _wrapped(text: str) -> str:
    return "\n\n".join(textwrap.fill(block, 100, initial_indent="  ", subsequent_indent="  ") for block in text.split("\n\n"))

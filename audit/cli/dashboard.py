"""``netassay dashboard``: look at sealed runs in a browser, on this machine only."""

from __future__ import annotations

import importlib.util
import ipaddress
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from audit.cli.terminal import printable
from audit.errors import ConfigError


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("dashboard")(dashboard)


def dashboard(
    out: Annotated[Path, typer.Option(help="Folder that holds the runs.")] = Path("runs"),
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8501,
    address: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    behind_proxy: Annotated[bool, typer.Option("--behind-proxy", help="Allow an address others reach: a proxy in front asks who they are.")] = False,
) -> None:
    """Serve the dashboard until interrupted and print its address. It reads the runs and changes nothing."""
    _refuse_open_address(address, behind_proxy=behind_proxy)
    app = _application()
    _refuse_busy_port(address, port)
    if not out.is_dir():
        typer.echo(printable(f"netassay: there is no folder {out} yet; the dashboard will say how to make a first run"), err=True)
    typer.echo(f"http://{f'[{address}]' if ':' in address else address}:{port}")
    environment = {**os.environ, "NETASSAY_RUNS": str(out.resolve())}
    server = subprocess.Popen(command(app, address=address, port=port), env=environment)  # noqa: S603  our own command
    try:
        code = server.wait()
    except KeyboardInterrupt:
        # The terminal interrupts the server too; it only needs the time to end.
        server.wait(timeout=10)
        code = 0
    finally:
        server.terminate()
    raise typer.Exit(2 if code else 0)


def command(app: Path, *, address: str, port: int) -> list[str]:
    """The command that serves `app`: no browser opened, nothing sent home, no traces shown, no file watched."""
    options = {
        "server.address": address,
        "server.port": str(port),
        "server.headless": "true",
        "server.fileWatcherType": "none",
        "server.maxUploadSize": "1",
        "server.showEmailPrompt": "false",
        "browser.gatherUsageStats": "false",
        "client.toolbarMode": "minimal",
        "client.showErrorDetails": "none",
        "logger.hideWelcomeMessage": "true",
        # The report's accent: white on it, as on chosen filters, is legible on both grounds.
        "theme.light.primaryColor": "#1f5f8f",
        "theme.dark.primaryColor": "#1f5f8f",
    }
    return [sys.executable, "-m", "streamlit", "run", str(app), *(f"--{name}={value}" for name, value in options.items())]


def _refuse_open_address(address: str, *, behind_proxy: bool) -> None:
    if _is_loopback(address):
        return
    if not behind_proxy:
        raise ConfigError(
            f"--address {address}: the dashboard asks nobody who they are, and others could reach this address; "
            "use 127.0.0.1, or --behind-proxy when a proxy with sign-in stands in front"
        )
    typer.echo(f"netassay: warning: whoever reaches {address} without passing the proxy sees every run, rows of people included", err=True)


def _is_loopback(address: str) -> bool:
    if address == "localhost":
        return True
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _application() -> Path:
    if importlib.util.find_spec("streamlit") is None:
        raise ConfigError("the dashboard needs Streamlit, which is not installed: pip install 'netassay[dashboard]'")
    found = importlib.util.find_spec("dashboards")
    if found is None or found.origin is None:
        raise ConfigError("the folder dashboards is not installed; install netassay anew")
    return Path(found.origin).with_name("app.py")


def _refuse_busy_port(address: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((address, port))
        except OSError as error:
            raise ConfigError(f"cannot listen on {address} port {port}: {error.strerror}; choose another with --port") from error

"""The dashboard as users start it, on a free port of this machine, ended with everything it started."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page

READY = "[data-testid=stApp][data-test-script-state=notRunning]"


@contextmanager
def served(runs: Path) -> Iterator[str]:
    """Address of a dashboard that shows the runs of one folder."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "audit", "dashboard", "--out", str(runs), "--port", str(port)]
    server = subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait(f"http://127.0.0.1:{port}/_stcore/health")
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(timeout=20)


def settled(page: Page, heading: str = "h1") -> None:
    """Wait until the view has been drawn."""
    page.wait_for_selector(heading, timeout=60_000)
    page.wait_for_selector(READY, timeout=60_000)


def _wait(health: str) -> None:
    for _ in range(200):
        try:
            with urllib.request.urlopen(health, timeout=1):  # noqa: S310  our own server on loopback
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise AssertionError("the dashboard did not start")

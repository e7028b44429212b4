"""From runs to a finding to a row in a real browser: nothing from outside, no error on any page."""

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
from pathlib import Path

import pytest

from tests.browser import browser, chromium
from tests.contract.audited import Audited, audit
from tests.smoke.subjects import write_table_network

pytestmark = [pytest.mark.browser, pytest.mark.slow]
READY = "[data-testid=stApp][data-test-script-state=notRunning]"


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Audited:
    folder = tmp_path_factory.mktemp("browser")
    return audit(write_table_network(folder), folder / "runs")


@pytest.fixture(scope="module")
def address(done: Audited) -> Iterator[str]:
    chromium()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "audit", "dashboard", "--out", str(done.folder.parent), "--port", str(port)]
    server = subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait(f"http://127.0.0.1:{port}/_stcore/health")
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(timeout=20)


def _wait(health: str) -> None:
    for _ in range(200):
        try:
            with urllib.request.urlopen(health, timeout=1):  # noqa: S310  our own server on loopback
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise AssertionError("the dashboard did not start")


def test_links_open_every_view_without_errors_or_outside_requests(address: str, done: Audited, tmp_path: Path) -> None:
    outside: list[str] = []
    links = ("", f"run?run={done.run.id}", f"finding?run={done.run.id}&check=performance.classification", f"rows?run={done.run.id}&row=3", "compare")
    with browser() as opened:
        page = opened.new_page()
        page.on("request", lambda request: outside.append(request.url) if not request.url.startswith((address, "data:", "blob:")) else None)
        for link in links:
            page.goto(f"{address}/{link}")
            page.wait_for_selector(READY, timeout=60_000)
            page.wait_for_selector("h1", timeout=60_000)
            assert page.locator("[data-testid=stException]").count() == 0, link
        page.goto(f"{address}/rows?run={done.run.id}&row=3")
        page.wait_for_selector("text=Row 3", timeout=60_000)
        page.get_by_text("Row after").click()
        page.wait_for_selector("text=Row 4", timeout=60_000)
        page.wait_for_url("**row=4**", timeout=60_000)
        page.go_back()
        page.wait_for_selector("text=Row 3", timeout=60_000)

    assert [url for url in outside if not url.startswith("ws://127.0.0.1")] == []

"""Makes the pictures of the README from a sealed run: ``python docs/pictures.py runs``. Needs a Chromium on the machine."""

from __future__ import annotations

import sys
from pathlib import Path

from audit.store import RunStore
from tests.browser import browser

WIDTH, HEIGHT = 1100, 1180


def main(runs: Path) -> None:
    """Photograph the first screen of the newest run's report."""
    store = RunStore(runs)
    report = store.documents(store.path("latest").name) / "report.html"
    with browser() as opened:
        page = opened.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
        page.goto(report.resolve().as_uri())
        page.screenshot(path=Path(__file__).with_name("report.png"))


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "runs"))

"""Makes the pictures of the README from a sealed run: ``python -m docs.pictures runs``. Needs a Chromium on the machine."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from playwright.sync_api import Browser

from audit.facts import facts_of
from audit.rows import Rows
from audit.store import RunStore
from tests.browser import browser
from tests.dashboards.serving import served, settled

REPORT = {"width": 1100, "height": 1180}
DASHBOARD = {"width": 1200, "height": 1150}
ROW = {"width": 1200, "height": 1900}
EXPLAINED = ("attribution.shapley", "attribution.lime", "robustness.pgd")


def main(runs: Path) -> None:
    """Photograph the newest run's report, its summary in the dashboard, and one refused row."""
    store = RunStore(runs)
    folder = store.path("latest")
    with browser() as opened, served(runs) as address:
        _picture(opened, (store.documents(folder.name) / "report.html").resolve().as_uri(), "report.png", REPORT)
        _picture(opened, f"{address}/run?run={folder.name}", "dashboard-run.png", DASHBOARD)
        _picture(opened, f"{address}/rows?run={folder.name}&row={_refused(store, folder)}", "dashboard-row.png", ROW)


def _refused(store: RunStore, folder: Path) -> int:
    """The first row that was refused, explained, and turned by a small change."""
    run = store.read(folder.name)
    rows = Rows(folder, facts_of(run), seed=run.seed)
    held = [rows.within(probe).positions for probe in EXPLAINED]
    both = [position for position in held[0] if all(position in other for other in held[1:])]
    attacked = rows.within("robustness.pgd")
    turned = set(attacked.positions[attacked.column("robustness.pgd.verified") == 1].tolist())
    refused = set(rows.positions[~np.isin(rows.decisions, rows.facts.positive)].tolist())
    return next(int(position) for position in both if position in turned and position in refused)


def _picture(opened: Browser, address: str, name: str, size: dict[str, int]) -> None:
    page = opened.new_page(viewport=size, color_scheme="light")
    page.goto(address)
    if name != "report.png":
        settled(page)
        page.wait_for_function("document.querySelectorAll('[data-testid=stSkeleton]').length === 0")
        page.wait_for_timeout(1000)  # charts fade in
    page.screenshot(path=Path(__file__).with_name(name))
    page.close()


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "runs"))

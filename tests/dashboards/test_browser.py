"""The dashboard in a real browser: nothing from outside, no error, the way from the list of runs to one row and back."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.browser import browser, chromium
from tests.contract.audited import Audited, audit
from tests.dashboards.made_run import write_run
from tests.dashboards.serving import served, settled
from tests.smoke.subjects import write_table_network

pytestmark = [pytest.mark.browser, pytest.mark.slow]
TAKEN = "script, img[src=x], a[href^=javascript], .katex, .stMarkdownColoredText, [data-testid=stIconMaterial]:text('home')"
"""What the names would become if they were read as HTML or markdown."""
MADE = "20201122T214500Z-7f3a9c"


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Audited:
    folder = tmp_path_factory.mktemp("browser")
    write_run(folder / "runs", rows=60, inputs=30, groups=300, run_id=MADE)
    return audit(write_table_network(folder), folder / "runs")


@pytest.fixture(scope="module")
def address(done: Audited) -> Iterator[str]:
    chromium()
    with served(done.folder.parent) as found:
        yield found


@pytest.fixture(scope="module")
def opened() -> Iterator[Browser]:
    with browser() as found:
        yield found


def links(run: str, check: str, row: int) -> tuple[str, ...]:
    return ("", f"run?run={run}", f"finding?run={run}&check={check}", f"rows?run={run}", f"rows?run={run}&row={row}", "compare")


def test_links_open_every_view_without_errors_or_outside_requests(address: str, done: Audited, opened: Browser) -> None:
    outside: list[str] = []
    page = opened.new_page()
    page.on("request", lambda request: outside.append(request.url) if not request.url.startswith((address, "data:", "blob:")) else None)

    for link in links(done.run.id, "performance.classification", 3):
        page.goto(f"{address}/{link}")
        settled(page)
        assert page.locator("[data-testid=stException], [data-testid=stAlertContentError]").count() == 0, link

    assert [url for url in outside if not url.startswith("ws://127.0.0.1")] == []


def test_a_reader_goes_from_the_runs_to_one_row_and_back(address: str, done: Audited, opened: Browser) -> None:
    page = opened.new_page(viewport={"width": 1280, "height": 1000})
    page.goto(address)
    settled(page)

    _click_line(page, 0)
    page.wait_for_url(f"**/run?run={done.run.id}", timeout=60_000)
    settled(page)
    _click_line(page, 0)
    page.wait_for_url("**/finding?**", timeout=60_000)
    page.goto(f"{address}/finding?run={done.run.id}&check=fairness.selection_rates")
    settled(page)
    page.get_by_text("Rows with region").first.click()
    page.wait_for_url("**/rows?**group.region=**", timeout=60_000)
    settled(page)
    _click_line(page, 0)
    page.wait_for_url("**row=**", timeout=60_000)
    settled(page, "h2")
    deep = page.url
    told = page.locator("[data-testid=stMarkdown]").all_inner_texts()
    assert any("The network decided" in text for text in told)
    lines = _downloaded(page, "Download the inputs (CSV)")
    assert [line["Input"] for line in lines][:2] == ["income", "debt"]

    other = opened.new_page()
    other.goto(deep)
    settled(other, "h2")
    assert other.locator("h2").first.inner_text() == page.locator("h2").first.inner_text()

    page.get_by_text("Back to all rows").click()
    page.wait_for_selector("text=of 60 rows", timeout=60_000)
    page.wait_for_function("!location.search.includes('row=')", timeout=60_000)
    assert "group.region=" in page.url


def test_the_row_before_and_after_have_addresses(address: str, done: Audited, opened: Browser) -> None:
    page = opened.new_page()
    page.goto(f"{address}/rows?run={done.run.id}&row=3")
    page.wait_for_selector("text=Row 3", timeout=60_000)

    page.get_by_text("Row after").click()
    page.wait_for_selector("text=Row 4", timeout=60_000)
    page.wait_for_url("**row=4**", timeout=60_000)
    after = page.locator("h2").first.inner_text()
    page.go_back()
    page.wait_for_selector("text=Row 3", timeout=60_000)

    assert after.startswith("Row 4")
    assert page.locator("h2").first.inner_text().startswith("Row 3")
    assert "row=3" in page.url


def test_names_of_strangers_stay_text_in_every_view(address: str, done: Audited, opened: Browser) -> None:
    page = opened.new_page()
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))

    for link in links(MADE, "fairness.hostile", 1):
        page.goto(f"{address}/{link}")
        settled(page)
        main = page.locator("[data-testid=stMain]")
        assert main.locator(TAKEN).count() == 0, link
        assert page.title() == "Netassay", link

    assert dialogs == []


def _click_line(page: Page, line: int) -> None:
    """Click a cell of the first table, whose lines and heading are 35 pixels high."""
    table = page.locator("[data-testid=stDataFrame]").first
    table.scroll_into_view_if_needed()
    page.wait_for_timeout(500)
    table.click(position={"x": 40, "y": 35 * (line + 1) + 17})


def _downloaded(page: Page, label: str) -> list[dict[str, str]]:
    with page.expect_download(timeout=60_000) as waiting:
        page.get_by_role("button", name=label).click()
    with Path(waiting.value.path()).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))

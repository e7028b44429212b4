"""Every view against the accessibility rules of axe-core, in light and dark, wide and narrow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.browser import browser, chromium
from tests.dashboards.made_run import write_run
from tests.dashboards.serving import served, settled

pytestmark = [pytest.mark.browser, pytest.mark.slow]
ONE, TWO = "20261122T214500Z-7f3a9c", "20261122T214600Z-7f3a9c"
VIEWS = {
    "runs": "",
    "run": f"run?run={ONE}",
    "finding": f"finding?run={ONE}&check=fairness.hostile",
    "other finding": f"finding?run={ONE}&check=fairness.selection_rates",
    "groups": f"groups?run={ONE}",
    "rows": f"rows?run={ONE}",
    "no rows": f"rows?run={ONE}&group.g=group%200&decision=nothing",
    "row": f"rows?run={ONE}&row=1",
    "row without": f"rows?run={ONE}&row=59",
    "compare": f"compare?run={ONE}&with={TWO}",
}
LOOKS: tuple[tuple[int, Literal["light", "dark"]], ...] = ((1280, "light"), (1280, "dark"), (390, "dark"), (390, "light"))
GROUND = "Number(getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor.match(/\\d+/)[0])"
"""How light the page is, 0 to 255."""
STREAMLIT: Mapping[str, str] = {}
"""Rules that Streamlit's own elements break, each with why it is not ours."""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    chromium()
    runs = tmp_path_factory.mktemp("accessible")
    write_run(runs, rows=300, groups=14, run_id=ONE)
    write_run(runs, rows=60, groups=14, run_id=TWO)
    with served(runs) as found:
        yield found


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with browser() as opened:
        yield opened.new_page()


def look(page: Page, width: int, scheme: Literal["light", "dark"]) -> None:
    """Turn the screen or change the system's colours, as readers do, and wait until the page has followed and its colours have faded over."""
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    page.wait_for_function(f"{GROUND} > 128" if scheme == "light" else f"{GROUND} < 128")
    page.wait_for_timeout(250)
    page.wait_for_function("document.getAnimations().every(one => one.playState !== 'running')")


@pytest.mark.parametrize("view", VIEWS)
def test_axe_finds_nothing_in_a_view(view: str, page: Page, address: str) -> None:
    page.goto(f"{address}/{VIEWS[view]}")
    settled(page)

    for width, scheme in LOOKS:
        look(page, width, scheme)
        found = Axe().run(page).response["violations"]
        assert [(item["id"], item["nodes"][0]["html"][:300]) for item in found if item["id"] not in STREAMLIT] == [], (width, scheme)


def test_axe_finds_what_is_planted(page: Page, address: str) -> None:
    page.goto(address)
    settled(page)
    page.evaluate("document.querySelector('[data-testid=stMain]').appendChild(document.createElement('img'))")

    assert "image-alt" in {item["id"] for item in Axe().run(page).response["violations"]}


def test_a_chart_has_words_for_those_who_do_not_see_it(page: Page, address: str) -> None:
    page.goto(f"{address}/{VIEWS['row']}")
    settled(page)
    page.wait_for_selector("[data-testid=stVegaLiteChart]", timeout=60_000)

    words = page.locator("[data-testid=stVegaLiteChart]").first.evaluate("e => e.outerHTML + (e.parentElement?.outerHTML ?? '')")

    assert "Attributions by Shapley values" in words

"""The page in a real browser: no violation of its own policy, readable on a phone, in order for a screen reader."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from reports.html import write_report
from tests.browser import browser
from tests.reports.sample_run import sample_run
from tests.reports.test_page import hostile

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("run", [sample_run, hostile], ids=["sample", "hostile"])
@pytest.mark.parametrize("width", [320, 1280])
def test_it_fits_every_width_and_breaks_no_policy(run: object, width: int, tmp_path: Path) -> None:
    path = write_report(run(), tmp_path / "report.html")  # type: ignore[operator]
    with browser() as opened:
        page = opened.new_page(viewport={"width": width, "height": 900})
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        page.on("request", lambda request: said.append(request.url) if request.url.startswith("http") else None)
        page.goto(path.as_uri())

        assert said == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        levels = page.eval_on_selector_all("h1,h2,h3,h4", "all => all.map(h => Number(h.tagName[1]))")

    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(later <= earlier + 1 for earlier, later in pairwise(levels))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(scheme: str, tmp_path: Path) -> None:
    path = write_report(sample_run(), tmp_path / "report.html")
    with browser() as opened:
        page = opened.new_page(color_scheme=scheme)  # type: ignore[arg-type]
        page.goto(path.as_uri())
        worst = page.evaluate(CONTRAST)

    assert worst["ratio"] >= 4.5, worst


CONTRAST = """() => {
  const parse = c => { const m = c.match(/[\\d.]+/g).map(Number); return {rgb: m.slice(0, 3), alpha: m.length > 3 ? m[3] : 1}; };
  const light = rgb => { const [r, g, b] = rgb.map(v => { v /= 255; return v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; });
    return .2126 * r + .7152 * g + .0722 * b; };
  const ground = e => { while (e) { const c = parse(getComputedStyle(e).backgroundColor); if (c.alpha > .99) return c.rgb; e = e.parentElement; }
    return [255, 255, 255]; };
  let worst = {ratio: 99};
  for (const e of document.querySelectorAll('body *')) {
    if (e.closest('svg') || ![...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()) || !e.getClientRects().length) continue;
    const a = light(parse(getComputedStyle(e).color).rgb), b = light(ground(e));
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    if (ratio < worst.ratio) worst = {ratio, text: e.textContent.trim().slice(0, 60), tag: e.tagName, cls: e.className};
  }
  return worst;
}"""

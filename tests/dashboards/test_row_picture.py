"""A row is drawn as what it is under every method that has a number for each of its players, also in the view of one row."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from audit.chart_kinds import ImageOverlay, SeriesStrip, TextHighlight
from audit.facts import facts_of
from dashboards.charts import drawn
from dashboards.held_row import held_row
from dashboards.row_picture import row_pictures
from tests.contract.audited import Audited, audit
from tests.dashboards.test_views import show, words
from tests.smoke.structured_subjects import write_series, write_several
from tests.smoke.subjects import write_photos, write_reviews

KINDS = {
    "photos": (write_photos, ImageOverlay),
    "series": (write_series, SeriesStrip),
    "reviews": (write_reviews, TextHighlight),
    "several": (partial(write_several, text=True), ImageOverlay, TextHighlight),
}
SAMPLES = {"attribution.shapley": 30, "attribution.lime": 30, "data.shown_inputs": 30, "attribution.integrated_gradients": 3}
ASKED = ['only=["explanation.examples", "explanation.lime_quality"]', *(f"probes.{probe}.rows={rows}" for probe, rows in SAMPLES.items())]


@pytest.fixture(scope="module", params=sorted(KINDS))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def done(kind: str, tmp_path_factory: pytest.TempPathFactory) -> Audited:
    folder = tmp_path_factory.mktemp(kind)
    return audit(KINDS[kind][0](folder / "subject"), folder / "runs", overrides=ASKED)


def test_every_method_has_a_picture_of_a_row_that_it_explained(kind: str, done: Audited) -> None:
    rows = done.rows().within("attribution.shapley")
    position = int(rows.positions[0])

    found = dict(row_pictures(held_row(done.folder, facts_of(done.run), position)))

    assert "Shapley values" in found
    assert all([type(chart) for chart in charts] == list(KINDS[kind][1:]) for charts in found.values())
    assert all(drawn(chart) is not None for charts in found.values() for chart in charts)
    if kind == "photos":
        overlay = found["Shapley values"][0].overlay  # type: ignore[union-attr]
        decided = 1 if rows.column("outputs.decision")[0] == 1 else -1
        np.testing.assert_allclose(np.unique(overlay), np.unique(decided * rows.column("attribution.shapley.values")[0]), atol=1e-12)


def test_the_view_of_the_row_shows_it_and_lets_people_choose_the_method(kind: str, done: Audited, monkeypatch: pytest.MonkeyPatch) -> None:
    both = np.intersect1d(done.rows().within("attribution.shapley").positions, done.rows().within("attribution.lime").positions)
    position = int(both[0])
    app = show("rows", done.folder.parent, monkeypatch, run=done.run.id, row=str(position))

    assert "Orange speaks for this decision" in words(app)
    if kind == "several":
        assert "Shapley values\\: photo" in words(app)  # as written for Markdown
        assert "Shapley values\\: note" in words(app)  # as written for Markdown
    (choice,) = [item for item in app.button_group if item.label == "Draw it by"]
    assert {"Shapley values", "LIME"} <= set(choice.options)
    choice.set_value("LIME").run()
    assert not app.exception


def test_a_row_that_nobody_explained_has_no_picture(kind: str, done: Audited) -> None:
    rows = done.rows()
    explained = np.concatenate([rows.within(probe).positions for probe in SAMPLES if probe.startswith("attribution") and rows.has(f"{probe}.values")])
    position = int(np.setdiff1d(np.arange(rows.n), explained)[0])

    assert row_pictures(held_row(done.folder, facts_of(done.run), position)) == []

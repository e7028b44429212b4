"""Each view on a real sealed run, on none, on a damaged one, with links that name nothing; no view ever raises."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

import dashboards
from tests.contract.audited import Audited, audit
from tests.smoke.subjects import write_table_network

APP = Path(str(dashboards.__file__)).with_name("app.py")
VIEWS = ("runs", "run", "finding", "rows", "compare")
HOSTILE = "<b>x</b> [a](b) **c** $d$ :red[e]"
pytestmark = pytest.mark.filterwarnings("ignore:::streamlit.*", "ignore::DeprecationWarning", "ignore::ResourceWarning")


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Audited:
    folder = tmp_path_factory.mktemp("dashboard")
    config = write_table_network(folder, group_levels=(HOSTILE, "south", "east", "west"), names=("income", "debt", "years", HOSTILE))
    return audit(config, folder / "runs")


def show(view: str, folder: Path, monkeypatch: pytest.MonkeyPatch, **parameters: str) -> AppTest:
    monkeypatch.setenv("NETASSAY_RUNS", str(folder))
    app = AppTest.from_file(str(APP), default_timeout=60)
    for key, value in parameters.items():
        app.query_params[key] = value
    if view != "runs":
        app.switch_page(f"views/{view}.py")
    app.run()
    assert not app.exception
    return app


def words(app: AppTest) -> str:
    kinds = (app.title, app.header, app.subheader, app.markdown, app.caption, app.info, app.warning, app.error, app.text)
    return " ".join(str(item.value) for kind in kinds for item in kind)


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_says_what_is_seen(view: str, done: Audited, monkeypatch: pytest.MonkeyPatch) -> None:
    app = show(view, done.folder.parent, monkeypatch)

    assert app.title[0].value
    assert len(words(app)) > 60
    assert not app.error


@pytest.mark.parametrize("view", VIEWS)
def test_without_runs_a_view_says_how_to_make_one(view: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = show(view, tmp_path / "nothing", monkeypatch)

    assert "netassay run" in words(app) + " ".join(str(item.value) for item in app.code)


@pytest.mark.parametrize("view", ["run", "finding", "rows"])
@pytest.mark.parametrize("asked", ["../../etc/passwd", "20200101T000000Z-aaaaaa", "<script>"])
def test_a_link_that_names_nothing_is_told_and_never_a_path(view: str, asked: str, done: Audited, monkeypatch: pytest.MonkeyPatch) -> None:
    app = show(view, done.folder.parent, monkeypatch, run=asked)

    assert "does not exist" in words(app)


def test_a_deep_link_opens_one_finding(done: Audited, monkeypatch: pytest.MonkeyPatch) -> None:
    app = show("finding", done.folder.parent, monkeypatch, run=done.run.id, check="fairness.selection_rates")

    assert "Selection rates by group" in words(app)
    assert "What it cannot show" in words(app)


def test_a_deep_link_opens_one_row_with_its_attributions(done: Audited, monkeypatch: pytest.MonkeyPatch) -> None:
    app = show("rows", done.folder.parent, monkeypatch, run=done.run.id, row="3")

    assert "Row 3" in words(app)
    assert "Shapley" in words(app)
    assert "for class 1" in words(app)


def test_a_damaged_run_is_refused_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    damaged = audit(write_table_network(tmp_path), tmp_path / "runs", overrides=['only=["performance.classification"]'])
    file = damaged.folder / "log.jsonl"
    file.chmod(0o600)
    file.write_text("changed\n")

    app = show("run", tmp_path / "runs", monkeypatch, run=damaged.run.id)

    assert "manifest" in words(app)

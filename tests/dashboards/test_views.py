"""Each view on a real sealed run, on none, on a damaged one, with links that name nothing; no view ever raises."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

import dashboards
from tests.contract.audited import Audited, audit
from tests.dashboards.made_run import NASTY, write_run
from tests.smoke.subjects import write_table_network

APP = Path(str(dashboards.__file__)).with_name("app.py")
VIEWS = ("runs", "run", "finding", "groups", "rows", "compare")
FIRST, SECOND = "20261122T214500Z-7f3a9c", "20261122T214600Z-7f3a9c"
LINKS: tuple[tuple[str, dict[str, str]], ...] = (
    ("runs", {}),
    ("run", {"run": FIRST}),
    ("finding", {"run": FIRST, "check": "fairness.hostile"}),
    ("groups", {"run": FIRST}),
    ("rows", {"run": FIRST}),
    ("rows", {"run": FIRST, "row": "1"}),
    ("rows", {"run": FIRST, "row": "2"}),
    ("compare", {"run": FIRST, "with": SECOND}),
)
HOSTILE = "<b>x</b> [a](b) **c** $d$ :red[e]"
SOURCES = sorted(APP.parent.rglob("*.py"))
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

    assert not app.error
    assert "Row 3" in words(app)
    assert "Shapley" in words(app)
    assert "explains class 1" in words(app)


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_no_text_stands_alone_in_a_view(source: Path) -> None:
    # Streamlit draws every expression of a page that stands alone, texts below names included.
    body = ast.parse(source.read_text()).body
    alone = [item.lineno for item in body[1:] if isinstance(item, ast.Expr) and not isinstance(item.value, ast.Call)]

    assert source.parent.name != "views" or not alone


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile")
    write_run(folder, rows=60, inputs=2000, groups=300, run_id=FIRST)
    write_run(folder, rows=60, inputs=30, groups=300, run_id=SECOND)
    return folder


@pytest.mark.parametrize("link", LINKS, ids=lambda link: f"{link[0]} {' '.join(link[1])}")
def test_hostile_names_groups_by_the_hundred_and_inputs_by_the_thousand_are_shown(
    link: tuple[str, dict[str, str]], hostile: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    view, parameters = link

    app = show(view, hostile, monkeypatch, **parameters)

    assert not app.error
    assert not app.warning or view == "finding"
    assert app.main.children
    # What Streamlit would read as HTML, a directive or a formula never arrives bare.
    for bare in ("<script>", "<img src", ":red[", ":material/", ":balloon:", "$\\frac", "](javascript"):
        pattern = re.compile(rf"(?<!\\){re.escape(bare)}")
        assert not pattern.search(words(app))
        assert not any(pattern.search(str(item.label)) for kind in (app.multiselect, app.selectbox, app.toggle, app.text_input) for item in kind)


def test_filters_of_a_link_choose_the_rows(hostile: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = show("rows", hostile, monkeypatch, run=SECOND, **{"group.g": "group 42"})

    frame = app.dataframe[0].value
    assert frame["Row"].tolist() == [len(NASTY) + 42]
    assert "1 of 60 rows" in words(app)


def test_a_filter_that_names_nothing_is_told(hostile: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = show("rows", hostile, monkeypatch, run=SECOND, **{"group.g": "nowhere"})

    assert "nowhere" in words(app)
    assert "60 of 60 rows" in words(app)


def test_rows_none_of_which_match_are_an_empty_state(hostile: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = show("rows", hostile, monkeypatch, run=SECOND)

    app.text_input[0].set_value("nobody is called so").run()

    assert "No row matches" in words(app)
    assert not app.dataframe


def test_a_damaged_run_is_refused_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    damaged = audit(write_table_network(tmp_path), tmp_path / "runs", overrides=['only=["performance.classification"]'])
    file = damaged.folder / "log.jsonl"
    file.chmod(0o600)
    file.write_text("changed\n")

    app = show("run", tmp_path / "runs", monkeypatch, run=damaged.run.id)

    assert "manifest" in words(app)


def test_moving_the_threshold_moves_the_rates_and_is_stamped_exploratory(done: Audited, monkeypatch: pytest.MonkeyPatch) -> None:
    app = show("groups", done.folder.parent, monkeypatch, run=done.run.id)
    before = app.dataframe[0].value["Rate"].tolist()

    app.number_input[0].set_value(0.0).run()

    assert app.dataframe[0].value["Rate"].tolist() == [1.0] * len(before)
    assert "not part of the sealed run" in words(app)
    assert "decisions differ from those of the run" in words(app)

"""Runs are listed, found and read; the index is only a cache."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from audit.errors import StoreError
from audit.run_json import to_json
from audit.store import RunStore
from audit.store.index import FILE
from tests.audit.store.example import run, sealed


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    sealed(tmp_path, "20260101T000000Z-aaaaaa", name="old", started="2026-01-01T00:00:00Z")
    sealed(tmp_path, "20260301T000000Z-bbbbbb", name="new", started="2026-03-01T00:00:00Z")
    sealed(tmp_path, "20260201T000000Z-cccccc", name="middle", started="2026-02-01T00:00:00Z")
    return RunStore(tmp_path)


def names(store: RunStore) -> list[str]:
    return [item.name for item in store.runs()]


def test_runs_are_listed_newest_first(store: RunStore) -> None:
    first = store.runs()[0]

    assert names(store) == ["new", "middle", "old"]
    assert (first.id, first.seconds, first.checks, first.statuses["within"], first.problem) == ("20260301T000000Z-bbbbbb", 1.5, 1, 1, "")
    assert first.digest == store.verify(first.id).digest


def test_empty_and_absent_folders_hold_no_runs(tmp_path: Path) -> None:
    assert RunStore(tmp_path).runs() == []
    assert RunStore(tmp_path / "absent").runs() == []
    assert not (tmp_path / "absent").exists()


def test_corrupt_index_is_rebuilt(store: RunStore) -> None:
    before = store.runs()
    for suffix in ("-wal", "-shm"):
        store.root.joinpath(FILE + suffix).unlink(missing_ok=True)
    store.root.joinpath(FILE).write_bytes(b"not a database" * 1000)

    assert store.runs() == before
    with sqlite3.connect(store.root / FILE) as base:
        assert base.execute("select count(*) from runs").fetchone() == (3,)
    base.close()


def test_deleted_index_is_rebuilt(store: RunStore) -> None:
    before = store.runs()
    for path in store.root.glob(f"{FILE}*"):
        path.unlink()

    assert store.runs() == before


def test_index_that_cannot_be_used_costs_time_only(store: RunStore) -> None:
    before = store.runs()
    for path in store.root.glob(f"{FILE}*"):
        path.unlink()
    (store.root / FILE).mkdir()

    assert store.runs() == before


def test_index_follows_runs_that_were_removed_or_brought_in(store: RunStore, tmp_path: Path) -> None:
    store.runs()
    (tmp_path / "20260301T000000Z-bbbbbb").rename(tmp_path / "kept.elsewhere")
    assert names(store) == ["middle", "old"]

    (tmp_path / "kept.elsewhere").rename(tmp_path / "20260301T000000Z-bbbbbb")
    assert names(store) == ["new", "middle", "old"]


def test_run_that_cannot_be_read_is_listed_with_its_problem(store: RunStore, tmp_path: Path) -> None:
    (tmp_path / "20260301T000000Z-bbbbbb" / "run.json").write_text("{}")

    last = store.runs()[-1]
    assert last.id == "20260301T000000Z-bbbbbb"
    assert "schema" in last.problem
    with pytest.raises(StoreError, match="cannot be read as a run"):
        store.read(last.id)


def test_path_takes_id_beginning_and_latest(store: RunStore, tmp_path: Path) -> None:
    assert store.path("20260201T000000Z-cccccc") == tmp_path / "20260201T000000Z-cccccc"
    assert store.path("202602") == tmp_path / "20260201T000000Z-cccccc"
    assert store.path("latest") == tmp_path / "20260301T000000Z-bbbbbb"


@pytest.mark.parametrize(("run_id", "message"), [("2026", "ambiguous"), ("20260201T000000Z-cccccd", "did you mean '20260201T000000Z-cccccc'")])
def test_unclear_id_names_the_choice(store: RunStore, run_id: str, message: str) -> None:
    with pytest.raises(StoreError, match=message):
        store.path(run_id)


@pytest.mark.parametrize("run_id", ["", "..", "../x", "/etc", ".cache", "2026*"])
def test_id_is_never_a_path(store: RunStore, run_id: str) -> None:
    with pytest.raises(StoreError, match="no run"):
        store.path(run_id)


def test_latest_of_nothing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no runs"):
        RunStore(tmp_path).path("latest")


def test_read_gives_what_was_sealed(store: RunStore) -> None:
    expected = run("20260101T000000Z-aaaaaa", name="old")

    assert to_json(store.read("20260101")) == to_json(expected)


def test_linked_folder_is_no_run(store: RunStore, tmp_path: Path) -> None:
    (tmp_path / "linked").symlink_to(tmp_path / "20260101T000000Z-aaaaaa")

    with pytest.raises(StoreError, match="no run"):
        store.path("linked")

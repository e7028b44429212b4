"""A run is written whole or not at all, by one process at a time."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest

from audit.errors import BusyError, StoreError
from audit.store import RunStore
from audit.store.staging import RUN_ID
from tests.audit.store.example import fill, run, sealed


def visible(root: Path) -> list[str]:
    return sorted(path.name for path in root.iterdir() if path.is_dir())


def test_generated_id_is_utc_time_and_six_hex_digits(tmp_path: Path) -> None:
    with RunStore(tmp_path).begin() as stage:
        fill(stage)
        stage.seal(run(stage.id))

    time_part, _, random_part = stage.id.partition("-")
    assert time.strptime(time_part, "%Y%m%dT%H%M%SZ")
    assert len(bytes.fromhex(random_part)) == 3
    assert RUN_ID.fullmatch(stage.id)


def test_sealed_folder_is_private_and_holds_everything(tmp_path: Path) -> None:
    folder = sealed(tmp_path / "runs", "one")

    assert {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} == {
        "MANIFEST.json",
        "arrays/grid.npy",
        "log.jsonl",
        "rows/subject/part-00000.parquet",
        "run.json",
        "tables/outputs/classes.parquet",
    }
    assert {path.stat().st_mode & 0o777 for path in (folder, *folder.rglob("*")) if path.is_dir()} == {0o700}


def test_second_begin_with_the_same_id_is_busy(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    with store.begin("one") as stage:
        with pytest.raises(BusyError, match="another process"):
            store.begin("one")
        fill(stage)
        stage.seal(run("one"))


def test_sealed_id_cannot_begin_again(tmp_path: Path) -> None:
    sealed(tmp_path, "one")

    with pytest.raises(StoreError, match="exists already"):
        RunStore(tmp_path).begin("one")


@pytest.mark.parametrize("run_id", ["", "latest", "../x", "a/b", ".hidden", "a.docs", "x\n", "-x"])
def test_hostile_run_id_is_refused(tmp_path: Path, run_id: str) -> None:
    with pytest.raises(StoreError, match="run id"):
        RunStore(tmp_path).begin(run_id)


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", "a b", "a\x1b[2J", "\u00e9", "x\n"])
def test_hostile_names_cannot_leave_the_stage(tmp_path: Path, name: str) -> None:
    with pytest.raises(StoreError, match="cannot be part of a path"), RunStore(tmp_path).begin("one") as stage:
        stage.write_rows(name, 0, {}, positions=np.arange(1))
    with pytest.raises(StoreError, match="cannot be part of a path"), RunStore(tmp_path).begin("one") as stage:
        stage.write_table("outputs", name, {"a": [1]})
    with pytest.raises(StoreError, match="cannot be part of a path"), RunStore(tmp_path).begin("one") as stage:
        stage.write_array(name, np.arange(2))


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_exception_removes_the_stage(tmp_path: Path, error: type[BaseException]) -> None:
    with pytest.raises(error), RunStore(tmp_path).begin("one"):
        raise error

    assert visible(tmp_path) == []


def test_leaving_without_seal_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="before it was sealed"), RunStore(tmp_path).begin("one") as stage:
        fill(stage)

    assert visible(tmp_path) == []


def test_run_of_another_stage_is_not_sealed(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="stage is that of 'one'"), RunStore(tmp_path).begin("one") as stage:
        stage.seal(run("two"))

    assert visible(tmp_path) == []


def test_link_in_the_stage_is_not_sealed(tmp_path: Path) -> None:
    stage = RunStore(tmp_path).begin("one")
    (stage.folder / "link").symlink_to("/etc/hostname")
    with pytest.raises(StoreError, match="only plain files"):
        stage.seal(run("one"))

    assert visible(tmp_path) == []


@pytest.mark.parametrize("call", range(14))
def test_full_disk_while_sealing_leaves_nothing_that_looks_like_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: int) -> None:
    real, calls = os.fsync, iter(range(100))

    def full(handle: int) -> None:
        if next(calls) == call:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(handle)

    stage = RunStore(tmp_path).begin("one")
    fill(stage)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match=r"disk is full: [\d,]+ bytes were needed, [\d,]+ are left"):
        stage.seal(run("one"))

    assert visible(tmp_path) == []
    assert RunStore(tmp_path).runs() == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_full_disk_while_writing_rows_tells_what_was_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Path.open

    def full(self: Path, mode: str = "r", **options: object) -> object:
        return real(Path("/dev/full"), "wb") if self.suffix == ".parquet" else real(self, mode, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(StoreError, match="the disk is full"), RunStore(tmp_path).begin("one") as stage:
        stage.write_rows("outputs", 0, {"a": np.random.default_rng(0).random(10_000)}, positions=np.arange(10_000))

    assert visible(tmp_path) == []


def test_log_lines_are_json_whatever_is_logged(tmp_path: Path) -> None:
    with RunStore(tmp_path).begin("one") as stage:
        stage.log("strange", value=float("nan"), text="a\nb", path=Path("/x"), count=np.int64(3))
        lines = [json.loads(line) for line in (stage.folder / "log.jsonl").read_text().splitlines()]
        stage.seal(run("one"))

    assert [(line["event"], line["value"], line["text"], line["path"], line["count"]) for line in lines] == [("strange", "nan", "a\nb", "/x", 3)]


WRITER = """
    import sys, time
    from pathlib import Path
    from audit.store import RunStore
    from tests.audit.store.example import fill, run, sealed
    root = Path(sys.argv[1])
"""


def python(body: str, root: Path) -> subprocess.Popen[str]:
    code = textwrap.dedent(WRITER) + textwrap.dedent(body)
    return subprocess.Popen([sys.executable, "-c", code, str(root)], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3])


def test_stage_of_a_killed_process_is_swept_and_its_id_is_free(tmp_path: Path) -> None:
    with python("stage = RunStore(root).begin('one'); fill(stage); print('ready', flush=True); time.sleep(60)", tmp_path) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        with pytest.raises(BusyError):
            RunStore(tmp_path).begin("one")
        process.send_signal(signal.SIGKILL)
        process.wait()

    assert visible(tmp_path) == [".stage-one"]
    assert RunStore(tmp_path).runs() == []
    sealed(tmp_path, "two")
    assert visible(tmp_path) == ["two"]
    sealed(tmp_path, "one")
    assert RunStore(tmp_path).verify("one").ok


def test_four_processes_seal_at_once(tmp_path: Path) -> None:
    writers = [python("for _ in range(5): sealed(root)", tmp_path) for _ in range(4)]
    codes = []
    for writer in writers:
        writer.communicate()
        codes.append(writer.returncode)

    store = RunStore(tmp_path)
    listed = store.runs()
    assert codes == [0, 0, 0, 0]
    assert len(listed) == 20
    assert all(store.verify(item.id).ok for item in listed)
    assert visible(tmp_path) == sorted(item.id for item in listed)

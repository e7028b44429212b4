"""What a killed, crowded or full machine leaves behind: measured blocks, and nothing that looks like a run."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from audit.config_file import load_config
from audit.errors import BusyError, StoreError
from audit.executors.local import LocalExecutor
from audit.executors.processes import ProcessExecutor
from audit.results import AuditRun
from audit.runner import run_audit
from audit.store import RunStore
from tests.contract.audited import TRUST, audit
from tests.end_to_end.command import ROOT, netassay, write
from tests.smoke.subjects import write_table_network

pytestmark = pytest.mark.slow

SLOW = "probes.attribution.shapley.pairs=2000"


def started(folder: Path, *arguments: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "audit", "run", str(folder / "audit.toml"), "--code", str(ROOT), "-q", *arguments]
    return subprocess.Popen(
        command,
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        start_new_session=True,
        # A shell that runs the tests in the background ignores interrupts, and a child would do so too.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509  no thread holds a lock here
    )


def wait_for(condition: object, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


def cached(folder: Path) -> list[Path]:
    return [path for path in (folder / "runs" / ".cache").rglob("*") if path.is_file()]


def sealed(folder: Path) -> list[str]:
    return [path.name for path in (folder / "runs").glob("[!.]*") if path.is_dir()]


def test_a_killed_audit_resumes_from_its_blocks(tmp_path: Path) -> None:
    write_table_network(tmp_path, rows=400)
    process = started(tmp_path, "--set", SLOW, "--set", "probes.attribution.shapley.exact_up_to=1")
    wait_for(lambda: len(cached(tmp_path)) >= 1)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()

    assert sealed(tmp_path) == []
    assert [p.name for p in (tmp_path / "runs").glob(".stage-*")]

    done = audit(tmp_path / "audit.toml", tmp_path / "runs")

    outputs = next(record for record in done.run.probes if record.instance == "outputs")
    assert outputs.blocks_reused == outputs.blocks == 1
    assert not list((tmp_path / "runs").glob(".stage-*"))
    assert RunStore(tmp_path / "runs").verify(done.run.id).ok


def test_an_interrupt_ends_with_130_and_leaves_no_run(tmp_path: Path) -> None:
    write_table_network(tmp_path, rows=400)
    process = started(tmp_path, "--set", SLOW, "--set", "probes.attribution.shapley.exact_up_to=1")
    wait_for(lambda: len(cached(tmp_path)) >= 1)
    process.send_signal(signal.SIGINT)

    assert process.wait(timeout=60) == 130
    assert sealed(tmp_path) == []


def test_a_block_truncated_by_hand_is_measured_again(tmp_path: Path) -> None:
    config = write_table_network(tmp_path)
    first = audit(config, tmp_path / "runs")
    for path in cached(tmp_path):
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    second = audit(config, tmp_path / "runs")

    assert sum(record.blocks_reused for record in second.run.probes) == 0
    assert [f.measurements for f in first.run.findings] == [f.measurements for f in second.run.findings]


def test_two_audits_into_one_folder_at_once_both_seal(tmp_path: Path) -> None:
    write(tmp_path)
    command = [sys.executable, "-m", "audit", "run", "audit.toml", "-q"]
    both = [subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL) for _ in range(2)]

    assert [process.wait(timeout=120) for process in both] == [0, 0]
    runs = json.loads(netassay("runs", "list", "--json", cwd=tmp_path).out)
    assert len(runs) == 2


def test_a_second_writer_of_the_same_run_is_refused(tmp_path: Path) -> None:
    write(tmp_path)
    file, store = load_config(tmp_path / "audit.toml"), RunStore(tmp_path / "runs")
    with pytest.raises(BusyError, match="another process"), store.begin("same"):
        run_audit(file, store, executor=LocalExecutor, run_id="same")


def test_a_full_disk_while_sealing_leaves_nothing_that_looks_like_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path)
    real = os.fsync

    def full(handle: int) -> None:
        real(handle)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match=r"[Ss]pace|full"):
        run_audit(load_config(tmp_path / "audit.toml"), RunStore(tmp_path / "runs"), executor=LocalExecutor)

    assert sealed(tmp_path) == []
    assert not list((tmp_path / "runs").glob(".stage-*"))


def test_a_killed_worker_costs_time_and_not_the_run(tmp_path: Path) -> None:
    config = write_table_network(tmp_path, rows=400)
    file = load_config(config, ["probes.attribution.shapley.pairs=40", "probes.attribution.shapley.exact_up_to=1"])
    killed: list[int] = []

    class Killer(ProcessExecutor):
        def map(self, tasks):  # type: ignore[no-untyped-def]
            for number, result in enumerate(super().map(tasks)):
                if not killed and number == 0:
                    killed.append(next(iter(self._pool._processes)))
                    os.kill(killed[0], signal.SIGKILL)
                yield result

    run: AuditRun = run_audit(file, RunStore(tmp_path / "runs"), executor=lambda _: Killer(file, TRUST, workers=2), trust=TRUST).run

    assert killed
    assert all(record.failed_rows == 0 for record in run.probes)

"""The spine as a user runs it: whole commands in processes of their own, with their wall time and peak memory."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tests.benchmarks.figure import Figure

FAMILY = "spine"
ROOT = Path(__file__).parents[2]
LENDING = ROOT / "sample_models" / "lending" / "audit.toml"
MEBIBYTE = 2**20

PREDICTIONS = """
name = "Scores"
[model]
predictions = { score = "p" }
output = "probabilities"
task = "binary"
[data]
evaluate = "rows.parquet"
label = "y"
[data.groups]
sex = "sex"
race = "race"
"""
LIMIT = 'checks.performance.classification.limits.accuracy={min=0.5,because="b",source="s",owner="o"}'


@dataclass(frozen=True)
class Spent:
    """Wall seconds and peak resident memory in MiB of one command."""

    seconds: float
    memory: float


def figures(device: str, quick: bool) -> Iterator[Figure]:
    """Seconds and memory of the lending audit, of the same with a changed limit, and of a file of predictions."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        subprocess.run([sys.executable, "-m", "sample_models.lending.prepare"], cwd=ROOT, check=True, capture_output=True)
        lending = [str(LENDING), "--code", str(ROOT), "--set", f"model.device={device}"]
        first = _audit(lending, folder)
        yield Figure(FAMILY, "lending audit, seconds", first.seconds, 45, "lower", f"peak {first.memory:.0f} MiB")
        yield Figure(FAMILY, "lending audit, peak MiB", first.memory, 1200, "lower")
        again = _audit([*lending, "--set", LIMIT], folder)
        yield Figure(FAMILY, "same with a limit changed, seconds", again.seconds, 10, "lower", f"{first.seconds / again.seconds:.1f} times faster")
        rows = 100_000 if quick else 1_000_000
        _write_predictions(folder, rows)
        large = _audit([str(folder / "audit.toml")], folder)
        yield Figure(FAMILY, f"{rows:,} predictions, seconds", large.seconds, 20, "lower", f"{rows / large.seconds:,.0f} rows per second")
        yield Figure(FAMILY, f"{rows:,} predictions, peak MiB", large.memory, 600, "lower")


def _audit(arguments: list[str], folder: Path) -> Spent:
    """Run one audit; exit codes 0 and 1 are results."""
    command = [sys.executable, "-m", "audit", "run", *arguments, "-q", "--out", str(folder / "runs")]
    started = time.perf_counter()
    process = subprocess.Popen(command, cwd=ROOT, env=dict(os.environ), stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - started
    if process.returncode > 1:
        raise RuntimeError(f"the audit ended with {process.returncode}: {' '.join(command)}")
    return Spent(seconds, _mebibytes(usage))


def _mebibytes(usage: resource.struct_rusage) -> float:
    # Linux tells kibibytes, macOS bytes.
    return usage.ru_maxrss / (MEBIBYTE if sys.platform == "darwin" else 1024)


def _write_predictions(folder: Path, rows: int) -> None:
    """Written in pieces: what this process holds when it starts a command would count as that command's peak."""
    generator, size = np.random.default_rng(0), 50_000
    with pq.ParquetWriter(folder / "rows.parquet", _piece(generator, 1).schema) as writer:
        for _ in range(rows // size):
            writer.write_table(_piece(generator, size), row_group_size=size)
    (folder / "audit.toml").write_text(PREDICTIONS, encoding="utf-8")


def _piece(generator: np.random.Generator, rows: int) -> pa.Table:
    score = generator.uniform(0.05, 0.95, rows)
    return pa.table(
        {
            "p": score,
            "y": (generator.uniform(size=rows) < score).astype(np.int64),
            "sex": np.where(generator.uniform(size=rows) < 0.5, "female", "male"),
            "race": generator.choice(["a", "b", "c", "d"], rows),
        }
    )

"""Runs the command line the way a user does, and a small predictions audit to run it on."""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Said:
    """Exit code and output of one command."""

    code: int
    out: str
    err: str


def netassay(*arguments: str | Path, cwd: Path, environment: dict[str, str] | None = None, timeout: float = 120, fresh: bool = False) -> Said:
    """Run ``netassay`` in a process of its own, with the libraries loaded beforehand; not where `fresh`, with workers, or in an `environment`."""
    given, variables = [str(each) for each in arguments], {**os.environ, "OMP_NUM_THREADS": "1", **(environment or {})}
    if not (fresh or environment or "--workers" in given):
        return _warm(given, cwd, variables, timeout)
    command = [sys.executable, "-m", "audit", *given]
    done = subprocess.run(command, cwd=cwd, env=variables, capture_output=True, text=True, timeout=timeout, stdin=subprocess.DEVNULL, check=False)
    return Said(done.returncode, done.stdout, done.stderr)


def _warm(arguments: list[str], cwd: Path, environment: dict[str, str], timeout: float) -> Said:
    server = _server()
    assert server.stdin
    assert server.stdout
    with TemporaryDirectory(prefix="netassay-said-") as held:
        out, err = Path(held, "out"), Path(held, "err")
        asked = {"arguments": arguments, "cwd": str(cwd), "environment": environment, "out": str(out), "err": str(err), "timeout": timeout}
        server.stdin.write(json.dumps(asked) + "\n")
        server.stdin.flush()
        answer = server.stdout.readline()
        assert answer, "the process that is forked for commands has ended"
        code = json.loads(answer)
        if code is None:
            raise subprocess.TimeoutExpired(arguments, timeout)
        return Said(code, out.read_text(encoding="utf-8"), err.read_text(encoding="utf-8"))


@cache
def _server() -> subprocess.Popen[str]:
    """The process that is forked for each command."""
    server = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("warm_command.py"))],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    atexit.register(server.terminate)
    return server


CONFIG = """
name = "Scores"
purpose = "Ranks applications for a loan officer"
seed = 1
[model]
predictions = { score = "p" }
output = "probabilities"
task = "binary"
[decision]
favourable = [1]
[data]
evaluate = "rows.csv"
label = "y"
id = "id"
[data.groups]
sex = "sex"
"""


def frame(rows: int = 200) -> pd.DataFrame:
    """A calibrated score in two groups with the same distribution."""
    random = np.random.default_rng(0)
    score = random.uniform(0.05, 0.95, rows)
    return pd.DataFrame(
        {
            "id": [f"a{i}" for i in range(rows)],
            "p": score,
            "y": (random.uniform(size=rows) < score).astype(int),
            "sex": np.where(np.arange(rows) % 2, "female", "male"),
        }
    )


def write(folder: Path, data: pd.DataFrame | None = None, config: str = CONFIG) -> Path:
    """Write rows.csv and audit.toml; returns the audit file."""
    (frame() if data is None else data).to_csv(folder / "rows.csv", index=False)
    (folder / "audit.toml").write_text(config, encoding="utf-8")
    return folder / "audit.toml"

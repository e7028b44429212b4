"""Reading and encoding of tables: seconds and memory, against pandas and scikit-learn doing the same."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd

from tests.benchmarks.figure import Figure

FAMILY = "data"
ROOT = Path(__file__).parents[2]
NUMERIC, LEVELS = [f"n{i}" for i in range(40)], [f"c{i}" for i in range(10)]
OURS = """
from audit.data.encoding import fit_table_encoder
from audit.data.inference import infer_schema
from audit.data.tables import open_table
from audit.data_config import ColumnConfig

def encoded(path, numeric, levels):
    declared = {name: ColumnConfig(encode="standard") for name in numeric}
    schema = infer_schema(path, columns=[*numeric, *levels], declared={}, missing="refuse")
    rows = open_table(path, name="evaluate", schema=schema, extra=[])
    encoder = fit_table_encoder(schema, rows, declared, "float32")
    found = np.empty((rows.n_rows, len(encoder.entries)), dtype=np.float32)
    for block in rows.blocks(16_384):
        found[block.positions] = encoder.encode(block).values
    return found
"""
THEIRS = """
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.preprocessing import OneHotEncoder, StandardScaler

def encoded(path, numeric, levels):
    steps = [("n", StandardScaler(), numeric), ("c", OneHotEncoder(sparse_output=False), levels)]
    return ColumnTransformer(steps).fit_transform(pd.read_parquet(path)).astype(np.float32)
"""
TIMED = """
import json, re, sys, time
from pathlib import Path
import numpy as np

def peak():
    # getrusage would count what the process that started this one held.
    return int(re.search(r"VmHWM:[^0-9]*([0-9]+)", Path("/proc/self/status").read_text())[1]) * 1024

small, large, numeric, levels = Path(sys.argv[1]), Path(sys.argv[2]), json.loads(sys.argv[3]), json.loads(sys.argv[4])
encoded(small, numeric, levels)
before, started = peak(), time.perf_counter()
found = encoded(large, numeric, levels)
seconds, after = time.perf_counter() - started, peak()
print(seconds, (after - before) / found.nbytes, float(found.astype(np.float64).sum()), found.nbytes)
"""


def figures(device: str, quick: bool) -> Iterator[Figure]:
    """Seconds, and memory as multiples of the encoded rows (float32), beyond what the libraries took for a small file; medians of rounds."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write(folder / "small.parquet", 200)
        _write(folder / "large.parquet", 100_000)
        rounds = [(_run(OURS, folder), _run(THEIRS, folder)) for _ in range(1 if quick else 5)]
    ours, theirs = zip(*rounds, strict=True)
    assert np.isclose(ours[0][2], theirs[0][2], rtol=1e-3, atol=1.0)
    seconds, memory = (median(one[place] for one in ours) for place in (0, 1))
    their_seconds, their_memory = (median(one[place] for one in theirs) for place in (0, 1))
    said = f"pandas and scikit-learn {their_seconds:.2f} s; theirs reads once, ours finds kinds, checks, hashes, fits, encodes"
    yield Figure(FAMILY, "100,000 × 50 Parquet read and encoded, seconds", seconds, 2, "lower", said)
    said = f"pandas and scikit-learn {their_memory:.1f}; {ours[0][3] / 2**20:.0f} MiB encoded"
    yield Figure(FAMILY, "the same, peak memory over encoded size", memory, 5, "lower", said)


def _run(encoded: str, folder: Path) -> tuple[float, ...]:
    """Seconds, memory, a sum of what was encoded, and its bytes, from a process of its own."""
    names = [str(list(names)).replace("'", '"') for names in (NUMERIC, LEVELS)]
    command = [sys.executable, "-c", "import numpy as np\n" + encoded + TIMED, str(folder / "small.parquet"), str(folder / "large.parquet"), *names]
    done = subprocess.run(command, cwd=ROOT, env=dict(os.environ), capture_output=True, text=True, check=True)
    return tuple(map(float, done.stdout.split()))


def _write(path: Path, rows: int) -> None:
    generator = np.random.default_rng(0)
    columns: dict[str, object] = {name: generator.normal(size=rows) for name in NUMERIC}
    words = np.array([f"level {place}" for place in range(8)], dtype=object)
    columns |= {name: words[generator.permutation(np.arange(rows) % 8)] for name in LEVELS}
    pd.DataFrame(columns).to_parquet(path, index=False)

"""Counts groups in a Parquet file block by block, in a process that loads nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from audit.methods.fairness.group_metrics import GroupCounts, added, count_groups

BLOCK = 1_000_000


def counted_rows(path: str) -> int:
    """Rows counted by two attributes, label and decision."""
    return int(added(_blocks(Path(path))).counts.sum())


def write_rows(file: Path, rows: int) -> Path:
    """Write `rows` made-up rows to `file`."""
    generator = np.random.default_rng(0)
    sex, race = pa.array(["female", "male"]), pa.array(list("abcdef"))
    writer = None
    for start in range(0, rows, BLOCK):
        n = min(BLOCK, rows - start)
        table = pa.table(
            {
                "sex": pa.DictionaryArray.from_arrays(generator.integers(0, 2, n, dtype=np.int8), sex),
                "race": pa.DictionaryArray.from_arrays(generator.integers(0, 6, n, dtype=np.int8), race),
                "label": generator.integers(0, 2, n, dtype=np.int8),
                "decision": generator.integers(0, 2, n, dtype=np.int8),
            }
        )
        writer = writer or pq.ParquetWriter(file, table.schema)
        writer.write_table(table)
    assert writer is not None
    writer.close()
    return file


def _blocks(file: Path) -> Iterator[GroupCounts]:
    for batch in pq.ParquetFile(file).iter_batches(batch_size=BLOCK):
        columns = {name: batch.column(name).cast(pa.string()).to_numpy(zero_copy_only=False) for name in ("sex", "race")}
        yield count_groups(columns, batch.column("label").to_numpy(), batch.column("decision").to_numpy())

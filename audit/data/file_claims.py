"""What a table file claims of itself, held against bounds before room is made for it: columns, rows, nesting, and what little text unpacks to."""

from __future__ import annotations

import csv
import gzip
import io
import re
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from audit.errors import DataError

MOST_COLUMNS = 20_000
MOST_ROWS = 2**40
LARGEST_START = 2**20
"""Bytes of the header of a CSV file, and of a line of JSON, which the readers take in at once."""
DEEPEST = 64
"""Lists and objects within each other in a line of JSON; the reader of such a line calls itself for each."""
LARGEST_BATCH = 2**30
"""Bytes of text that a batch of rows may unpack to, or a row group of texts that are seldom the same."""
MOST_REPEATED = 20
"""Times its size that text may unpack to when that is more."""
LARGEST_GROUP = 2**33
"""Bytes that the columns of a row group may unpack to."""
MOST_ROWS_A_BYTE = 1000
"""Rows for each byte of a file that are believed; real tables have a fraction of one."""
MOST_UNPACKED = 500
"""Times its size that a column may unpack to when that is more than `SMALL_CHUNK` bytes."""
SMALL_CHUNK = 2**26
SMALL_TABLE = 1_000_000
_MARKS = re.compile(rb'"(?:[^"\\]|\\.)*(?:"|\\?\Z)|[\[{]|[\]}]', re.DOTALL)


def refuse_wide(path: Path, count: int) -> None:
    """Raise DataError for more columns than are read."""
    if count > MOST_COLUMNS:
        raise DataError(f"{path}: has more than {MOST_COLUMNS:,} columns, which is the most that are read")


def refuse_wide_header(path: Path) -> None:
    """Raise DataError for a CSV file whose first line is very long or names very many columns."""
    start = _start(path)
    line = io.StringIO(start.decode("utf-8", errors="replace"), newline="")
    try:
        refuse_wide(path, len(next(csv.reader(line), ())))
    except csv.Error as error:
        raise DataError(f"{path}: cannot be read as csv: its header: {error}") from None
    if len(start) > LARGEST_START and b"\n" not in start and b"\r" not in start:
        raise DataError(f"{path}: the first line is longer than {LARGEST_START // 2**20} MiB, and it names the columns")


def refuse_deep_lines(path: Path) -> None:
    """Raise DataError for JSON lines at the start of a file that are nested deeply or very long; later lines must be like them."""
    start = _start(path)
    if len(start) > LARGEST_START and b"\n" not in start:
        raise DataError(f"{path}: the first line is longer than {LARGEST_START // 2**20} MiB")
    for line in start.split(b"\n"):
        if line.count(b"[") + line.count(b"{") > DEEPEST and _depth(line) > DEEPEST:
            raise DataError(f"{path}: a line holds lists or objects within each other more than {DEEPEST} deep")


def refuse_unbelievable(path: Path, metadata: pq.FileMetaData, columns: Sequence[str]) -> None:
    """Raise DataError for a Parquet file that claims more rows, or more bytes in `columns`, than its size can stand for."""
    refuse_many_rows(path, metadata.num_rows)
    wanted = set(columns)
    for number in range(metadata.num_row_groups):
        group, unpacked = metadata.row_group(number), 0
        refuse_many_rows(path, group.num_rows)
        for place in range(group.num_columns):
            chunk = group.column(place)
            if chunk.path_in_schema.partition(".")[0] in wanted:
                unpacked += chunk.total_uncompressed_size
                _refuse_bomb(path, chunk.path_in_schema, chunk.total_uncompressed_size, chunk.total_compressed_size)
        if unpacked > LARGEST_GROUP:
            raise DataError(f"{path}: row group {number} unpacks to {unpacked / 2**30:.1f} GiB; at most {LARGEST_GROUP // 2**30} GiB are read")


def refuse_many_rows(path: Path, rows: int) -> None:
    """Raise DataError for more rows than a file of this size can hold."""
    size = path.stat().st_size
    if rows > SMALL_TABLE + MOST_ROWS_A_BYTE * size or rows > MOST_ROWS or rows < 0:
        raise DataError(f"{path}: claims {rows:,} rows in {size:,} bytes, which is not believed")


def refuse_text_bomb(path: Path, batch: pa.RecordBatch | pa.Table) -> None:
    """Raise DataError when a few stored texts stand for very many bytes, before they are written out row by row."""
    for name in batch.schema.names:
        column = batch.column(name)
        parts = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
        size, stored = sum(_text_bytes(part) for part in parts), sum(_stored_bytes(part) for part in parts)
        if size > max(LARGEST_BATCH, MOST_REPEATED * stored):
            raise DataError(f"{path}: column {name!r} unpacks to {size / 2**30:.1f} GiB of text in {batch.num_rows:,} rows; that is not read")


def _refuse_bomb(path: Path, column: str, unpacked: int, packed: int) -> None:
    if unpacked < 0 or packed < 0 or packed > path.stat().st_size:
        raise DataError(f"{path}: column {column!r} claims to take {packed:,} bytes of a file of {path.stat().st_size:,}")
    if unpacked > max(SMALL_CHUNK, MOST_UNPACKED * packed):
        raise DataError(f"{path}: column {column!r} unpacks from {packed:,} to {unpacked:,} bytes; that is not read")


def _stored_bytes(column: pa.Array) -> int:
    return int(column.dictionary.nbytes + column.indices.nbytes if pa.types.is_dictionary(column.type) else column.nbytes)


def _text_bytes(column: pa.Array) -> int:
    """Bytes of text once every row has its own; 0 for what is no text, or has one for each row already."""
    if pa.types.is_string_view(column.type):
        views = np.frombuffer(column.buffers()[1], dtype=np.int32).reshape(-1, 4)[column.offset : column.offset + len(column)]
        return int(views[:, 0].sum(dtype=np.int64))
    if not pa.types.is_dictionary(column.type) or not _is_text(column.type.value_type):
        return 0
    lengths = pc.binary_length(column.dictionary)
    longest = pc.max(lengths).as_py() or 0
    if longest * len(column) <= LARGEST_BATCH:
        return longest * len(column)
    return pc.sum(lengths.take(column.indices).cast(pa.int64())).as_py() or 0


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _start(path: Path) -> bytes:
    try:
        with gzip.open(path) if path.name.lower().endswith(".gz") else path.open("rb") as file:
            return file.read(LARGEST_START + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: cannot be read: {error}") from None


def _depth(line: bytes) -> int:
    deepest = depth = 0
    for mark in _MARKS.finditer(line):
        if mark[0] in b"[{":
            depth += 1
            deepest = max(deepest, depth)
            if depth > DEEPEST:
                return depth
        elif mark[0] in b"]}":
            depth -= 1
    return deepest

"""Table files as streams of Arrow record batches: CSV, Parquet, Arrow/Feather, JSON lines. Knows nothing of schemas or missing values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pc_csv
import pyarrow.json as pa_json
import pyarrow.parquet as pq

from audit.data.file_claims import (
    refuse_deep_lines,
    refuse_many_rows,
    refuse_text_bomb,
    refuse_unbelievable,
    refuse_wide,
    refuse_wide_header,
)
from audit.errors import DataError

READ = 16_384
"""Rows asked of a file at a time."""
MOST_PARTS = 100_000
"""Entries of a list in the footer of a Parquet file, such as columns or row groups."""
_FORMATS = {".csv": "csv", ".csv.gz": "csv", ".parquet": "parquet", ".pq": "parquet", ".arrow": "arrow", ".feather": "arrow", ".jsonl": "jsonl"}


def file_format(path: Path) -> str:
    """``csv``, ``parquet``, ``arrow`` or ``jsonl`` by the end of the name; raises DataError for a missing file or another ending."""
    if not path.is_file():
        raise DataError(f"{path}: there is no such file")
    for ending, name in _FORMATS.items():
        if path.name.lower().endswith(ending):
            return name
    raise DataError(f"{path}: expected a file name ending in one of {', '.join(_FORMATS)}")


def arrow_schema(path: Path) -> pa.Schema:
    """Names and storage types; every CSV column is text.

    Raises DataError for an unreadable file, for duplicate names, and for more columns or deeper nesting than is read.
    """
    kind = file_format(path)
    try:
        if kind == "parquet":
            with parquet_file(path) as file:
                found = file.schema_arrow
        elif kind == "arrow":
            with pa.memory_map(str(path)) as source:
                found = pa.ipc.open_file(source).schema
        elif kind == "jsonl":
            refuse_deep_lines(path)
            with pa_json.open_json(path) as lines:
                found = lines.schema
        else:
            refuse_wide_header(path)
            with pc_csv.open_csv(path) as reader:
                found = pa.schema([(name, pa.string()) for name in reader.schema.names])
    except (pa.ArrowException, OSError, ValueError, MemoryError) as error:
        raise unreadable(path, error) from None
    refuse_wide(path, len(found.names))
    double = sorted(name for name, count in Counter(found.names).items() if count > 1)
    if double:
        raise DataError(f"{path}: column name {double[0]!r} occurs {found.names.count(double[0])} times")
    return found


def parquet_file(path: Path, text: Sequence[str] = ()) -> pq.ParquetFile:
    """A Parquet file, in which texts of the columns `text` are held once each, however many rows have them."""
    return pq.ParquetFile(path, read_dictionary=list(text), thrift_container_size_limit=MOST_PARTS, pre_buffer=False, buffer_size=65_536)


def stream(path: Path, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Record batches of `columns` in file order, of whatever length the file gives.

    Raises DataError for a file that cannot be parsed, or that claims more than its size can stand for.
    """
    kind = file_format(path)
    try:
        if kind == "parquet":
            yield from _stream_parquet(path, columns)
        elif kind == "arrow":
            yield from _stream_arrow(path, columns)
        elif kind == "jsonl":
            refuse_deep_lines(path)
            with pa_json.open_json(path) as lines:
                for batch in lines:
                    yield batch.select(list(columns))
        else:
            refuse_wide_header(path)
            yield from _stream_csv(path, columns)
    except (pa.ArrowException, OSError, MemoryError) as error:
        raise unreadable(path, error) from None


def unreadable(path: Path, error: Exception) -> DataError:
    """One clear line for what the file library said."""
    lines = str(error).splitlines() or [type(error).__name__]
    if "Exceeded size limit" in lines[0]:
        lines = [f"its footer lists more than {MOST_PARTS:,} columns or row groups"]
    return DataError(f"{path}: cannot be read as {path.suffix.lstrip('.') or 'a table'}: {lines[0][:300]}")


def text_columns(schema: pa.Schema, columns: Sequence[str]) -> list[str]:
    """Those of `columns` that hold text."""
    return [name for name in columns if pa.types.is_string(schema.field(name).type) or pa.types.is_large_string(schema.field(name).type)]


def _stream_parquet(path: Path, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    with parquet_file(path) as file:
        text = text_columns(file.schema_arrow, columns)
    with parquet_file(path, text) as file:
        refuse_unbelievable(path, file.metadata, columns)
        rows = 0
        for batch in file.iter_batches(batch_size=READ, columns=list(columns), use_threads=False):
            refuse_text_bomb(path, batch)
            rows += batch.num_rows
            yield batch
        if rows != file.metadata.num_rows:
            raise DataError(f"{path}: claims {file.metadata.num_rows:,} rows and holds {rows:,}")
    pa.default_memory_pool().release_unused()


def _stream_arrow(path: Path, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    with pa.memory_map(str(path)) as source:
        reader = pa.ipc.open_file(source)
        for index in range(reader.num_record_batches):
            batch = reader.get_batch(index).select(list(columns))
            refuse_many_rows(path, batch.num_rows)
            for start in range(0, batch.num_rows, READ):
                part = batch.slice(start, READ)
                refuse_text_bomb(path, part)
                yield part


def _stream_csv(path: Path, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    convert = pc_csv.ConvertOptions(
        column_types={name: pa.string() for name in columns},
        include_columns=list(columns),
        null_values=[""],
        strings_can_be_null=True,
    )
    with pc_csv.open_csv(path, convert_options=convert) as reader:
        yield from reader

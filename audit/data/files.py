"""Table files as streams of Arrow record batches: CSV, Parquet, Arrow/Feather, JSON lines. Knows nothing of schemas or missing values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pc_csv
import pyarrow.json as pa_json
import pyarrow.parquet as pq

from audit.errors import DataError

STREAM = 65_536
"""Rows asked of a file at a time."""
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
    """Names and storage types; every CSV column is text. Raises DataError for an unreadable file and for duplicate names."""
    kind = file_format(path)
    try:
        if kind == "parquet":
            found = pq.read_schema(path)
        elif kind == "arrow":
            with pa.memory_map(str(path)) as source:
                found = pa.ipc.open_file(source).schema
        elif kind == "jsonl":
            with pa_json.open_json(path) as lines:
                found = lines.schema
        else:
            with pc_csv.open_csv(path) as reader:
                found = pa.schema([(name, pa.string()) for name in reader.schema.names])
    except (pa.ArrowException, OSError, ValueError) as error:
        raise unreadable(path, error) from None
    double = sorted({name for name in found.names if found.names.count(name) > 1})
    if double:
        raise DataError(f"{path}: column name {double[0]!r} occurs {found.names.count(double[0])} times")
    return found


def stream(path: Path, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Record batches of `columns` in file order, of whatever length the file gives; raises DataError for a file that cannot be parsed."""
    kind = file_format(path)
    try:
        if kind == "parquet":
            with pq.ParquetFile(path) as file:
                yield from file.iter_batches(batch_size=STREAM, columns=list(columns))
        elif kind == "arrow":
            with pa.memory_map(str(path)) as source:
                reader = pa.ipc.open_file(source)
                for index in range(reader.num_record_batches):
                    yield reader.get_batch(index).select(list(columns))
        elif kind == "jsonl":
            with pa_json.open_json(path) as lines:
                for batch in lines:
                    yield batch.select(list(columns))
        else:
            yield from _stream_csv(path, columns)
    except (pa.ArrowException, OSError) as error:
        raise unreadable(path, error) from None


def unreadable(path: Path, error: Exception) -> DataError:
    """One clear line for what the file library said."""
    lines = str(error).splitlines() or [type(error).__name__]
    return DataError(f"{path}: cannot be read as {path.suffix.lstrip('.') or 'a table'}: {lines[0][:300]}")


def _stream_csv(path: Path, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    convert = pc_csv.ConvertOptions(
        column_types={name: pa.string() for name in columns},
        include_columns=list(columns),
        null_values=[""],
        strings_can_be_null=True,
    )
    with pc_csv.open_csv(path, convert_options=convert) as reader:
        yield from reader

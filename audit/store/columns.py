"""Arrays as Parquet and back without loss: NaN stays NaN, integers and booleans keep their type, text may be None."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from audit.errors import StoreError
from audit.store.disk import writing


def arrow_table(columns: Mapping[str, Any], units: Mapping[str, str]) -> pa.Table:
    """The columns as one table; (n, width) arrays become fixed-size lists, units go into the fields' metadata.

    Raises StoreError for columns of different lengths and for values that Parquet cannot hold exactly.
    """
    arrays = {name: arrow_array(name, values) for name, values in columns.items()}
    sizes = {name: len(array) for name, array in arrays.items()}
    if len(set(sizes.values())) > 1:
        raise StoreError(f"columns differ in length: {sizes}")
    fields = [pa.field(name, array.type, metadata={"unit": units[name]} if units.get(name) else None) for name, array in arrays.items()]
    return pa.Table.from_arrays(list(arrays.values()), schema=pa.schema(fields))


def arrow_array(name: str, values: Any) -> pa.Array:
    """One column, (n,) or (n, width)."""
    try:
        held = np.asarray(values) if hasattr(values, "__array__") else _listed(values)
        if isinstance(held, pa.Array):
            return held
        if held.ndim == 1:
            return _flat(held)
        if held.ndim == 2 and held.shape[1] > 0:
            return pa.FixedSizeListArray.from_arrays(_flat(held.reshape(-1)), held.shape[1])
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise StoreError(f"column {name!r} cannot be stored: {error}") from error
    raise StoreError(f"column {name!r} has shape {held.shape}; expected (n,) or (n, width) with width > 0")


def write_parquet(path: Path, table: pa.Table) -> None:
    """Write a new Parquet file: zstd level 1, dictionaries for text only (floats seldom repeat)."""
    text = [field.name for field in table.schema if pa.types.is_string(field.type)]
    with writing(path, table.nbytes), path.open("xb") as file:
        pq.write_table(table, file, compression="zstd", compression_level=1, use_dictionary=text or False)


def _listed(values: Any) -> Any:
    array = pa.array(list(values))
    return np.asarray(list(values)) if pa.types.is_list(array.type) else array


def _flat(values: NDArray[Any]) -> pa.Array:
    if values.dtype.kind in "OUT":
        strange = next((item for item in values.tolist() if item is not None and not isinstance(item, str)), None)
        if strange is not None:
            raise TypeError(f"found {type(strange).__name__} {strange!r} among text; expected str or None")
        return pa.array(values.tolist(), type=pa.string())
    return pa.array(values.astype(values.dtype.newbyteorder("="), copy=False), from_pandas=False)

"""A function as the model: ``package.module:function``, imported from trusted places only, called with rows and returning numbers."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from audit.errors import ModelError
from audit.models.function_model import FunctionModel
from audit.models.import_paths import importable
from audit.models.named_function import import_named, sources, told
from audit.models.raw_frame import RawFrame

NOTE = "The source of the function is part of the digest; files that it reads and services that it asks are not, only its answers to the first rows."


def open_callable(
    named: str,
    *,
    arguments: Mapping[str, Any],
    classes: Sequence[str],
    raw: RawFrame | None,
    dtype: str,
    micro_batch: int,
    code: Sequence[Path],
) -> FunctionModel:
    """The function ``package.module:function`` as a model.

    It is called as ``function(rows, **arguments)`` with the encoded rows, a NumPy array (m, …), or with `raw` a DataFrame of the raw columns, and
    returns numbers (m,) or (m, k), or with `classes` decided classes (m,). Raises ModelError as a factory's import does, and when the
    function raises.
    """
    with importable(code):
        path = list(sys.path)
        found = import_named(named, key="callable", kind="function", code=code)
    plain = {name: _plain(value) for name, value in arguments.items()}

    def answer(leaf: NDArray[Any]) -> Any:
        with _searched(path):
            return _called(found.function, leaf if raw is None else raw(leaf), plain, named)

    description = {
        "door": "callable",
        "callable": named,
        "arguments": plain,
        "modules": sources(found.home, [_home(found.function)], code=code),
        "takes": "encoded" if raw is None else "raw",
        "notes": [NOTE],
    }
    return FunctionModel(answer, dtype=dtype, micro_batch=micro_batch, description=description, classes=classes, changing=True)


def _called(function: Callable[..., Any], rows: Any, arguments: Mapping[str, Any], named: str) -> Any:
    try:
        return function(rows, **arguments)
    except Exception as error:  # code of the user may raise anything
        raise ModelError(f"{named} failed on {len(rows)} rows: {told(error)}") from error


def _home(function: Callable[..., Any]) -> str:
    return str(getattr(function, "__module__", "") or type(function).__module__)


@contextmanager
def _searched(path: Sequence[str]) -> Iterator[None]:
    """What the function imports while it runs comes from the places that it may come from itself."""
    before = list(sys.path)
    sys.path[:] = path
    try:
        yield
    finally:
        sys.path[:] = before


def _plain(value: Any) -> Any:
    """Numbers of the audit file, which are read as decimals, as floats."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, Mapping):
        return {name: _plain(inner) for name, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value

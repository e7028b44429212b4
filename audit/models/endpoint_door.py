"""A model behind a URL: rows are posted as JSON, outputs come back as JSON. Only to a place that the person at the command line named."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NoReturn
from urllib.parse import urlsplit

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from audit.errors import ModelError, UntrustedFileError
from audit.model_config import EndpointConfig
from audit.models.function_model import FunctionModel
from audit.models.http_posts import Posts
from audit.models.places import OPTION, origin
from audit.models.raw_frame import RawFrame

LARGEST_ANSWER = 2**25
"""Bytes of the largest answer that is read: a million numbers for each request."""
NOTES = (
    "The model answered over HTTP: it may answer differently now, and its digest tells only of its URL, its declared version and its answers to "
    "the first rows.",
    "The limit of requests per second holds for each worker process by itself.",
)
LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})


def open_endpoint(endpoint: EndpointConfig, *, trusted: Collection[str], classes: Sequence[str], raw: RawFrame | None, dtype: str) -> FunctionModel:
    """The model behind ``endpoint.url``.

    A request is ``{"rows": [[…], …]}``, the encoded rows as numbers, or with `raw` ``{"rows": [{"column": value, …}, …]}`` with null for
    missing; the answer is ``{"outputs": [[…], …]}`` or ``{"outputs": [number, …]}``, with `classes` ``{"outputs": [class, …]}``. `trusted`
    are the places (`origin`) that rows may be sent to. Raises UntrustedFileError for another place, ModelError for a header without its
    environment variable and secrets over an open line.
    """
    place = origin(endpoint.url)
    if place not in trusted:
        raise UntrustedFileError(f"rows would be sent to {place}, which was not allowed; if you know who answers there, repeat with {OPTION} {place}")
    headers = _headers(endpoint.headers_from_env)
    if headers and urlsplit(endpoint.url).scheme != "https" and urlsplit(endpoint.url).hostname not in LOCAL:
        raise ModelError(f"model.endpoint would send {', '.join(headers)} over an open line to {place}; use https")
    rate = None if endpoint.requests_per_second is None else float(endpoint.requests_per_second)
    post = Posts(endpoint.url, headers, timeout=float(endpoint.timeout), retries=endpoint.retries, rate=rate, largest=LARGEST_ANSWER)

    def answer(leaf: NDArray[Any]) -> Any:
        rows = leaf.tolist() if raw is None else _records(raw(leaf))
        body = json.dumps({"rows": rows}, allow_nan=False).encode()
        return _outputs(post(body), place, rows=len(leaf), decided=bool(classes))

    description: dict[str, Any] = {
        "door": "endpoint",
        "url": endpoint.url,
        "headers": sorted(headers),
        "takes": "encoded" if raw is None else "raw",
        "notes": list(NOTES if rate is not None else NOTES[:1]),
    }
    if endpoint.version:
        description["version"] = endpoint.version
    return FunctionModel(answer, dtype=dtype, micro_batch=endpoint.rows_per_request, description=description, classes=classes, changing=True)


def _headers(named: Mapping[str, str]) -> dict[str, str]:
    """Headers with the values of their environment variables, which no message repeats."""
    found = {}
    for header, variable in named.items():
        value = os.environ.get(variable, "").strip()
        if not value:
            raise ModelError(f"model.endpoint.headers_from_env.{header} is read from the environment variable {variable}, which is not set")
        if not re.fullmatch(r"[\x20-\x7e]+", value):
            raise ModelError(f"the environment variable {variable} holds characters that a header cannot carry")
        found[header] = value
    return found


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as dictionaries of plain values, None for missing."""
    columns = {str(name): [None if pd.isna(value) else value for value in values.tolist()] for name, values in frame.items()}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _outputs(body: bytes, place: str, *, rows: int, decided: bool) -> Any:
    try:
        answer = json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        found = str(error) if isinstance(error, NotJsonError) else type(error).__name__
        raise ModelError(f"endpoint {place}: the answer is not valid JSON: {found}") from error
    if not isinstance(answer, dict) or "outputs" not in answer:
        raise ModelError(f'endpoint {place}: expected an answer {{"outputs": […]}}; found {_kind(answer)}')
    outputs = answer["outputs"]
    if not isinstance(outputs, list) or len(outputs) != rows:
        found = f"{len(outputs)} outputs" if isinstance(outputs, list) else _kind(outputs)
        raise ModelError(f"endpoint {place}: {found} for {rows} rows; expected one for each")
    return outputs if decided else _matrix(outputs, place)


def _matrix(outputs: list[Any], place: str) -> NDArray[np.float64]:
    """Numbers (m,) or (m, k); text, null and truth values are no numbers."""
    nested = [value if isinstance(value, list) else [value] for value in outputs]
    widths = sorted({len(row) for row in nested})
    if len(widths) > 1:
        raise ModelError(f"endpoint {place}: rows have {' or '.join(map(str, widths))} outputs; expected the same number for all")
    wrong = next((value for row in nested for value in row if isinstance(value, bool) or not isinstance(value, (int, float))), _NOTHING)
    if wrong is not _NOTHING:
        raise ModelError(f"endpoint {place}: an output is {_kind(wrong)}; expected a finite number")
    try:
        return np.array(nested, dtype=np.float64)
    except (ValueError, OverflowError) as error:
        raise ModelError(f"endpoint {place}: an output is too large for a number") from error


_NOTHING = object()


class NotJsonError(ValueError):
    """NaN or an infinity, which JSON has not."""


def _no_number(word: str) -> NoReturn:
    raise NotJsonError(f"{word} is no number of JSON")


def _kind(value: Any) -> str:
    if isinstance(value, dict):
        return "an object without outputs"
    if isinstance(value, str):
        return f"the text {value[:20]!r}"
    return {list: "a list", bool: "a truth value", type(None): "null"}.get(type(value), "a number")

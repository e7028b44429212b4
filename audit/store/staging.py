"""`Stage`: the folder a run is written in until one rename seals it. A locked stage is alive; an unlocked one was left by a killed process."""

from __future__ import annotations

import fcntl
import json
import math
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from audit.errors import BusyError, StoreError
from audit.results import AuditRun
from audit.run_json import to_json
from audit.store.columns import arrow_table, write_parquet
from audit.store.disk import PRIVATE, private_folder, sync_folder, write_durably, writing
from audit.store.manifest import MANIFEST, take_manifest

STAGE = ".stage-"
RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")
"""No dot: a run's documents lie in ``<id>.docs``, and what begins with a dot is no run."""
NAME = re.compile(r"(?!\.)[A-Za-z0-9_.:@-]{1,200}")


class Stage:
    """A run being written. As a context manager: leaving without `seal` removes the stage, and says so if no other error does."""

    def __init__(self, root: Path, run_id: str, lock: int, sealed: Callable[[Path], None]) -> None:
        self.id = run_id
        self.folder = root / f"{STAGE}{run_id}"
        self._root, self._lock, self._sealed = root, lock, sealed
        self._schemas: dict[str, pa.Schema] = {}
        self._open = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._open:
            self._discard()
            if kind is None:
                raise StoreError(f"run {self.id} was left before it was sealed; its files were removed")

    def write_rows(
        self,
        probe: str,
        part: int,
        columns: Mapping[str, NDArray[Any]],
        *,
        positions: NDArray[np.int64],
        inclusion: NDArray[np.float64] | None = None,
        units: Mapping[str, str] | None = None,
    ) -> None:
        """Write ``rows/<probe>/part-<part>.parquet``.

        `positions` (n,) ascending; `inclusion` (n,) in (0, 1], 1 when absent; columns (n,) or (n, width). Raises StoreError for columns that
        differ from those of the first part, a part written twice, a full disk.
        """
        place = np.asarray(positions, dtype=np.int64)
        drawn = np.ones(len(place)) if inclusion is None else np.asarray(inclusion, dtype=np.float64)
        _check_rows(probe, place, drawn, columns)
        table = arrow_table({"position": place, "inclusion": drawn, **columns}, units or {})
        first = self._schemas.setdefault(probe, table.schema)
        if not first.equals(table.schema):
            raise StoreError(f"probe {probe!r}, part {part}: columns are {_shown(table.schema)}; the first part had {_shown(first)}")
        write_parquet(self._new("rows", probe, f"part-{int(part):05d}.parquet"), table)

    def write_table(self, probe: str, name: str, columns: Mapping[str, Any]) -> None:
        """Write ``tables/<probe>/<name>.parquet``: arrays or lists of one length."""
        write_parquet(self._new("tables", probe, f"{_checked(name)}.parquet"), arrow_table(columns, {}))

    def write_array(self, name: str, values: NDArray[Any]) -> None:
        """Write ``arrays/<name>.npy``; numbers, booleans or fixed-width text."""
        if values.dtype.hasobject:
            raise StoreError(f"array {name!r} holds Python objects; expected numbers")
        path = self._new("arrays", "", f"{_checked(name)}.npy")
        with writing(path, values.nbytes), path.open("xb") as file:
            np.save(file, values, allow_pickle=False)

    def log(self, event: str, /, **fields: Any) -> None:
        """Append one line to ``log.jsonl``: UTC time, event, fields."""
        entry = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": event} | {k: _loggable(v) for k, v in fields.items()}
        line = json.dumps(entry, default=str, allow_nan=False) + "\n"
        with writing(self.folder / "log.jsonl", len(line)), (self.folder / "log.jsonl").open("a", encoding="utf-8") as file:
            file.write(line)

    def seal(self, run: AuditRun) -> Path:
        """Write ``run.json`` and the manifest, wait for the disk, rename onto ``runs/<id>``; returns that folder.

        Raises StoreError when it cannot; then nothing is left that looks like a run.
        """
        target = self._root / self.id
        if run.id != self.id or target.exists() or not self._open:
            self._discard()
            raise StoreError(f"run {run.id!r} cannot be sealed as {target}: the stage is that of {self.id!r}, or the run is sealed already")
        text = to_json(run).encode()
        renamed = False
        try:
            with writing(target, len(text) + 4096):
                self._finish(text)
                self.folder.rename(target)
                renamed = True
                sync_folder(self._root)
        except BaseException:
            if renamed:
                shutil.rmtree(target, ignore_errors=True)
            self._discard()
            raise
        self._release()
        self._sealed(target)
        return target

    def _finish(self, text: bytes) -> None:
        write_durably(self.folder / "run.json", text)
        write_durably(self.folder / MANIFEST, take_manifest(self.id, self.folder).render())
        for folder in (self.folder, *(path for path in self.folder.rglob("*") if path.is_dir())):
            sync_folder(folder)

    def _new(self, kind: str, probe: str, file: str) -> Path:
        path = self.folder / kind / (_checked(probe) if probe or kind != "arrays" else "") / file
        if path.exists():
            raise StoreError(f"{path.relative_to(self.folder)} was written already")
        with writing(path, 4096):
            private_folder(path.parent)
        return path

    def _discard(self) -> None:
        if self._open:
            shutil.rmtree(self.folder, ignore_errors=True)
            self._release()

    def _release(self) -> None:
        self._open = False
        os.close(self._lock)


def begin_stage(root: Path, run_id: str | None, sealed: Callable[[Path], None]) -> Stage:
    """Create and lock ``.stage-<id>``, after removing the stages that killed processes left.

    Raises BusyError when another process writes this run, StoreError when it exists already or the id is no file name.
    """
    name = run_id if run_id is not None else f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
    if not RUN_ID.fullmatch(name) or name == "latest":
        raise StoreError(f"run id {name!r}: expected letters, digits, '-' and '_', beginning with a letter or digit, not 'latest'")
    folder = root / f"{STAGE}{name}"
    with writing(folder, 4096):
        private_folder(root)
        # One process at a time sweeps or creates, so that nobody sweeps a stage between its creation and its lock.
        with _locked(root / ".lock"):
            sweep(root)
            if folder.exists():
                raise BusyError(f"run {name!r} is being written by another process")
            if (root / name).exists():
                raise StoreError(f"run {name!r} exists already in {root}")
            folder.mkdir(mode=PRIVATE)
            lock = _lock(folder)
    if lock is None:
        raise BusyError(f"run {name!r} is being written by another process")
    return Stage(root, name, lock, sealed)


def sweep(root: Path) -> None:
    """Remove stages that no process holds."""
    for folder in root.glob(f"{STAGE}*"):
        lock = _lock(folder)
        if lock is not None:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)


def _lock(folder: Path) -> int | None:
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    return handle


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _check_rows(probe: str, place: NDArray[np.int64], drawn: NDArray[np.float64], columns: Mapping[str, Any]) -> None:
    taken = sorted({"position", "inclusion"} & set(columns))
    if taken:
        raise StoreError(f"probe {probe!r}: column name {taken[0]!r} is reserved")
    if place.ndim != 1 or (np.diff(place) <= 0).any():
        raise StoreError(f"probe {probe!r}: positions must be one-dimensional and ascending")
    if not ((drawn > 0) & (drawn <= 1)).all():
        raise StoreError(f"probe {probe!r}: inclusion probabilities must be in (0, 1]")


def _checked(name: str) -> str:
    if not NAME.fullmatch(name):
        raise StoreError(f"name {name!r} cannot be part of a path: expected letters, digits and _ . : @ -, not beginning with a dot")
    return name


def _shown(schema: pa.Schema) -> str:
    return ", ".join(f"{field.name} {field.type}" for field in schema)


def _loggable(value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value

"""The list of runs, kept in SQLite so that it is quick. Only a cache: whatever is absent, stale or corrupt is read from the folders again."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from audit.run_json import from_json
from audit.store.manifest import MANIFEST

FILE = ".index-1.sqlite"
"""The number grows with the layout, so that an old index is left alone and a new one is built."""


@dataclass(frozen=True, kw_only=True)
class RunSummary:
    """One line in the list of runs."""

    id: str
    name: str
    """Name of the subject; empty when the run cannot be read."""
    started: str
    """UTC, ISO 8601; empty when the run cannot be read."""
    seconds: float
    statuses: Mapping[str, int]
    """Number of findings per status."""
    checks: int
    """Number of findings."""
    path: Path
    digest: str
    """SHA-256 of the manifest; empty when there is none."""
    problem: str = ""
    """Why the run cannot be read; then only id, path and digest mean anything."""


class RunIndex:
    """Summaries of the run folders of one root."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._file = root / FILE

    def summaries(self, folders: Sequence[Path]) -> list[RunSummary]:
        """A summary of each folder, newest first; reads only the folders that the index does not know as they are."""
        known = self._known()
        stamps = {folder.name: _stamp(folder) for folder in folders}
        fresh = {folder.name: summarize(folder) for folder in folders if known.get(folder.name, ("", ""))[0] != stamps[folder.name]}
        gone = sorted(set(known) - set(stamps))
        if fresh or gone:
            self._store(fresh, stamps, gone)
        held = [fresh.get(folder.name) or _loaded(folder, known[folder.name][1]) for folder in folders]
        return sorted(held, key=lambda item: (item.started, item.id), reverse=True)

    def add(self, folder: Path) -> None:
        """Note a run that was just sealed."""
        self._store({folder.name: summarize(folder)}, {folder.name: _stamp(folder)}, [])

    def _known(self) -> dict[str, tuple[str, str]]:
        try:
            with self._connected() as base:
                return {name: (stamp, text) for name, stamp, text in base.execute("select id, stamp, summary from runs")}
        except sqlite3.OperationalError:
            return {}
        except sqlite3.DatabaseError:
            for suffix in ("", "-wal", "-shm"):
                self._file.with_name(FILE + suffix).unlink(missing_ok=True)
            return {}

    def _store(self, fresh: Mapping[str, RunSummary], stamps: Mapping[str, str], gone: Sequence[str]) -> None:
        lines = [(name, stamps[name], _dumped(item)) for name, item in fresh.items()]
        try:
            with self._connected() as base:
                base.execute("begin immediate")
                base.executemany("insert or replace into runs values (?, ?, ?)", lines)
                base.executemany("delete from runs where id = ?", [(name,) for name in gone])
                base.execute("commit")
        except sqlite3.DatabaseError:
            # A cache that cannot be written costs time, never a run: the next listing reads the folders.
            return

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._file, timeout=30, isolation_level=None)) as base:
            base.execute("pragma journal_mode=wal")
            base.execute("pragma synchronous=normal")
            base.execute("create table if not exists runs (id text primary key, stamp text not null, summary text not null)")
            yield base


def summarize(folder: Path) -> RunSummary:
    """The summary of one run folder, from its files."""
    manifest = folder / MANIFEST
    address = ""
    try:
        address = hashlib.sha256(manifest.read_bytes()).hexdigest()
        run = from_json((folder / "run.json").read_text(encoding="utf-8"))
        return RunSummary(
            id=folder.name,
            name=run.name,
            started=run.started,
            seconds=run.seconds,
            statuses=dict(run.statuses),
            checks=len(run.findings),
            path=folder,
            digest=address,
        )
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        problem = f"{type(error).__name__}: {error}"
        return RunSummary(id=folder.name, name="", started="", seconds=0.0, statuses={}, checks=0, path=folder, digest=address, problem=problem)


def _stamp(folder: Path) -> str:
    stamps = []
    for name in (MANIFEST, "run.json"):
        try:
            found = (folder / name).stat()
            stamps.append(f"{found.st_mtime_ns}/{found.st_size}/{found.st_ino}")
        except OSError:
            stamps.append("absent")
    return " ".join(stamps)


def _dumped(item: RunSummary) -> str:
    kept = ("name", "started", "seconds", "statuses", "checks", "digest", "problem")
    return json.dumps({name: getattr(item, name) for name in kept})


def _loaded(folder: Path, text: str) -> RunSummary:
    try:
        return RunSummary(id=folder.name, path=folder, **json.loads(text))
    except (ValueError, TypeError):
        return summarize(folder)

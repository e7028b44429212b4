"""`RunStore`: the folder of runs. Finds, lists, reads, verifies sealed runs and begins new ones."""

from __future__ import annotations

from pathlib import Path

from audit.errors import StoreError, nearest
from audit.results import AuditRun
from audit.run_json import from_json
from audit.store.disk import private_folder, writing
from audit.store.index import RunIndex, RunSummary
from audit.store.manifest import MANIFEST
from audit.store.staging import RUN_ID, Stage, begin_stage
from audit.store.verification import Verification, verify_folder


class RunStore:
    """The sealed runs below one folder; nothing is created before the first run begins."""

    def __init__(self, root: Path) -> None:
        self.root = Path(root)
        self._index = RunIndex(self.root)

    def begin(self, run_id: str | None = None) -> Stage:
        """A locked stage for a new run; see `begin_stage` for what raises."""
        return begin_stage(self.root, run_id, self._index.add)

    def runs(self) -> list[RunSummary]:
        """All sealed runs, newest first."""
        folders = self._folders()
        return self._index.summaries(folders) if folders else []

    def path(self, run_id: str) -> Path:
        """Folder of a run given its id, an unambiguous beginning of it, or ``"latest"``; raises StoreError naming the nearest."""
        if run_id == "latest":
            return self._latest()
        names = [folder.name for folder in self._folders()]
        found = [run_id] if run_id in names else [name for name in names if name.startswith(run_id) and RUN_ID.fullmatch(run_id)]
        if len(found) == 1:
            return self.root / found[0]
        if found:
            raise StoreError(f"run {run_id!r} is ambiguous: it begins {', '.join(sorted(found)[:5])}" + (" and more" if len(found) > 5 else ""))
        raise StoreError(f"there is no run {run_id!r} in {self.root}: {nearest(run_id, names) if names else 'it holds no runs'}")

    def read(self, run_id: str) -> AuditRun:
        """The sealed results of a run, without holding them against the manifest (see `verify`)."""
        file = self.path(run_id) / "run.json"
        try:
            return from_json(file.read_text(encoding="utf-8"))
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise StoreError(f"{file}: cannot be read as a run: {error}") from error

    def documents(self, run_id: str) -> Path:
        """Folder ``<id>.docs`` beside the run for what is made from it later; created. Not part of the seal."""
        folder = self.path(run_id)
        documents = folder.with_name(f"{folder.name}.docs")
        if documents.is_symlink():
            raise StoreError(f"{documents}: is a link; expected a folder")
        with writing(documents, 4096):
            return private_folder(documents)

    def verify(self, run_id_or_path: str | Path) -> Verification:
        """Hold a run, by id or by the path of its folder, against its manifest."""
        if isinstance(run_id_or_path, str) and "/" not in run_id_or_path:
            folder = self.path(run_id_or_path)
            return verify_folder(folder, run=folder.name)
        folder = Path(run_id_or_path)
        if not folder.is_dir():
            raise StoreError(f"{folder}: there is no such run folder")
        return verify_folder(folder)

    def _latest(self) -> Path:
        runs = self.runs()
        if not runs:
            raise StoreError(f"there are no runs in {self.root}")
        return runs[0].path

    def _folders(self) -> list[Path]:
        if not self.root.is_dir():
            return []
        return [path for path in self.root.iterdir() if RUN_ID.fullmatch(path.name) and not path.is_symlink() and _is_run(path)]


def _is_run(folder: Path) -> bool:
    return (folder / MANIFEST).is_file() or (folder / "run.json").is_file()

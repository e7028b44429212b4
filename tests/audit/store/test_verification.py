"""Whatever differs from the seal is named."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from audit.errors import StoreError
from audit.store import RunStore
from tests.audit.store.example import sealed

PART = "rows/subject/part-00000.parquet"


def flip(folder: Path) -> None:
    data = bytearray((folder / PART).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / PART).write_bytes(data)


def link(folder: Path) -> None:
    (folder / PART).rename(folder.parent / "moved")
    (folder / PART).symlink_to(folder.parent / "moved")


def edit(folder: Path, change: Callable[[str], str]) -> None:
    path = folder / "MANIFEST.json"
    path.write_text(change(path.read_text()))


TAMPERING: dict[str, tuple[Callable[[Path], object], tuple[str, str]]] = {
    "byte": (flip, (PART, "changed")),
    "truncated": (lambda f: os.truncate(f / PART, 100), (PART, "changed")),
    "removed": (lambda f: (f / PART).unlink(), (PART, "missing")),
    "added": (lambda f: (f / "rows" / "x.txt").write_text("x"), ("rows/x.txt", "unexpected")),
    "folder": (lambda f: (f / "extra").mkdir(), ("extra", "unexpected")),
    "link": (link, (PART, "symlink")),
    "linked folder": (lambda f: (f / "extra").symlink_to("/etc"), ("extra", "symlink")),
    "pipe": (lambda f: os.mkfifo(f / "pipe"), ("pipe", "special")),
    "folder for file": (lambda f: ((f / "log.jsonl").unlink(), (f / "log.jsonl").mkdir()), ("log.jsonl", "unexpected")),
    "manifest gone": (lambda f: (f / "MANIFEST.json").unlink(), ("MANIFEST.json", "missing")),
    "manifest spaced": (lambda f: edit(f, lambda text: text + " "), ("MANIFEST.json", "changed")),
    "manifest garbage": (lambda f: edit(f, lambda _: "[" * 100_000), ("MANIFEST.json", "changed")),
    "manifest sizes": (lambda f: edit(f, lambda text: text.replace('"bytes":', '"bytes":1', 1)), ("arrays/grid.npy", "changed")),
}


@pytest.mark.parametrize("kind", TAMPERING)
def test_tampering_is_found(tmp_path: Path, kind: str) -> None:
    folder = sealed(tmp_path, "one")
    tamper, expected = TAMPERING[kind]
    tamper(folder)

    checked = RunStore(tmp_path).verify("one")
    assert not checked.ok
    assert checked.problems == (expected,)


def test_intact_run_verifies_by_id_and_by_path(tmp_path: Path) -> None:
    folder = sealed(tmp_path, "one")

    by_id = RunStore(tmp_path).verify("one")
    assert by_id.ok
    assert by_id.files == 5
    assert by_id.digest == hashlib.sha256((folder / "MANIFEST.json").read_bytes()).hexdigest()
    assert RunStore(tmp_path / "elsewhere").verify(folder) == by_id


def test_manifest_lists_every_file_but_itself_with_its_sha256(tmp_path: Path) -> None:
    folder = sealed(tmp_path, "one")

    raw = json.loads((folder / "MANIFEST.json").read_bytes())
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "MANIFEST.json")
    assert raw["files"] == {
        path.relative_to(folder).as_posix(): {"sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "bytes": path.stat().st_size} for path in files
    }


def test_documents_are_beside_the_seal(tmp_path: Path) -> None:
    folder = sealed(tmp_path, "one")
    documents = RunStore(tmp_path).documents("one")
    (documents / "report.html").write_text("x")

    assert documents == folder.parent / "one.docs"
    assert documents.stat().st_mode & 0o777 == 0o700
    assert RunStore(tmp_path).verify("one").ok
    assert [item.id for item in RunStore(tmp_path).runs()] == ["one"]


def test_consistent_forgery_changes_the_digest_and_the_note_says_so(tmp_path: Path) -> None:
    folder = sealed(tmp_path, "one")
    before = RunStore(tmp_path).verify("one")
    old, new = (folder / "log.jsonl").read_bytes(), b"forged\n"
    (folder / "log.jsonl").write_bytes(new)
    was = f'"bytes":{len(old)},"sha256":"{hashlib.sha256(old).hexdigest()}"'
    edit(folder, lambda text: text.replace(was, f'"bytes":{len(new)},"sha256":"{hashlib.sha256(new).hexdigest()}"'))

    after = RunStore(tmp_path).verify("one")
    assert after.ok
    assert after.digest != before.digest
    assert "corruption, not authorship" in after.note


def test_run_under_another_id_is_found(tmp_path: Path) -> None:
    sealed(tmp_path, "one").rename(tmp_path / "two")

    assert RunStore(tmp_path).verify("two").problems == (("MANIFEST.json", "renamed"),)
    assert RunStore(tmp_path).verify(tmp_path / "two").ok


def test_absent_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no such run folder"):
        RunStore(tmp_path).verify(tmp_path / "x")

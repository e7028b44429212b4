"""A cached block comes back exactly, or not at all."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from audit.errors import StoreError
from audit.store import BlockCache, digest

KEY = digest("block")
COLUMNS = {
    "floats": np.array([0.1, np.nan, -0.0]),
    "small": np.array([1, -1, 0], dtype=np.int8),
    "matrix": np.arange(6, dtype=np.float32).reshape(3, 2),
    "text": np.array(["a\n", None, "\u00e9"], dtype=object),
    "fixed": np.array(["a", "bcd", ""]),
    "flag": np.array([True, False, True]),
    "cube": np.arange(12).reshape(3, 2, 2),
    "empty": np.empty((0, 4)),
    "\x1b\n": np.arange(3),
}


@pytest.fixture
def cache(tmp_path: Path) -> BlockCache:
    found = BlockCache(tmp_path / "cache")
    found.put(KEY, COLUMNS)
    return found


def file_of(cache: BlockCache) -> Path:
    return next(cache.folder.rglob("*.block"))


def test_columns_come_back_exactly(cache: BlockCache) -> None:
    found = cache.get(KEY)

    assert found is not None
    assert list(found) == list(COLUMNS)
    for name, values in COLUMNS.items():
        assert (found[name].dtype, found[name].shape) == (values.dtype, values.shape)
        same = found[name].tolist() == values.tolist() if values.dtype == object else found[name].tobytes() == values.tobytes()
        assert same, name


def test_absent_block_is_none(cache: BlockCache) -> None:
    assert cache.get(digest("other")) is None
    assert cache.damaged == 0


@pytest.mark.parametrize("at", [0, 20, 60, 200, -1])
def test_changed_byte_is_found_counted_and_removed(cache: BlockCache, at: int) -> None:
    data = bytearray(file_of(cache).read_bytes())
    data[at] ^= 1
    file_of(cache).write_bytes(data)

    assert cache.get(KEY) is None
    assert cache.damaged == 1
    assert cache.size() == 0


@pytest.mark.parametrize("size", [0, 10, 40, 100])
def test_truncated_block_is_found(cache: BlockCache, size: int) -> None:
    os.truncate(file_of(cache), size)

    assert cache.get(KEY) is None
    assert cache.damaged == 1


def test_block_under_another_key_is_not_believed(cache: BlockCache) -> None:
    other = digest("other")
    target = cache.folder / other[:2] / f"{other}.block"
    target.parent.mkdir(exist_ok=True)
    file_of(cache).rename(target)

    assert cache.get(other) is None
    assert cache.damaged == 1


def test_objects_and_strange_keys_are_refused(cache: BlockCache) -> None:
    with pytest.raises(StoreError, match="keeps numbers"):
        cache.put(KEY, {"a": np.array([{}], dtype=object)})
    with pytest.raises(StoreError, match="64 hexadecimal"):
        cache.get("../../etc/passwd")


def test_prune_removes_the_block_unused_longest(tmp_path: Path) -> None:
    cache = BlockCache(tmp_path)
    keys = [digest(i) for i in range(3)]
    for age, key in enumerate(keys):
        cache.put(key, {"a": np.zeros(100)})
        os.utime(tmp_path / key[:2] / f"{key}.block", (1_000_000 + age, 1_000_000 + age))
    each = cache.size() // 3
    cache.get(keys[0])

    removed = cache.prune(2 * each)
    assert removed == each
    assert cache.get(keys[1]) is None
    assert cache.get(keys[0]) is not None
    assert cache.get(keys[2]) is not None


def test_processes_may_put_the_same_block_at_once(tmp_path: Path) -> None:
    code = (
        "import sys, numpy as np; from pathlib import Path; from audit.store import BlockCache, digest\n"
        "for i in range(50): BlockCache(Path(sys.argv[1])).put(digest(i % 5), {'a': np.full(1000, i % 5)})"
    )
    writers = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path)]) for _ in range(3)]
    codes = [writer.wait() for writer in writers]

    cache = BlockCache(tmp_path)
    held = [cache.get(digest(i)) for i in range(5)]
    assert codes == [0, 0, 0]
    assert [block is not None and set(block["a"].tolist()) for block in held] == [{i} for i in range(5)]
    assert not list(tmp_path.rglob(".unfinished-*"))

"""Data files that are made to hurt: each is refused in one clear line with exit code 2, and memory stays bounded."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from audit.cli import main
from audit.data import file_claims
from audit.data.dataset import Schema
from audit.data.images import open_images
from audit.data.tables import open_table
from audit.data_config import ImageConfig
from audit.errors import DataError

ROOM = 400
"""MiB that opening a file may take beyond what the libraries themselves take: far below what each file claims."""
COLUMNS = 10**6


def varint(number: int) -> bytes:
    parts = []
    while number > 0x7F:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*parts, number])


def wide_csv(folder: Path) -> Path:
    path = folder / "rows.csv"
    path.write_text(",".join(f"c{i}" for i in range(COLUMNS)) + "\n" + ",".join("1" * COLUMNS) + "\n")
    return path


def nameless_csv(folder: Path) -> Path:
    path = folder / "rows.csv"
    path.write_text("c0" + "," * COLUMNS + "\n")
    return path


def quoted_csv(folder: Path) -> Path:
    """The header goes on behind a line break inside quotes."""
    path = folder / "rows.csv"
    path.write_text('"c\n0"' + "," * 500_000 + "\n1\n")
    return path


def wide_parquet(folder: Path) -> Path:
    """A footer written by hand: a version, a million columns without rows."""
    leaf = b"\x15\x02\x25\x02\x18\x01x\0"
    root = b"\x48\x06schema\x15" + varint(2 * COLUMNS) + b"\0"
    return footed(folder, b"\x15\x02\x19\xfc" + varint(COLUMNS + 1) + root + leaf * COLUMNS + b"\x16\0\x19\x0c\0")


def deep_parquet(folder: Path) -> Path:
    """A hundred thousand groups within each other."""
    group, leaf, root = b"\x35\x02\x18\x02c0\x15\x02\0", b"\x15\x02\x25\x02\x18\x01x\0", b"\x48\x06schema\x15\x02\0"
    depth = 90_000
    return footed(folder, b"\x15\x02\x19\xfc" + varint(depth + 2) + root + group * depth + leaf + b"\x16\0\x19\x0c\0")


def footed(folder: Path, footer: bytes, body: bytes = b"") -> Path:
    path = folder / "rows.parquet"
    path.write_bytes(b"PAR1" + body + footer + struct.pack("<I", len(footer)) + b"PAR1")
    return path


def counted_parquet(folder: Path, claimed: int) -> Path:
    """An honest file whose footer is made to claim other numbers of rows, in the file and in its row group."""
    rows, path = 12_345, folder / "rows.parquet"
    pq.write_table(pa.table({"c0": [1.0] * rows}), path, store_schema=False)
    content = path.read_bytes()
    (length,) = struct.unpack("<I", content[-8:-4])
    held = b"\x16" + varint(2 * rows)
    footer = content[-8 - length : -8]
    assert footer.count(held) >= 2
    return footed(folder, footer.replace(held, b"\x16" + varint(2 * claimed)), content[4 : -8 - length])


def endless_parquet(folder: Path) -> Path:
    return counted_parquet(folder, 10**12)


def boastful_parquet(folder: Path) -> Path:
    return counted_parquet(folder, 12_346)


def text_bomb(folder: Path) -> Path:
    """One text of a million letters that 60,000 rows point at: 47 kB, and 56 GiB once written out."""
    path = folder / "rows.parquet"
    codes = pa.array(np.zeros(60_000, dtype=np.int32))
    pq.write_table(pa.table({"c0": pa.DictionaryArray.from_arrays(codes, pa.array(["x" * 10**6]))}), path, store_schema=False)
    return path


def packed_bomb(folder: Path) -> Path:
    path = folder / "rows.parquet"
    pq.write_table(pa.table({"c0": ["\0" * 2 * 10**8]}), path, compression="zstd", use_dictionary=False, store_schema=False)
    return path


def pointing_arrow(folder: Path) -> Path:
    path = folder / "rows.arrow"
    codes = pa.array(np.zeros(60_000, dtype=np.int32))
    table = pa.table({"c0": pa.DictionaryArray.from_arrays(codes, pa.array(["x" * 10**6]))})
    with pa.ipc.new_file(path, table.schema) as file:
        file.write_table(table)
    return path


def viewing_arrow(folder: Path) -> Path:
    """Sixty thousand views of one text."""
    path = folder / "rows.arrow"
    text = "x" * 10**6
    view = struct.pack("<i4sii", len(text), b"xxxx", 0, 0)
    column = pa.Array.from_buffers(pa.string_view(), 60_000, [None, pa.py_buffer(view * 60_000), pa.py_buffer(text.encode())])
    table = pa.table({"c0": column})
    with pa.ipc.new_file(path, table.schema) as file:
        file.write_table(table)
    return path


def deep_lines(folder: Path) -> Path:
    path = folder / "rows.jsonl"
    path.write_text('{"c0": 1, "d": ' + "[" * 300_000 + "]" * 300_000 + "}\n")
    return path


def deep_objects_behind_quotes(folder: Path) -> Path:
    """Brackets within texts and escaped quotes do not count; what follows them does."""
    path = folder / "rows.jsonl"
    path.write_text('{"c0": "]]]]\\"]]]]", "d": ' + '{"a]":' * 60_000 + "1" + "}" * 60_000 + "}\n")
    return path


def deep_later_lines(folder: Path) -> Path:
    path = folder / "rows.jsonl"
    path.write_text('{"c0":1,"d":[]}\n' * 100_000 + '{"c0": 1, "d": ' + "[" * 200_000 + "]" * 200_000 + "}\n")
    return path


def long_line(folder: Path) -> Path:
    """A line of 1 GiB that takes no room on disk."""
    path = folder / "rows.jsonl"
    path.write_text('{"c0": "')
    with path.open("r+b") as file:
        file.truncate(2**30)
    return path


def wide_line(folder: Path) -> Path:
    path = folder / "rows.jsonl"
    path.write_text(json.dumps({f"c{i}": 1 for i in range(25_000)}) + "\n")
    return path


MAKERS = (
    wide_csv, nameless_csv, quoted_csv, wide_parquet, deep_parquet, endless_parquet, boastful_parquet, text_bomb, packed_bomb, pointing_arrow,
    viewing_arrow, deep_lines, deep_objects_behind_quotes, deep_later_lines, long_line, wide_line,
)  # fmt: skip
WORDS: dict[Callable[[Path], Path], str] = {
    wide_csv: "more than 20,000 columns",
    nameless_csv: "more than 20,000 columns",
    quoted_csv: "more than 20,000 columns",
    wide_parquet: "lists more than 100,000 columns",
    deep_parquet: "too deeply nested",
    endless_parquet: "claims 1,000,000,000,000 rows",
    boastful_parquet: "claims 12,346 rows and holds 12,345",
    text_bomb: "unpacks to 15.3 GiB of text in 16,384 rows",
    packed_bomb: "unpacks from",
    pointing_arrow: "unpacks to 15.3 GiB of text in 16,384 rows",
    viewing_arrow: "unpacks to 15.3 GiB of text in 16,384 rows",
    deep_lines: "more than 64 deep",
    deep_objects_behind_quotes: "more than 64 deep",
    deep_later_lines: "cannot be read as jsonl",
    long_line: "longer than 1 MiB",
    wide_line: "more than 20,000 columns",
}
OPENING = """
import resource, sys
from pathlib import Path
from audit.data.dataset import Schema
from audit.data.tables import open_table
from audit.errors import DataError

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024

for path in sys.argv[1:]:
    before = peak()
    try:
        open_table(Path(path), name="evaluate", schema=Schema(()), extra=["c0"])
    except DataError as error:
        print(peak() - before, error, sep="\\t")
    else:
        print(0, "was opened", sep="\\t")
"""

SCORES = """
name = "Scores"
[model]
predictions = {{ score = "c0" }}
output = "probabilities"
task = "binary"
[data]
evaluate = "{file}"
"""


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, str]]:
    """What opening each file in a process of its own said, and by how many MiB it raised the peak of that process."""
    paths = [maker(tmp_path_factory.mktemp(maker.__name__)) for maker in MAKERS]
    done = subprocess.run([sys.executable, "-c", OPENING, *paths], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    said = [line.split("\t") for line in done.stdout.splitlines()]
    assert len(said) == len(MAKERS)
    return {maker.__name__: (int(size), words) for maker, (size, words) in zip(MAKERS, said, strict=True)}


@pytest.mark.parametrize("maker", MAKERS, ids=lambda maker: maker.__name__)
def test_a_hostile_table_is_refused_in_one_line_within_bounded_memory(maker: Callable[[Path], Path], opened: dict[str, tuple[int, str]]) -> None:
    size, words = opened[maker.__name__]

    assert WORDS[maker] in words
    assert size < ROOM


def refused(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    """The one line that ``netassay run`` says of the audit file in a folder, with exit code 2."""
    monkeypatch.setattr("sys.argv", ["netassay", "run", str(folder / "audit.toml"), "--out", str(folder / "runs")])
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr()

    assert ended.value.code == 2
    assert len((said.out + said.err).strip().splitlines()) == 1
    return said.err


@pytest.mark.parametrize("maker", [wide_csv, endless_parquet, text_bomb, deep_lines], ids=lambda maker: maker.__name__)
def test_the_command_refuses_a_hostile_table_with_exit_code_2(
    maker: Callable[[Path], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = maker(tmp_path)
    (tmp_path / "audit.toml").write_text(SCORES.format(file=path.name), encoding="utf-8")

    line = refused(tmp_path, monkeypatch, capsys)

    assert WORDS[maker] in line


def test_a_table_as_wide_as_allowed_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_claims, "MOST_COLUMNS", 300)
    path = tmp_path / "rows.csv"
    path.write_text(",".join(f"c{i}" for i in range(300)) + "\n" + ",".join("1" * 300) + "\n")

    assert open_table(path, name="evaluate", schema=Schema(()), extra=["c299"]).n_rows == 1


def test_a_file_of_equal_rows_is_no_bomb(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"c0": np.zeros(500_000), "c1": pa.array(["the same"] * 500_000)}), path, compression="zstd")

    assert open_table(path, name="evaluate", schema=Schema(()), extra=["c0", "c1"]).n_rows == 500_000


# ---- npz --------------------------------------------------------------------------------------------------------------------------


def npz(folder: Path, header: bytes, body: bytes, *, claimed: int | None = None) -> Path:
    """An npz file of one array; the archive is made to claim `claimed` bytes for it."""
    path = folder / "images.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("images.npy", header + body)
    if claimed is not None:
        content, true = bytearray(path.read_bytes()), struct.pack("<I", len(header + body))
        start = content.find(true)
        while start >= 0:
            content[start : start + 4] = struct.pack("<I", claimed)
            start = content.find(true, start + 4)
        path.write_bytes(bytes(content))
    return path


def header(shape: str, *, kind: str = "|u1") -> bytes:
    words = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}}}".encode()
    words += b" " * (-(len(words) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(words)) + words


def test_the_archive_by_hand_is_read(tmp_path: Path) -> None:
    assert open_images(npz(tmp_path, header("(3, 4, 5)"), bytes(60)), name="evaluate", config=ImageConfig(), extra=[]).shape == (1, 4, 5)


@pytest.mark.parametrize(
    ("shape", "body", "claimed"),
    [
        ("(1000000, 1000, 1000)", 60, None),
        ("(1000000, 1000, 1000, 1000)", 60, None),
        ("(3, 4, -5)", 60, None),
        ("(100, 1000, 1000)", 10**8, 1_000),
    ],
    ids=["array_beyond_the_member", "array_beyond_memory", "negative", "member_larger_than_claimed"],
)
def test_an_array_that_lies_about_its_size_is_refused_before_there_is_room_for_it(tmp_path: Path, shape: str, body: int, claimed: int | None) -> None:
    path = npz(tmp_path, header(shape), bytes(body), claimed=claimed)

    with pytest.raises(DataError) as caught:
        open_images(path, name="evaluate", config=ImageConfig(), extra=[])

    assert len(str(caught.value).splitlines()) == 1


def test_memory_stays_bounded_when_a_member_unpacks_to_more_than_it_claims(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import tracemalloc  # noqa: PLC0415  for this test alone

    path = npz(tmp_path, header("(100, 1000, 1000)"), bytes(10**8), claimed=1_000)
    tracemalloc.start()
    with pytest.raises(DataError):
        open_images(path, name="evaluate", config=ImageConfig(), extra=[])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 2**20


# ---- image files ------------------------------------------------------------------------------------------------------------------


def bomb(path: Path) -> None:
    """A PNG file of 60,000 by 60,000 pixels, honestly packed in its first bytes."""
    parts = [b"\x89PNG\r\n\x1a\n"]
    packed = zlib.compress(bytes(10**6))
    for name, content in ((b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)), (b"IDAT", packed), (b"IEND", b"")):
        parts.append(struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content)))
    path.write_bytes(b"".join(parts))


def truncated(path: Path) -> None:
    Image.effect_noise((64, 64), 50).save(path)
    path.write_bytes(path.read_bytes()[:900])


def pretending(path: Path) -> None:
    path.write_text("#!/bin/sh\ntouch ran\n")


def outside(path: Path) -> None:
    path.symlink_to("/etc/hostname")


PHOTOS = """
name = "Photos"
[model]
architecture = "torch.nn:Flatten"
weights = "weights.safetensors"
output = "logits"
task = "binary"
[data]
kind = "image"
evaluate = "labels.csv"
label = "label"
"""


@pytest.mark.parametrize(
    ("make", "words"),
    [(bomb, "pixels"), (truncated, "is damaged"), (pretending, "is not one of PNG"), (outside, "leads out of the folder")],
    ids=["bomb", "truncated", "pretending", "outside"],
)
def test_the_command_refuses_a_hostile_image_by_file_and_row_with_exit_code_2(
    make: Callable[[Path], None], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "first.png")
    make(tmp_path / "second.png")
    (tmp_path / "labels.csv").write_text("image,label\nfirst.png,0\nsecond.png,1\n")
    (tmp_path / "audit.toml").write_text(PHOTOS, encoding="utf-8")

    line = refused(tmp_path, monkeypatch, capsys)

    assert "row 1: image 'second.png'" in line
    assert words in line
    assert not (tmp_path / "ran").exists()

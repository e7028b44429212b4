"""What an exported network says of itself is read without loading it, agrees with the module, and is refused in one line when it is hostile."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from audit.errors import ModelError
from audit.models.exported_signature import LARGEST, read_signature
from audit.models.ports import Port
from tests.audit.cli.test_inspect_program import archive, description, tensor
from tests.audit.models.programs import export

ALLOWED = 450
"""MiB that refusing a file may take: a description as large as is read, of nothing but empty lists, and little else."""


class Steps(nn.Module):
    """Whole numbers to probabilities, step by step."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(11, 3)
        self.steps = nn.GRU(3, 4, batch_first=True)
        self.head = nn.Linear(4, 2)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return torch.softmax(self.head(self.steps(self.words(ids))[0][:, -1]), dim=1)


def test_inputs_outputs_and_weights_are_those_of_the_module(tmp_path: Path) -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(144, 5))

    found = read_signature(export(network, torch.zeros(2, 3, 8, 8), tmp_path / "network.pt2"))

    assert found.inputs == (Port("input", "float32", (None, 3, 8, 8)),)
    assert [port.shape for port in found.outputs] == [(None, 5)]
    assert found.weights == {name: tuple(value.shape) for name, value in network.state_dict().items()}
    assert (found.tokens, found.recurrent, found.last) == (None, False, "")


def test_embedding_recurrence_and_the_last_operation_are_told(tmp_path: Path) -> None:
    found = read_signature(export(Steps(), torch.zeros(2, 6, dtype=torch.int64), tmp_path / "network.pt2"))

    assert found.inputs == (Port("ids", "int64", (None, 6)),)
    assert (found.tokens, found.recurrent, found.last) == (11, True, "softmax")


def test_nothing_of_torch_is_loaded_to_read_it(tmp_path: Path) -> None:
    path = archive(tmp_path / "network.pt2", "export")
    asked = "import sys; from pathlib import Path; from audit.models.program_listing import list_program; list_program(Path(sys.argv[1]));"

    done = subprocess.run([sys.executable, "-c", asked + "assert 'torch' not in sys.modules", path], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr


def changed(change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    held = description({"given": tensor(None, 3)}, tensor(None, 1))
    change(held["graph_module"])
    return held


ODD: dict[str, Callable[[dict[str, Any]], object]] = {
    "no graph": lambda module: module.pop("graph"),
    "a size that is text": lambda module: module["graph"]["tensor_values"]["given"].update(sizes=[{"as_int": "3"}]),
    "a size below zero": lambda module: module["graph"]["tensor_values"]["given"].update(sizes=[{"as_int": -3}]),
    "a size beyond all bounds": lambda module: module["graph"]["tensor_values"]["given"].update(sizes=[{"as_int": 2**64}]),
    "a type that is none": lambda module: module["graph"]["tensor_values"]["given"].update(dtype=[7]),
    "an input that is not there": lambda module: module["graph"]["tensor_values"].pop("given"),
    "inputs that are a number": lambda module: module["signature"].update(input_specs=7),
    "a specification of two kinds": lambda module: module["signature"].update(input_specs=[{"parameter": {}, "user_input": {}}]),
    "an operation that is a list": lambda module: module["graph"]["nodes"][0].update(target=["a"]),
    "a weight without a name": lambda module: module["signature"]["input_specs"][0]["parameter"].update(parameter_name=None),
}


@pytest.mark.parametrize("odd", ODD)
def test_a_description_of_another_making_is_refused_in_one_line(odd: str, tmp_path: Path) -> None:
    path = archive(tmp_path / "network.pt2", "export", changed(ODD[odd]))

    with pytest.raises(ModelError, match="cannot be read as an exported network, it may be damaged") as refused:
        read_signature(path)

    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("content", [b"", b"not json", b"[]", b"\xff\xfe", b"3", b'{"graph_module": 1}', b"1" * 5000])
def test_what_is_no_description_is_refused(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="it may be damaged"):
        read_signature(archive(tmp_path / "network.pt2", "export", content))


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (("m/models/model.json", "m/../../outside"), "could be unpacked out of its folder"),
        (("m/models/model.json", "m/a\\..\\b"), "could be unpacked out of its folder"),
        (("m/models/model.json", "/etc/passwd"), "could be unpacked out of its folder"),
        (("m/models/model.json", "n/models/model.json"), "could be unpacked in two ways"),
        (("m/models/model.json", "m/models/MODEL.json"), "could be unpacked in two ways"),
        (("serialized_exported_program.json", "version"), "of an old or of another format"),
    ],
)
def test_an_archive_that_is_not_one_folder_is_refused(names: tuple[str, ...], words: str, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "network.pt2", "w") as held:
        for name in names:
            held.writestr(name, json.dumps(changed(lambda _: None)))

    with pytest.raises(ModelError, match=words):
        read_signature(tmp_path / "network.pt2")


def packed(path: Path, content: bytes, how: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", how) as held:
        held.writestr("m/models/model.json", content)
    return path


def huge(path: Path) -> Path:
    return packed(path, b" " * (LARGEST + 1), zipfile.ZIP_STORED)


def lists(path: Path) -> Path:
    return packed(path, b"[" + b"[]," * (LARGEST // 3 - 2) + b"1]")


def deep(path: Path) -> Path:
    return packed(path, b"[" * 1_000_000)


def blocks(path: Path) -> Path:
    return packed(path, b" " * (LARGEST - 1), zipfile.ZIP_BZIP2)


def bomb(path: Path) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as held:
        for number in range(5):
            held.writestr("m/models/model.json" if not number else f"m/data/{number}", b" " * 2**28)
    return path


def lying(path: Path) -> Path:
    """The description is longer than the directory says."""
    content = packed(path, b" " * (LARGEST + 2**20)).read_bytes()
    path.write_bytes(content.replace((LARGEST + 2**20).to_bytes(4, "little"), (100).to_bytes(4, "little")))
    return path


HOSTILE = {
    huge: "describes itself in 16,777,217 bytes; at most 16,777,216 are read",
    lists: "it may be damaged",
    deep: "it may be damaged: RecursionError",
    blocks: "packed in a way that torch does not write",
    bomb: "would unpack to 1342177280",
    lying: "it may be damaged",
}
READING = """
import resource, sys
from pathlib import Path
from audit.errors import ModelError
from audit.models.program_listing import list_program

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024

before = peak()
for path in sys.argv[1:]:
    try:
        list_program(Path(path))
    except ModelError as error:
        print(peak() - before, error, sep="\\t")
    else:
        print(0, "was read", sep="\\t")
"""


def test_a_hostile_file_is_refused_in_one_line_within_bounded_memory(tmp_path: Path) -> None:
    paths = [maker(tmp_path / f"{maker.__name__}.pt2") for maker in HOSTILE]

    done = subprocess.run([sys.executable, "-c", READING, *paths], capture_output=True, text=True, timeout=120, check=False)

    assert done.returncode == 0, done.stderr[-2000:]
    said = [line.split("\t") for line in done.stdout.splitlines()]
    assert len(said) == len(HOSTILE)
    for (size, words), expected in zip(said, HOSTILE.values(), strict=True):
        assert expected in words
        assert int(size) < ALLOWED, words

"""A function is imported from trusted places only, called with rows, and its answers are outputs."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from audit.config_file import load_config
from audit.declared_outputs import check_outputs
from audit.errors import ModelError
from audit.open_model import Trust
from audit.open_subject import open_subject
from tests.audit.models.doors import INPUTS, LOGIT, PROBABILITIES, logits, opened, outputs, rows, written

SOURCE = """
import numpy as np
from netassay_try_part import slope
def encoded(rows, factor=1.0):
    return factor * rows.sum(axis=1)
def raw(frame):
    return np.where(frame["region"] == "north", frame["income"], -frame["income"]) * slope
def decides(rows):
    return np.where(rows[:, 0] > 0, "yes", "no")
def raises(rows):
    raise RuntimeError("no\\nrows")
def late(rows):
    import netassay_try_late
    return netassay_try_late.answer(rows)
number = 3
"""
PART = "slope = 2.0\n"


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with functions; what is imported from it is forgotten afterwards."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    before, path = set(sys.modules), list(sys.path)
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "netassay_try_functions.py").write_text(SOURCE)
    (folder / "netassay_try_part.py").write_text(PART)
    yield folder
    for name in set(sys.modules) - before:
        if name.startswith("netassay_try"):
            del sys.modules[name]
    assert [entry for entry in sys.path if entry] == [entry for entry in path if entry]


def toml(function: str, rest: str = LOGIT) -> str:
    return f'callable = "netassay_try_functions:{function}"\n{rest}'


def test_the_encoded_matrix_is_given_with_the_arguments(tmp_path: Path, code: Path) -> None:
    model = toml("encoded", "arguments = { factor = 2.5 }\n" + LOGIT)

    subject = opened(tmp_path, model, trust=Trust((code,)))

    np.testing.assert_allclose(outputs(subject)[:, 0], 2.5 * rows(tmp_path)[INPUTS].sum(axis=1), atol=1e-12)
    about = subject.model.description
    assert about["modules"] == {
        "netassay_try_functions": hashlib.sha256(SOURCE.encode()).hexdigest(),
        "netassay_try_part": hashlib.sha256(PART.encode()).hexdigest(),
    }
    assert about["arguments"] == {"factor": 2.5}
    assert str(tmp_path) not in repr(about)


def test_the_torch_network_as_a_function_gives_its_outputs(tmp_path: Path, code: Path) -> None:
    written(tmp_path, toml("answer"))
    (code / "netassay_try_functions.py").write_text(
        "import torch\nfrom safetensors.torch import load_file\nfrom tests.smoke.architectures import table\n"
        f"network = table()\nnetwork.load_state_dict(load_file({str(tmp_path / 'weights.safetensors')!r}))\n"
        "def answer(rows):\n    with torch.no_grad():\n        return network(torch.tensor(rows).float())\n"
    )

    subject = opened(tmp_path, toml("answer"), trust=Trust((code, Path(__file__).parents[3])))

    np.testing.assert_allclose(outputs(subject), logits(tmp_path, rows(tmp_path)), atol=1e-6)
    assert "tests.smoke.architectures" in subject.model.description["modules"]


def test_raw_columns_are_given_as_a_frame(tmp_path: Path, code: Path) -> None:
    path = written(tmp_path, toml("raw", 'takes = "raw"\n' + LOGIT))
    text = path.read_text().replace('inputs = ["income", "debt", "years", "score"]', 'inputs = ["income", "region"]')
    path.write_text("\n".join(line for line in text.splitlines() if not line.startswith(('"debt"', '"years"', '"score"'))))
    found = outputs(open_subject(load_config(path), Trust((code,))))

    frame = rows(tmp_path)
    np.testing.assert_array_equal(found[:, 0], np.where(frame["region"] == "north", 2, -2) * frame["income"])


def test_decided_classes_become_positions(tmp_path: Path, code: Path) -> None:
    text = toml("decides", 'output = "decision"\ntask = "binary"\nclasses = ["no", "yes"]\n')
    path = written(tmp_path, text)
    path.write_text(path.read_text().replace("favourable = [1]\nthreshold = 0.5", 'favourable = ["yes"]').replace('label = "outcome"', ""))
    found = outputs(open_subject(load_config(path), Trust((code,))))

    np.testing.assert_array_equal(found[:, 0], rows(tmp_path)["income"] > 0)


@pytest.mark.parametrize(
    ("function", "said"),
    [
        ("raises", "failed on 8 rows: RuntimeError: no rows"),
        ("encodet", "has no 'encodet': did you mean 'encoded'"),
        ("number", "'number' is a int, not a function"),
    ],
)
def test_mistakes_are_told_in_one_line(tmp_path: Path, code: Path, function: str, said: str) -> None:
    with pytest.raises(ModelError, match=said) as refused:
        opened(tmp_path, toml(function), trust=Trust((code,)))

    assert len(str(refused.value).splitlines()) == 1


def test_the_current_folder_is_not_imported_from(tmp_path: Path, code: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (code / "netassay_try_functions.py").write_text(f"import pathlib\npathlib.Path({str(tmp_path / 'ran')!r}).touch()\n" + SOURCE)
    monkeypatch.chdir(code)
    monkeypatch.syspath_prepend("")

    with pytest.raises(ModelError, match="--code"):
        opened(tmp_path, toml("encoded"))

    assert not (tmp_path / "ran").exists()


def test_nor_while_the_function_runs(tmp_path: Path, code: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = tmp_path / "here"
    here.mkdir()
    (here / "netassay_try_late.py").write_text(f"import pathlib\npathlib.Path({str(tmp_path / 'ran')!r}).touch()\n")
    monkeypatch.chdir(here)
    monkeypatch.syspath_prepend("")

    with pytest.raises(ModelError, match="No module named 'netassay_try_late'"):
        opened(tmp_path, toml("late"), trust=Trust((code,)))

    assert not (tmp_path / "ran").exists()


def test_outputs_out_of_range_are_told_when_the_audit_starts(tmp_path: Path, code: Path) -> None:
    subject = opened(tmp_path, toml("encoded", PROBABILITIES), trust=Trust((code,)))
    with pytest.raises(ModelError, match="probabilities"):
        check_outputs(outputs(subject), subject.facts)

"""Files that hold code: a canary planted in each would touch a file, and never does, whatever trust was given."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from audit.data.images import open_images
from audit.data_config import ImageConfig
from audit.errors import DataError, ModelError, NetassayError, UntrustedFileError
from audit.models.network import open_network
from audit.models.program import open_program
from audit.models.state_dict_door import load_state_dict
from tests.audit.models.networks import perceptron
from tests.audit.models.programs import Canary, export, rewrite, rewrite_json, script, sha256, trusted

MODEL = "models/model.json"
WEIGHTS = "data/weights/model_weights_config.json"
CONSTANTS = "data/constants/model_constants_config.json"
SAMPLES = "data/sample_inputs/model.pt"


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return export(perceptron(), torch.zeros(2, 3), tmp_path_factory.mktemp("honest") / "network.pt2").read_bytes()


@pytest.fixture
def file(tmp_path: Path, honest: bytes) -> Path:
    (tmp_path / "network.pt2").write_bytes(honest)
    return tmp_path / "network.pt2"


def saved(content: Any) -> bytes:
    held = io.BytesIO()
    torch.save(content, held)
    return held.getvalue()


def refuses(path: Path, ran: Path, match: str = "") -> None:
    with pytest.raises(ModelError, match=match) as caught:
        trusted(path)

    assert not ran.exists()
    assert len(str(caught.value).splitlines()) == 1


def test_the_canary_sings_when_it_is_unpickled(tmp_path: Path) -> None:
    pickle.loads(pickle.dumps(Canary(tmp_path / "ran")))  # noqa: S301  its own harmless bytes

    assert (tmp_path / "ran").exists()


def test_an_honest_export_survives_being_rewritten(file: Path) -> None:
    rewrite_json(file, MODEL, lambda graph: None)

    assert "gradients" in trusted(file).capabilities


def test_samples_of_an_export_are_not_unpickled(file: Path, tmp_path: Path) -> None:
    rewrite(file, lambda entries: entries.update({SAMPLES: saved(Canary(tmp_path / "ran"))}))

    refuses(file, tmp_path / "ran", "pickled objects")


def test_samples_are_not_unpickled_when_the_surroundings_ask_for_it(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    monkeypatch.delenv("TORCH_FORCE_WEIGHTS_ONLY_LOAD", raising=False)
    rewrite(file, lambda entries: entries.update({SAMPLES: saved(Canary(tmp_path / "ran"))}))

    refuses(file, tmp_path / "ran", "pickled objects")


def test_weights_of_an_export_are_not_unpickled(file: Path, tmp_path: Path) -> None:
    def plant(entries: dict[str, bytes]) -> None:
        held = json.loads(entries[WEIGHTS])
        first = next(iter(held["config"].values()))
        first["use_pickle"] = True
        entries[WEIGHTS] = json.dumps(held).encode()
        entries[f"data/weights/{first['path_name']}"] = saved(Canary(tmp_path / "ran"))

    refuses(rewrite(file, plant), tmp_path / "ran", "pickled objects")


@pytest.mark.parametrize(
    ("prefix", "match"),
    [("opaque_obj_", "pickled object"), ("custom_obj_", "pickled object"), ("../sample_inputs/", "could be unpacked out of its folder")],
)
def test_constants_of_an_export_are_not_unpickled(file: Path, tmp_path: Path, prefix: str, match: str) -> None:
    def plant(entries: dict[str, bytes]) -> None:
        entry = {"path_name": f"{prefix}0", "is_param": False, "use_pickle": True, "tensor_meta": None}
        entries[CONSTANTS] = json.dumps({"config": {"c": entry}}).encode()
        entries[f"data/constants/{prefix}0"] = pickle.dumps(Canary(tmp_path / "ran"))

    refuses(rewrite(file, plant), tmp_path / "ran", match)


def test_names_that_torch_would_look_up_are_no_operations(file: Path, tmp_path: Path) -> None:
    def plant(graph: Any) -> None:
        node = graph["graph_module"]["graph"]["nodes"][0]
        node["target"] = "torch.os.system"
        node["inputs"] = [{"name": "command", "arg": {"as_string": f"touch {tmp_path / 'ran'}"}, "kind": 1}]

    refuses(rewrite_json(file, MODEL, plant), tmp_path / "ran", "torch.os.system")


@pytest.mark.parametrize("target", ["_operator.call", "_operator.attrgetter", "torch.load", "torch.hub.load", "torch.ops.aten.from_file.default"])
def test_functions_that_reach_further_are_no_operations(file: Path, tmp_path: Path, target: str) -> None:
    def plant(graph: Any) -> None:
        graph["graph_module"]["graph"]["nodes"][0]["target"] = target

    refuses(rewrite_json(file, MODEL, plant), tmp_path / "ran", target)


@pytest.mark.parametrize("place", ["sizes", "range"])
def test_formulas_of_an_export_are_not_evaluated_as_code(file: Path, tmp_path: Path, place: str) -> None:
    formula = f"__import__('pathlib').Path('{tmp_path / 'ran'}').touch()"

    def plant(graph: Any) -> None:
        if place == "range":
            graph["range_constraints"][formula] = {"min_val": 0, "max_val": None}
            return
        values = graph["graph_module"]["graph"]["tensor_values"].values()
        size = next(size for value in values for size in value["sizes"] if "as_expr" in size)
        size["as_expr"]["expr_str"] = formula

    refuses(rewrite_json(file, MODEL, plant), tmp_path / "ran", "formula")


def test_names_of_an_export_do_not_become_code(file: Path, tmp_path: Path) -> None:
    name = f"x=__import__('pathlib').Path('{tmp_path / 'ran'}').touch()"

    def plant(entries: dict[str, bytes]) -> None:
        entries[MODEL] = entries[MODEL].replace(b'"input"', json.dumps(name).encode())

    refuses(rewrite(file, plant), tmp_path / "ran", "the name")


def test_compiled_code_is_not_loaded(file: Path, tmp_path: Path) -> None:
    rewrite(file, lambda entries: entries.update({"data/aotinductor/model/wrapper.so": b"\x7fELF"}))

    refuses(file, tmp_path / "ran", "compiled code")


def test_an_archive_that_two_readers_read_differently_is_refused(file: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr(archive.namelist()[0].partition("/")[0] + "/MODELS/MODEL.JSON", "{}")

    refuses(file, tmp_path / "ran", "two ways")


@pytest.mark.parametrize("cut", [0.3, 0.9])
def test_a_damaged_export_is_refused(file: Path, tmp_path: Path, cut: float) -> None:
    def plant(entries: dict[str, bytes]) -> None:
        entries[MODEL] = entries[MODEL][: int(cut * len(entries[MODEL]))]

    refuses(rewrite(file, plant), tmp_path / "ran", "damaged")


@pytest.mark.parametrize("make", [nn.Linear, Canary])
def test_pickled_objects_are_refused_under_either_key(tmp_path: Path, make: Callable[..., Any]) -> None:
    path, ran = tmp_path / "network.pt", tmp_path / "ran"
    torch.save(nn.Linear(3, 2) if make is nn.Linear else {"state_dict": nn.Linear(3, 2).state_dict(), "extra": Canary(ran)}, path)

    refuses(path, ran, "weights = …")
    with pytest.raises(UntrustedFileError, match="nothing of the file was run"):
        open_network(architecture="torch.nn:Linear", arguments={"in_features": 3, "out_features": 2}, weights=path, device="cpu")
    assert not ran.exists()


@pytest.mark.parametrize("ending", ["pt2", "pt"])
def test_programs_are_not_loaded_without_trust(tmp_path: Path, ending: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / f"network.{ending}"
    export(perceptron(), torch.zeros(2, 3), path) if ending == "pt2" else script(perceptron(), path)
    monkeypatch.setattr("torch.export.load", None)
    monkeypatch.setattr("torch.jit.load", None)

    with pytest.raises(UntrustedFileError, match=f"--trust sha256:{sha256(path)}$"):
        open_program(path, trusted={"0" * 64})


def test_programs_given_as_weights_are_told_where_they_belong(tmp_path: Path, file: Path) -> None:
    for path in (script(perceptron(), tmp_path / "network.pt"), file):
        with pytest.raises(UntrustedFileError, match="belongs to file = …"):
            open_network(architecture="torch.nn:Linear", arguments={}, weights=path, device="cpu")


def bomb(path: Path, *names: str) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names[:-1]:
            archive.writestr(name, b"{}")
        with archive.open(names[-1], "w") as entry:
            for _ in range(8):
                entry.write(bytes(2**20))
    return path


def test_files_that_unpack_to_far_more_than_their_size_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("audit.models.unpacked_size.LARGEST_SIZE", 2**22)
    monkeypatch.setattr("audit.data.npz_file.LIMIT", 2**22)
    opened: list[tuple[Callable[[], Any], type[NetassayError]]] = [
        (lambda: trusted(bomb(tmp_path / "a.pt2", "m/models/model.json", "m/data/weights/weight_0")), UntrustedFileError),
        (lambda: trusted(bomb(tmp_path / "b.ts", "m/constants.pkl", "m/code/x.py")), UntrustedFileError),
        (lambda: load_state_dict(bomb(tmp_path / "c.pt", "m/data.pkl", "m/data/0")), UntrustedFileError),
        (lambda: open_images(bomb(tmp_path / "d.npz", "x.npy"), name="evaluate", config=ImageConfig(array="x"), extra=()), DataError),
    ]

    for attempt, kind in opened:
        with pytest.raises(kind, match=r"unpack|GiB|bytes"):
            attempt()


def test_images_that_hold_a_pickle_are_refused(tmp_path: Path) -> None:
    held = np.empty(1, dtype=object)
    held[0] = Canary(tmp_path / "ran")
    np.savez(tmp_path / "images.npz", x=held)

    with pytest.raises(DataError):
        open_images(tmp_path / "images.npz", name="evaluate", config=ImageConfig(array="x"), extra=())

    assert not (tmp_path / "ran").exists()

"""A network of texts answers through .pt2, TorchScript and ONNX files, and its words are explained as those of the network they were made of."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from audit.config_file import load_config
from audit.executors.local import LocalExecutor
from audit.open_model import Trust
from audit.open_subject import open_subject
from audit.results import AuditRun
from audit.rows import Rows
from audit.runner import run_audit
from audit.store import RunStore
from tests.audit.models.programs import sha256
from tests.contract.audited import TRUST
from tests.smoke import architectures, subjects

CHECKS = ["performance.classification", "explanation.agreement", "explanation.words", "explanation.lime_quality", "robustness.adversarial"]
FEW = [
    f"only={CHECKS}",
    "probes.attribution.shapley.witness=0",
    *(f"probes.attribution.{probe}.rows=6" for probe in ("shapley", "integrated_gradients", "lime")),
]
ROWS = torch.export.Dim("rows")


def network_of(folder: Path) -> tuple[torch.nn.Module, tuple[torch.Tensor, torch.Tensor]]:
    """The trained network, and ids and mask it can be called with."""
    network = architectures.text(len((folder / "vocabulary.txt").read_text().split()))
    network.load_state_dict(load_file(folder / "weights.safetensors"))
    ids = torch.tensor([[3, 4, 5, 6, 0, 0, 0, 0], [7, 8, 9, 10, 11, 12, 13, 14]])
    return network.eval(), (ids, ids != 0)


def exported(folder: Path, path: Path) -> None:
    network, given = network_of(folder)
    torch.export.save(torch.export.export(network, given, dynamic_shapes=({0: ROWS}, {0: ROWS})), path)


def scripted(folder: Path, path: Path) -> None:
    network, given = network_of(folder)
    torch.jit.trace(network, given, check_trace=False).save(str(path))


def in_onnx(folder: Path, path: Path) -> None:
    network, given = network_of(folder)
    axes = {name: {0: "rows"} for name in ("input_ids", "attention_mask")}
    torch.onnx.export(network, given, str(path), input_names=list(axes), dynamic_axes=axes, dynamo=False)


SAVED: dict[str, tuple[str, Callable[[Path, Path], None]]] = {
    "net.pt2": ("file", exported),
    "net.pt": ("file", scripted),
    "net.onnx": ("onnx", in_onnx),
}


@dataclass(frozen=True)
class Held:
    run: AuditRun
    rows: Rows


def audited(config: Path, trust: Trust) -> Held:
    file = load_config(config, FEW)
    sealed = run_audit(file, RunStore(config.parent / "runs"), executor=LocalExecutor, trust=trust)
    absent = {probe.instance: probe.reason for probe in sealed.run.probes if probe.status != "measured"}
    return Held(sealed.run, Rows(sealed.folder, open_subject(file, trust).facts, seed=sealed.run.seed, probes=absent))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Held:
    """The audit of the weights and the code they belong to."""
    return audited(subjects.write_reviews(tmp_path_factory.mktemp("reviews")), TRUST)


@pytest.fixture(scope="module", params=SAVED)
def saved(request: pytest.FixtureRequest, built: Held, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Held]:
    folder = tmp_path_factory.mktemp("saved")
    config = subjects.write_reviews(folder)
    key, save = SAVED[request.param]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # those of the exporters, which are not under test
        save(folder, folder / request.param)
    before, rest = config.read_text(encoding="utf-8").split("[model]\n")
    model, after = rest.split("\n[", 1)
    kept = [line for line in model.splitlines() if line.split(" = ")[0] in ("task", "output", "classes")]
    config.write_text("\n".join([f"{before}[model]", f'{key} = "{request.param}"', *kept, f"\n[{after}"]), encoding="utf-8")
    return request.param, audited(config, Trust(files=frozenset({sha256(folder / request.param)})))


def assert_same(one: Held, other: Held, column: str, probe: str, atol: float) -> None:
    left, right = (held.rows.within(probe) for held in (one, other))
    assert len(left.positions)
    assert np.array_equal(left.positions, right.positions)
    np.testing.assert_allclose(left.column(column), right.column(column), atol=atol)


def test_answers_are_those_of_the_network(built: Held, saved: tuple[str, Held]) -> None:
    _, held = saved

    np.testing.assert_allclose(held.rows.column("outputs.output"), built.rows.column("outputs.output"), atol=1e-5)
    assert [finding.check for finding in held.run.findings if finding.status == "error"] == []


def test_words_are_explained_as_those_of_the_network(built: Held, saved: tuple[str, Held]) -> None:
    _, held = saved

    assert_same(held, built, "attribution.shapley.values", "attribution.shapley", 1e-5)
    assert_same(held, built, "attribution.lime.values", "attribution.lime", 1e-4)


def test_gradients_are_taken_at_the_embedding_or_refused_by_name(built: Held, saved: tuple[str, Held]) -> None:
    name, held = saved
    probes = {probe.id: probe for probe in held.run.probes}

    if name == "net.pt2":
        assert_same(held, built, "attribution.integrated_gradients.values", "attribution.integrated_gradients", 1e-5)
        return
    assert probes["attribution.integrated_gradients"].status == "not_assessed"
    reason = "outputs only" if name == "net.onnx" else "one torch.nn.Embedding must be given its ids"
    assert reason in probes["attribution.integrated_gradients"].reason
    assert next(finding for finding in held.run.findings if finding.check == "explanation.agreement").status == "not_assessed"

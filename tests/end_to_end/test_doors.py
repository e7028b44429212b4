"""A model that gives outputs only is audited from end to end: explained by asking it, and told why nothing needs its gradients."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skops.io
from sklearn.linear_model import LogisticRegression

from audit.executors.local import LocalExecutor
from audit.models.places import trusted_places
from audit.open_model import Trust
from audit.results import AuditRun
from audit.runner import run_audit
from audit.store import RunStore
from tests.audit.models.doors import INPUTS, LOGIT, PROBABILITIES, logits, onnx_network, rows, serving, written
from tests.contract.audited import audit, complete, lasting_folder
from tests.end_to_end.command import netassay
from tests.smoke import subjects

GRADIENTS = {"attribution.gradient", "attribution.integrated_gradients", "attribution.smoothgrad", "robustness.pgd"}
FUNCTION = """
import numpy as np
def answer(frame):
    return 1 / (1 + np.exp(-(frame["income"] - 0.5 * frame["debt"])))
"""


COMPARED = ("fairness.selection_rates", "explanation.global_importance")
ALONE = ("probes.attribution.shapley.witness=0",)
"""Without shap, which takes long to compile itself."""


def run_of(config: Path, trust: Trust, overrides: Sequence[str] = ALONE) -> AuditRun:
    return run_audit(complete(config, overrides), RunStore(config.parent / "runs"), executor=LocalExecutor, trust=trust).run


def assert_explained_without_gradients(run: AuditRun, door: str) -> None:
    probes = {probe.instance.partition("@")[0].partition("#")[0]: probe for probe in run.probes}
    broken = [finding.check for finding in run.findings if finding.status == "error"]
    assert broken == []
    assert run.subject["model"]["door"] == door
    assert run.subject["model"]["capabilities"] == ["outputs"]
    for name in ("outputs", "attribution.shapley", "attribution.lime"):
        assert probes[name].status == "measured", probes[name]
    for name in GRADIENTS & set(probes):
        assert probes[name].status == "not_assessed", probes[name]
        assert probes[name].reason == "The model gives outputs only, no gradients."
    assert GRADIENTS & set(probes)


@cache
def by_torch() -> AuditRun:
    """Of the same network, opened from its state dict, what the outputs of a door are held against."""
    folder = lasting_folder("netassay-torch-")
    return audit(subjects.write_table_network(folder), folder / "runs", overrides=(*ALONE, f"only={list(COMPARED)}")).run


def assert_agrees_with_the_torch_network(found: AuditRun) -> None:
    for check in COMPARED:
        ours, theirs = (measured(run, check) for run in (found, by_torch()))
        without_gradients = {name: value for name, value in theirs.items() if "integrated_gradients" not in name}
        assert len(ours) > 4
        assert ours == pytest.approx(without_gradients, abs=1e-4)


def measured(run: AuditRun, check: str) -> dict[str, float]:
    found = next(finding for finding in run.findings if finding.check == check)
    return {f"{one.name} {one.slice} {one.versus} {one.at}": float(one.value) for one in found.measurements}


def test_onnx(tmp_path: Path) -> None:
    config = written(tmp_path, 'onnx = "network.onnx"\n' + LOGIT)
    (tmp_path / "network.onnx").write_bytes(onnx_network(tmp_path).SerializeToString())

    run = run_of(config, Trust(), ())

    assert_explained_without_gradients(run, "onnx")
    assert_agrees_with_the_torch_network(run)


def test_sklearn(tmp_path: Path) -> None:
    config = written(tmp_path, 'sklearn = "model.skops"\n' + PROBABILITIES)
    frame = rows(tmp_path, "train")
    skops.io.dump(LogisticRegression().fit(frame[INPUTS], frame["outcome"]), tmp_path / "model.skops")

    assert_explained_without_gradients(run_of(config, Trust()), "sklearn")


def test_a_function_of_raw_columns(tmp_path: Path) -> None:
    config = written(tmp_path, 'callable = "netassay_door_function:answer"\ntakes = "raw"\n' + PROBABILITIES)
    code = tmp_path / "code"
    code.mkdir()
    (code / "netassay_door_function.py").write_text(FUNCTION)

    run = run_of(config, Trust((code,)))

    assert_explained_without_gradients(run, "callable")
    assert list(run.subject["model"]["modules"]) == ["netassay_door_function"]


def answers(folder: Path) -> Any:
    def answer(_: Any, body: Any) -> tuple[int, bytes, dict[str, str]]:
        frame = rows(folder)[:0].reindex(range(len(body["rows"])))
        frame[INPUTS] = np.array(body["rows"])
        return 200, json.dumps({"outputs": logits(folder, frame).tolist()}).encode(), {}

    return answer


ENDPOINT = LOGIT + '[model.endpoint]\nurl = "{url}/score"\nrows_per_request = 4096\nheaders_from_env = {{ X-Key = "NETASSAY_TEST_KEY" }}\n'
SENT = [*COMPARED, "performance.classification", "explanation.completeness", "explanation.lime_quality", "robustness.adversarial"]
"""Checks whose rows go through the endpoint; that no check breaks without gradients is seen by the doors that need no journey for each row."""


def test_endpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETASSAY_TEST_KEY", "hush-hush")
    written(tmp_path, ENDPOINT.format(url="http://localhost"))

    with serving(answers(tmp_path)) as url:
        run = run_of(written(tmp_path, ENDPOINT.format(url=url)), Trust(places=trusted_places([url])), (*ALONE, f"only={SENT}"))

    assert_explained_without_gradients(run, "endpoint")
    assert_agrees_with_the_torch_network(run)
    sealed = [path for path in (tmp_path / "runs").rglob("*") if path.is_file()]
    assert sealed
    assert not [path for path in sealed if b"hush-hush" in path.read_bytes()]


@pytest.mark.slow
def test_every_worker_opens_the_door_and_the_command_line_says_where_rows_may_go(tmp_path: Path) -> None:
    key = {"NETASSAY_TEST_KEY": "hush-hush"}
    written(tmp_path, ENDPOINT.format(url="http://localhost"))
    options = (
        "run",
        "audit.toml",
        "-q",
        "--workers",
        "2",
        "--set",
        ALONE[0],
        "--only",
        "fairness.selection_rates",
        "--only",
        "explanation.global_importance",
    )

    with serving(answers(tmp_path)) as url:
        written(tmp_path, ENDPOINT.format(url=url))
        refused = netassay(*options, cwd=tmp_path, environment=key)
        said = netassay(*options, "--send-to", url, cwd=tmp_path, environment=key)

    assert refused.code == 2
    assert refused.err.strip().endswith(f"repeat with --send-to {url}")
    assert len(refused.err.splitlines()) == 1
    assert said.code == 0, said.err + said.out
    assert "hush" not in said.out + said.err


@pytest.mark.slow
def test_workers_open_onnx(tmp_path: Path) -> None:
    written(tmp_path, 'onnx = "network.onnx"\n' + LOGIT)
    (tmp_path / "network.onnx").write_bytes(onnx_network(tmp_path).SerializeToString())

    said = netassay("run", "audit.toml", "-q", "--workers", "2", "--set", ALONE[0], "--only", "explanation.global_importance", cwd=tmp_path)

    assert said.code == 0, said.err + said.out

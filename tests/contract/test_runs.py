"""The same rows whatever the executor, the batch size, the other checks; every probe keeps its word."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from audit import discovery
from audit.executors.processes import ProcessExecutor
from audit.rows import Rows
from audit.run_json import plain
from audit.runner import run_audit
from audit.store import RunStore
from tests.contract.audited import NAMES, SUBJECTS, TRUST, Audited, audit, audited, complete


def columns(done: Audited) -> dict[str, np.ndarray]:
    rows = done.rows()
    found = {}
    for name in rows.names():
        probe = next(p for p in ("subject", *(r.instance for r in done.run.probes)) if name.startswith(f"{p}."))
        found[name] = rows.within(probe).column(name)
    return found


def assert_same(left: Audited, right: Audited, tolerance: float) -> None:
    ours, theirs = columns(left), columns(right)

    assert ours.keys() == theirs.keys()
    for name, values in ours.items():
        if values.dtype.kind in "fc":
            np.testing.assert_allclose(values, theirs[name], rtol=0, atol=tolerance, err_msg=name)
        else:
            assert np.array_equal(values, theirs[name]), name


@pytest.mark.slow
def test_local_and_process_executors_give_the_same_run(tmp_path: Path) -> None:
    done = audited("table")
    file = complete(done.config)

    sealed = run_audit(file, RunStore(tmp_path), executor=lambda _: ProcessExecutor(file, TRUST, workers=2), trust=TRUST)

    assert_same(done, Audited(done.config, sealed.run, sealed.folder), 1e-6)
    left, right = ([plain(f) | {"seconds": 0} for f in run.findings] for run in (done.run, sealed.run))
    assert [f["status"] for f in left] == [f["status"] for f in right]


def test_a_check_alone_finds_what_it_finds_beside_all_others(tmp_path: Path) -> None:
    done = audited("table")
    for finding in done.run.findings:
        if not finding.measurements or finding.check.startswith("explanation"):
            continue
        alone = audit(done.config, tmp_path / finding.check, overrides=[f'only=["{finding.check}"]']).run.findings[0]
        assert json.dumps(plain(alone.measurements)) == json.dumps(plain(finding.measurements)), finding.check


def test_the_same_audit_twice_is_the_same_to_the_bit(tmp_path: Path) -> None:
    done = audited("table")

    assert_same(done, audit(done.config, tmp_path), 0.0)


def test_another_seed_draws_other_rows_and_leaves_the_outputs(tmp_path: Path) -> None:
    done = audited("table")
    other = audit(done.config, tmp_path, overrides=["seed=12345", "probes.attribution.shapley.rows=20"])

    assert np.array_equal(done.rows().column("outputs.output"), other.rows().column("outputs.output"))
    assert other.rows().within("attribution.shapley").n == pytest.approx(20, abs=2)


@pytest.mark.parametrize("probe_id", discovery.probe_ids())
def test_every_probe_says_what_its_columns_mean(probe_id: str) -> None:
    probe = discovery.probe(probe_id)

    assert probe.about
    assert probe.id == probe_id
    assert probe.scope == "subject" or probe.columns
    assert all(column.about.endswith(".") or len(column.about) > 8 for column in probe.columns.values())


def test_a_second_audit_reuses_every_block_and_a_changed_limit_recomputes_none(tmp_path: Path) -> None:
    config = SUBJECTS["table"](tmp_path)
    first = audit(config, tmp_path / "runs")
    limit = 'checks."performance.classification".limits.accuracy={min=0.1,because="b",source="s",owner="o"}'

    second = audit(config, tmp_path / "runs", overrides=[limit.replace('"performance.classification"', "performance.classification")])

    assert all(record.blocks_reused == 0 for record in first.run.probes)
    assert all(record.blocks_reused == record.blocks for record in second.run.probes)
    assert_same(first, second, 0.0)


def test_rows_can_be_read_without_the_model(tmp_path: Path) -> None:
    done = audited("predictions")

    assert isinstance(done.rows(), Rows)
    assert done.rows().n == len(done.rows().column("outputs.decision"))


# Last, since another test process is at these audits at first.
@pytest.mark.parametrize("name", NAMES)
def test_a_sample_carries_its_inclusion_probability(name: str) -> None:
    done = audited(name)
    for record in done.run.probes:
        if record.status == "measured" and record.scope == "rows":
            rows = done.rows().within(record.instance)
            assert rows.n == record.rows
            assert rows.weights.sum() == pytest.approx(done.rows().weights.sum(), rel=1e-9)


@pytest.mark.parametrize("name", ["table", pytest.param("digits", marks=pytest.mark.slow)])
def test_the_micro_batch_changes_nothing_beyond_a_millionth(name: str, tmp_path: Path) -> None:
    other = audit(audited(name).config, tmp_path, overrides=["model.micro_batch=7", 'only=["performance.classification"]'])

    left, right = audited(name).rows(), other.rows()
    assert np.array_equal(left.column("outputs.decision"), right.column("outputs.decision"))
    np.testing.assert_allclose(left.column("outputs.output"), right.column("outputs.output"), rtol=0, atol=1e-6)

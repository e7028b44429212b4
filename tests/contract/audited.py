"""Runs audits of the smoke subjects once per session, for all of its processes, so that many contract tests can look at the same sealed runs."""

from __future__ import annotations

import atexit
import fcntl
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

import pytest

from audit import discovery
from audit.config_file import ConfigFile, load_config
from audit.executors.local import LocalExecutor
from audit.open_model import Trust
from audit.open_subject import open_subject
from audit.plan import make_plan
from audit.results import AuditRun
from audit.rows import Rows
from audit.runner import run_audit
from audit.store import RunStore
from tests.smoke import subjects

ROOT = Path(__file__).parents[2]
TRUST = Trust((ROOT,))
SHARED = "NETASSAY_TEST_RUNS"
"""Environment variable that names the folder of what all test processes of one session share."""
SUBJECTS: dict[str, Callable[[Path], Path]] = {
    "table": partial(subjects.write_table_network, companions=True),
    "digits": subjects.write_digits,
    "diabetes": subjects.write_diabetes,
    "labels": subjects.write_labels_network,
    "anomaly": subjects.write_anomaly,
    "predictions": subjects.write_lending_predictions,
}


NAMES = [pytest.param(name, marks=pytest.mark.slow) if name == "digits" else name for name in sorted(SUBJECTS)]
"""For parametrize: the digits audit takes half a minute."""


FEW = {"interactions": 6, "under_test": 12, "layer_units": 6, "planted_twins": 6, "in_company": 6}
SMALLER = tuple(f"probes.attribution.perturbed_rows.{name}" for name in ("real=60", "explained=4", "folds=2"))
SAMPLED = (*(f"probes.attribution.{probe}.rows={rows}" for probe, rows in FEW.items()), *SMALLER)
"""The dearest instruments look at a few rows, so that the tests end."""
OF_IMAGES = (
    *("probes.attribution.lime.rows=20", "probes.attribution.lime.samples=1000"),
    *("probes.attribution.shapley.rows=20", "probes.attribution.integrated_gradients.rows=20", "probes.robustness.pgd.rows=40"),
)
"""The same for digits; not in the audit file, where naming an instrument makes every audit of it measure."""


@dataclass(frozen=True)
class Audited:
    """A sealed run, its audit file and its rows."""

    config: Path
    run: AuditRun
    folder: Path

    def rows(self) -> Rows:
        """A fresh view of the measured rows."""
        subject = open_subject(load_config(self.config), TRUST)
        absent = {probe.instance: probe.reason for probe in self.run.probes if probe.status != "measured"}
        return Rows(self.folder, subject.facts, seed=self.run.seed, probes=absent)


def audit(config: Path, runs: Path, *, overrides: Sequence[str] = ()) -> Audited:
    """Audit one file in this process, `complete`."""
    sealed = run_audit(complete(config, overrides), RunStore(runs), executor=LocalExecutor, trust=TRUST)
    return Audited(config, sealed.run, sealed.folder)


def complete(config: Path, overrides: Sequence[str] = ()) -> ConfigFile:
    """The audit file with the checks that run only when named as well, unless it asks for some checks alone."""
    asked = load_config(config, overrides)
    if asked.config.only:  # a probe that the file names is measured, whatever is asked
        return asked
    named = [f"checks.{check_id}.enabled=true" for check_id, check in discovery.checks().items() if not check.default]
    return load_config(config, (*SAMPLED, *overrides, *named))


def lasting_folder(prefix: str) -> Path:
    """A folder that stays until the tests end."""
    folder = Path(mkdtemp(prefix=prefix))
    atexit.register(rmtree, folder, ignore_errors=True)
    return folder


@cache
def audited(name: str) -> Audited:
    """The sealed run of one smoke subject, audited by whichever test process asks first."""
    shared = os.environ.get(SHARED)
    folder = Path(shared, name) if shared else lasting_folder(f"netassay-{name}-")
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        store = RunStore(folder / "runs")
        if not store.runs():
            audit(SUBJECTS[name](folder), store.root, overrides=OF_IMAGES if name == "digits" else ())
    return Audited(folder / "audit.toml", store.read("latest"), store.path("latest"))


@cache
def planned_ids(name: str) -> tuple[str, ...]:
    """Instances of the probes planned for one smoke subject."""
    file = load_config(audited(name).config)
    return tuple(node.instance for node in make_plan(file.config, open_subject(file, TRUST)).nodes)

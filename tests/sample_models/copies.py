"""Audits of a sample in a folder of its own: its audit files and weights, with data prepared anew."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path
from shutil import copy

from audit.config_file import load_config
from audit.executors.local import LocalExecutor
from audit.results import AuditRun
from audit.runner import run_audit
from audit.store import RunStore
from tests.contract.audited import TRUST

SAMPLES = Path(str(importlib.import_module("sample_models").__file__)).parent


def copied(name: str, folder: Path) -> Path:
    """The sample's files in `folder`, with data written by its `write_splits`; returns the folder."""
    importlib.import_module(f"sample_models.{name}.prepare").write_splits(folder / "data")
    for path in (SAMPLES / name).iterdir():
        if path.suffix in (".toml", ".safetensors"):
            copy(path, folder / path.name)
    return folder


def audited_copy(folder: Path, file: str, checks: Sequence[str] = (), *overrides: str) -> AuditRun:
    """The run of one audit file, with some checks, and the instruments they ask for, only where `checks` names them."""
    only = [f"only={list(checks)}", "probes={}"] if checks else []
    config = load_config(folder / file, (*only, *overrides))
    return run_audit(config, RunStore(folder / "runs"), executor=LocalExecutor, trust=TRUST).run


def statuses(run: AuditRun) -> dict[str, str]:
    """Status by check."""
    return {finding.check: finding.status for finding in run.findings}

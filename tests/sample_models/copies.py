"""Audits of a sample in a folder of its own, with data prepared anew, in a setting small enough for a test."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from shutil import copy

from audit.results import AuditRun, Finding
from tests.contract.audited import ROOT, audit, lasting_folder

SAMPLES = ROOT / "sample_models"
FEW = ("shapley", "integrated_gradients", "lime", "gradient", "smoothgrad", "grad_cam")
"""Instruments that take long for each row."""


def copied(name: str) -> Path:
    """A folder with the sample's audit files and weights, and data written by its `write_splits`; it stays until the tests end."""
    folder = lasting_folder(f"netassay-{name}-")
    for path in (SAMPLES / name).iterdir():
        if path.is_file() and path.suffix != ".py":
            copy(path, folder / path.name)
    import_module(f"sample_models.{name}.prepare").write_splits(folder / "data")
    return folder


def reduced(audit_file: Path, checks: Sequence[str] = (), *, rows: int = 5) -> AuditRun:
    """The run of these checks, or all, with expensive probes on a few rows; runs lie beside the audit file."""
    only = [f"only={list(checks)}"] if checks else []
    few = [f"probes.attribution.{name}.rows={rows}" for name in FEW] + [f"probes.robustness.pgd.rows={rows}"]
    return audit(audit_file, audit_file.parent / f"runs-{audit_file.stem}", overrides=[*only, *few]).run


def finding(run: AuditRun, check: str) -> Finding:
    """The finding of one check."""
    return next(found for found in run.findings if found.check == check)


def outside(run: AuditRun) -> list[str]:
    """Checks with a limit that is outside, or that broke."""
    return [found.check for found in run.findings if found.status in {"outside", "error"}]


def statuses(run: AuditRun) -> dict[str, str]:
    """Status by check."""
    return {finding.check: finding.status for finding in run.findings}

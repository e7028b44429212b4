"""Audits a sample in a folder of its own, in a setting small enough for a test."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from shutil import copy

from audit.results import AuditRun, Finding
from tests.contract.audited import audit

SAMPLES = Path(__file__).parents[2] / "sample_models"


def copied(name: str, folder: Path, write: Callable[[Path], None]) -> Path:
    """The files of the sample without its data, which `write` makes; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in (SAMPLES / name).iterdir():
        if path.is_file() and path.suffix != ".py":
            copy(path, folder / path.name)
    write(folder / "data")
    return folder


def reduced(audit_file: Path, checks: Sequence[str], *, rows: int = 5) -> AuditRun:
    """The run of these checks, with expensive probes on a few rows; runs lie beside the audit file."""
    probes = ("shapley", "integrated_gradients", "lime", "gradient", "smoothgrad", "grad_cam")
    few = [f"probes.attribution.{name}.rows={rows}" for name in probes] + [f"probes.robustness.pgd.rows={rows}"]
    return audit(audit_file, audit_file.parent / f"runs-{audit_file.stem}", overrides=[f"only={list(checks)}", *few]).run


def finding(run: AuditRun, check: str) -> Finding:
    """The finding of one check."""
    return next(found for found in run.findings if found.check == check)


def outside(run: AuditRun) -> list[str]:
    """Checks with a limit that is outside."""
    return [found.check for found in run.findings if found.status == "outside"]

"""A network that hides its gradients is flagged by a whole audit; the same network without the disguise is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from audit.results import Finding
from tests.audit.probes.robustness.attacked import mixed
from tests.contract.audited import audit


def adversarial(folder: Path, factory: str) -> Finding:
    folder.mkdir()
    run = audit(mixed(folder, factory), folder / "runs", overrides=("only=['robustness.adversarial']", "probes.robustness.pgd.radius=0.6")).run
    return next(finding for finding in run.findings if finding.check == "robustness.adversarial")


@pytest.mark.parametrize("factory", ["louder", "rounded"])
def test_a_broken_defence_is_flagged(tmp_path: Path, factory: str) -> None:
    finding = adversarial(tmp_path / factory, factory)

    assert finding.status == "attention"
    assert any("gradient" in blocker for blocker in finding.blockers)


def test_an_honest_network_is_not_flagged(tmp_path: Path) -> None:
    finding = adversarial(tmp_path / "honest", "honest")

    assert finding.blockers == ()
    assert finding.status == "informative"

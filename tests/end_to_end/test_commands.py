"""The commands as a user types them: what they print, where, and how they end."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.end_to_end.command import CONFIG, ROOT, Said, netassay, write

LIMIT = """
[checks.performance.classification]
limits.roc_auc = {{ min = {limit}, because = "b", source = "s", owner = "o" }}
"""


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Said]:
    folder = tmp_path_factory.mktemp("audited")
    write(folder)
    return folder, netassay("run", "audit.toml", "--json", cwd=folder)


def test_json_is_the_only_thing_on_standard_output(audited: tuple[Path, Said]) -> None:
    folder, said = audited
    told = json.loads(said.out)

    assert set(told) == {"schema", "run", "report", "statuses", "exit"}
    assert told["exit"] == said.code == 0
    assert (folder / told["report"]).is_file()
    assert sum(told["statuses"].values()) == len(json.loads((folder / told["run"] / "run.json").read_text())["findings"])


def test_progress_goes_to_standard_error_and_quiet_silences_it(audited: tuple[Path, Said], tmp_path: Path) -> None:
    write(tmp_path)

    assert "outputs" in audited[1].err
    assert netassay("run", "audit.toml", "-q", cwd=tmp_path).err == ""


@pytest.mark.parametrize(("limit", "code"), [("0.6", 0), ("0.99", 1)])
def test_a_declared_limit_sets_the_exit_code(limit: str, code: int, tmp_path: Path) -> None:
    write(tmp_path, config=CONFIG + LIMIT.format(limit=limit))

    assert netassay("run", "audit.toml", "-q", cwd=tmp_path).code == code
    assert netassay("run", "audit.toml", "-q", "--fail-on", "never", cwd=tmp_path).code == 0


def test_an_unresolved_limit_fails_unless_allowed(audited: tuple[Path, Said], tmp_path: Path) -> None:
    findings = json.loads((audited[0] / json.loads(audited[1].out)["run"] / "run.json").read_text())["findings"]
    auc = next(m for f in findings for m in f["measurements"] if m["name"] == "roc_auc")
    write(tmp_path, config=CONFIG + LIMIT.format(limit=round(auc["value"], 3)))

    assert netassay("run", "audit.toml", "-q", cwd=tmp_path).code == 1
    assert netassay("run", "audit.toml", "-q", "--allow-unresolved", cwd=tmp_path).code == 0


def test_the_run_is_listed_verified_and_reported_again(audited: tuple[Path, Said]) -> None:
    folder, said = audited
    run = Path(json.loads(said.out)["run"]).name

    assert run in netassay("runs", "list", cwd=folder).out
    assert "intact" in netassay("verify", run, cwd=folder).out
    again = netassay("report", "latest", cwd=folder)
    assert (folder / again.out.strip()).is_file()


def test_verify_names_a_tampered_file(audited: tuple[Path, Said], tmp_path: Path) -> None:
    write(tmp_path)
    run = Path(json.loads(netassay("run", "audit.toml", "--json", cwd=tmp_path).out)["run"]).name
    file = next((tmp_path / "runs" / run / "rows" / "outputs").glob("part-*.parquet"))
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.chmod(0o600)
    file.write_bytes(bytes(data))

    said = netassay("verify", run, cwd=tmp_path)

    assert said.code == 2
    assert "rows/outputs/part-00000.parquet" in said.err
    assert netassay("report", run, cwd=tmp_path).code == 2


def test_checks_and_probes_explain_themselves(tmp_path: Path) -> None:
    assert "fairness.selection_rates" in netassay("checks", "list", cwd=tmp_path).out
    assert all(line.startswith("performance.") for line in netassay("checks", "list", "--family", "performance", cwd=tmp_path).out.splitlines())
    shown = netassay("checks", "show", "fairness.selection_rates", cwd=tmp_path).out
    assert "impact_ratio" in shown
    assert "What it cannot show" in shown
    assert "outputs" in netassay("probes", "list", cwd=tmp_path).out
    assert "decision" in netassay("probes", "show", "outputs", cwd=tmp_path).out


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [(("checks", "show", "fairness.selection_rate"), "'fairness.selection_rates'"), (("probes", "show", "output"), "'outputs'")],
)
def test_a_misspelt_id_names_the_nearest(arguments: tuple[str, ...], hint: str, tmp_path: Path) -> None:
    said = netassay(*arguments, cwd=tmp_path)

    assert said.code == 2
    assert hint in said.err


def test_help_needs_no_heavy_library() -> None:
    code = (
        "import sys; from audit.cli import app; assert not {'torch', 'numpy', 'pandas', 'scipy', 'pyarrow'} & set(sys.modules), sorted(sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_predictions_load_no_torch(tmp_path: Path) -> None:
    write(tmp_path)
    code = (
        "import sys; sys.argv = ['netassay', 'run', 'audit.toml', '-q']\n"
        "from audit.cli import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        "assert 'torch' not in sys.modules"
    )

    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr


def test_the_version_is_that_of_the_installed_package(tmp_path: Path) -> None:
    said = netassay("--version", cwd=tmp_path)

    assert (said.code, said.out, said.err) == (0, f"netassay {version('netassay')}\n", "")

"""Series are recognised by what changes within them; what is told of them opens and can be audited after the edits that are marked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from audit.config_file import load_config
from audit.errors import ConfigError, DataError
from audit.open_data import open_data
from audit.proposal.given_series import find_series, is_series_file
from tests.contract.audited import ROOT, audit
from tests.end_to_end.command import netassay
from tests.smoke.structured_subjects import write_series

FACTORY = "from tests.smoke.architectures import series\n\n\ndef build():\n    return series(2)\n"
NAMED = {"npz": ["--series", "series"], "csv": ["--series", "stay"], "ts": []}


@pytest.mark.parametrize("kind", ["npz", "csv", "ts"])
def test_a_proposal_of_series_opens_as_it_stands(tmp_path: Path, kind: str) -> None:
    write_series(tmp_path, kind=kind)
    label = "class" if kind == "ts" else "ill"

    said = netassay(
        "init",
        "weights.safetensors",
        f"test.{kind}",
        "--reference",
        f"train.{kind}",
        "--label",
        label,
        "--out",
        "new.toml",
        *NAMED[kind],
        cwd=tmp_path,
    )

    assert said.code == 0, said.err
    text = (tmp_path / "new.toml").read_text(encoding="utf-8")
    opened = open_data(load_config(tmp_path / "new.toml"))
    expected = open_data(load_config(tmp_path / "audit.toml"))
    own, other = (found.datasets["evaluate"].take(np.arange(5)).values for found in (opened, expected))
    for mine, theirs in zip([column.name for column in opened.schema.columns], ("pulse", "heat"), strict=True):
        np.testing.assert_array_equal(own[mine], other[theirs])
    assert 'gives = "ntc"' in text
    assert "some series end earlier" in text


def test_with_the_marked_edits_it_is_the_audit_of_the_network(tmp_path: Path) -> None:
    write_series(tmp_path, kind="csv")
    (tmp_path / "ward.py").write_text(FACTORY, encoding="utf-8")
    said = netassay(
        *("init", "weights.safetensors", "test.csv", "--reference", "train.csv", "--label", "ill", "--series", "stay", "--out", "new.toml"),
        *("--architecture", "ward:build", "--code", ".", "--code", str(ROOT)),
        cwd=tmp_path,
    )
    assert said.code == 0, said.err
    path = tmp_path / "new.toml"
    edited = path.read_text(encoding="utf-8").replace('gives = "ntc"', 'gives = "ntc"\nmask = true\nencode = "standard"')
    path.write_text(
        edited.replace("ward:build", "tests.smoke.architectures:series").replace("[model]", "[model]\narguments = { channels = 2 }"), encoding="utf-8"
    )

    only = ["only=['performance.classification']"]
    mine, theirs = (audit(tmp_path / name, tmp_path / "runs", overrides=only).rows().column("outputs.output") for name in ("new.toml", "audit.toml"))

    np.testing.assert_allclose(mine, theirs, atol=1e-5)


def test_what_changes_within_a_series_is_a_channel_or_its_order(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"who": ["b", "b", "a", "a", "a"], "site": list("xxyyy"), "when": [1, 2, 5, 7, 9], "v": [0.1, 0.5, 0.2, 0.2, 0.9], "note": list("qrstu")}
    )
    frame.to_csv(tmp_path / "s.csv", index=False)

    found = find_series(tmp_path / "s.csv", "who", scratch=tmp_path, recurrent=False)

    assert 'step = "when"' in found.lines
    assert 'channels = ["v"]' in found.lines
    assert 'gives = "nct"' in found.lines
    assert pd.read_csv(found.columns).to_dict("list") == {"who": ["b", "a"], "site": ["x", "y"]}
    assert found.told == "series of 1 channel, up to 3 steps"


def test_what_holds_no_series_is_named(tmp_path: Path) -> None:
    pd.DataFrame({"who": [1, 1], "v": [2, 2]}).to_csv(tmp_path / "s.csv", index=False)
    np.savez(tmp_path / "s.npz", a=np.array(["x"]), b=np.zeros((3, 4)))

    with pytest.raises(ConfigError, match="no column orders the steps"):
        find_series(tmp_path / "s.csv", "who", scratch=tmp_path, recurrent=False)
    with pytest.raises(ConfigError, match="there is no such column"):
        find_series(tmp_path / "s.csv", "whom", scratch=tmp_path, recurrent=False)
    with pytest.raises(ConfigError, match="there is no such array"):
        find_series(tmp_path / "s.npz", "c", scratch=tmp_path, recurrent=False)
    with pytest.raises(DataError, match="expected numbers"):
        find_series(tmp_path / "s.npz", "a", scratch=tmp_path, recurrent=False)
    with pytest.raises(DataError, match="nothing but series"):
        find_series(tmp_path / "s.npz", "b", scratch=tmp_path, recurrent=False)


def test_a_script_with_the_same_ending_is_no_series(tmp_path: Path) -> None:
    (tmp_path / "network.ts").write_bytes(b"PK\x03\x04 no series here")
    (tmp_path / "s.ts").write_text("@data\n1,2\n")

    assert not is_series_file(tmp_path / "network.ts")
    assert is_series_file(tmp_path / "s.ts")

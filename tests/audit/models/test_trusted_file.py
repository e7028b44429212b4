"""Trust is in bytes: a file is given out only when its own sha256 was named, and just as it was hashed."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from audit.errors import ConfigError, ModelError, UntrustedFileError
from audit.models.trusted_file import read_trusted, trusted_digests

DIGEST = hashlib.sha256(b"network").hexdigest()


@pytest.mark.parametrize("given", [f"sha256:{DIGEST}", f"SHA256:{DIGEST.upper()}", f" sha256:{DIGEST}\n"])
def test_digests_are_read_in_either_case(given: str) -> None:
    assert trusted_digests([given]) == {DIGEST}


@pytest.mark.parametrize("given", ["", DIGEST, f"md5:{DIGEST}", "sha256:", f"sha256:{DIGEST[:-1]}", f"sha256:{DIGEST}0", f"sha256:{'g' * 64}"])
def test_anything_else_is_a_usage_error(given: str) -> None:
    with pytest.raises(ConfigError, match=r"--trust .*64 hexadecimal digits"):
        trusted_digests([given])


def test_a_trusted_file_is_given_out(tmp_path: Path) -> None:
    (tmp_path / "n.pt2").write_bytes(b"network")

    held = read_trusted(tmp_path / "n.pt2", {DIGEST, "0" * 64}, kind="network")

    assert (held.content, held.sha256) == (b"network", DIGEST)


def test_a_file_changed_after_it_was_trusted_is_refused_with_its_own_digest(tmp_path: Path) -> None:
    (tmp_path / "n.pt2").write_bytes(b"another")

    with pytest.raises(UntrustedFileError, match=hashlib.sha256(b"another").hexdigest()) as caught:
        read_trusted(tmp_path / "n.pt2", {DIGEST}, kind="network")

    assert len(str(caught.value).splitlines()) == 1


def test_a_file_that_changes_between_hashing_and_reading_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "n.pt2"
    path.write_bytes(b"network")
    digest = hashlib.file_digest

    def hashed_then_changed(file: Any, name: str) -> Any:
        found = digest(file, name)
        path.write_bytes(b"another")
        return found

    monkeypatch.setattr(hashlib, "file_digest", hashed_then_changed)

    with pytest.raises(UntrustedFileError, match="changed while it was read"):
        read_trusted(path, {DIGEST}, kind="network")


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError):
        read_trusted(tmp_path, set(), kind="network")
    with pytest.raises(ModelError):
        read_trusted(Path("/dev/null"), set(), kind="network")

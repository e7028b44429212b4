"""A device that is not there is refused, naming those that are."""

from __future__ import annotations

import pytest
import torch

from audit.errors import ModelError
from audit.models.device import available, is_out_of_memory, resolve


@pytest.fixture
def cpu_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


def test_auto_takes_the_cpu_where_there_is_nothing_else(cpu_only: None) -> None:
    assert resolve("auto", dtype="float32") == torch.device("cpu")


def test_auto_takes_the_first_cuda_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)

    assert resolve("auto", dtype="float32") == resolve("cuda", dtype="float64") == torch.device("cuda:0")
    assert resolve("cuda:1", dtype="float32") == torch.device("cuda:1")
    assert available()[:3] == ("cpu", "cuda:0", "cuda:1")


@pytest.mark.parametrize("asked", ["cuda", "cuda:7", "mps", "tpu"])
def test_an_absent_device_is_refused_naming_what_there_is(cpu_only: None, asked: str) -> None:
    with pytest.raises(ModelError, match="there is cpu"):
        resolve(asked, dtype="float32")


def test_mps_is_never_given_float64(monkeypatch: pytest.MonkeyPatch, cpu_only: None) -> None:
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)

    assert resolve("auto", dtype="float64") == torch.device("cpu")
    assert resolve("auto", dtype="float32") == torch.device("mps")
    with pytest.raises(ModelError, match="float64"):
        resolve("mps", dtype="float64")


def test_other_runtime_errors_are_not_taken_for_a_lack_of_memory() -> None:
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA"))
    assert is_out_of_memory(RuntimeError("MPS backend Out of Memory"))
    assert not is_out_of_memory(RuntimeError("shape mismatch"))

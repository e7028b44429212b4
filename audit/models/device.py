"""Which device a network runs on: resolves what the user asked for and refuses what is not there."""

from __future__ import annotations

import torch

from audit.errors import ModelError


def resolve(asked: str, *, dtype: str) -> torch.device:
    """The device for ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.

    ``auto`` takes the first CUDA device, else MPS for float32 (which has no float64), else the CPU. Raises ModelError when the device that
    was asked for is absent, naming what there is.
    """
    present = available()
    if asked == "auto":
        return torch.device(next(name for name in ("cuda:0", "mps", "cpu") if name in present and (name != "mps" or dtype == "float32")))
    wanted = "cuda:0" if asked == "cuda" else asked
    if wanted not in present:
        raise ModelError(f"device {asked!r} is not on this machine; there is {', '.join(present)}")
    if wanted == "mps" and dtype == "float64":
        raise ModelError("device 'mps' has no float64; choose dtype 'float32' or device 'cpu'")
    return torch.device(wanted)


def available() -> tuple[str, ...]:
    """Names of the devices of this machine, the CPU first."""
    cuda = [f"cuda:{number}" for number in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    return ("cpu", *cuda, *(["mps"] if torch.backends.mps.is_available() else []))


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether a device ran out of memory; some backends say so in words only."""
    return isinstance(error, torch.OutOfMemoryError) or "out of memory" in str(error).lower()


def release_memory(device: torch.device) -> None:
    """Give back what the device's allocator holds without using it, so that a smaller batch finds room."""
    if device.type == "cuda":
        torch.cuda.empty_cache()

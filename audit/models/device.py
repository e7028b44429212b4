"""Which device a network runs on: ``auto`` takes the best there is, anything else must exist."""

from __future__ import annotations

import torch

from audit.errors import ModelError


def resolve_device(wanted: str) -> torch.device:
    """The device for ``auto``, ``cpu``, ``mps``, ``cuda`` or ``cuda:N``; raises ModelError naming what there is."""
    present = devices()
    if wanted == "auto":
        return torch.device(next((name for name in ("cuda:0", "mps") if name in present), "cpu"))
    name = "cuda:0" if wanted == "cuda" else wanted
    if name not in present:
        raise ModelError(f"model.device is {wanted!r}, which this machine does not have; it has {', '.join(present)}")
    return torch.device(name)


def devices() -> tuple[str, ...]:
    """Names of the devices of this machine."""
    cuda = tuple(f"cuda:{i}" for i in range(torch.cuda.device_count())) if torch.cuda.is_available() else ()
    return ("cpu", *cuda, *(("mps",) if torch.backends.mps.is_available() else ()))

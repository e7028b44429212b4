"""The digest of a network: one sha256 of weights, architecture and the source files it is made from."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

ADDRESS = re.compile(r" at 0x[0-9a-f]+")
SOURCES = ("architecture", "arguments", "modules")
"""Keys of a description that say which code built the network."""


def network_digest(module: nn.Module, description: Mapping[str, Any]) -> str:
    """sha256 over names, types, shapes and bytes of the sorted state, the printed architecture, and the sources described; hexadecimal."""
    digest = hashlib.sha256()
    for name, value in sorted(module.state_dict().items()):
        digest.update(name.encode() + b"\0")
        _add(digest, value)
    printed = f"{type(module).__module__}.{type(module).__qualname__}\0{ADDRESS.sub('', repr(module))}"
    digest.update(printed.encode() + b"\0")
    digest.update(json.dumps({key: description.get(key) for key in SOURCES}, sort_keys=True, default=str).encode())
    return digest.hexdigest()


def _add(digest: Any, value: Any) -> None:
    if not isinstance(value, torch.Tensor):
        digest.update(ADDRESS.sub("", repr(value)).encode() + b"\0")
        return
    digest.update(f"{value.dtype}\0{tuple(value.shape)}\0".encode())
    digest.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())

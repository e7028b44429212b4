"""Networks saved with their code, and archives changed by hand."""

from __future__ import annotations

import hashlib
import json
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from audit.models.program import open_program
from audit.models.torch_model import TorchModel

ANY_ROWS = ({0: torch.export.Dim("rows")},)


class Pictures(nn.Module):
    """(n, 1, 8, 8) → (n, 3): convolution, normalisation, one activation called twice and once as a function, pooling, dropout."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(2)
        self.convolution = nn.Conv2d(1, 4, 3, padding=1, stride=2)
        self.norm = nn.BatchNorm2d(4)
        self.activation = nn.ReLU()
        self.drop = nn.Dropout(0.5)
        self.head = nn.Linear(4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.activation(self.norm(self.convolution(x)))
        x = self.activation(torch.relu(x - 0.1) - 0.05)
        return self.head(self.drop(x.mean((2, 3))))


class Canary:
    """Touches a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


def export(network: nn.Module, inputs: torch.Tensor, path: Path, shapes: Any = ANY_ROWS) -> Path:
    """Save with torch.export, in evaluation mode."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # those of the exporter, which is not under test
        torch.export.save(torch.export.export(network.eval(), (inputs,), dynamic_shapes=shapes), path)
    return path


def script(network: nn.Module, path: Path, inputs: torch.Tensor | None = None, *, freeze: bool = False) -> Path:
    """Save as TorchScript: traced on `inputs`, or else compiled."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TorchScript is deprecated
        made = torch.jit.script(network) if inputs is None else torch.jit.trace(network, inputs, check_trace=False)
        torch.jit.save(torch.jit.freeze(made) if freeze else made, str(path))
    return path


def sha256(path: Path) -> str:
    """Of a file's bytes, hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def trusted(path: Path, **settings: Any) -> TorchModel:
    """Opened on the CPU, with trust in just this file."""
    return open_program(path, **({"trusted": {sha256(path)}, "device": "cpu"} | settings))


def rewrite(path: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    """Change the entries of an archive, by their name below the top folder."""
    with zipfile.ZipFile(path) as archive:
        root = archive.namelist()[0].partition("/")[0]
        entries = {name.removeprefix(f"{root}/"): archive.read(name) for name in archive.namelist()}
    change(entries)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in entries.items():
            archive.writestr(f"{root}/{name}", content)
    return path


def rewrite_json(path: Path, name: str, change: Callable[[Any], None]) -> Path:
    """Change one JSON entry of an archive."""

    def changed(entries: dict[str, bytes]) -> None:
        held = json.loads(entries[name])
        change(held)
        entries[name] = json.dumps(held).encode()

    return rewrite(path, changed)

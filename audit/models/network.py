"""Opens a network: an architecture from a factory, weights through the door of their file format, on a device."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from audit.data.leaf import PLAIN, Arguments
from audit.errors import ModelError, nearest
from audit.models.factory import build
from audit.models.file_kind import refuse_program
from audit.models.safetensors_door import INDEX, load_safetensors, load_sharded, shards
from audit.models.state_dict_door import forbid_pickles, load_state_dict
from audit.models.torch_model import TorchModel
from audit.models.weights import fit_weights

Door = Callable[[Path], dict[str, torch.Tensor]]
DOORS: Mapping[str, Door] = {".safetensors": load_safetensors, ".pt": load_state_dict, ".pth": load_state_dict, INDEX: load_sharded}
"""How weights are read, by the end of the file's name."""


def open_network(
    *,
    architecture: str,
    arguments: Mapping[str, Any],
    weights: Path,
    device: str = "auto",
    dtype: str = "float32",
    micro_batch: int = 4096,
    code: Sequence[Path] = (),
    arguments_of: Arguments = PLAIN,
) -> TorchModel:
    """The network that ``package.module:factory`` builds with `arguments`, with the weights of a file.

    `code`: folders, beside what is installed, from which the factory may be imported. Raises ModelError, UntrustedFileError or WeightsError
    in one message; nothing of the weights file is ever run. `arguments_of` turns a leaf into what the network is called with.
    """
    door = weights_door(weights)
    if door is None:
        if weights.is_file():
            refuse_program(weights)
        raise ModelError(f"{weights} has ending {weights.suffix!r}: {nearest(weights.suffix, DOORS)}")
    if not weights.is_file():
        raise ModelError(f"weights file {weights} does not exist")
    forbid_pickles()
    state = door(weights)
    built = build(architecture, arguments, code=code)
    fit_weights(built.module, state, source=weights)
    description = {
        "door": "state_dict" if door is load_state_dict else "safetensors",
        "architecture": architecture,
        "arguments": dict(arguments),
        "modules": dict(built.sources),
        "weights": {"file": weights.name, "sha256": _sha256(weights)} | _parts(weights, door),
    }
    return TorchModel(built.module, device=device, dtype=dtype, micro_batch=micro_batch, description=description, arguments=arguments_of)


def weights_door(weights: Path) -> Door | None:
    """How a weights file is read; None for a name with another ending."""
    return next((door for ending, door in DOORS.items() if weights.name.lower().endswith(ending)), None)


def _parts(weights: Path, door: Door) -> dict[str, Any]:
    return {"shards": {shard.name: _sha256(shard) for shard in shards(weights)}} if door is load_sharded else {}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

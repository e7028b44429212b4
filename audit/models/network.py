"""Opens a network: an architecture from a factory, weights through the door of their file format, on a device."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from audit.errors import ModelError, nearest
from audit.models.factory import build
from audit.models.safetensors_door import load_safetensors
from audit.models.state_dict_door import forbid_pickles, load_state_dict
from audit.models.torch_model import TorchModel
from audit.models.weights import fit_weights

Door = Callable[[Path], dict[str, torch.Tensor]]
DOORS: Mapping[str, Door] = {".safetensors": load_safetensors, ".pt": load_state_dict, ".pth": load_state_dict}


def open_network(
    *,
    architecture: str,
    arguments: Mapping[str, Any],
    weights: Path,
    device: str = "auto",
    dtype: str = "float32",
    micro_batch: int = 4096,
    code: Sequence[Path] = (),
) -> TorchModel:
    """The network that ``package.module:factory`` builds with `arguments`, with the weights of a file.

    `code`: folders, beside what is installed, from which the factory may be imported. Raises ModelError, UntrustedFileError or WeightsError
    in one message; nothing of the weights file is ever run.
    """
    door = DOORS.get(weights.suffix.lower())
    if door is None:
        raise ModelError(f"{weights} has ending {weights.suffix!r}: {nearest(weights.suffix, DOORS)}")
    if not weights.is_file():
        raise ModelError(f"weights file {weights} does not exist")
    forbid_pickles()
    state = door(weights)
    built = build(architecture, arguments, code=code)
    fit_weights(built.module, state, source=weights)
    description = {
        "door": "safetensors" if door is load_safetensors else "state_dict",
        "architecture": architecture,
        "arguments": dict(arguments),
        "modules": dict(built.sources),
        "weights": {"file": weights.name, "sha256": _sha256(weights)},
    }
    return TorchModel(built.module, device=device, dtype=dtype, micro_batch=micro_batch, description=description)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

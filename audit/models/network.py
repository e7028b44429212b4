"""Opens a network: an architecture factory with a weights file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from audit.models.factory import build
from audit.models.state_dict_door import file_digest, fit_weights, load_weights
from audit.models.torch_model import TorchModel


def open_network(
    *,
    architecture: str,
    arguments: Mapping[str, Any],
    weights: Path,
    device: str,
    dtype: str,
    micro_batch: int,
    code: Sequence[Path] = (),
) -> TorchModel:
    """The network that `architecture` builds, with the weights of the file; raises ModelError and its kinds."""
    tensors = load_weights(weights)
    built = build(architecture, arguments, code)
    fit_weights(built.module, tensors, weights)
    description = {
        "door": "factory with safetensors" if weights.suffix == ".safetensors" else "factory with state dict",
        "architecture": architecture,
        "arguments": {str(key): value if isinstance(value, (str, int, float, bool, list)) else str(value) for key, value in arguments.items()},
        "weights": weights.name,
        "weights_sha256": file_digest(weights),
        "code": dict(built.sources),
    }
    identity = f"{architecture}\0{sorted(arguments.items())}\0{sorted(built.sources.items())}"
    return TorchModel(built.module, device=device, dtype=dtype, micro_batch=micro_batch, description=description, identity=identity)

"""Weights from a PyTorch state dict (.pt, .pth): only tensors are read, and no code of the file is ever run."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from audit.errors import ModelError, UntrustedFileError
from audit.models.file_kind import refuse_program
from audit.models.unpacked_size import refuse_bomb

NESTS = ("state_dict", "model_state_dict", "model", "net", "network", "params")
"""Keys under which training scripts keep the weights beside an optimiser or an epoch."""
REFUSED = "only weights are loaded, and nothing of the file was run; save module.state_dict(), best as .safetensors"


def forbid_pickles() -> None:
    """Make every later `torch.load` of this process refuse anything but weights, whoever calls it."""
    os.environ.pop("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", None)
    os.environ["TORCH_FORCE_WEIGHTS_ONLY_LOAD"] = "1"


def load_state_dict(path: Path) -> dict[str, torch.Tensor]:
    """Tensors by name, on the CPU, found at the top, under one of `NESTS`, or in a list of one.

    Raises UntrustedFileError when the file is more than weights (a pickled module, a script, any other object) or unpacks to far
    more than its size; ModelError when it is damaged or holds no state dict.
    """
    forbid_pickles()
    refuse_bomb(path)
    refuse_program(path)
    return _tensors(_load(path), path)


def _load(path: Path) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error}") from error
    except Exception as error:  # a hostile file may make the reader raise anything
        if type(error).__name__ == "UnpicklingError" or "weights_only" in str(error):
            raise UntrustedFileError(f"{path} is more than weights: {REFUSED}") from error
        raise ModelError(f"{path} cannot be read as a state dict, it may be damaged: {type(error).__name__}") from error


def _tensors(content: Any, path: Path) -> dict[str, torch.Tensor]:
    if isinstance(content, (list, tuple)) and len(content) == 1:
        return _tensors(content[0], path)
    if not isinstance(content, Mapping):
        raise ModelError(f"{path} holds a {type(content).__name__}; expected a state dict: names with tensors")
    if content and all(isinstance(value, torch.Tensor) for value in content.values()):
        return {str(name): value for name, value in content.items()}
    nest = next((key for key in NESTS if isinstance(content.get(key), (Mapping, list, tuple))), None)
    if nest is None:
        shown = ", ".join(repr(key) for key in list(content)[:5]) or "no keys"
        raise ModelError(f"{path} holds no state dict: found {shown}; expected tensors by name, at the top or under {', '.join(NESTS)}")
    return _tensors(content[nest], path)

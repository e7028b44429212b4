"""Weights from a .safetensors file, a format that holds tensors and nothing that could run."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from audit.errors import ModelError


def load_safetensors(path: Path) -> dict[str, torch.Tensor]:
    """Tensors by name, on the CPU; raises ModelError when the file is damaged or of another format."""
    try:
        return load_file(path, device="cpu")
    except (SafetensorError, OSError, ValueError, KeyError) as error:
        raise ModelError(f"{path} cannot be read as safetensors: {error}") from error

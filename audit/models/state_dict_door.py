"""Doors for weights: safetensors, and torch state dicts that load without running code. Pickled modules are refused."""

from __future__ import annotations

import hashlib
import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from audit.errors import ModelError, UntrustedFileError, WeightsError

NESTED = ("state_dict", "model_state_dict", "model", "net")
PREFIXES = ("module.", "_orig_mod.")
LARGEST_RATIO, LARGEST_BYTES = 100, 2**30
"""A zip that claims to unpack to more than both is refused."""


def load_weights(path: Path) -> dict[str, Tensor]:
    """Tensors by name from a .safetensors, .pt, .pth or .bin file, on the CPU.

    Nested (``state_dict``, ``model``), list-wrapped and ``module.``-prefixed checkpoints are unwrapped. Raises ModelError for a file that
    cannot be read, UntrustedFileError for one that holds anything but weights.
    """
    if not path.is_file():
        raise ModelError(f"{path}: there is no such weights file")
    if path.suffix == ".safetensors":
        try:
            return dict(load_file(path, device="cpu"))
        except (SafetensorError, OSError) as error:
            raise ModelError(f"{path}: not a readable safetensors file: {error}") from error
    return _unprefixed(_unwrapped(_load_torch(path), path))


def fit_weights(module: nn.Module, weights: Mapping[str, Tensor], path: Path) -> None:
    """Load `weights` into `module`; raises WeightsError naming missing, unexpected and mis-shaped tensors."""
    wanted = module.state_dict()
    problems = [
        *_listed("missing", [name for name in wanted if name not in weights]),
        *_listed("unexpected", [name for name in weights if name not in wanted]),
        *_listed("of another shape", [_shapes(n, wanted[n], weights[n]) for n in wanted if n in weights and wanted[n].shape != weights[n].shape]),
    ]
    if problems:
        raise WeightsError(f"{path}: the weights do not fit the architecture: {'; '.join(problems)}")
    module.load_state_dict(dict(weights))


def file_digest(path: Path) -> str:
    """sha256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _load_torch(path: Path) -> Any:
    _refuse_bomb(path)
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise UntrustedFileError(
            f"{path}: holds more than weights (a pickled module or other objects), and unpickling it could run code; "
            "save model.state_dict(), or better a .safetensors file"
        ) from error
    except Exception as error:
        raise ModelError(f"{path}: cannot be read as weights: {type(error).__name__}: {str(error).splitlines()[0][:200]}") from error


def _refuse_bomb(path: Path) -> None:
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        claimed = sum(item.file_size for item in archive.infolist())
    if claimed > LARGEST_BYTES and claimed > LARGEST_RATIO * path.stat().st_size:
        raise UntrustedFileError(f"{path}: claims to unpack to {claimed:,} bytes, {claimed // path.stat().st_size} times its size; refused")


def _unwrapped(loaded: Any, path: Path) -> dict[str, Tensor]:
    while isinstance(loaded, (list, tuple)) and len(loaded) == 1:
        loaded = loaded[0]
    if isinstance(loaded, Mapping):
        inner = next((loaded[key] for key in NESTED if isinstance(loaded.get(key), (Mapping, list, tuple))), None)
        if inner is not None:
            return _unwrapped(inner, path)
        tensors = {str(name): value for name, value in loaded.items() if isinstance(value, Tensor)}
        if tensors and len(tensors) == len(loaded):
            return tensors
    raise UntrustedFileError(f"{path}: holds a {type(loaded).__name__} that is no state dict; expected names with tensors")


def _unprefixed(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    for prefix in PREFIXES:
        if weights and all(name.startswith(prefix) for name in weights):
            return _unprefixed({name.removeprefix(prefix): value for name, value in weights.items()})
    return weights


def _listed(what: str, names: list[str]) -> list[str]:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return [f"{len(names)} {what}: {', '.join(names[:5])}{more}"] if names else []


def _shapes(name: str, wanted: Tensor, found: Tensor) -> str:
    return f"{name} {tuple(found.shape)}, expected {tuple(wanted.shape)}"

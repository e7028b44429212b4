"""Weights from a .safetensors file, a format that holds tensors and nothing that could run."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from audit.errors import ModelError, UntrustedFileError

INDEX = ".safetensors.index.json"
"""End of the name of a file that lists the shards of a large network, which lie beside it."""
LARGEST_INDEX = 2**26


def load_safetensors(path: Path) -> dict[str, torch.Tensor]:
    """Tensors by name, on the CPU; raises ModelError when the file is damaged or of another format."""
    try:
        return load_file(path, device="cpu")
    except (SafetensorError, OSError, ValueError, KeyError) as error:
        raise ModelError(f"{path} cannot be read as safetensors: {error}") from error


def load_sharded(path: Path) -> dict[str, torch.Tensor]:
    """Tensors by name, on the CPU, from the shards that an index lists.

    Raises UntrustedFileError for a shard outside the index's folder; ModelError for a damaged index or shard, and for tensors that are not
    in the shard the index names.
    """
    places = _places(path)
    found: dict[str, torch.Tensor] = {}
    for shard in shards(path):
        held = load_safetensors(shard)
        wanted = {name for name, place in places.items() if place == shard.name}
        if wanted != set(held):
            odd = sorted(wanted ^ set(held))
            raise ModelError(f"{path} and {shard.name} do not agree on {len(odd)} tensors, {odd[0]!r} among them")
        found |= held
    return found


def shards(path: Path) -> tuple[Path, ...]:
    """The files that an index lists, by name; raises as `load_sharded` does."""
    home = path.parent.resolve()
    files = []
    for name in sorted(set(_places(path).values())):
        shard = path.parent / name
        if name != Path(name).name or not name.endswith(".safetensors") or shard.resolve().parent != home:
            raise UntrustedFileError(f"{path} names the shard {name[:80]!a}; expected a .safetensors file beside it")
        if not shard.is_file():
            raise ModelError(f"{path} names the shard {name!a}, which does not exist")
        files.append(shard)
    return tuple(files)


def _places(path: Path) -> dict[str, str]:
    if not path.name.lower().endswith(INDEX) or path.stat().st_size > LARGEST_INDEX:
        raise ModelError(f"{path} is no index of weights; expected a name that ends in {INDEX}")
    try:
        places = json.loads(path.read_bytes())["weight_map"]
        if places and isinstance(places, dict) and all(isinstance(place, str) for place in places.values()):
            return places
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ModelError(f"{path} cannot be read as an index of weights: {type(error).__name__}") from error
    raise ModelError(f"{path} lists no tensors with their files under 'weight_map'")

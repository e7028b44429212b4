"""Fits weights into an architecture, all of them or none, and names the tensors that do not fit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
from torch import nn

from audit.errors import WeightsError

PREFIXES = ("module.", "_orig_mod.")
"""What DataParallel and torch.compile put before every name."""
SHOWN = 5


def fit_weights(module: nn.Module, state: Mapping[str, torch.Tensor], *, source: Path) -> None:
    """Copy `state` into `module`; raises WeightsError naming missing, unexpected and mis-shaped tensors before anything is copied."""
    expected = module.state_dict()
    state = _without_prefix(state, expected)
    missing = sorted(set(expected) - set(state) - _shared(expected, state))
    unexpected = sorted(set(state) - set(expected))
    shapes = [
        f"{name} is {tuple(state[name].shape)}, expected {tuple(expected[name].shape)}"
        for name in sorted(set(state) & set(expected))
        if state[name].shape != expected[name].shape
    ]
    faults = [_list(kind, names) for kind, names in (("missing", missing), ("unexpected", unexpected), ("of another shape", shapes)) if names]
    if faults:
        raise WeightsError(f"{source} does not fit the architecture: {'; '.join(faults)}")
    module.load_state_dict(dict(state), strict=False)


def _without_prefix(state: Mapping[str, torch.Tensor], expected: Iterable[str]) -> Mapping[str, torch.Tensor]:
    known = list(expected)
    for prefix in (*PREFIXES, *PREFIXES):
        if state and all(name.startswith(prefix) for name in state) and not all(name.startswith(prefix) for name in known):
            state = {name.removeprefix(prefix): value for name, value in state.items()}
    return state


def _shared(expected: Mapping[str, torch.Tensor], state: Mapping[str, torch.Tensor]) -> set[str]:
    """Names whose tensor is held under another name as well: safetensors keeps tied weights once."""
    given = {(held.data_ptr(), held.shape) for name, held in expected.items() if name in state and held.numel()}
    return {name for name, held in expected.items() if (held.data_ptr(), held.shape) in given}


def _list(kind: str, names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"{len(names)} {kind} ({', '.join(names[:SHOWN])}{more})"

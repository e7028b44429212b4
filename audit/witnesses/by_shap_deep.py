"""shap's DeepExplainer on a few rows, for networks made of operators that it has the right rules for."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from audit.errors import MethodError
from audit.witnesses.interpreted_shap import shap

Floats = NDArray[np.float64]
LAYERS = ("addmm", "mm", "convolution", "native_batch_norm", "mean", "add", "avg_pool2d", "_adaptive_avg_pool2d")
SHAPES = (
    "t",
    "view",
    "_unsafe_view",
    "reshape",
    "permute",
    "transpose",
    "expand",
    "squeeze",
    "unsqueeze",
    "clone",
    "detach",
    "alias",
    "slice",
    "cat",
)
ACTIVATIONS = ("max_pool2d_with_indices", "max_pool3d_with_indices", "relu", "leaky_relu", "elu", "sigmoid", "tanh", "softplus", "gelu")
RIGHT = frozenset((*LAYERS, *SHAPES, *ACTIVATIONS))
"""Operators that its rules and ours agree on, as long as each belongs to a module that is called once."""


def shap_deep(module: nn.Module, inputs: Tensor, background: Tensor, target: NDArray[np.int64], operators: frozenset[str]) -> Floats:
    """DeepSHAP values (n, …) of one output of each row; leaves hooks and attributes on `module` that the caller takes off.

    Raises MethodError for operators it has no right rule for, and where its values do not add up: it sees modules, so that functional and
    reused activations escape it, and its own test for that lets a gap of 0.01 pass.
    """
    strange = sorted(operators - RIGHT)
    if strange:
        raise MethodError(f"its DeepExplainer has no rule that fits `{strange[0]}`")
    found = np.asarray(shap.DeepExplainer(module, background).shap_values(inputs, check_additivity=False), dtype=np.float64)
    chosen = np.stack([row[..., output] for row, output in zip(found, target, strict=True)])
    total, base = (module(held.detach()).detach().cpu().double().numpy() for held in (inputs, background))
    change = total[np.arange(len(target)), target] - base.mean(axis=0)[target]
    gap = np.abs(chosen.reshape(len(chosen), -1).sum(axis=1) - change)
    if (gap > 1e-3 * np.maximum(np.abs(change), np.abs(chosen).reshape(len(chosen), -1).max(axis=1))).any():
        raise MethodError("its DeepExplainer does not add up for this network, which calls a module twice or a function instead of a module")
    return chosen

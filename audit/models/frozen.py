"""Evaluation mode with frozen parameters, for as long as a context lasts; everything is put back as it was, per submodule."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from audit.models.hooks import restored_hooks


@contextmanager
def frozen(module: nn.Module) -> Iterator[None]:
    """Evaluation mode, no parameter asks for a gradient; on leaving, also after an error, modes, flags and hooks are as before."""
    # A frozen script has no mode: it is in evaluation mode for good.
    modes = [(part, part.training) for part in module.modules() if hasattr(part, "training")]
    flags = [(parameter, parameter.requires_grad) for parameter in module.parameters()]
    with restored_hooks(module):
        try:
            module.eval()
            for parameter, _ in flags:
                parameter.requires_grad_(False)
            yield
        finally:
            for part, training in modes:
                part.training = training
            for parameter, asked in flags:
                parameter.requires_grad_(asked)


@contextmanager
def full_precision(module: nn.Module, device: torch.device) -> Iterator[None]:
    """On CUDA, convolutions in true float32 and by deterministic algorithms; recurrent layers without cuDNN.

    cuDNN rounds convolutions to TF32 (10 bits) by default, and refuses to differentiate recurrent layers in evaluation mode.
    """
    if device.type != "cuda":
        yield
        return
    recurrent = any(isinstance(part, nn.RNNBase) or getattr(part, "holds_recurrent_", False) is True for part in module.modules())
    with torch.backends.cudnn.flags(enabled=not recurrent, benchmark=False, deterministic=True, allow_tf32=False):
        yield

"""`TorchModel`: a network in torch. Hides device, dtype, micro-batches and modes; leaves the caller's module as it found it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from audit.data.batch import Batch
from audit.errors import ModelError
from audit.models.device import resolve_device
from audit.models.hooks import capture
from audit.models.model import micro_batches

Forward = Callable[[Tensor], Tensor]


class TorchModel:
    """A network that maps a leaf tensor (n, …) to outputs (n, k)."""

    def __init__(self, module: nn.Module, *, device: str, dtype: str, micro_batch: int, description: dict[str, Any], identity: str) -> None:
        self._device = resolve_device(device)
        self._dtype: torch.dtype = getattr(torch, dtype)
        # Deviation from "never touch the caller's module": the door built this module for us, so moving it changes nothing of anyone's.
        self._module = module.to(self._device, self._dtype)
        self._micro_batch = micro_batch
        self._description = description
        self._digest = state_digest(module, identity)

    @property
    def capabilities(self) -> frozenset[str]:
        """Outputs and gradients; embeddings and modules when it has a linear or convolutional layer to look at."""
        layers = any(isinstance(m, (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)) for m in self._module.modules())
        return frozenset({"outputs", "gradients"} | ({"embeddings", "modules"} if layers else set()))

    @property
    def digest(self) -> str:
        """sha256 of architecture source and weights."""
        return self._digest

    @property
    def description(self) -> dict[str, Any]:
        """Door, files, parameters and device, as plain data."""
        parameters = sum(p.numel() for p in self._module.parameters())
        return self._description | {"parameters": parameters, "device": self.device, "dtype": self.dtype, "micro_batch": self._micro_batch}

    @property
    def device(self) -> str:
        """Name of the device."""
        return str(self._device)

    @property
    def dtype(self) -> str:
        """Name of the floating type of the leaf."""
        return str(self._dtype).removeprefix("torch.")

    @property
    def module(self) -> nn.Module:
        """The network itself, for probes that look at layers; change nothing in it."""
        return self._module

    def tensor(self, values: NDArray[Any]) -> Tensor:
        """`values` on the device, floats in the leaf's type, integers as int64."""
        array = np.ascontiguousarray(values)
        kind = torch.int64 if array.dtype.kind in "iu" else self._dtype
        return torch.tensor(array, dtype=kind, device=self._device)

    def outputs(self, batch: Batch) -> NDArray[np.float64]:
        """Raw outputs (n, k), in evaluation mode."""
        with self.session(gradients=False) as forward:
            return forward(self.tensor(batch.values)).cpu().double().numpy()

    def embeddings(self, batch: Batch) -> NDArray[np.float64]:
        """Input of the last linear layer, (n, width)."""
        names = [name for name, module in self._module.named_modules() if isinstance(module, nn.Linear)]
        if not names:
            raise ModelError("the network has no linear layer whose input could serve as an embedding")
        with capture(self._module, names[-1:], inputs=True) as held, self.session(gradients=False) as forward:
            forward(self.tensor(batch.values))
            parts = held[names[-1]]
        return torch.cat([part.reshape(part.shape[0], -1) for part in parts]).cpu().double().numpy()

    @contextmanager
    def session(self, *, gradients: bool) -> Iterator[Forward]:
        """The network callable on leaf tensors, in evaluation mode with frozen parameters; everything is restored on leaving."""
        training = {module: module.training for module in self._module.modules()}
        required = {parameter: parameter.requires_grad for parameter in self._module.parameters()}
        self._module.eval()
        self._module.requires_grad_(requires_grad=False)
        try:
            with torch.set_grad_enabled(gradients):
                yield self._forward
        finally:
            for module, mode in training.items():
                module.training = mode
            for parameter, mode in required.items():
                parameter.requires_grad_(mode)

    def _forward(self, values: Tensor) -> Tensor:
        size = self._micro_batch
        while True:
            try:
                return torch.cat([self._checked(self._module(values[part])) for part in micro_batches(len(values), size)])
            except RuntimeError as error:
                if not _out_of_memory(error) or size == 1:
                    raise
            # Outside the except block, so that the failed attempt's tensors are freed before the next one.
            size = self._micro_batch = max(1, min(size, len(values)) // 2)

    def _checked(self, outputs: Any) -> Tensor:
        if not isinstance(outputs, Tensor):
            raise ModelError(f"the network returns a {type(outputs).__name__}; expected one tensor (rows, outputs)")
        if outputs.ndim == 1:
            return outputs[:, None]
        if outputs.ndim != 2:
            raise ModelError(f"the network returns a tensor of shape {tuple(outputs.shape)}; expected (rows, outputs)")
        return outputs


def _out_of_memory(error: RuntimeError) -> bool:
    return isinstance(error, torch.OutOfMemoryError) or "out of memory" in str(error).lower()


def state_digest(module: nn.Module, identity: str) -> str:
    """sha256 over `identity` and every tensor of the state dict: name, dtype, shape, bytes; hexadecimal."""
    digest = hashlib.sha256(identity.encode())
    for name, tensor in sorted(module.state_dict().items()):
        digest.update(f"\0{name}\0{tensor.dtype}\0{tuple(tensor.shape)}\0".encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()

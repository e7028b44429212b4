"""What a network answers, as numbers that methods add up: float64 on the CPU, in several passes where a device's memory ends."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from audit.models.chunks import each_part
from audit.models.device import is_out_of_memory, release_memory

Network = Callable[[Tensor], Tensor]
"""(m, …) → (m, k)."""


def answered(network: Network, rows: Tensor, told: Callable[[Tensor], Tensor] | None = None) -> Tensor:
    """Outputs (m, k) of rows (m, …), as they are `told`, float64 by default, in several passes where memory ends."""
    told = float64 if told is None else told
    try:
        return told(network(rows))
    except RuntimeError as error:
        if not is_out_of_memory(error) or rows.shape[0] < 2:
            raise
    release_memory(rows.device)  # after the handler, whose traceback keeps the tensors of the failed call alive
    return torch.cat(list(each_part(lambda part: told(network(part)), rows, rows.shape[0] // 2)))


def plain(output: Tensor) -> Tensor:
    """Without its gradient, on the CPU, for what copies it anyway."""
    return (output.detach() if output.requires_grad else output).cpu()


def float64(output: Tensor) -> Tensor:
    """A detached copy on the CPU; not every device knows float64."""
    held = plain(output)
    return held.clone() if held.dtype == torch.float64 else held.double()

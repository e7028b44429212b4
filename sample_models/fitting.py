"""What the samples' training scripts share: rows read as the audit will read them, fixed steps of AdamW, weights as safetensors."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor, nn

from audit.config_file import load_config
from audit.data.leaf import PLAIN
from audit.open_data import open_data

Loss = Callable[[Tensor, Tensor], Tensor]


def arguments_of(audit_file: Path, part: str) -> tuple[Tensor, ...]:
    """What the network of `audit_file` is called with for all rows of `part` (evaluate, reference or calibration)."""
    opened = open_data(load_config(audit_file))
    if opened.encoder is None:
        raise ValueError(f"{audit_file}: there is no network to encode for")
    dataset = opened.datasets[part]
    leaf = opened.encoder.encode(dataset.take(np.arange(dataset.n_rows))).values
    return getattr(opened.encoder, "arguments", PLAIN).of(torch.from_numpy(np.ascontiguousarray(leaf)))


def column_of(audit_file: Path, part: str, column: str) -> NDArray[Any]:
    """The raw values (n,) of a column in all rows of `part`."""
    dataset = open_data(load_config(audit_file)).datasets[part]
    return dataset.take(np.arange(dataset.n_rows)).values[column]


def fit(
    network: nn.Module, arguments: Sequence[Tensor], targets: Tensor, loss: Loss, *, epochs: int, batch: int, rate: float, decay: float, seed: int
) -> nn.Module:
    """`network` in evaluation mode after `epochs` over shuffled rows by AdamW, on one thread; parameters that ask for no gradient stay."""
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    optimizer = torch.optim.AdamW([part for part in network.parameters() if part.requires_grad], lr=rate, weight_decay=decay)
    network.train()
    for _ in range(epochs):
        for rows in torch.randperm(len(targets)).split(batch):
            optimizer.zero_grad()
            loss(network(*(part[rows] for part in arguments)), targets[rows]).backward()
            optimizer.step()
    return network.eval()


def save(network: nn.Module, path: Path) -> None:
    """Write the state dict as safetensors, floats in float32."""
    state = {name: (tensor.float() if tensor.is_floating_point() else tensor).contiguous() for name, tensor in network.state_dict().items()}
    save_file(state, path)
    print(f"{path}: {sum(tensor.numel() for tensor in state.values())} numbers")


def share(salt: str, name: str) -> float:
    """A number in [0, 1) that depends on the name of a row only: a row stays in its file whatever else changes."""
    return int.from_bytes(hashlib.sha256(f"{salt} {name}".encode()).digest()[:6], "big") / 2**48

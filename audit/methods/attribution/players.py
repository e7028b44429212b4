"""From entries of a tensor to the players that own them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def per_player(entries: NDArray[np.float64], owner: NDArray[np.int64], players: int) -> NDArray[np.float64]:
    """Sums over each player's entries: (n, …) gives (n, players). `owner` is (entries,), or (n, entries) where every row has its own."""
    if owner.ndim > 1:
        found = np.zeros((len(entries), players))
        np.add.at(found, (np.arange(len(entries))[:, None], owner), entries.reshape(owner.shape))
        return found
    flat = entries.reshape(len(entries), len(owner))
    sums: NDArray[np.float64] = flat @ (owner[:, None] == np.arange(players)).astype(np.float64)
    return sums

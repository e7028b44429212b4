"""A device that is elsewhere: its tensors say they are on `meta`, hold numbers in secret, and refuse to meet tensors made anywhere else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map

ELSEWHERE = torch.device("meta")


class Remote(Tensor):
    """A tensor elsewhere; `held` is the one on the CPU that stands behind it."""

    held: Tensor

    @staticmethod
    def __new__(cls, held: Tensor) -> Remote:
        made: Remote = Tensor._make_wrapper_subclass(  # type: ignore[attr-defined]
            cls, held.shape, dtype=held.dtype, device=ELSEWHERE, strides=held.stride(), storage_offset=held.storage_offset(), requires_grad=False
        )
        made.held = held
        return made

    def __repr__(self) -> str:  # type: ignore[override]
        return f"Remote({self.held!r})"

    @classmethod
    def __torch_dispatch__(cls, func: Any, _types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return computed(func, args, kwargs or {})


class Elsewhere(TorchDispatchMode):
    """Makes what is asked for elsewhere."""

    def __torch_dispatch__(self, func: Any, _types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return computed(func, args, kwargs or {})


def computed(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """Numbers worked out on the CPU; elsewhere when asked for there, or when a remote tensor takes part and none is to come back."""
    flat, _ = tree_flatten((args, kwargs))
    tensors = [one for one in flat if isinstance(one, Tensor)]
    remote = any(isinstance(one, Remote) for one in tensors)
    copying = func._schema.name in ("aten::_to_copy", "aten::copy_")
    strangers = [one for one in tensors if not isinstance(one, Remote) and one.ndim]
    if remote and strangers and not copying:
        raise RuntimeError(f"{func}: a tensor of shape {tuple(strangers[0].shape)} was made on the CPU and meets one elsewhere")
    if remote and func._schema.name == "aten::_local_scalar_dense":
        READ.append(str(func))
    wanted = kwargs.get("device")
    there = (torch.device(wanted) == ELSEWHERE) if wanted is not None else remote
    own = {name: torch.device("cpu") if name == "device" and value is not None else value for name, value in kwargs.items()}
    found = func(*tree_map(_held, args), **tree_map(_held, own))
    if func._schema.name == "aten::copy_" or any(one is not None and _held(one) is found for one in tensors):
        return next(one for one in tensors if _held(one) is found)
    return tree_map(lambda one: Remote(one) if isinstance(one, Tensor) else one, found) if there else found


READ: list[str] = []
"""Single numbers that were read back."""


def _held(one: Any) -> Any:
    return one.held if isinstance(one, Remote) else one


@contextmanager
def elsewhere() -> Iterator[None]:
    """Inside, tensors made on `meta` are remote."""
    READ.clear()
    with Elsewhere():
        yield

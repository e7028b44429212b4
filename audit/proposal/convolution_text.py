"""Source text of a factory for a plain convolutional network: convolutions, batch normalisations, then linear layers. Written, never run."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise, product

from audit.models.layers import Shape, natural

HEADER = '''"""A convolutional network of the shapes found in the weights file. A draft for a person to complete.

ACTIVATION FUNCTIONS, POOLING, PADDING AND STRIDES CANNOT BE READ FROM WEIGHTS: lines marked "assumed" are guesses that make the shapes fit.
Replace them by what the network was trained with, and add what follows the last layer (a sigmoid or softmax): nothing is assumed there. With
other parts than those it was trained with, this is another network, and what an audit says is not about yours.
"""

from __future__ import annotations

from collections import OrderedDict

from torch import nn


def build() -> nn.Module:
    """(n, {channels}, {height}, {width}) images → (n, {outputs}) outputs."""
    return '''
MOST = 8
"""Convolutions up to which places of pooling are searched."""
MIXED = 5
"""Convolutions up to which every mixture of padding is searched."""
_Ways = tuple[bool, ...]


@dataclass(frozen=True)
class Part:
    """A layer with weights."""

    name: str
    kind: str
    """``conv``, ``norm`` or ``linear``."""
    inputs: int
    outputs: int
    kernel: tuple[int, int]
    bias: bool


def find_chain(shapes: Mapping[str, Shape]) -> tuple[Part, ...]:
    """Layers that follow one another from images to outputs, and are all the tensors there are; empty when they do not."""
    found = _parts(shapes)
    covered = {f"{part.name}.{end}" for part in found for end in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")}
    if not set(shapes) <= covered:
        return ()
    return next((tuple(order) for order in (found, sorted(found, key=lambda part: natural(part.name))) if _follows(order)), ())


def convolution_text(chain: Sequence[Part], shape: tuple[int, int, int] | None) -> str | None:
    """Source of ``build()`` for images of `shape` (channels, height, width); None where no simple pooling and padding make the shapes fit."""
    if not chain or shape is None or shape[0] != chain[0].inputs or not all(_legal(part.name) for part in chain):
        return None
    made = _fitting(chain, shape[1:])
    tree = None if made is None else _tree([(name.split("."), text) for name, text in made], 4)
    if tree is None:
        return None
    return HEADER.format(channels=shape[0], height=shape[1], width=shape[2], outputs=chain[-1].outputs) + tree + "\n"


def _parts(shapes: Mapping[str, Shape]) -> list[Part]:
    found = []
    for name, shape in shapes.items():
        owner, _, end = name.rpartition(".")
        if end != "weight" or not owner:
            continue
        bias = f"{owner}.bias" in shapes
        if len(shape) == 4:
            found.append(Part(owner, "conv", shape[1], shape[0], (shape[2], shape[3]), bias))
        elif len(shape) == 1 and f"{owner}.running_mean" in shapes:
            found.append(Part(owner, "norm", shape[0], shape[0], (1, 1), bias))
        elif len(shape) == 2:
            found.append(Part(owner, "linear", shape[1], shape[0], (1, 1), bias))
    return found


def _follows(order: Sequence[Part]) -> bool:
    if len(order) < 2 or order[0].kind != "conv" or order[-1].kind != "linear":
        return False
    flat = [part.kind == "linear" for part in order]
    if flat != sorted(flat) or any(part.inputs < 1 or part.outputs < 1 or min(part.kernel) < 1 for part in order):
        return False
    return all(
        second.inputs % first.outputs == 0 if (first.kind != "linear" and second.kind == "linear") else first.outputs == second.inputs
        for first, second in pairwise(order)
    )


def _legal(name: str) -> bool:
    from torch import nn  # noqa: PLC0415  only when a network is read

    return all(re.fullmatch(r"[A-Za-z0-9_]{1,60}", part) and not hasattr(nn.Sequential(), part) for part in name.split("."))


def _fitting(chain: Sequence[Part], size: tuple[int, int]) -> list[tuple[str, str]] | None:
    """Layers with what is assumed between them, by name; the way that best fills the gaps in the numbers of the layers."""
    convolutions = [part for part in chain if part.kind == "conv"]
    first_linear = next(part for part in chain if part.kind == "linear")
    if len(convolutions) > MOST:
        return None
    cells = first_linear.inputs // convolutions[-1].outputs
    gaps = _gaps(chain)
    best: tuple[int, _Ways, _Ways, bool] | None = None
    for same, pools in product(_paddings(len(convolutions)), product((True, False), repeat=len(convolutions))):
        sides = _sides(convolutions, pools, same, size)
        for mean in (False, True):
            if sides is None or (cells != 1 if mean else sides[0] * sides[1] != cells):
                continue
            wanted = [1 + pool for pool in pools]
            wanted[-1] += 1 + mean
            agreed = sum(gap == want for gap, want in zip(gaps, wanted, strict=True))
            if best is None or agreed > best[0]:
                best = (agreed, pools, same, mean)
    return None if best is None else list(_layers(chain, best[1], best[2], mean=best[3]))


def _paddings(count: int) -> list[_Ways]:
    """Whether each convolution is padded to keep the size: all, none, and for a few convolutions every mixture."""
    every = list(product((True, False), repeat=count)) if count <= MIXED else []
    return list(dict.fromkeys([(True,) * count, (False,) * count, *every]))


def _sides(convolutions: Sequence[Part], pools: _Ways, padded: _Ways, size: tuple[int, int]) -> tuple[int, int] | None:
    height, width = size
    for part, pool, same in zip(convolutions, pools, padded, strict=True):
        tall, wide = (side + 2 * (kernel // 2 if same else 0) - kernel + 1 for side, kernel in zip((height, width), part.kernel, strict=True))
        height, width = (tall // 2, wide // 2) if pool else (tall, wide)
        if min(height, width) < 1:
            return None
    return height, width


def _gaps(chain: Sequence[Part]) -> list[int | None]:
    """Unused numbers after each convolution (and its normalisation); None where layers are not numbered in one row."""
    found: list[int | None] = []
    for place, part in enumerate(chain):
        if part.kind != "conv":
            continue
        last = place + 1 if chain[place + 1].kind == "norm" else place
        before, after = chain[last].name.rpartition("."), chain[last + 1].name.rpartition(".")
        numbered = before[0] == after[0] and before[2].isdigit() and after[2].isdigit()
        found.append(int(after[2]) - int(before[2]) - 1 if numbered else None)
    return found


def _layers(chain: Sequence[Part], pools: _Ways, padded: _Ways, *, mean: bool) -> Iterator[tuple[str, str]]:
    pooled, kept = iter(pools), iter(padded)
    for place, part in enumerate(chain):
        following = chain[place + 1] if place + 1 < len(chain) else None
        yield part.name, f"{_code(part, same=part.kind == 'conv' and next(kept))},"
        if following is None or following.kind == "norm":
            continue
        yield f"{part.name}_activation", "nn.ReLU(),  # assumed"
        if part.kind != "linear":
            if next(pooled):
                yield f"{part.name}_pool", "nn.MaxPool2d(2),  # assumed"
            if following.kind == "linear":
                if mean:
                    yield f"{part.name}_mean", "nn.AdaptiveAvgPool2d(1),  # assumed"
                yield f"{part.name}_flat", "nn.Flatten(),"


def _code(part: Part, *, same: bool) -> str:
    bias = "" if part.bias else ", bias=False"
    if part.kind == "linear":
        return f"nn.Linear({part.inputs}, {part.outputs}{bias})"
    if part.kind == "norm":
        return f"nn.BatchNorm2d({part.outputs})"
    padding = tuple(kernel // 2 if same else 0 for kernel in part.kernel)
    return f"nn.Conv2d({part.inputs}, {part.outputs}, {part.kernel}, padding={padding}{bias})"


def _tree(layers: Sequence[tuple[list[str], str]], indent: int) -> str | None:
    runs = [(name, list(found)) for name, found in groupby(layers, key=lambda item: item[0][0])]
    names = [name for name, _ in runs]
    if len(set(names)) < len(names):
        return None
    lines = []
    for name, found in runs:
        path, text = found[0]
        if len(path) == 1:
            if len(found) > 1:
                return None
            code, _, remark = text.partition(",  #")
            lines.append(f'{" " * (indent + 8)}("{name}", {code.removesuffix(",")}),' + (f"  #{remark}" if remark else ""))
        else:
            inner = _tree([(path[1:], text) for path, text in found], indent + 8)
            if inner is None:
                return None
            lines.append(f'{" " * (indent + 8)}("{name}", {inner}),')
    body = "\n".join(lines)
    return f"nn.Sequential(\n{' ' * (indent + 4)}OrderedDict([\n{body}\n{' ' * (indent + 4)}])\n{' ' * indent})"

"""Source text of a factory for a plain multilayer perceptron, from layer names and widths alone. The text is written, never run."""

from __future__ import annotations

import keyword
import re
import sys
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from audit.errors import ConfigError
from audit.models.layers import LinearLayer, Stack

HEADER = '''"""A network with linear layers of the widths found in the weights file{source}. A draft for a person to complete.

ACTIVATION FUNCTIONS CANNOT BE READ FROM WEIGHTS: ReLU is assumed after every layer but the last. Replace it by what the network was
trained with. Nor can it be read what follows the last layer (a sigmoid or softmax): nothing is assumed. With other functions than those it
was trained with, this is another network, and what an audit says is not about yours.
"""

from __future__ import annotations

from collections import OrderedDict

from torch import nn


def build() -> nn.Module:
    """(n, {inputs}) inputs → (n, {outputs}) outputs."""
    return '''


def factory_text(stack: Stack, *, source: str = "") -> str | None:
    """Source of ``build()``, or None when the layers are no plain perceptron or their names cannot be those of modules.

    `source`, the name of the weights file, is told in the docstring.
    """
    layers = stack.layers
    alone = len(layers) == 1 and not layers[0].name
    if not stack.plain or not layers or not (alone or all(_legal(layer.name) for layer in layers)):
        return None
    tree = _linear(layers[0]) if alone else _nested([(layer.name.split("."), layer) for layer in layers], layers[-1], indent=4)
    if tree is None:
        return None
    named = f" {ascii(source)[1:-1]}" if re.fullmatch(r"[\w .-]+", source, re.ASCII) else ""
    return HEADER.format(source=named, inputs=layers[0].inputs, outputs=layers[-1].outputs) + tree + "\n"


def factory_module(path: Path) -> str:
    """Name under which a file is imported; raises ConfigError when it cannot be, or when Python has a module of that name."""
    name = path.stem
    if path.suffix != ".py" or not name.isidentifier() or not name.isascii() or keyword.iskeyword(name):
        raise ConfigError(f"--write-factory {path}: expected a file name such as network.py: letters, digits and underscores")
    if name in sys.stdlib_module_names or name in {"torch", "numpy", "audit", "reports"}:
        raise ConfigError(f"--write-factory {path}: there is a module {name!r} already; expected another name, such as my_network.py")
    return name


def _legal(name: str) -> bool:
    """Whether each part can name a module: words and numbers that nn.Sequential has no attribute for."""
    from torch import nn  # noqa: PLC0415  only when a network is read

    parts = name.split(".")
    return all(re.fullmatch(r"[A-Za-z0-9_]{1,60}", part) and not hasattr(nn.Sequential(), part) for part in parts)


def _nested(layers: Sequence[tuple[list[str], LinearLayer]], last: LinearLayer, *, indent: int) -> str | None:
    """A Sequential of the layers below one name; None when layers of one name do not follow one another."""
    runs = [(name, list(found)) for name, found in groupby(layers, key=lambda item: item[0][0])]
    names = [name for name, _ in runs]
    if len(set(names)) < len(names):
        return None
    lines: list[str] = []
    for name, found in runs:
        path, layer = found[0]
        inner = _linear(layer) if len(path) == 1 else _nested([(path[1:], layer) for path, layer in found], last, indent=indent + 8)
        if inner is None or (len(path) == 1 and len(found) > 1):
            return None
        lines.append(f"{' ' * (indent + 8)}({name!a}, {inner}),")
        if len(path) == 1 and layer is not last:
            lines.append(f"{' ' * (indent + 8)}({_after(name, names)!a}, nn.ReLU()),  # assumed")
    body = "\n".join(lines).replace("'", '"')
    return f"nn.Sequential(\n{' ' * (indent + 4)}OrderedDict([\n{body}\n{' ' * (indent + 4)}])\n{' ' * indent})"


def _after(name: str, taken: Sequence[str]) -> str:
    """Name of the activation after a layer: the next position where layers are numbered with gaps, else a word."""
    if name.isdigit() and str(int(name) + 1) not in taken:
        return str(int(name) + 1)
    found = f"{name}_activation"
    while found in taken:
        found += "_"
    return found


def _linear(layer: LinearLayer) -> str:
    return f"nn.Linear({layer.inputs}, {layer.outputs}" + ("" if layer.bias else ", bias=False") + ")"

"""The units of a layer: how active they are, how much of the output runs through each, and what each responds to; by captum, counted after it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from audit.errors import MethodError
from audit.models.hooks import out_of_place, restored_hooks

Network = Callable[[Tensor], Tensor]
CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
READABLE = (nn.Linear, *CONVOLUTIONS)


@dataclass(frozen=True)
class Layer:
    """A layer of a network that is looked at from one side: what a linear layer receives, or what a linear layer or convolution returns."""

    name: str
    side: Literal["input", "output"]
    units: int
    first: bool
    """The units are the first axis after the rows, as channels are; else the last."""

    def by_unit(self, held: Tensor) -> Tensor:
        """What the layer holds (m, …) as (m, units, places)."""
        return held.flatten(2) if self.first and held.ndim > 2 else held.reshape(len(held), -1, self.units).transpose(1, 2)


@dataclass(frozen=True)
class UnitAttributions:
    """Float64, mean over baselines: `values` (n, units) of the output, `base` and `total` (n,), and `gap` (n,), what is missing in absolute terms."""

    values: Tensor
    base: Tensor
    total: Tensor
    gap: Tensor


def find_layer(network: Network, module: nn.Module, rows: Tensor, name: str = "") -> Layer:
    """The layer called `name` of `module`, which `network` calls on `rows` (m, …); what the last linear layer receives when it is "".

    Raises MethodError where there is none, where it is not called once with every row, or where it receives the inputs as they are: units are what
    a network has made.
    """
    linear = [found for found, part in module.named_modules() if isinstance(part, nn.Linear)]
    if not name and not linear:
        raise MethodError("the network has no linear layer; name the layer that is to be looked at")
    chosen, side = name or linear[-1], "output" if name else "input"
    layers = dict(module.named_modules())
    if chosen not in layers or not isinstance(layers[chosen], READABLE):
        legal = ", ".join(found for found, part in layers.items() if isinstance(part, READABLE))
        raise MethodError(f"{chosen!r} is no linear layer or convolution of the network; there are {legal or 'none'}")
    held = _held(network, module, rows, chosen, side)
    if side == "input" and held[0].numel() == rows[0].numel() and bool((held.reshape(len(rows), -1) == rows.reshape(len(rows), -1)).all()):
        raise MethodError("the last linear layer receives the inputs as they are, so the network has no units of its own")
    first = isinstance(layers[chosen], CONVOLUTIONS)
    return Layer(chosen, "input" if side == "input" else "output", held.shape[1 if first else -1], first)


def activations(network: Network, module: nn.Module, inputs: Tensor, layer: Layer) -> Tensor:
    """The largest activation of each unit over the places of the layer, (n, units) float64."""
    found: Tensor = layer.by_unit(_held(network, module, inputs, layer.name, layer.side)).amax(dim=2).double()
    return found


def layer_attributions(
    network: Network, module: nn.Module, inputs: Tensor, baselines: Tensor, target: Tensor, *, layer: Layer, steps: int, at_once: int
) -> UnitAttributions:
    """Layer integrated gradients of output `target` (n,) int64 for `inputs` (n, …) and `baselines` (b, …) or (n, b, …).

    The path runs from what the layer holds for the baseline to what it holds for the row, so values sum to total - base where all that the
    output takes from the inputs runs through the layer: a skipped layer shows as a gap. Sundararajan et al. 2017, arXiv:1703.01365.
    """
    from captum.attr import LayerIntegratedGradients  # noqa: PLC0415  takes a second to load

    method, parts = LayerIntegratedGradients(network, module.get_submodule(layer.name)), []
    for rows, against, chosen in _pairs(inputs, baselines, target, at_once):
        with restored_hooks(module), out_of_place(module):
            found = method.attribute(rows, against, target=chosen, attribute_to_layer_input=layer.side == "input", **_quadrature(steps, at_once))
        held = found[0] if isinstance(found, tuple) else found
        ends = [network(one).detach().gather(1, chosen[:, None])[:, 0].double() for one in (against, rows)]
        parts.append((layer.by_unit(held.detach()).sum(dim=2).double(), *ends))
    values, base, total = (_over_baselines(one, len(inputs)) for one in zip(*parts, strict=True))
    return UnitAttributions(values, base, total, (values.sum(dim=1) - (total - base)).abs())


def unit_attributions(
    network: Network, module: nn.Module, inputs: Tensor, baselines: Tensor, unit: int, *, layer: Layer, steps: int, at_once: int
) -> tuple[Tensor, Tensor]:
    """Integrated gradients (n, …) float64 of the largest activation of one `unit`, mean over baselines, and its change (n,) that they sum to."""

    def largest(held: Tensor | tuple[Tensor, ...]) -> Tensor:
        return layer.by_unit(held[0] if isinstance(held, tuple) else held)[:, unit].amax(dim=1)

    from captum.attr import NeuronIntegratedGradients  # noqa: PLC0415  takes a second to load

    method, parts = NeuronIntegratedGradients(network, module.get_submodule(layer.name)), []
    for rows, against, _ in _pairs(inputs, baselines, torch.zeros(len(inputs), dtype=torch.int64, device=inputs.device), at_once):
        with restored_hooks(module), out_of_place(module):
            found = method.attribute(rows, largest, against, attribute_to_neuron_input=layer.side == "input", **_quadrature(steps, at_once))
        ends = [largest(_held(network, module, one, layer.name, layer.side)).detach().double() for one in (against, rows)]
        parts.append((found.detach().double(), ends[1] - ends[0]))
    values, change = (_over_baselines(one, len(inputs)) for one in zip(*parts, strict=True))
    return values, change


def _quadrature(steps: int, at_once: int) -> dict[str, Any]:
    """captum's settings of a path."""
    return {"n_steps": steps, "method": "gausslegendre", "internal_batch_size": at_once}


def _over_baselines(parts: tuple[Tensor, ...], rows: int) -> Tensor:
    """The mean over each row's baselines of what was found for every pair."""
    found = torch.cat(parts)
    mean: Tensor = found.reshape(rows, -1, *found.shape[1:]).mean(dim=1).cpu()
    return mean


def _pairs(inputs: Tensor, baselines: Tensor, target: Tensor, at_once: int) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Every row beside every baseline, at most `at_once` of them at a time, with the output that is explained."""
    own = baselines if baselines.ndim > inputs.ndim else baselines.expand(len(inputs), *baselines.shape)
    count = own.shape[1]
    rows = inputs[:, None].expand_as(own).reshape(-1, *inputs.shape[1:])
    against, chosen = own.reshape(-1, *inputs.shape[1:]), target.repeat_interleave(count)
    for start in range(0, len(rows), at_once):
        part = slice(start, start + at_once)
        yield rows[part].contiguous(), against[part].contiguous(), chosen[part]


def _held(network: Network, module: nn.Module, rows: Tensor, name: str, side: str) -> Tensor:
    """What the layer holds for the rows; raises MethodError unless it is called once, with every row."""
    seen: list[Tensor] = []

    def noting(_part: nn.Module, given: tuple[Tensor, ...], answer: Tensor) -> None:
        seen.append((given[0] if side == "input" else answer).clone())  # a layer behind may overwrite it

    with restored_hooks(module):
        module.get_submodule(name).register_forward_hook(noting)
        network(rows)
    if len(seen) != 1 or len(seen[0]) != len(rows):
        raise MethodError(f"layer {name!r} is called {len(seen)} times for {len(rows)} rows, so it has no one answer to look at")
    return seen[0]

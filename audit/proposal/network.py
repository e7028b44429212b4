"""What is known of a network before rows are read, and the draft of its code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from audit.errors import ConfigError, WeightsError
from audit.models.layers import Shape, Stack, find_stack
from audit.models.ports import Port
from audit.models.program_listing import list_program
from audit.proposal.convolution_text import Part, convolution_text, find_chain
from audit.proposal.factory_text import factory_module, factory_text
from audit.proposal.given_rows import Rows
from audit.proposal.program_source import program_source
from audit.proposal.request import Request
from audit.proposal.source import Source, find_source
from audit.proposal.taken import NOTHING, Taken, taken

if TYPE_CHECKING:
    from audit.models.inspection import Fit, WeightsFile


@dataclass(frozen=True, kw_only=True)
class Network:
    """What is known of the network without rows."""

    file: WeightsFile | None = None
    fit: Fit | None = None
    source: Source | None = None
    chain: tuple[Part, ...] = ()
    """Layers of a plain convolutional network."""
    wanted: int | None = None
    count: int | None = None
    tokens: int | None = None
    """Rows of the first embedding."""
    recurrent: bool = False
    """A layer reads step by step."""
    last: str = ""
    """Kind of the last module or operation, where it says what outputs are."""
    taken: Taken = NOTHING
    """Its inputs as far as they are known."""

    @property
    def channels(self) -> int | None:
        """Of the images it takes."""
        if self.chain:
            return self.chain[0].inputs
        if self.taken.sizes is not None:
            return self.taken.side(3 if self.taken.channels_last else 1, rank=4)
        held = {} if self.source is None else self.source.weights
        shapes = held.values() if self.file is None else [tensor.shape for tensor in self.file.tensors]
        return next((shape[1] for shape in shapes if len(shape) == 4), None)


def find_network(request: Request) -> Network:
    if request.model is None:
        return Network(count=1)
    program = list_program(Path(request.model))
    if request.files and program is None:
        raise ConfigError(f"--trust goes with a network that is saved with its code (.pt2, TorchScript); {request.model} needs none")
    source = find_source(request.model, request.out) if program is None else program_source(program, request.out, request.files)
    if source is not None:
        if request.architecture is not None:
            raise ConfigError(f"--architecture goes with weights; {request.model} brings its own")
        return _of_source(source)
    from audit.models.inspection import inspect_fit, inspect_weights  # noqa: PLC0415  torch is loaded only when there is a network

    path = Path(request.model)
    file = inspect_weights(path)
    fit = None if request.architecture is None else inspect_fit(path, request.architecture, code=request.code)
    if fit is not None and fit.problem:
        raise WeightsError(fit.problem)
    shapes = {tensor.name.removeprefix(file.prefix): tensor.shape for tensor in file.tensors}
    known = () if fit is None else tuple(Port(name, "", None) for name in fit.takes)
    further = () if fit is None else tuple(Port(name, "", None) for name in fit.may_take)
    found = _of_shapes(shapes, file.stack)
    return replace(found, file=file, fit=fit, last="" if fit is None else fit.last, taken=taken(known, further=further))


def _of_shapes(shapes: Mapping[str, Shape], stack: Stack) -> Network:
    """What names and shapes of weights suggest."""
    chain = find_chain(shapes)
    words = [shape[0] for name, shape in shapes.items() if len(shape) == 2 and "emb" in name.lower()]
    flat = all(len(shape) <= 2 for shape in shapes.values()) and not words
    layers = stack.layers if stack.chained and flat else ()
    return Network(
        chain=chain,
        wanted=layers[0].inputs if layers else None,
        count=layers[-1].outputs if layers else chain[-1].outputs if chain else None,
        tokens=words[0] if words else None,
        recurrent=any("weight_ih" in name for name in shapes),
    )


def _of_source(source: Source) -> Network:
    """What the model says of itself; where it does not say what it takes, what its weights suggest."""
    if source.taken.sizes is None and source.weights:
        shapes = {name: tuple(size for size in shape if size is not None) for name, shape in source.weights.items()}
        found = replace(_of_shapes(shapes, find_stack(shapes)), chain=())
    else:
        found = Network(wanted=source.wanted if source.taken.whole else source.wanted or source.taken.side(1, rank=2), tokens=source.tokens)
    recurrent = found.recurrent or source.recurrent
    return replace(found, source=source, count=source.count or found.count, recurrent=recurrent, last=source.last, taken=source.taken)


def factory_source(network: Network, rows: Rows) -> str | None:
    """Source of a factory, where weights and rows say enough for one."""
    if network.file is None:
        return None
    if network.chain:
        return convolution_text(network.chain, None if rows.images is None else rows.images.shape)
    return factory_text(network.file.stack, source=network.file.path.name)


def asked_factory(request: Request, network: Network, made: str | None) -> str | None:
    if request.factory is None:
        return None
    if network.file is None or request.architecture is not None:
        raise ConfigError("--write-factory goes with weights and without --architecture")
    factory_module(request.factory)
    if made is None:
        what = "no plain multilayer perceptron, nor a plain convolutional network that takes such rows"
        raise ConfigError(f"--write-factory: {network.file.path} is {what}; see `netassay inspect`, and write the factory")
    return made


def layers_told(network: Network) -> str:
    if network.chain:
        kinds = [{"conv": "convolution", "linear": "linear", "norm": ""}[part.kind] for part in network.chain]
        return f"a plain convolutional network, {' → '.join(kind for kind in kinds if kind)}"
    layers = network.file.stack.layers if network.file is not None else ()
    return f"a plain multilayer perceptron, {' → '.join(map(str, [layers[0].inputs, *(layer.outputs for layer in layers)]))}"

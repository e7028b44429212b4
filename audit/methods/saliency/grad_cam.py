"""Grad-CAM: where the last convolution of an image network supports an output, by captum's LayerGradCam, with certainty that it saw the layer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from audit.errors import MethodError
from audit.models.hooks import capture, restored_hooks

CHUNK_ROWS = 32
"""Images per pass; few, so that the layer is called once per pass and captum's hook sees all of them."""


@dataclass(frozen=True)
class GradCam:
    """Maps at the size of the input."""

    heat: Tensor
    """Support of each place, (n, height, width) float64, at least 0."""
    flat: Tensor
    """Whether the layer answers the same everywhere in the image, or no place supports the output, (n,) bool."""


def last_convolution(network: Callable[[Tensor], Tensor], module: nn.Module, image: Tensor) -> str:
    """Name of the two-dimensional convolution called last with more than one place to tell apart, found by calling `network` on `image` (1, c, h, w).

    Raises MethodError when `module`, which `network` calls, has none.
    """
    called: dict[str, int] = {}
    with restored_hooks(module):
        for name, part in module.named_modules():
            if isinstance(part, nn.Conv2d):
                part.register_forward_hook(_noting(called, name))
        network(image)
    usable = [name for name, places in called.items() if places > 1]
    if not usable:
        raise MethodError("Grad-CAM needs a two-dimensional convolution (Conv2d) with more than one place; the network calls none")
    return usable[-1]


def grad_cam(
    network: Callable[[Tensor], Tensor], module: nn.Module, inputs: Tensor, target: Tensor, *, layer: str, channels_last: bool = False
) -> GradCam:
    """Maps for output `target` (n,) int64 of images `inputs` (n, c, h, w), from `layer` of `module`, which `network` calls.

    With `channels_last` the images are (n, h, w, c).

    Channels of the layer are weighted by the spatial mean of their gradient, added up, cut off at 0 and enlarged to the input bilinearly.
    Selvaraju et al. 2017, arXiv:1610.02391. Raises MethodError when the layer was not seen for every image.
    """
    size = inputs.shape[1:3] if channels_last else inputs.shape[2:]
    starts = range(0, len(inputs), CHUNK_ROWS)
    parts = [_maps(network, module, inputs[at : at + CHUNK_ROWS], target[at : at + CHUNK_ROWS], layer, size) for at in starts]
    if not parts:
        return GradCam(inputs.new_zeros(0, *size, dtype=torch.float64), inputs.new_zeros(0, dtype=torch.bool))
    return GradCam(torch.cat([part.heat for part in parts]), torch.cat([part.flat for part in parts]))


def _maps(  # noqa: PLR0917  the places of one call
    network: Callable[[Tensor], Tensor], module: nn.Module, images: Tensor, target: Tensor, layer: str, size: torch.Size
) -> GradCam:
    from captum.attr import LayerGradCam  # noqa: PLC0415  takes a second to load

    leaf = images.detach().clone().requires_grad_()
    try:
        with capture(module, [layer]) as seen:
            found = LayerGradCam(network, module.get_submodule(layer)).attribute(leaf, target=target, relu_attributions=True)
    except AssertionError as error:
        raise MethodError(f"Grad-CAM could not see layer {layer!r}: {error}") from error
    answers = seen[layer].detach()
    if not isinstance(found, Tensor) or found.ndim != 4 or len(found) != len(images) or len(answers) != len(images):
        raise MethodError(f"Grad-CAM saw layer {layer!r} for other rows than the {len(images)} images")
    varies = (answers.flatten(2).amax(dim=2) > answers.flatten(2).amin(dim=2)).any(dim=1)
    heat = functional.interpolate(found.detach().double(), size=size, mode="bilinear", align_corners=False)[:, 0]
    return GradCam(heat, ~varies | (heat.flatten(1).amax(dim=1) <= 0))


def _noting(called: dict[str, int], name: str) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]:
    def note(_part: nn.Module, _inputs: tuple[Tensor, ...], output: Tensor) -> None:
        called.pop(name, None)
        called[name] = output.shape[-1] * output.shape[-2]

    return note

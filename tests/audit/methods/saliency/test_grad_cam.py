"""Grad-CAM is captum's for the last convolution called, derived by hand, and refused where there is nothing to see."""

from __future__ import annotations

import pytest
import torch
from captum.attr import LayerGradCam
from torch import nn
from torch.nn import functional

from audit.errors import MethodError, ModelError
from audit.methods.saliency.grad_cam import grad_cam, last_convolution
from tests.audit.methods.saliency.networks import Convolutional, rows

TARGET = torch.tensor([0, 2, 1])


def test_the_layer_is_the_convolution_called_last_not_the_one_declared_last() -> None:
    network = Convolutional()

    assert last_convolution(network, network, rows(1, 2, 9, 7)) == "second"
    assert not any(part._forward_hooks for part in network.modules())


def test_maps_are_those_of_captum_enlarged_to_the_input() -> None:
    network, images = Convolutional(), rows(3, 2, 9, 7)

    found = grad_cam(network, network, images, TARGET, layer="second")

    theirs = LayerGradCam(network, network.second).attribute(images.clone().requires_grad_(), target=TARGET, relu_attributions=True)
    expected = functional.interpolate(theirs.detach(), size=(9, 7), mode="bilinear", align_corners=False)[:, 0]
    torch.testing.assert_close(found.heat, expected, rtol=0, atol=1e-14)
    assert (found.heat >= 0).all()


def test_maps_follow_the_definition_also_where_an_activation_overwrites_the_layer() -> None:
    network, images = Convolutional(), rows(1, 2, 9, 7)
    answers = network.second(torch.relu(network.first(images))).detach().requires_grad_()
    slope = torch.autograd.grad(network.head(torch.relu(answers).flatten(1))[0, 2], answers)[0]
    small = torch.relu((slope.mean(dim=(2, 3), keepdim=True) * answers).sum(dim=1, keepdim=True)).detach()

    found = grad_cam(network, network, images, torch.tensor([2]), layer="second")

    expected = functional.interpolate(small, size=(9, 7), mode="bilinear", align_corners=False)[0]
    torch.testing.assert_close(found.heat, expected, rtol=0, atol=1e-14)


def test_an_image_has_the_same_map_alone_in_company_and_across_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    network, images = Convolutional(), rows(3, 2, 9, 7)
    whole = grad_cam(network, network, images, TARGET, layer="second").heat

    monkeypatch.setattr("audit.methods.saliency.grad_cam.CHUNK_ROWS", 2)

    torch.testing.assert_close(grad_cam(network, network, images, TARGET, layer="second").heat, whole, rtol=0, atol=1e-14)
    torch.testing.assert_close(grad_cam(network, network, images[1:2], TARGET[1:2], layer="second").heat, whole[1:2], rtol=0, atol=1e-14)


def test_images_with_their_channels_last_have_the_same_maps() -> None:
    network, images = Convolutional(), rows(3, 2, 9, 7)

    def turned(batch: torch.Tensor) -> torch.Tensor:
        return network(batch.permute(0, 3, 1, 2))

    found = grad_cam(turned, network, images.permute(0, 2, 3, 1), TARGET, layer="second", channels_last=True)

    torch.testing.assert_close(found.heat, grad_cam(network, network, images, TARGET, layer="second").heat, rtol=0, atol=1e-14)


def test_a_layer_that_answers_the_same_everywhere_is_told() -> None:
    network = Convolutional()
    nn.init.zeros_(network.second.weight)

    assert grad_cam(network, network, rows(3, 2, 9, 7), TARGET, layer="second").flat.all()


def test_a_network_without_convolutions_is_refused() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(126, 3)).double()

    with pytest.raises(MethodError, match="Conv2d"):
        last_convolution(network, network, rows(1, 2, 9, 7))


def test_a_layer_that_is_never_called_is_refused() -> None:
    network = Convolutional()

    with pytest.raises((MethodError, ModelError), match="unused"):
        grad_cam(network, network, rows(3, 2, 9, 7), TARGET, layer="unused")

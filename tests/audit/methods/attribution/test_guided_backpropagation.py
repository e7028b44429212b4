"""Guided backpropagation against captum, and where captum cannot go."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from captum.attr import GuidedBackprop, GuidedGradCam, LayerGradCam
from torch import nn
from torch.nn import functional

from audit.errors import MethodError
from audit.methods.attribution.guided_backpropagation import guided_backpropagation, guided_grad_cam
from tests.audit.methods.attribution.networks import IMAGE, ROW, Written, drawn, fixed

DENSE = fixed(nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 3)))
IMAGES = fixed(nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 4, 2), nn.ReLU(), nn.Flatten(), nn.Linear(36, 3)))


@pytest.mark.parametrize(("network", "shape"), [(DENSE, ROW), (IMAGES, IMAGE)], ids=["dense", "images"])
@pytest.mark.parametrize("chunk", [2, 256])
def test_guided_gradients_agree_with_captum(network, shape, chunk):
    inputs, target = drawn(5, shape), torch.arange(5) % 3

    ours = guided_backpropagation(network, inputs, target, chunk=chunk)

    theirs = _quietly(lambda: GuidedBackprop(network).attribute(inputs, target=target))
    np.testing.assert_allclose(ours, theirs, atol=1e-12)


def test_guided_grad_cam_agrees_with_captum():
    inputs, target = drawn(3, IMAGE), torch.arange(3)
    heat = _quietly(lambda: LayerGradCam(IMAGES, IMAGES[3]).attribute(inputs, target=target, relu_attributions=True))
    enlarged = functional.interpolate(heat.detach(), size=IMAGE[1:], mode="nearest")[:, 0]

    ours = guided_grad_cam(guided_backpropagation(IMAGES, inputs, target), enlarged)

    theirs = _quietly(lambda: GuidedGradCam(IMAGES, IMAGES[3]).attribute(inputs, target=target))
    np.testing.assert_allclose(ours, theirs.detach(), atol=1e-12)


def test_functional_in_place_and_reused_units_are_guided_like_modules():
    first, second, last = DENSE[0], DENSE[2], DENSE[4]
    unit = nn.ReLU(inplace=True)
    reused = nn.Sequential(first, unit, second, unit, last)
    written = Written(lambda _, x: last(functional.relu(second(first(x).relu_()))))
    inputs, target = drawn(4, ROW), torch.arange(4) % 3

    expected = guided_backpropagation(DENSE, inputs, target)

    for network in (reused, written):
        np.testing.assert_array_equal(guided_backpropagation(network, inputs, target), expected)


def test_a_unit_keeps_only_what_excites_it():
    network = Written(lambda _, x: 2 * torch.relu(x[:, :1]) - 3 * torch.relu(x[:, 1:2]) + torch.relu(x[:, 2:]))

    found = guided_backpropagation(network, torch.tensor([[1.0, 1.0, -1.0]]), torch.tensor([0]))

    np.testing.assert_array_equal(found, [[2.0, 0.0, 0.0]])


def test_a_network_without_rectified_units_is_refused():
    with pytest.raises(MethodError, match="made for ReLU"):
        guided_backpropagation(fixed(nn.Sequential(nn.Linear(6, 3), nn.Tanh())), drawn(2, ROW), torch.zeros(2).long())


def test_a_map_of_another_size_is_refused():
    with pytest.raises(MethodError, match="does not fit"):
        guided_grad_cam(torch.zeros(2, 1, 4, 4), torch.zeros(2, 3, 3))


def _quietly(call):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return call()

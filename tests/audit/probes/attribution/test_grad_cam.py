"""Maps have the size of the image; tables, and networks without convolutions, are refused by name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from audit.errors import MethodError
from audit.probes.attribution.grad_cam import grad_cam
from tests.audit.methods.saliency.networks import Convolutional
from tests.audit.probes.attribution.small import PICTURE, measure, subject_of


class Corner(nn.Module):
    """Two classes: what is bright in the upper left corner speaks for the second."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(2, 1, 1, bias=False)
        nn.init.ones_(self.convolution.weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        bright = torch.relu(self.convolution(x))[:, 0, :3, :3].mean(dim=(1, 2))
        return torch.stack([torch.zeros_like(bright), bright], dim=1)


def test_maps_are_as_large_as_the_image_and_never_negative() -> None:
    found = measure(grad_cam, subject_of(Convolutional(), schema=PICTURE, classes=3))

    assert found.columns["heat"].shape == (12, 63)
    assert found.columns["heat"].min() >= 0
    assert found.prepared.tables["map"] == {"layer": ["second"], "height": [9], "width": [7]}


def test_the_map_shows_the_bright_places_of_the_layer_that_is_looked_at() -> None:
    subject = subject_of(Corner(), schema=PICTURE)
    pictures = subject.evaluate.values["picture"]
    pictures[:] = 0
    pictures[:, :, 1, 2] = 4

    found = measure(grad_cam, subject).columns

    assert (found["target"] == 1).all()
    assert (found["heat"].argmax(axis=1) == 1 * 7 + 2).all()
    assert (found["flat"] == 0).all()


def test_an_image_that_is_the_same_everywhere_has_a_flat_map() -> None:
    subject = subject_of(Corner(), schema=PICTURE)
    subject.evaluate.values["picture"][0] = 1

    assert measure(grad_cam, subject).columns["flat"][0] == 1


def test_a_map_does_not_depend_on_the_block() -> None:
    subject = subject_of(Convolutional(), schema=PICTURE, classes=3)

    whole, parts = (measure(grad_cam, subject, block=size).columns for size in (12, 5))

    np.testing.assert_allclose(parts["heat"], whole["heat"], rtol=0, atol=1e-6)


def test_rows_without_outputs_are_missing() -> None:
    found = measure(grad_cam, subject_of(Convolutional(), schema=PICTURE, classes=3), unusable=(3,)).columns

    assert np.isnan(found["heat"][3]).all()
    assert np.isfinite(found["heat"][4]).all()


def test_a_network_left_behind_has_no_hooks_and_its_own_mode() -> None:
    module = Convolutional().train()

    measure(grad_cam, subject_of(module, schema=PICTURE, classes=3))

    assert module.training
    assert not any(part._forward_hooks for part in module.modules())


@pytest.mark.parametrize(
    ("subject", "named"),
    [
        (lambda: subject_of(nn.Sequential(nn.Flatten(), nn.Linear(126, 1)), schema=PICTURE), "Conv2d"),
    ],
)
def test_what_has_no_map_is_refused(subject: Any, named: str) -> None:
    with pytest.raises(MethodError, match=named):
        measure(grad_cam, subject())

"""What stands for a patch that is left out: reference images, the image's own mean, or the image blurred."""

from __future__ import annotations

import numpy as np
import pytest

from audit.data.image_encoding import ImageEncoder
from audit.data_config import ImageConfig


def encoder(absent: str, *, gives: str = "nchw") -> ImageEncoder:
    shape = (3, 8, 10) if gives == "nchw" else (8, 10, 3)
    return ImageEncoder.from_config(ImageConfig(absent=absent, gives=gives, patch=2), shape, "float32")


@pytest.mark.parametrize("gives", ["nchw", "nhwc"])
def test_the_mean_is_that_of_each_channel(gives: str) -> None:
    image = np.random.default_rng(0).normal(size=(3, 8, 10)).astype(np.float32)
    row = image if gives == "nchw" else image.transpose(1, 2, 0)

    found = encoder("mean", gives=gives).absent(row, np.zeros((0, *row.shape)))

    planes = found[0] if gives == "nchw" else found[0].transpose(2, 0, 1)
    np.testing.assert_allclose(planes, np.broadcast_to(image.mean(axis=(1, 2))[:, None, None], image.shape), rtol=1e-5)
    assert found.dtype == np.float32


def test_a_blurred_point_is_a_normal_hill_and_flat_images_stay() -> None:
    row = np.zeros((3, 8, 10), dtype=np.float32)
    row[1, 4, 5] = 1.0

    hill = encoder("blur").absent(row, row[:0])[0, 1]

    steps = np.arange(-8, 9)
    weights = np.exp(-(steps**2) / (2 * 2.0**2))
    assert hill[4, 6] / hill[4, 5] == pytest.approx(weights[9] / weights[8], rel=0.02)
    assert hill.argmax() == 45
    np.testing.assert_allclose(encoder("blur").absent(np.full((3, 8, 10), 0.7, dtype=np.float32), row[:0])[0], 0.7, rtol=1e-6)
    assert np.array_equal(encoder("blur").absent(row, row[:0])[0, 0], row[0])  # channels do not run into each other


def test_reference_images_serve_all_rows() -> None:
    rows = np.zeros((2, 3, 8, 10), dtype=np.float32)

    assert encoder("rows").alike(rows) is None
    assert encoder("rows").absent(rows[0], rows) is rows
    assert encoder("rows").needs_background
    assert encoder("mean").alike(rows) is rows
    assert not encoder("blur").needs_background


def test_the_choice_is_part_of_the_description() -> None:
    assert len({encoder(absent).digest for absent in ("rows", "mean", "blur")}) == 3

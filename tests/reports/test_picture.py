"""Pictures are written so that other programs read them as they are."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from reports.picture import picture


def read(address: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(address.removeprefix("data:image/png;base64,")))))


@pytest.mark.parametrize("shape", [(4, 5), (4, 5, 3)], ids=["grey", "colour"])
def test_a_picture_is_read_back_by_another_library(shape: tuple[int, ...]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, shape)
    pixels.flat[0], pixels.flat[1] = 0, 255

    np.testing.assert_array_equal(read(picture(pixels.tolist())), pixels)


def test_one_value_throughout_is_a_picture_too() -> None:
    assert read(picture([[(7.0, 7.0, 7.0)]])).tolist() == [[[0, 0, 0]]]

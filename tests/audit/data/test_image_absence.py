"""What stands for a patch that is left out: reference images, the image's own mean, the image blurred, or what is around the patch."""

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
    assert len({encoder(absent).digest for absent in ("rows", "mean", "blur", "inpaint")}) == 4


@pytest.mark.parametrize("gives", ["nchw", "nhwc"])
def test_a_patch_is_filled_with_what_the_pixels_around_it_say(gives: str) -> None:
    """A plane solves the biharmonic equation: patches away from the border come back as they were, and a bright point goes."""
    down, across = np.mgrid[0:8, 0:10]
    plane = np.stack([0.1 * down, 0.05 * across, 0.02 * (down + across)]).astype(np.float32)
    spotted = plane.copy()
    spotted[:, 4, 4] = 0.9
    image, with_spot = (one if gives == "nchw" else one.transpose(1, 2, 0) for one in (plane, spotted))

    found, without_spot = (encoder("inpaint", gives=gives).absent(row, row[:0])[0] for row in (image, with_spot))

    inner = (slice(None), slice(2, 6), slice(2, 8)) if gives == "nchw" else (slice(2, 6), slice(2, 8), slice(None))
    np.testing.assert_allclose(found[inner], image[inner], atol=1e-5)
    spot = (slice(None), slice(4, 6), slice(4, 6)) if gives == "nchw" else (slice(4, 6), slice(4, 6), slice(None))
    np.testing.assert_allclose(without_spot[spot], image[spot], atol=1e-5)
    assert found.dtype == np.float32


def test_filling_looks_at_no_more_than_it_needs_and_stays_within_the_image() -> None:
    from skimage.restoration import inpaint_biharmonic  # noqa: PLC0415

    row = np.random.default_rng(0).random((3, 8, 10)).astype(np.float32)
    found = encoder("inpaint").absent(row, row[:0])[0]

    for top, left in ((0, 0), (2, 4), (6, 8)):
        missing = np.zeros((8, 10), dtype=bool)
        missing[top : top + 2, left : left + 2] = True
        whole = inpaint_biharmonic(row.transpose(1, 2, 0).astype(np.float64), missing, channel_axis=-1).transpose(2, 0, 1)
        around = row[:, max(0, top - 4) : top + 6, max(0, left - 4) : left + 6]
        known = ~missing[max(0, top - 4) : top + 6, max(0, left - 4) : left + 6]
        lowest, highest = around[:, known].min(axis=1), around[:, known].max(axis=1)
        np.testing.assert_allclose(found[:, missing], np.clip(whole[:, missing], lowest[:, None], highest[:, None]), atol=1e-4)
    assert (found >= row.min(axis=(1, 2))[:, None, None]).all()
    assert (found <= row.max(axis=(1, 2))[:, None, None]).all()


def test_a_patch_that_is_the_whole_image_gets_its_mean() -> None:
    row = np.random.default_rng(0).random((1, 4, 4)).astype(np.float32)
    held = ImageEncoder.from_config(ImageConfig(absent="inpaint", patch=4), (1, 4, 4), "float32")

    np.testing.assert_allclose(held.absent(row, row[:0])[0], row.mean(), rtol=1e-6)

"""Superpixels: connected, at most so many, and along the edges of what is in the image."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.ndimage import label

from audit.data.dataset import ColumnSchema, RowBlock, Schema
from audit.data.encoding import fit_table_encoder
from audit.data.image_encoding import ImageEncoder
from audit.data.several import join_encoders
from audit.data.superpixels import superpixels
from audit.data_config import ImageConfig

PICTURES = hnp.arrays(np.uint8, st.tuples(st.integers(1, 12), st.integers(1, 12), st.sampled_from([1, 3])))


def quarters() -> np.ndarray[Any, Any]:
    """Four flat colours, (20, 24, 3)."""
    image = np.zeros((20, 24, 3))
    image[:8, :10], image[:8, 10:], image[8:, :10], image[8:, 10:] = (250, 0, 0), (0, 250, 0), (0, 0, 250), (250, 250, 250)
    return image


@settings(deadline=None)  # the first picture loads skimage
@given(image=PICTURES, most=st.integers(2, 20))
def test_regions_are_connected_numbered_without_gaps_and_no_more_than_asked_for(image: np.ndarray[Any, Any], most: int) -> None:
    found = superpixels(image, most)

    assert found.shape == image.shape[:2]
    assert set(np.unique(found)) == set(range(found.max() + 1))
    assert found.max() < most
    assert all(label(found == region)[1] == 1 for region in range(found.max() + 1))


@pytest.mark.parametrize("most", [4, 8, 30])
def test_no_region_crosses_an_edge(most: int) -> None:
    image = quarters()

    found = superpixels(image, most)

    for region in range(found.max() + 1):
        assert len(np.unique(image[found == region], axis=0)) == 1, region
    assert found.max() + 1 >= 4


def test_a_scaled_or_shifted_image_has_the_same_regions() -> None:
    image = np.random.default_rng(1).integers(0, 64, (15, 17, 1)).astype(np.float32)

    found = superpixels(image, 12)

    np.testing.assert_array_equal(found, superpixels(image * 4, 12))
    np.testing.assert_array_equal(found, superpixels(image / 64 - 8, 12))


def test_a_flat_image_and_one_with_missing_values_have_regions() -> None:
    holes = quarters()
    holes[3, 4] = np.nan

    assert superpixels(np.full((9, 9, 1), 7.0), 9).max() >= 1
    assert superpixels(holes, 8).max() < 8


@pytest.mark.parametrize("gives", ["nchw", "nhwc"])
def test_an_encoder_shares_out_all_channels_of_a_pixel_alike(gives: Any) -> None:
    image = quarters() if gives == "nhwc" else quarters().transpose(2, 0, 1)
    shape = image.shape
    encoder = ImageEncoder.from_config(ImageConfig(gives=gives, players="superpixels", superpixels=8, scale=255), shape, "float32")  # type: ignore[arg-type]
    values = encoder.encode(RowBlock(np.arange(2), {"images": np.stack([image, image[::-1, ::-1]]).astype(np.float32)})).values

    owners = encoder.owners(values)

    assert owners is not None
    assert encoder.players.by_row
    pixels = owners.reshape(2, *shape) if gives == "nhwc" else owners.reshape(2, *shape).transpose(0, 2, 3, 1)
    np.testing.assert_array_equal(pixels[..., 0], pixels[..., 1])
    np.testing.assert_array_equal(pixels[0, ..., 0], superpixels(quarters(), 8))
    assert not np.array_equal(owners[0], owners[1])


def test_patches_belong_to_all_images_alike() -> None:
    encoder = ImageEncoder.from_config(ImageConfig(), (1, 8, 8), "float32")

    assert encoder.owners(np.zeros((2, 1, 8, 8), dtype=np.float32)) is None


def test_each_superpixel_is_filled_from_its_surroundings() -> None:
    ramp = np.broadcast_to(np.linspace(0, 1, 16), (1, 12, 16)).astype(np.float32)
    encoder = ImageEncoder.from_config(ImageConfig(players="superpixels", superpixels=9, absent="inpaint"), (1, 12, 16), "float32")

    filled = encoder.absent(ramp, np.zeros((0, 1, 12, 16)))[0]

    np.testing.assert_allclose(filled[:, 3:-3, 4:-4], ramp[:, 3:-3, 4:-4], atol=0.12)  # what surrounds a part of a ramp says how it goes on


def test_beside_other_inputs_only_the_image_is_shared_out_row_by_row() -> None:
    generator = np.random.default_rng(3)
    images = generator.integers(0, 256, (3, 1, 6, 5)).astype(np.float32)
    rows = RowBlock(np.arange(3), {"photo": images, "a": np.arange(3.0), "b": np.ones(3)})
    columns = fit_table_encoder(Schema((ColumnSchema(name="a", kind="numeric"), ColumnSchema(name="b", kind="numeric"))), None, {}, "float32")
    photo = ImageEncoder.from_config(ImageConfig(players="superpixels", superpixels=4), (1, 6, 5), "float32", array="photo")

    joined = join_encoders({"columns": columns, "photo": photo}, rows, "float32")
    owners = joined.owners(joined.encode(rows).values)

    assert owners is not None
    assert joined.players.by_row
    assert joined.players.names == ("a", "b", *(f"photo superpixel {number}" for number in (1, 2, 3, 4)))
    np.testing.assert_array_equal(owners[:, :2], [[0, 1]] * 3)
    for row in range(3):
        np.testing.assert_array_equal(owners[row, 2:].reshape(6, 5) - 2, superpixels(images[row].transpose(1, 2, 0), 4))

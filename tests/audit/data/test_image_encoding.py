"""Images as the network takes them, and back."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from audit.data.dataset import RowBlock
from audit.data.image_encoding import ImageEncoder, patches
from audit.data_config import ImageConfig
from audit.errors import DataError


def rows(images: np.ndarray[Any, Any]) -> RowBlock:
    return RowBlock(np.arange(len(images)), {"images": images.astype(np.float32)})


def numbers(low: str, high: str) -> st.SearchStrategy[Decimal]:
    return st.decimals(low, high, places=3)


SETTINGS = st.builds(
    ImageConfig,
    scale=st.sampled_from([Decimal(1), Decimal(255), Decimal("65535")]),
    mean=st.one_of(numbers("-1", "1"), st.tuples(numbers("-1", "1"), numbers("-1", "1"), numbers("-1", "1"))),
    deviation=st.one_of(numbers("0.05", "2"), st.tuples(numbers("0.05", "2"), numbers("0.05", "2"), numbers("0.05", "2"))),
    gives=st.sampled_from(["nchw", "nhwc"]),
)


@given(config=SETTINGS, images=hnp.arrays(np.uint8, (2, 3, 4, 5)), dtype=st.sampled_from(["float32", "float64"]))
def test_decoding_gives_back_every_whole_value(config: ImageConfig, images: np.ndarray[Any, Any], dtype: str) -> None:
    raw = images if config.gives == "nchw" else images.transpose(0, 2, 3, 1)
    encoder = ImageEncoder.from_config(config, raw.shape[1:], dtype)

    decoded = encoder.decode(encoder.encode(rows(raw)).values)["images"]

    # A value may be rounded twice, in the encoded one and in the raw one, each by half a unit in the last place of the larger of both.
    largest = max(float(np.abs(np.asarray(config.mean, dtype=float)).max()) * float(config.scale), 255.0)
    np.testing.assert_allclose(decoded, raw, rtol=0, atol=2 * largest * float(np.finfo(np.float32).eps))
    if largest < 1_000:
        np.testing.assert_array_equal(np.rint(decoded), raw)


@given(raw=hnp.arrays(np.float32, (2, 1, 2, 2), elements=st.floats(-1e6, 1e6, width=32)))
def test_decoding_gives_back_any_value_to_the_precision_of_the_network(raw: np.ndarray[Any, Any]) -> None:
    encoder = ImageEncoder.from_config(ImageConfig(scale=Decimal(16), deviation=Decimal("0.3")), (1, 2, 2), "float32")

    np.testing.assert_allclose(encoder.decode(encoder.encode(rows(raw)).values)["images"], raw, rtol=2e-7, atol=1e-30)


def test_each_channel_has_its_own_mean_and_deviation() -> None:
    raw = np.random.default_rng(0).integers(0, 256, (2, 3, 4, 5))
    config = ImageConfig(scale=255, mean=(Decimal("0.1"), Decimal("0.2"), Decimal("0.3")), deviation=(Decimal(1), Decimal(2), Decimal(4)))

    encoded = ImageEncoder.from_config(config, (3, 4, 5), "float64").encode(rows(raw)).values

    for channel, (mean, deviation) in enumerate([(0.1, 1), (0.2, 2), (0.3, 4)]):
        np.testing.assert_allclose(encoded[:, channel], (raw[:, channel] / 255 - mean) / deviation)


def test_both_orders_of_axes_say_the_same() -> None:
    raw = np.random.default_rng(0).integers(0, 256, (2, 3, 4, 5))
    given = {"mean": (1, 2, 3), "deviation": (Decimal(1), Decimal(2), Decimal(4)), "patch": 2}
    first = ImageEncoder.from_config(ImageConfig(**given), (3, 4, 5), "float32")
    last = ImageEncoder.from_config(ImageConfig(gives="nhwc", **given), (4, 5, 3), "float32")
    one, other = first.encode(rows(raw)).values, last.encode(rows(raw.transpose(0, 2, 3, 1))).values

    np.testing.assert_array_equal(one.transpose(0, 2, 3, 1), other)
    assert first.players.names == last.players.names
    assert dict(zip(first.entries, first.players.owner.tolist(), strict=True)) == dict(zip(last.entries, last.players.owner.tolist(), strict=True))
    by_name = dict(zip(first.entries, one[0].reshape(-1).tolist(), strict=True))
    assert by_name == dict(zip(last.entries, other[0].reshape(-1).tolist(), strict=True))
    assert first.digest != last.digest


def test_edge_patches_are_smaller() -> None:
    players = patches((1, 3, 5), 2)

    assert players.names == ("patch 0,0", "patch 0,1", "patch 0,2", "patch 1,0", "patch 1,1", "patch 1,2")
    np.testing.assert_array_equal(players.owner.reshape(3, 5), [[0, 0, 1, 1, 2], [0, 0, 1, 1, 2], [3, 3, 4, 4, 5]])


@pytest.mark.parametrize("channels_last", [False, True])
def test_a_patch_holds_all_channels(channels_last: bool) -> None:
    shape = (4, 4, 3) if channels_last else (3, 4, 4)
    owner = patches(shape, 2, channels_last=channels_last).owner.reshape(shape)

    for channel in range(3):
        place = owner[:, :, channel] if channels_last else owner[channel]
        np.testing.assert_array_equal(place, [[0, 0, 1, 1], [0, 0, 1, 1], [2, 2, 3, 3], [2, 2, 3, 3]])


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (ImageConfig(mean=(Decimal(1), Decimal(2))), "data.image.mean has 2 numbers for images of 3 channels"),
        (ImageConfig(deviation=(Decimal(1), Decimal(0), Decimal(1))), "must not be 0"),
        (ImageConfig(scale=Decimal(0)), "must not be 0"),
    ],
)
def test_numbers_that_do_not_suit_the_channels_are_refused(config: ImageConfig, words: str) -> None:
    with pytest.raises(DataError, match=words):
        ImageEncoder.from_config(config, (3, 4, 5), "float32")


def test_the_run_says_what_was_done_to_the_images() -> None:
    config = ImageConfig(colour="grey", size=(4, 5), background=255)

    assert ImageEncoder.from_config(config, (1, 4, 5), "float32").description["made"] == (
        "made grey; transparent places filled with 255; resized to 4 by 5, bilinear with antialiasing, rounded to whole values"
    )

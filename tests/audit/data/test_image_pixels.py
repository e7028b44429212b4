"""One image file as pixels: every way of storing one is read exactly or refused by name."""

from __future__ import annotations

import io
import struct
import zlib
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from PIL import Image

from audit.data.image_pixels import LARGEST_IMAGE, Reading, read_pixels
from audit.errors import DataError

AS_STORED = Reading()
NOISE = np.random.default_rng(0)
GREY = NOISE.integers(0, 256, (5, 7), dtype=np.uint8)
RGB = NOISE.integers(0, 256, (5, 7, 3), dtype=np.uint8)


def stored(image: Image.Image, kind: str = "PNG", **settings: Any) -> bytes:
    held = io.BytesIO()
    image.save(held, kind, **settings)
    return held.getvalue()


def chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png(width: int, height: int, *, depth: int, colour: int, content: bytes) -> bytes:
    """A PNG file written by hand, for what Pillow does not write."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(content)) + chunk(b"IEND", b"")


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_colour_is_read_exactly(kind: str) -> None:
    np.testing.assert_array_equal(read_pixels(stored(Image.fromarray(RGB), kind, lossless=True), AS_STORED), RGB)


def test_a_still_gif_is_read_exactly() -> None:
    few = RGB[:, :, :1] // 64 * 64 + np.array([0, 10, 20], dtype=np.uint8)

    np.testing.assert_array_equal(read_pixels(stored(Image.fromarray(few).quantize(64), "GIF"), AS_STORED), few)


def test_a_jpeg_is_read_nearly() -> None:
    smooth = np.linspace(0, 255, 32 * 32).reshape(32, 32).astype(np.uint8)

    np.testing.assert_allclose(read_pixels(stored(Image.fromarray(smooth), "JPEG", quality=95), AS_STORED)[:, :, 0], smooth, atol=4)


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (Image.fromarray(GREY), GREY[:, :, None]),
        (Image.fromarray(GREY > 100), np.where(GREY > 100, 255, 0)[:, :, None]),
        (Image.fromarray(GREY.astype(np.uint16) * 257), GREY.astype(np.uint16)[:, :, None] * 257),
        (Image.fromarray(RGB[:, :, 0] // 16).quantize(16).convert("P"), (RGB[:, :, :1] // 16).repeat(3, axis=2)),
    ],
    ids=["grey", "black_and_white", "grey_of_16_bits", "palette"],
)
def test_values_are_as_stored(image: Image.Image, expected: np.ndarray[Any, Any]) -> None:
    np.testing.assert_array_equal(read_pixels(stored(image), AS_STORED), expected)


def test_grey_of_colour_is_the_declared_luma() -> None:
    luma = RGB.astype(float) @ [0.299, 0.587, 0.114]

    np.testing.assert_allclose(read_pixels(stored(Image.fromarray(RGB)), Reading(colour="grey"))[:, :, 0], luma, atol=0.51)


def test_rgb_of_grey_has_three_equal_channels() -> None:
    np.testing.assert_array_equal(read_pixels(stored(Image.fromarray(GREY)), Reading(colour="rgb")), GREY[:, :, None].repeat(3, axis=2))


@pytest.mark.parametrize(
    ("orientation", "shown"),
    [
        (1, RGB),
        (2, RGB[:, ::-1]),
        (3, RGB[::-1, ::-1]),
        (4, RGB[::-1]),
        (5, RGB.transpose(1, 0, 2)),
        (6, np.rot90(RGB, -1)),
        (7, RGB[::-1, ::-1].transpose(1, 0, 2)),
        (8, np.rot90(RGB)),
        (9, RGB),
    ],
)
def test_images_stand_upright(orientation: int, shown: np.ndarray[Any, Any]) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation

    np.testing.assert_array_equal(read_pixels(stored(Image.fromarray(RGB), exif=exif), AS_STORED), shown)


def test_halving_the_size_averages_with_a_triangle() -> None:
    """Antialiased bilinear halving weighs four neighbours 1, 3, 3, 1, as away from the edge."""
    line = NOISE.integers(0, 256, 16).astype(np.uint8)
    image = Image.fromarray(np.broadcast_to(line, (4, 16)).copy())

    halved = read_pixels(stored(image), Reading(size=(4, 8)))[0, :, 0]

    weighted = [(line[i - 1] + 3.0 * line[i] + 3.0 * line[i + 1] + line[i + 2]) / 8 for i in range(2, 14, 2)]
    np.testing.assert_allclose(halved[1:7], weighted, atol=1)


TRANSPARENT = np.dstack([RGB, np.where(GREY > 127, 255, 128).astype(np.uint8)])


@pytest.mark.parametrize("background", [0, 255])
def test_transparency_is_filled_with_the_declared_background(background: int) -> None:
    share = TRANSPARENT[:, :, 3:].astype(float) / 255
    expected = RGB * share + background * (1 - share)

    shown = read_pixels(stored(Image.fromarray(TRANSPARENT)), Reading(colour="rgb", background=background))

    np.testing.assert_allclose(shown, expected, atol=1)


def test_alpha_that_hides_nothing_is_dropped_where_colour_is_declared() -> None:
    opaque = np.dstack([RGB, np.full_like(GREY, 255)])

    np.testing.assert_array_equal(read_pixels(stored(Image.fromarray(opaque)), Reading(colour="rgb")), RGB)


def moving(kind: str) -> bytes:
    frames = [Image.fromarray(RGB), Image.fromarray(RGB[::-1].copy())]
    return stored(frames[0], kind, save_all=True, append_images=frames[1:])


@pytest.mark.parametrize(
    ("content", "reading", "words"),
    [
        (stored(Image.fromarray(TRANSPARENT)), AS_STORED, "transparency.*declare data.image.colour"),
        (stored(Image.fromarray(TRANSPARENT)), Reading(colour="grey"), "declare data.image.background"),
        (stored(Image.fromarray(GREY).quantize(8), transparency=0), AS_STORED, "transparency"),
        (stored(Image.fromarray(RGB), transparency=(1, 2, 3)), AS_STORED, "transparency"),
        (stored(Image.fromarray(RGB).convert("CMYK"), "JPEG"), AS_STORED, "mode CMYK"),
        (stored(Image.fromarray(RGB).convert("CMYK"), "JPEG"), Reading(colour="rgb"), "mode CMYK"),
        (stored(Image.fromarray(GREY.astype(np.uint16))), Reading(colour="rgb"), "16 bits"),
        (png(1, 1, depth=16, colour=2, content=b"\0" + bytes(6)), AS_STORED, "16 bits per colour"),
        (png(1, 1, depth=16, colour=6, content=b"\0" + bytes(8)), AS_STORED, "16 bits per colour"),
        (moving("GIF"), AS_STORED, "2 frames"),
        (moving("PNG"), AS_STORED, "2 frames"),
        (moving("WEBP"), AS_STORED, "2 frames"),
        (b"", AS_STORED, "is not one of PNG"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", AS_STORED, "is not one of PNG"),
        (stored(Image.fromarray(RGB), "BMP"), AS_STORED, "is not one of PNG"),
        (stored(Image.fromarray(RGB))[:-40], AS_STORED, "damaged"),
        (stored(Image.fromarray(RGB), "JPEG")[:-200], AS_STORED, "damaged"),
    ],
)
def test_what_would_be_read_wrongly_is_refused_by_name(content: bytes, reading: Reading, words: str) -> None:
    with pytest.raises(DataError, match=words) as caught:
        read_pixels(content, reading)

    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("side", [8_200, 10_000, 60_000])
def test_a_small_file_that_claims_many_pixels_is_refused_before_they_are_made(side: int) -> None:
    """Below Pillow's own limit, between its warning and its error, and beyond both."""
    assert side * side > LARGEST_IMAGE

    with pytest.raises(DataError, match="pixels"):
        read_pixels(png(side, side, depth=8, colour=2, content=b""), AS_STORED)


@pytest.mark.parametrize("seed", range(40))
def test_damage_anywhere_is_a_data_error_or_an_image(seed: int) -> None:
    draw = np.random.default_rng(seed)
    kind = ("PNG", "JPEG", "GIF", "WEBP")[seed % 4]
    exif = Image.Exif()
    exif[0x0112] = 6
    content = bytearray(stored(Image.fromarray(RGB).quantize(32) if kind == "GIF" else Image.fromarray(RGB), kind, exif=exif))
    for place in draw.integers(0, len(content), 8):
        content[place] = draw.integers(0, 256)

    with suppress(DataError):
        assert read_pixels(bytes(content), AS_STORED).ndim == 3

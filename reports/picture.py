"""Arrays of pixels as PNG data addresses, written without an image library: the image as it is, two colours for an attribution."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Sequence

Pixels = Sequence[Sequence[float]]
Image = Sequence[Sequence[float | Sequence[float]]]
"""Pixels of one number, or of three for red, green and blue."""


def picture(image: Image) -> str:
    """The image as a data address, in grey or colour as it is, darkest value black, brightest white."""
    lines = [[value for pixel in row for value in (pixel if isinstance(pixel, Sequence) else (pixel,))] for row in image]
    low, high = min(map(min, lines)), max(map(max, lines))
    span = (high - low) or 1.0
    colour = 2 if isinstance(image[0][0], Sequence) else 0
    return _png([bytes(round(255 * (value - low) / span) for value in line) for line in lines], len(image[0]), colour=colour)


def signed(overlay: Pixels) -> str:
    """The attribution as a data address: orange for positive, blue for negative, more opaque for larger."""
    largest = max((abs(value) for row in overlay for value in row), default=0.0) or 1.0
    lines = [b"".join(_pixel(value, largest) for value in row) for row in overlay]
    return _png(lines, len(overlay[0]), colour=6)


def _png(lines: list[bytes], width: int, *, colour: int) -> str:
    header = struct.pack(">IIBBBBB", width, len(lines), 8, colour, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + line for line in lines), 9)
    body = _chunk(b"IHDR", header) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")
    return "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n" + body).decode("ascii")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _pixel(value: float, largest: float) -> bytes:
    """Orange for what raises the output, blue for what lowers it; the stronger, the less transparent."""
    colour = (230, 97, 1) if value > 0 else (33, 102, 172)
    return bytes((*colour, round(215 * abs(value) / largest)))

"""One image file as an array of pixels, by Pillow. What would be read wrongly is refused by name; nothing is unpacked before its size is known."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, UnidentifiedImageError

from audit.errors import DataError

FORMATS = ("PNG", "JPEG", "GIF", "WEBP")
LARGEST_IMAGE = 2**26
"""Pixels of one image."""
_ORIENTATION = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM, 5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE, 8: Image.Transpose.ROTATE_90,
}  # fmt: skip
"""What undoes each orientation that a camera writes."""
_PLAIN = {"1": "L", "L": "L", "P": "RGB", "RGB": "RGB", "I;16": "I;16"}
"""Modes whose values are kept exactly, and the mode they are kept in."""


@dataclass(frozen=True)
class Reading:
    """How image files become pixels. `size` is (height, width), None for as stored; `background` (0 to 255) shows through transparent pixels."""

    colour: Literal["grey", "rgb"] | None = None
    size: tuple[int, int] | None = None
    background: int | None = None


def read_pixels(content: bytes, reading: Reading) -> NDArray[Any]:
    """Pixels (height, width, channels) uint8, or uint16 for a grey image of 16 bits, upright as its EXIF orientation says.

    Grey of colour is the luma of ITU-R 601-2; sizes change bilinearly with antialiasing, rounded to whole values; colour profiles are not
    applied. Raises DataError, which says what is wrong with the image, for anything else than one still PNG, JPEG, GIF or WebP picture.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            return _read(content, reading)
        except DataError:
            raise
        except (Image.DecompressionBombWarning, Image.DecompressionBombError):
            raise DataError(f"unpacks to more than {LARGEST_IMAGE:,} pixels") from None
        except UnidentifiedImageError:
            raise DataError(f"is not one of {', '.join(FORMATS)}, whatever its name says") from None
        except Exception as error:  # noqa: BLE001  decoders raise anything on damaged files
            raise DataError(f"is damaged: {_first_line(error)}") from None


def _read(content: bytes, reading: Reading) -> NDArray[Any]:
    with Image.open(io.BytesIO(content), formats=FORMATS) as image:
        _refuse_large(image)
        _refuse_moving(image)
        _refuse_rounding(image)
        image.load()
        _refuse_large(image)
        turned = _UPRIGHT.get(image.getexif().get(_ORIENTATION, 1))
        plain = _coloured(_without_alpha(image, reading), reading)
    upright = plain if turned is None else plain.transpose(turned)
    if reading.size is not None and upright.size != reading.size[::-1]:
        upright = upright.resize(reading.size[::-1], Image.Resampling.BILINEAR)
    pixels = np.asarray(upright)
    return pixels[:, :, None] if pixels.ndim == 2 else pixels


def _refuse_large(image: Image.Image) -> None:
    if image.width * image.height > LARGEST_IMAGE:
        raise DataError(f"is {image.height} by {image.width} pixels; at most {LARGEST_IMAGE:,} in all are unpacked")


def _refuse_moving(image: Image.Image) -> None:
    # Further pictures in a JPEG file (MPO) are previews or depth of the first.
    if getattr(image, "is_animated", False) and image.format != "MPO":
        raise DataError(f"moves: it holds {getattr(image, 'n_frames', 2)} frames, and a network looks at one; save the one that is meant")


def _refuse_rounding(image: Image.Image) -> None:
    """Pillow cuts colours of 16 bits to 8 without a word; only the raw mode in which they are stored tells."""
    stored = " ".join(str(tile[3]) for tile in image.tile) if isinstance(image, ImageFile.ImageFile) else ""
    if "16" in stored and image.mode != "I;16":
        raise DataError("has 16 bits per colour, of which only 8 would be read; save it with 8 bits, or as grey with 16")


def _without_alpha(image: Image.Image, reading: Reading) -> Image.Image:
    if not image.has_transparency_data:
        if image.mode not in _PLAIN:
            raise DataError(f"is stored in mode {image.mode}, which is not read; save it as grey or RGB")
        return image.convert(_PLAIN[image.mode])
    if reading.colour is None:
        raise DataError(f"has transparency (mode {image.mode}); declare data.image.colour = 'grey' or 'rgb'")
    if image.mode == "I;16":
        raise DataError("has 16 bits and transparency; save it without transparency")
    layered = image.convert("RGBA")
    if np.asarray(layered.getchannel("A")).min() == 255:
        return layered.convert("RGB")
    if reading.background is None:
        raise DataError("is transparent in places; declare data.image.background, the value that shows through, 0 (black) to 255 (white)")
    ground = Image.new("RGBA", layered.size, (reading.background,) * 3 + (255,))
    return Image.alpha_composite(ground, layered).convert("RGB")


def _coloured(image: Image.Image, reading: Reading) -> Image.Image:
    if reading.colour is None:
        return image
    if image.mode == "I;16":
        if reading.colour == "rgb":
            raise DataError("is grey with 16 bits and cannot become rgb without loss; save it with 8 bits")
        return image
    return image.convert("L" if reading.colour == "grey" else "RGB")


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0][:200] or type(error).__name__

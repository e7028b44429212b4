"""Patches of an image filled from what lies around them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

MARGIN = 4
"""Pixels around a patch that its filling looks at; the biharmonic equation needs two."""


def filled_in(image: NDArray[np.float64], owner: NDArray[np.int64]) -> NDArray[np.float64]:
    """`image` (height, width, channels) in which the pixels of each owner (height, width) are what the rest of the image says of them.

    Each patch is filled by itself, all others in place, with the solution of the biharmonic equation (Damelin & Hoang 2018,
    doi:10.1155/2018/3950312), channel by channel, kept within the values around the patch. A patch that is the whole image gets its mean.
    """
    found = np.empty_like(image)
    for patch in np.unique(owner):
        rows, columns = np.nonzero(owner == patch)
        if len(rows) == owner.size:
            found[:] = image.mean(axis=(0, 1))
            continue
        top, left = max(0, rows.min() - MARGIN), max(0, columns.min() - MARGIN)
        window = (slice(top, rows.max() + MARGIN + 1), slice(left, columns.max() + MARGIN + 1))
        found[rows, columns] = _solved(image[window], owner[window] == patch)[rows - top, columns - left]
    return found


def _solved(image: NDArray[np.float64], missing: NDArray[np.bool_]) -> NDArray[Any]:
    from skimage.restoration import inpaint_biharmonic  # noqa: PLC0415  takes a second to load and few audits fill patches

    return np.asarray(inpaint_biharmonic(image, missing, channel_axis=-1))

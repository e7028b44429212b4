"""Superpixels of an image: connected regions of like colour."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def superpixels(image: NDArray[Any], most: int, *, compactness: float = 10.0) -> NDArray[np.int64]:
    """The region of each pixel (height, width), numbered from 0 without gaps, of an image (height, width, channels) of any scale.

    At most `most` regions, connected by edges, by SLIC; of three channels distances are taken in CIELAB. Where SLIC finds more, the smallest
    joins the region that it shares the longest border with. Larger `compactness` makes regions squarer. The same image always gives the same
    regions, and so does one that is scaled or shifted. Achanta et al. 2012, doi:10.1109/TPAMI.2012.120.
    """
    from skimage.segmentation import slic  # noqa: PLC0415  takes a second to load and few audits look for superpixels

    whole = np.nan_to_num(image.astype(np.float64))
    spread = whole.max() - whole.min()
    unit = (whole - whole.min()) / spread if spread > 0 else np.zeros_like(whole)
    found = slic(unit, n_segments=most, compactness=compactness, channel_axis=-1, start_label=0)
    return _at_most(np.unique(found, return_inverse=True)[1].reshape(found.shape).astype(np.int64), most)


def _at_most(regions: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    while (count := int(regions.max()) + 1) > most:
        borders = _borders(regions, count)
        smallest = int(np.argmin(np.bincount(regions.reshape(-1), minlength=count)))
        regions = np.where(regions == smallest, int(np.argmax(borders[smallest])), regions)
        regions = regions - (regions > smallest)
    return regions


def _borders(regions: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Edges of pixels between each two regions, (count, count), 0 with itself."""
    found = np.zeros((count, count), dtype=np.int64)
    for one, other in ((regions[:-1], regions[1:]), (regions[:, :-1], regions[:, 1:])):
        np.add.at(found, (one, other), 1)
        np.add.at(found, (other, one), 1)
    np.fill_diagonal(found, 0)
    return found

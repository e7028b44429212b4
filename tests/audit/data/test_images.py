from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from audit.data import npz_file
from audit.data.image_encoding import ImageEncoder
from audit.data.images import open_images
from audit.data_config import ImageConfig
from audit.errors import DataError


def write(folder: Path, **arrays: object) -> Path:
    path = folder / "images.npz"
    np.savez(path, **{name: np.asarray(values) for name, values in arrays.items()})
    return path


@pytest.mark.parametrize(("stored", "shape"), [((5, 8, 9), (1, 8, 9)), ((5, 8, 9, 3), (3, 8, 9)), ((5, 3, 8, 9), (3, 8, 9))])
def test_channels_come_first(tmp_path: Path, stored: tuple[int, ...], shape: tuple[int, ...]) -> None:
    raw = np.arange(np.prod(stored)).reshape(stored)
    dataset = open_images(write(tmp_path, images=raw, y=np.arange(5)), name="evaluate", config=ImageConfig(), extra=["y"])
    block = dataset.take(np.array([1, 4]))

    assert dataset.shape == shape
    assert block.values["images"].shape == (2, *shape)
    assert block.values["y"].tolist() == [1, 4]
    assert block.values["images"][0, 0, 2, 3] == (raw[1, 2, 3] if raw.ndim == 3 else raw[1, 2, 3, 0] if stored[3] == 3 else raw[1, 0, 2, 3])


@pytest.mark.parametrize(
    ("layout", "stored", "shape"), [("nchw", (2, 3, 4, 5), (3, 4, 5)), ("nhwc", (2, 4, 5, 3), (3, 4, 5)), ("nhwc", (2, 4, 9, 12), (12, 4, 9))]
)
@pytest.mark.parametrize("gives", ["nchw", "nhwc"])
def test_declared_axes_are_read_and_given(tmp_path: Path, layout: Any, stored: tuple[int, ...], shape: tuple[int, ...], gives: Any) -> None:
    raw = np.random.default_rng(0).integers(0, 256, stored)
    first = raw if layout == "nchw" else raw.transpose(0, 3, 1, 2)

    dataset = open_images(write(tmp_path, images=raw), name="evaluate", config=ImageConfig(layout=layout, gives=gives), extra=[])

    assert dataset.shape == (shape if gives == "nchw" else (*shape[1:], shape[0]))
    np.testing.assert_array_equal(dataset.take(np.arange(2)).values["images"], first if gives == "nchw" else first.transpose(0, 2, 3, 1))


@pytest.mark.parametrize(("stored", "words"), [((2, 3, 4, 4), "first or last"), ((2, 5, 6, 7), "no axis of at most 4")])
def test_axes_that_can_be_read_in_two_ways_must_be_declared(tmp_path: Path, stored: tuple[int, ...], words: str) -> None:
    with pytest.raises(DataError, match=f"{words}.*declare data.image.layout"):
        open_images(write(tmp_path, images=np.zeros(stored)), name="evaluate", config=ImageConfig(), extra=[])


def test_decoding_inverts_encoding(tmp_path: Path) -> None:
    raw = np.random.default_rng(0).integers(0, 255, (4, 6, 6), dtype=np.uint8)
    config = ImageConfig(scale=255, mean=1, deviation=2)
    dataset = open_images(write(tmp_path, images=raw), name="evaluate", config=config, extra=[])
    encoder = ImageEncoder.from_config(config, dataset.shape, "float64")
    batch = encoder.encode(next(dataset.blocks(9)))

    np.testing.assert_allclose(batch.values[:, 0], (raw / 255 - 1) / 2)
    np.testing.assert_allclose(encoder.decode(batch.values)["images"][:, 0], raw, atol=1e-4)


def test_pickled_arrays_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path, images=np.array([{}], dtype=object))

    with pytest.raises(DataError, match="without pickles"):
        open_images(path, name="evaluate", config=ImageConfig(), extra=[])


def test_a_file_that_unpacks_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(npz_file, "LIMIT", 100)

    with pytest.raises(DataError, match="GiB unpacked"):
        open_images(write(tmp_path, images=np.zeros((2, 8, 8))), name="evaluate", config=ImageConfig(), extra=[])


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"image": np.zeros((1, 2, 2))}, "did you mean 'image'"),
        ({"images": np.full((1, 2, 2), np.inf)}, "not finite"),
        ({"images": np.zeros((0, 2, 2))}, "no images"),
    ],
)
def test_wrong_arrays_are_refused(tmp_path: Path, arrays: dict[str, object], words: str) -> None:
    with pytest.raises(DataError, match=words):
        open_images(write(tmp_path, **arrays), name="evaluate", config=ImageConfig(), extra=[])


def test_an_array_of_another_length_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="one value per image"):
        open_images(write(tmp_path, images=np.zeros((2, 4, 4)), y=[1]), name="evaluate", config=ImageConfig(), extra=["y"])

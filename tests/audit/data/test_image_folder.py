"""Images in a folder, named by a table."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from audit.data import image_folder
from audit.data.image_folder import ImageFolder, open_image_folder
from audit.data_config import ImageConfig
from audit.errors import DataError

RGB = np.random.default_rng(0).integers(0, 256, (6, 4, 5, 3), dtype=np.uint8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for row, image in enumerate(RGB):
        Image.fromarray(image).save(tmp_path / f"{row}.png")
    table(tmp_path, [f"{row}.png" for row in range(6)])
    return tmp_path


def table(folder: Path, names: list[str | None]) -> None:
    pd.DataFrame({"image": names, "label": np.arange(len(names)) % 2}).to_csv(folder / "labels.csv", index=False)


def opened(folder: Path, **settings: Any) -> ImageFolder:
    return open_image_folder(folder / "labels.csv", name="evaluate", config=ImageConfig(**settings), folder=folder, extra=["label"], text=["label"])


def test_rows_hold_pixels_names_and_labels(folder: Path) -> None:
    dataset = opened(folder)
    block = dataset.take(np.array([1, 4]))

    assert (dataset.n_rows, dataset.shape, dataset.largest) == (6, (3, 4, 5), 255)
    assert list(block.values) == ["image", "label", "pixels"]
    assert block.values["image"].tolist() == ["1.png", "4.png"]
    assert block.values["label"].tolist() == ["1", "0"]
    assert block.values["pixels"].dtype == np.float32
    np.testing.assert_array_equal(block.values["pixels"], RGB[[1, 4]].transpose(0, 3, 1, 2))


def test_channels_stand_last_for_networks_that_take_them_so(folder: Path) -> None:
    dataset = opened(folder, gives="nhwc")

    assert dataset.shape == (4, 5, 3)
    np.testing.assert_array_equal(dataset.take(np.arange(6)).values["pixels"], RGB)


def test_only_the_images_that_are_asked_for_are_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = opened(folder)
    read: list[str] = []
    monkeypatch.setattr(image_folder, "image_bytes", lambda place, name, keep=image_folder.image_bytes: read.append(name) or keep(place, name))

    block = dataset.take(np.array([2, 5]))
    labels = [held.values["label"].tolist() for held in dataset.blocks(4)]
    assert (labels, read) == ([["0", "1", "0", "1"], ["0", "1"]], [])
    first, second = block.values["pixels"], block.values["pixels"]

    assert first is second
    assert read == ["2.png", "5.png"]


def test_blocks_of_large_images_have_fewer_rows(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_folder, "MOST_ENTRIES", 2 * 60)

    assert [block.positions.tolist() for block in opened(folder).blocks(100)] == [[0, 1], [2, 3], [4, 5]]


def test_a_dataset_and_its_blocks_survive_pickling(folder: Path) -> None:
    dataset = opened(folder)
    block = dataset.take(np.array([3]))
    again, twice = pickle.loads(pickle.dumps((dataset, block)))  # noqa: S301  its own bytes

    assert again.digest == dataset.digest
    np.testing.assert_array_equal(twice.values["pixels"], again.take(np.array([3])).values["pixels"])


def test_the_digest_follows_pixels_order_and_labels(folder: Path) -> None:
    first = opened(folder).digest
    assert opened(folder).digest == first

    table(folder, [f"{row}.png" for row in (1, 0, 2, 3, 4, 5)])
    swapped = opened(folder).digest
    table(folder, [f"{row}.png" for row in range(6)])
    Image.fromarray(255 - RGB[5]).save(folder / "5.png")
    changed = opened(folder).digest

    assert len({first, swapped, changed}) == 3


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (Image.fromarray(RGB[3, :, :, 0]), r"row 3: image '3.png' is grey, 4 by 5, but '0.png' is rgb, 4 by 5; declare data.image.colour"),
        (Image.fromarray(RGB[3, :3]), r"row 3: image '3.png' is rgb, 3 by 5, but '0.png' is rgb, 4 by 5; declare data.image.size"),
        (Image.fromarray(RGB[3, :, :, 0].astype(np.uint16)), r"row 3: image '3.png' is grey with 16 bits.*same number of bits"),
    ],
)
def test_the_first_image_that_differs_is_named(folder: Path, image: Image.Image, words: str) -> None:
    image.save(folder / "3.png")

    with pytest.raises(DataError, match=words):
        opened(folder)


def test_images_of_several_sizes_and_colours_are_read_when_both_are_declared(folder: Path) -> None:
    Image.fromarray(RGB[3, :3, :, 0]).save(folder / "3.png")

    assert opened(folder, colour="grey", size=(8, 9)).shape == (1, 8, 9)


def test_an_image_that_changes_after_it_was_checked_is_refused(folder: Path) -> None:
    dataset = opened(folder)
    Image.fromarray(RGB[2, :3]).save(folder / "2.png")

    with pytest.raises(DataError, match=r"row 2: image '2.png' has changed"):
        dataset.take(np.array([2])).values["pixels"]


def test_names_may_lead_into_folders_below(folder: Path) -> None:
    (folder / "more").mkdir()
    (folder / "0.png").rename(folder / "more" / "zero.png")
    table(folder, ["more/zero.png"])

    assert opened(folder).n_rows == 1


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("/etc/hostname", "leaves the folder"),
        ("../secret.png", "leaves the folder"),
        ("more/../../secret.png", "leaves the folder"),
        ("out.png", "by a link"),
        ("below/secret.png", "by a link"),
        ("0.png\0.txt", "no file name"),
        ("more\\0.png", "Windows"),
        ("C:0.png", "Windows"),
        ("absent.png", "is not there"),
        ("loop.png", "cannot be found"),
        ("x" * 5000, "cannot be found"),
        (".", "no file"),
        ("pipe.png", "no file"),
        (None, "names no image"),
    ],
)
def test_names_that_leave_the_folder_or_are_no_file_are_refused_with_their_row(folder: Path, name: str | None, words: str) -> None:
    import os  # noqa: PLC0415  for the pipe alone

    inside = folder / "inside"
    inside.mkdir()
    (folder / "0.png").rename(inside / "0.png")
    Image.fromarray(RGB[0]).save(folder / "secret.png")
    (inside / "out.png").symlink_to(folder / "secret.png")
    (inside / "below").symlink_to(folder, target_is_directory=True)
    (inside / "loop.png").symlink_to(inside / "loop.png")
    os.mkfifo(inside / "pipe.png")
    pd.DataFrame({"image": ["0.png", name]}).to_parquet(folder / "labels.parquet")

    with pytest.raises(DataError, match=words) as caught:
        open_image_folder(folder / "labels.parquet", name="evaluate", config=ImageConfig(), folder=inside, extra=[])

    assert "row 1" in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_a_file_that_is_very_large_is_refused_unread(folder: Path) -> None:
    with (folder / "4.png").open("r+b") as file:
        file.truncate(2**29)

    with pytest.raises(DataError, match=r"row 4: image '4.png' takes 512 MiB"):
        opened(folder)


def test_a_table_with_a_column_called_pixels_is_refused(folder: Path) -> None:
    with pytest.raises(DataError, match="'pixels' is in use"):
        opened(folder, column="pixels")


def test_a_folder_whose_images_are_out_of_the_way_is_read(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    away = tmp_path_factory.mktemp("away")
    (folder / "labels.csv").rename(away / "labels.csv")

    assert open_image_folder(away / "labels.csv", name="evaluate", config=ImageConfig(), folder=folder, extra=[]).n_rows == 6

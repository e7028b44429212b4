"""What is shown of a row is the row itself, and every place belongs to the player whose exchange changes it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from audit.config_file import load_config
from audit.data.image_encoding import ImageEncoder
from audit.open_model import Trust
from audit.open_subject import open_subject
from audit.probes.data import shown_inputs as module
from audit.probes.data.shown_inputs import shown_inputs
from audit.subject import Subject
from tests.audit.probes.attribution.explained_rows import ROOT, measure
from tests.smoke.bedside import write_bedside
from tests.smoke.structured_subjects import write_series, write_several
from tests.smoke.subjects import write_diabetes, write_digits, write_photos, write_reviews


def opened(config: Path, *overrides: str) -> Subject:
    return open_subject(load_config(config, list(overrides)), Trust((ROOT,)))


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("players", ["patches", "superpixels"])
def test_photos_are_shown_as_they_are_with_the_owner_of_each_pixel(tmp_path: Path, channels_last: bool, players: str) -> None:
    asked = ['data.image.players="superpixels"', "data.image.superpixels=6"] if players == "superpixels" else []
    subject = opened(write_photos(tmp_path, channels_last=channels_last), *asked)
    encoder = subject.encoder
    assert isinstance(encoder, ImageEncoder)

    found = measure(subject, shown_inputs, rows=4)

    raw = encoder.decode(found.inputs)[encoder.array]
    last = raw if channels_last else raw.transpose(0, 2, 3, 1)
    height, width, depth = last.shape[1:]
    assert [int(found.tables["shape"][name][0]) for name in ("height", "width", "channels", "step")] == [height, width, depth, 1]
    np.testing.assert_allclose(found.columns["values"].reshape(last.shape), last, rtol=1e-5, atol=1e-5)
    owner, owners = found.columns["owner"], subject.owners(found.inputs)
    for row in range(4):
        own = (owners[row] if owners.ndim > 1 else owners).reshape(found.inputs.shape[1:])
        np.testing.assert_array_equal(owner[row], (own[:, :, 0] if channels_last else own[0]).ravel())
    if players == "superpixels":
        assert not (owner == owner[0]).all()


def test_of_a_large_image_every_so_many_pixels_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 3)
    subject = opened(write_digits(tmp_path))

    found = measure(subject, shown_inputs, rows=2)

    assert found.tables["shape"]["step"] == [3]
    raw = next(iter(subject.encoder.decode(found.inputs).values()))
    np.testing.assert_allclose(found.columns["values"], raw.reshape(2, 8, 8)[:, ::3, ::3].reshape(2, -1), atol=1e-5)
    assert found.columns["owner"].shape == (2, 9)


def test_steps_of_a_series_belong_to_their_window_and_channel(tmp_path: Path) -> None:
    subject = opened(write_series(tmp_path))

    found = measure(subject, shown_inputs, rows=5)

    channels, length = int(found.tables["shape"]["height"][0]), int(found.tables["shape"]["width"][0])
    names = subject.players.names
    owner = found.columns["owner"].reshape(5, channels, length)
    assert list(found.tables["channels"]["name"]) == list(subject.encoder.channels)  # type: ignore[attr-defined]
    for channel, name in enumerate(found.tables["channels"]["name"]):
        for step in range(length):
            held, _, window = names[owner[0, channel, step]].rpartition(" ")
            first, _, last = window.partition("–")
            assert held == name
            assert int(first) <= step + 1 <= int(last or first)


def test_an_image_beside_columns_and_a_text_is_kept_with_the_players_of_the_whole(tmp_path: Path) -> None:
    subject = opened(write_several(tmp_path))

    found = measure(subject, shown_inputs, rows=4)

    assert list(found.tables["shape"]["name"]) == ["photo"]
    photos = [np.asarray(Image.open(tmp_path / "photos" / f"test-{row}.png")) for row in range(4)]
    np.testing.assert_allclose(found.columns["values"], np.stack(photos).reshape(4, -1), atol=1e-3)
    names = np.array(subject.players.names)[found.columns["owner"]]
    assert all(name.startswith("photo patch") for name in names.ravel())
    assert len(np.unique(names)) == sum(name.startswith("photo ") for name in subject.players.names)


def test_series_beside_columns_are_kept_channel_by_channel(tmp_path: Path) -> None:
    subject = opened(write_bedside(tmp_path, kind="ordered", ends=False))

    found = measure(subject, shown_inputs, rows=3)

    assert [found.tables["shape"][key] for key in ("name", "kind")] == [["vitals"], ["series"]]
    assert found.tables["channels"] == {"name": ["pulse", "heat"], "input": ["vitals", "vitals"]}
    series = np.load(tmp_path / "evaluate_vitals.npz")["series"]
    values = found.columns["values"].reshape(3, 2, -1)
    np.testing.assert_allclose(values, series[:3, :, : values.shape[2]], atol=1e-4)
    names = np.array(subject.players.names)[found.columns["owner"].reshape(3, 2, -1)]
    assert names[0, :, [0, -1]].tolist() == [["vitals pulse 1–3", "vitals heat 1–3"], ["vitals pulse 4–6", "vitals heat 4–6"]]


def test_columns_and_texts_are_not_drawn(tmp_path: Path) -> None:
    for subject in (opened(write_reviews(tmp_path / "reviews")), opened(write_diabetes(tmp_path / "diabetes"))):
        assert not subject.has("drawn")
        assert "images and series" in subject.why_not("drawn")

"""Where every image has superpixels of its own, each row gets what it would get were its superpixels the players of all rows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from audit import discovery
from audit.config_file import load_config
from audit.data.batch import Players
from audit.data.image_encoding import ImageEncoder
from audit.open_model import Trust
from audit.open_subject import open_subject
from audit.probes.attribution.shapley import shapley
from audit.subject import Subject
from tests.audit.probes.attribution.explained_rows import ROOT, measure
from tests.smoke.subjects import write_photos

SETTINGS: dict[str, dict[str, Any]] = {
    "attribution.shapley": {"background": 8, "pairs": 4, "most_pairs": 4},
    "attribution.interactions": {"background": 4, "pairs": 60},
    "attribution.integrated_gradients": {"background": 6},
    "attribution.expected_gradients": {"background": 6, "samples": 40},
    "attribution.gradient": {},
    "attribution.smoothgrad": {"draws": 4},
    "attribution.occlusion": {"background": 6},
    "attribution.deep_shap": {"background": 6},
    "attribution.guided_backpropagation": {},
    "attribution.layer_relevance": {},
    "attribution.lime": {"samples": 200},
}


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_photos(tmp_path_factory.mktemp("photos"))


def opened(config: Path, **given: str) -> Subject:
    overrides = [f'data.image.{key}="{value}"' for key, value in given.items()]
    return open_subject(load_config(config, [*overrides, 'data.image.players="superpixels"', "data.image.superpixels=8"]), Trust((ROOT,)))


def twin(subject: Subject, row: int) -> Subject:
    """The same subject in which all images have the superpixels of one row."""
    encoder = subject.encoder
    assert isinstance(encoder, ImageEncoder)
    owners = encoder.owners(subject.encode(subject.evaluate.take(np.array([row]))).values)
    assert owners is not None
    return replace(subject, encoder=replace(encoder, players=Players(encoder.players.names, owners[0])))


@pytest.mark.parametrize("absence", ["rows", "blur"])
@pytest.mark.parametrize("probe_id", SETTINGS)
def test_a_row_gets_what_it_would_get_alone(photos: Path, probe_id: str, absence: str) -> None:
    subject, probe = opened(photos, absent=absence), discovery.probe(probe_id)

    found = measure(subject, probe, rows=3, **SETTINGS[probe_id]).columns

    for row in (0, 2):
        alone = measure(twin(subject, row), probe, rows=3, **SETTINGS[probe_id]).columns
        for name, values in found.items():
            np.testing.assert_allclose(values[row], alone[name][row], rtol=1e-5, atol=1e-6, err_msg=name)


def test_superpixels_of_an_image_add_up_to_its_output(photos: Path) -> None:
    subject = opened(photos)

    found = measure(subject, shapley, rows=6, **SETTINGS["attribution.shapley"]).columns

    np.testing.assert_allclose(found["values"].sum(axis=1), found["total"] - found["base"], atol=1e-5)
    square = np.abs(found["values"]).argmax(axis=1)
    encoded = subject.encode(subject.evaluate.take(np.arange(6))).values
    owners, coloured = subject.owners(encoded), np.ptp(encoded, axis=1).reshape(6, -1) > 1
    for row in range(6):  # the square is what the network looks at, and the region with the largest attribution lies mostly on it
        assert coloured[row][owners[row][: coloured.shape[1]] == square[row]].mean() > 0.5


def test_superpixels_without_pixels_get_nothing(photos: Path) -> None:
    subject = opened(photos)
    owners = subject.owners(subject.encode(subject.evaluate.take(np.arange(6))).values)

    found = measure(subject, shapley, rows=6, **SETTINGS["attribution.shapley"]).columns

    for row in range(6):
        empty = ~np.isin(np.arange(8), owners[row])
        assert (found["values"][row, empty] == 0).all()
        assert (found["se"][row, empty] == 0).all()

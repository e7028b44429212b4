"""`anomaly.feature_neighbours` against scikit-learn on what the last layer receives."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import normalize

from audit.errors import MethodError
from audit.probes.anomaly.feature_neighbours import feature_neighbours
from audit.store import digest
from tests.audit.probes.anomaly import opened


def features(subject, dataset):
    return normalize(subject.model.embeddings(subject.encode(dataset.take(np.arange(dataset.n_rows)))))


def test_scores_of_images_are_distances_to_the_sixth_of_600_neighbours(tmp_path):
    subject = opened.digits(tmp_path)
    bank = NearestNeighbors(n_neighbors=6, algorithm="kd_tree").fit(features(subject, subject.reference))

    expected = bank.kneighbors(features(subject, subject.evaluate))[0][:, -1]
    found = opened.measure(feature_neighbours, subject)

    assert found.columns["score"] == pytest.approx(expected, abs=1e-6)
    assert "neighbour 6 among 600" in found.prepared.notes[0]


def test_a_smaller_bank_is_drawn_from_the_seed_whatever_the_block(tmp_path):
    subject = opened.table(tmp_path)
    first, again = (opened.measure(feature_neighbours, subject, bank=40, block=size) for size in (None, 7))

    assert digest(first.prepared.state) == digest(again.prepared.state)
    assert len(first.prepared.state.bank) == 40
    assert again.columns["score"] == pytest.approx(first.columns["score"], abs=1e-6)


def test_reference_rows_are_no_calibration_rows(tmp_path):
    subject = opened.table(tmp_path)

    with pytest.raises(MethodError, match="same rows"):
        opened.measure(feature_neighbours, replace(subject, calibration=subject.reference))


@pytest.mark.parametrize("given", [{"bank": 0}, {"neighbours": 0}])
def test_settings_below_one_are_refused(tmp_path, given):
    with pytest.raises(MethodError, match="at least 1"):
        opened.measure(feature_neighbours, opened.table(tmp_path), **given)


def test_the_nearest_reference_rows_are_kept_with_their_raw_values(tmp_path):
    subject = opened.table(tmp_path)
    found = opened.measure(feature_neighbours, subject, bank=40)
    bank = found.prepared.tables["bank"]

    nearest = NearestNeighbors(n_neighbors=5).fit(found.prepared.state.bank)
    distances, places = nearest.kneighbors(features(subject, subject.evaluate))

    assert found.columns["nearest"].tolist() == places.tolist()
    assert found.columns["nearest_distance"] == pytest.approx(distances, abs=1e-6)
    raw = subject.reference.take(np.asarray(bank["position"]))
    name = subject.facts.schema.names[0]
    assert bank[f"input.{name}"].tolist() == raw.values[name].tolist()

"""The hashes of the probe `data.overlap`, and its lookup against a set of tuples."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from audit.data.dataset import RowBlock
from audit.probe import Block
from audit.probes.data.overlap import hash_columns, overlap


@dataclass
class Held:
    """A data set of two columns and a label, in blocks of three."""

    rows: list

    def blocks(self, size):
        for start in range(0, len(self.rows), 3):
            yield block_of(self.rows[start : start + 3])


def block_of(rows):
    age = np.array([row[0] for row in rows], dtype=np.float64)
    job, label = (np.array([row[i] for row in rows], dtype=object) for i in (1, 2))
    return RowBlock(np.arange(len(rows)), {"age": age, "job": job, "label": label})


ROW = st.tuples(st.sampled_from([0.0, 1.5, 2.0]), st.sampled_from(["a", "b", None]), st.sampled_from(["0", "1"]))


@given(st.lists(ROW, max_size=12), st.lists(ROW, min_size=1, max_size=12))
def test_a_row_is_seen_exactly_when_its_values_are_in_the_reference(reference, evaluate):
    subject = SimpleNamespace(
        reference=Held(reference), roles={"label": "label"}, facts=SimpleNamespace(schema=SimpleNamespace(names=("age", "job")))
    )

    state = overlap.prepared(subject, {}).state
    found = overlap.measure(Block(subject, block_of(evaluate), {}, 0, "data.overlap"), state, {})

    assert found["row_seen"].tolist() == [int(row in reference) for row in evaluate]
    assert found["inputs_seen"].tolist() == [int(row[:2] in [other[:2] for other in reference]) for row in evaluate]


def test_missing_values_are_equal_and_columns_are_not_exchangeable():
    missing = hash_columns([np.array([np.nan, -np.nan, 0.0, -0.0])], 4)
    swapped = [hash_columns([np.array([a]), np.array([b])], 1)[0] for a, b in ((1.0, 2.0), (2.0, 1.0))]

    assert missing[0] == missing[1]
    assert missing[2] == missing[3]
    assert swapped[0] != swapped[1]


def test_the_text_of_a_missing_value_is_not_missing():
    assert len(set(hash_columns([np.array([None, "None", "", "\0"], dtype=object)], 4).tolist())) == 4


def test_images_are_hashed_by_their_pixels():
    images = np.random.default_rng(0).random((5, 1, 4, 4)).astype(np.float32)

    assert len(set(hash_columns([images], 5).tolist())) == 5
    assert (hash_columns([images], 5) == hash_columns([images.copy()], 5)).all()

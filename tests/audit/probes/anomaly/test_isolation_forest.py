"""`anomaly.isolation_forest` on a table with a planted row, and on subjects it has no meaning for."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr
from sklearn.ensemble import IsolationForest

from audit.config_file import load_config
from audit.open_subject import open_subject
from audit.probes.anomaly.isolation_forest import isolation_forest
from audit.store import digest
from tests.audit.probes.anomaly import opened
from tests.smoke import subjects


def test_rows_are_ranked_as_scikit_learn_ranks_them(tmp_path):
    subject = opened.table(tmp_path)
    encoded = [subject.encode(d.take(np.arange(d.n_rows))).values for d in (subject.reference, subject.evaluate)]
    theirs = -IsolationForest(n_estimators=300, max_samples=120, random_state=0).fit(encoded[0]).score_samples(encoded[1])

    ours = opened.measure(isolation_forest, subject, trees=300).columns["score"]

    assert spearmanr(ours, theirs).statistic > 0.97
    assert np.abs(ours - theirs).max() < 0.06


def planted(folder, **values):
    """The table with values planted in its evaluated row 5."""
    path = subjects.write_table_network(folder)
    frame = pd.read_parquet(folder / "test.parquet")
    frame.loc[5, list(values)] = list(values.values())
    frame.to_parquet(folder / "test.parquet", index=False)
    return open_subject(load_config(path), opened.TRUST)


def test_a_row_far_out_in_every_column_is_the_oddest_of_all(tmp_path):
    found = opened.measure(isolation_forest, planted(tmp_path, income=9.0, debt=-9.0, years=9.0, score=-9.0))

    assert found.columns["score"].argmax() == 5
    assert found.columns["p_value"][5] == pytest.approx(1 / 61)


def test_the_column_in_which_a_row_lies_far_out_is_named(tmp_path):
    found = opened.measure(isolation_forest, planted(tmp_path, income=0.0, debt=0.0, years=40.0, score=0.0))

    contribution = dict(zip(found.prepared.tables["players"]["name"], found.columns["contribution"][5], strict=True))

    assert max(contribution, key=contribution.get) == "years"
    # One of 121 on the far side, both sides counted.
    assert contribution["years"] == pytest.approx(np.log(121 / 2))
    assert contribution["income"] < 0.5


def test_the_forest_is_the_same_again_and_neither_it_nor_scores_know_of_blocks(tmp_path):
    subject = opened.table(tmp_path)
    first, again = (opened.measure(isolation_forest, subject, trees=10, block=size) for size in (None, 7))

    assert digest(first.prepared.state) == digest(again.prepared.state)
    assert (first.columns["score"] == again.columns["score"]).all()
    assert (first.columns["contribution"] == again.columns["contribution"]).all()


def test_images_are_no_table(tmp_path):
    subject = opened.digits(tmp_path)

    assert "columns" in isolation_forest.needs
    assert not subject.has("columns")
    assert subject.why_not("columns") == "It looks at the columns of a table; the network's inputs are of kind image."

"""The probe `attribution.interactions` on a small network, beside its Shapley values."""

from __future__ import annotations

import numpy as np
import pytest

from audit.errors import MethodError
from audit.probes.attribution import interactions as module
from audit.probes.attribution.interactions import interactions
from audit.probes.attribution.shapley import shapley
from tests.audit.probes.attribution.explained_rows import measure
from tests.smoke import subjects


def test_interactions_and_what_is_left_of_each_column_sum_to_shapley_values(tmp_path):
    config = subjects.write_table_network(tmp_path, classes=3)
    alone, found = measure(config, shapley, background=30).columns, measure(config, interactions)
    columns, names = found.columns, list(found.subject.players.names)

    first, second = np.triu_indices(len(names), 1)
    sums = columns["main"].copy()
    for place, (i, j) in enumerate(zip(first, second, strict=True)):
        sums[:, i] += columns["values"][:, place] / 2
        sums[:, j] += columns["values"][:, place] / 2
    np.testing.assert_allclose(sums, alone["values"], atol=1e-5)
    assert columns["exact"].all()
    assert found.tables["pairs"]["first"] == [names[i] for i in first]
    assert found.tables["pairs"]["second"] == [names[j] for j in second]


def test_rows_without_finite_outputs_get_nan(tmp_path):
    found = measure(subjects.write_table_network(tmp_path), interactions, broken=(3,)).columns

    assert np.isnan(found["values"][3]).all()
    assert np.isfinite(np.delete(found["values"], 3, axis=0)).all()


def test_too_many_columns_are_refused_with_their_number(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MOST_PLAYERS", 3)

    with pytest.raises(MethodError, match="4 columns make 6 pairs; interactions are measured for up to 3 columns"):
        measure(subjects.write_table_network(tmp_path), interactions)

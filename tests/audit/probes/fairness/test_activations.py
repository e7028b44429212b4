"""`fairness.activations` against scikit-learn's principal components of what the last layer receives."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import PCA

from audit.errors import MethodError
from audit.probes.fairness.activations import activations
from tests.audit.probes.anomaly import opened


@pytest.mark.parametrize("components", [1, 3])
def test_components_are_those_of_scikit_learn_up_to_sign(tmp_path, components):
    subject = opened.table(tmp_path)
    embedded = subject.model.embeddings(subject.encode(subject.evaluate.take(np.arange(subject.evaluate.n_rows))))

    found = opened.measure(activations, subject, components=components)

    expected = PCA(components).fit_transform(embedded)
    np.testing.assert_allclose(np.abs(found.columns["components"]), np.abs(expected), atol=1e-6)
    assert "of their variance" in found.prepared.notes[0]


def test_no_components_are_refused(tmp_path):
    with pytest.raises(MethodError, match="at least 1"):
        opened.measure(activations, opened.table(tmp_path), components=0)

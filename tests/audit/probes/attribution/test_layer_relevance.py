"""The probes `attribution.layer_relevance` and `attribution.guided_backpropagation` on small networks."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from audit.config_file import load_config
from audit.errors import MethodError
from audit.methods.attribution.guided_backpropagation import guided_backpropagation as guide
from audit.methods.attribution.layer_relevance import layer_relevance as handed_back
from audit.open_model import Trust
from audit.open_subject import open_subject
from audit.probe import Block
from audit.probes.attribution.guided_backpropagation import guided_backpropagation
from audit.probes.attribution.layer_relevance import layer_relevance
from audit.probes.outputs import outputs
from tests.audit.probes.attribution.explained_rows import ROOT
from tests.smoke import subjects


def measured(config, probe, *, rows=6, broken=(), **given):
    subject = open_subject(load_config(config), Trust((ROOT,)))
    settings = probe.settings.resolve(given, probe.id)
    taken = subject.evaluate.take(np.arange(rows))
    answers = dict(outputs.measure(Block(subject, taken, {}, 7, "outputs"), None, {}))
    answers["finite"] = np.where(np.isin(np.arange(rows), broken), 0, answers["finite"]).astype(np.int8)
    block = Block(subject, taken, {f"outputs.{name}": values for name, values in answers.items()}, 7, probe.id)
    return subject, block, probe.measure(block, probe.prepared(subject, settings).state, settings)


@pytest.mark.parametrize("rule", ["epsilon", "alpha_beta"])
@pytest.mark.parametrize("write", [subjects.write_table_network, subjects.write_photos], ids=["table", "photos"])
def test_relevance_is_summed_by_player(tmp_path, write, rule):
    subject, block, found = measured(write(tmp_path), layer_relevance, rule=rule)

    with subject.model.session(gradients=True) as network:
        inputs = subject.model.tensor(block.batch.values)
        entries = handed_back(network, inputs, torch.from_numpy(found["target"]).long(), rule=rule)

    flat = entries.values.reshape(len(block), -1)
    for player in range(len(subject.players.names)):
        np.testing.assert_allclose(found["values"][:, player], flat[:, subject.players.owner == player].sum(axis=1), atol=1e-9)
    np.testing.assert_allclose(found["gap"], np.abs(found["values"].sum(axis=1) - found["total"]), atol=1e-9)


def test_a_recurrent_network_is_refused_by_the_operator_s_name(tmp_path):
    with pytest.raises(MethodError, match=r"no rule for the operator `bmm` here; it is for linear layers, pooling, sums, ReLU and tanh$"):
        measured(subjects.write_reviews(tmp_path), layer_relevance)


@pytest.mark.parametrize("last", [False, True])
def test_photos_are_guided_and_weighted_by_their_map(tmp_path, last):
    subject, block, found = measured(subjects.write_photos(tmp_path, channels_last=last), guided_backpropagation)

    with subject.model.session(gradients=True) as network:
        inputs = subject.model.tensor(block.batch.values)
        guided = guide(network, inputs, torch.from_numpy(found["target"]).long()).flatten(1).numpy()

    for player in range(len(subject.players.names)):
        own = subject.players.owner == player
        np.testing.assert_allclose(found["gradient"][:, player], np.abs(guided[:, own]).sum(axis=1), rtol=1e-6)
        np.testing.assert_allclose(found["values"][:, player], (guided * block.batch.values.reshape(len(block), -1))[:, own].sum(axis=1), atol=1e-5)
    assert found["guided_grad_cam"].shape == found["gradient"].shape
    assert (found["guided_grad_cam"][found["gradient"] == 0] == 0).all()


def test_a_network_without_relu_is_refused(tmp_path):
    with pytest.raises(MethodError, match="made for ReLU"):
        measured(subjects.write_table_network(tmp_path), guided_backpropagation)


@pytest.mark.parametrize("probe", [layer_relevance, guided_backpropagation])
def test_nothing_is_measured_where_no_row_can_be(tmp_path, probe):
    _, _, found = measured(subjects.write_photos(tmp_path), probe, rows=2, broken=(0, 1))

    assert np.isnan(found["values"]).all()


@pytest.mark.parametrize(("probe", "write"), [(layer_relevance, subjects.write_table_network), (guided_backpropagation, subjects.write_photos)])
def test_rows_without_finite_outputs_get_nan(tmp_path, probe, write):
    _, _, found = measured(write(tmp_path), probe, broken=(0, 5))

    assert np.isnan(found["values"]).any(axis=1).nonzero()[0].tolist() == [0, 5]

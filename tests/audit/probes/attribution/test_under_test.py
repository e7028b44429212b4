"""The probe `attribution.under_test` on networks whose explanations are known to be right, wrong or empty."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from audit.brief_explanations import FewRows
from audit.models.torch_model import TorchModel
from audit.probes.attribution.under_test import under_test
from tests.audit.probes.attribution.explained_rows import measure as measure_file
from tests.audit.probes.attribution.small import ENTRIES, PICTURE, measure, subject_of
from tests.smoke import subjects

OWNER = np.array([0, 1, 2, 2, 2, 3, 3])
CHEAP = {"background": 6, "redraws": 2, "subsets": 20, "draws": 3, "exact_up_to": 10}


def linear(classes=2):
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(ENTRIES, 2 if classes == 2 else classes))


def curved(seed=4, classes=2):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(ENTRIES, 12), nn.Tanh(), nn.Linear(12, classes))


def of(found, column):
    """Column (n, a) of each attribution by name."""
    names = found.prepared.tables["attributions"]["name"]
    return dict(zip(names, found.columns[column].T, strict=True))


def test_explanations_of_a_linear_network_are_right_in_every_way():
    module = linear()
    found = measure(under_test, subject_of(module), **CHEAP)

    inputs = found.subject.encode(found.subject.evaluate.take(np.arange(12))).values
    weight = module[0].weight.detach().numpy()[found.columns["target"]]
    exact = (weight * (inputs - found.prepared.state.background.mean(axis=0))) @ (OWNER[:, None] == np.arange(4))
    varying = found.columns["varying"]
    falling = -np.sort(-exact, axis=1)
    area = (falling * (5 - 2 * np.arange(1, 5))).sum(axis=1) / 4
    size = np.maximum(np.abs(exact.sum(axis=1)), found.prepared.state.scale[found.columns["target"]])
    assert (varying == 4).all()
    for method in ("shapley", "occlusion", "integrated_gradients"):
        np.testing.assert_allclose(of(found, "area")[method], area / size, atol=1e-9)
        np.testing.assert_allclose(of(found, "unscaled_infidelity")[method], 0, atol=1e-12)
    for control in ("random", "distance from the background"):
        assert (of(found, "area")[control] <= area / size + 1e-12).all()
        assert of(found, "infidelity")[control].mean() > 0.05
    np.testing.assert_allclose(found.columns["half_correlation"], 1)
    np.testing.assert_allclose(found.columns["half_overlap"], 1)
    np.testing.assert_allclose(found.columns["max_sensitivity"] > 0, 1)


def test_curves_begin_at_the_output_and_the_area_is_theirs():
    found = measure(under_test, subject_of(curved(), classes=2), **CHEAP)

    points = (12, len(found.prepared.tables["attributions"]["name"]), 21)
    first, last = (found.columns[side].reshape(points) for side in ("first", "last"))
    total = found.subject.model.outputs(found.subject.encode(found.subject.evaluate.take(np.arange(12))))[np.arange(12), found.columns["target"]]
    base = first[:, :, -1]
    np.testing.assert_allclose(first[:, :, 0], np.tile(total[:, None], points[1]), atol=1e-12)
    np.testing.assert_allclose(last[:, :, -1], base, atol=1e-12)
    size = np.maximum(np.abs(total - base[:, 0]), found.prepared.state.scale[found.columns["target"]])
    np.testing.assert_allclose(np.trapezoid(last - first, dx=1 / 20, axis=2) / size[:, None], found.columns["area"], atol=1e-10)


@pytest.mark.parametrize("training", [True, False])
def test_the_network_is_what_it_was_bit_for_bit(training):
    module = nn.Sequential(nn.Linear(ENTRIES, 6), nn.BatchNorm1d(6), nn.Dropout(), nn.ReLU(), nn.Linear(6, 2)).double().train(training)
    subject = subject_of(module)
    before = {name: tensor.numpy().tobytes() for name, tensor in module.state_dict().items()}
    assert isinstance(subject.model, TorchModel)
    assert subject.model.module is module

    measure(under_test, subject, **CHEAP)

    assert {name: tensor.numpy().tobytes() for name, tensor in module.state_dict().items()} == before
    assert all(part.training is training for part in module.modules())
    assert all(parameter.requires_grad and parameter.grad is None for parameter in module.parameters())
    assert not any(part._forward_hooks for part in module.modules())


def test_blocks_change_nothing():
    subject = subject_of(curved())

    whole, parts = (measure(under_test, subject, block=size, **CHEAP | {"exact_up_to": 2}).columns for size in (12, 5))

    for name, values in whole.items():
        np.testing.assert_allclose(parts[name], values, rtol=1e-9, atol=1e-9, err_msg=name)


def test_rows_without_finite_outputs_get_nan():
    found = measure(under_test, subject_of(curved()), unusable=(1, 7), **CHEAP).columns

    for name in ("area", "infidelity", "half_correlation", "weights_correlation", "max_sensitivity"):
        assert np.flatnonzero(np.isnan(found[name].reshape(12, -1)).any(axis=1)).tolist() == [1, 7], name


def test_an_explanation_that_looks_at_the_row_alone_does_not_notice_other_weights(monkeypatch):
    monkeypatch.setattr(FewRows, "integrated_gradients", lambda self, steps=(): self.values @ (OWNER[:, None] == np.arange(4)))

    found = measure(under_test, subject_of(curved()), **CHEAP)

    redraws = found.prepared.tables["redraws"]
    fooled = np.array(redraws["method"]) == "integrated_gradients"
    everywhere = np.array(redraws["layers"]) == "all"
    np.testing.assert_allclose(found.columns["weights_correlation"][:, fooled], 1)
    assert found.columns["weights_correlation"][:, ~fooled & everywhere].mean() < 0.8
    np.testing.assert_array_equal(found.columns["entropy_rise"][:, fooled], 0)
    assert (found.columns["entropy_rise"][:, ~fooled & everywhere] != 0).any()


def test_a_network_that_leans_on_one_patch_has_attributions_that_spread_when_its_weights_are_drawn_anew():
    module = nn.Sequential(nn.Flatten(), nn.Linear(2 * 9 * 7, 1))
    nn.init.zeros_(module[1].weight)
    module[1].weight.data[0, :3] = 4.0

    found = measure(under_test, subject_of(module, schema=PICTURE, regression=True), **CHEAP | {"redraws": 4})

    redraws = found.prepared.tables["redraws"]
    everywhere = np.array(redraws["layers"]) == "all"
    assert found.columns["entropy_rise"].shape == (12, len(redraws["method"]))
    assert found.columns["entropy_rise"][:, everywhere].mean(axis=0).min() > 0.3
    assert found.columns["random_entropy_rise"].mean(axis=0).min() > 0.3


def test_few_orders_agree_less_than_many():
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(ENTRIES, 40), nn.Tanh(), nn.Linear(40, 2))
    nn.init.normal_(module[0].weight, std=3)
    nn.init.normal_(module[2].weight, std=3)
    subject = subject_of(module)
    settings = CHEAP | {"exact_up_to": 0, "background": 12, "redraws": 0}

    few, many = (measure(under_test, subject, **settings | {"walks": walks}).columns for walks in (24, 1200))

    gap = [np.nanmean(1 - found["half_correlation"]) for found in (few, many)]
    assert gap[0] > gap[1]
    assert (few["exact"] == 0).all()
    assert "weights_correlation" not in few


def test_a_network_that_ignores_its_inputs_has_no_area():
    module = nn.Linear(ENTRIES, 2)
    nn.init.zeros_(module.weight)

    found = measure(under_test, subject_of(module), **CHEAP).columns

    assert (found["area"] == 0).all()
    assert np.isnan(found["infidelity"]).all()
    assert np.isnan(found["unscaled_infidelity"]).all()
    for name in ("max_sensitivity", "half_correlation", "half_overlap"):
        assert np.isnan(found[name]).all(), name


@pytest.mark.parametrize("write", [subjects.write_photos, subjects.write_reviews, subjects.write_labels_network], ids=["photos", "text", "labels"])
def test_photos_text_and_several_labels_are_tested_too(tmp_path, write):
    found = measure_file(write(tmp_path), under_test, rows=4, broken=(2,), **CHEAP | {"redraws": 1, "steps": 4, "subsets": 5})

    area = dict(zip(found.tables["attributions"]["name"], found.columns["area"].T, strict=True))
    assert np.isnan(area["shapley"][2])
    kept = np.arange(4) != 2
    assert area["shapley"][kept].mean() > area["random"][kept].mean()
    assert ("max_sensitivity" in found.columns) == (write is not subjects.write_reviews)


def test_a_model_without_gradients_and_weights_is_tested_by_what_it_has(monkeypatch):
    subject = subject_of(curved())
    monkeypatch.setattr(TorchModel, "capabilities", frozenset({"outputs"}))
    monkeypatch.setattr("audit.probes.attribution.under_test.redrawable", lambda _module: False)

    found = measure(under_test, subject, **CHEAP)

    assert found.prepared.tables["attributions"]["name"] == ["shapley", "occlusion", "distance from the background", "random"]
    assert "redraws" not in found.prepared.tables
    assert len(found.prepared.notes) == 2
    assert not {"weights_correlation", "entropy_rise", "max_sensitivity"} & set(found.columns)

"""The probe `attribution.planted_twins`: honest networks keep the axioms, a network that draws at random does not."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from audit.brief_explanations import FewRows
from audit.config_file import load_config
from audit.open_model import Trust
from audit.open_subject import open_subject
from audit.probes.attribution.planted_twins import planted_twins
from tests.audit.probes.attribution.explained_rows import ROOT
from tests.audit.probes.attribution.explained_rows import measure as measure_file
from tests.audit.probes.attribution.small import ENTRIES, PICTURE, measure, subject_of
from tests.smoke import subjects
from tests.smoke.structured_subjects import write_several

CHEAP = {"walks": 40, "samples": 600, "sets": 2}


def curved(classes=2):
    torch.manual_seed(4)
    return nn.Sequential(nn.Linear(ENTRIES, 12), nn.Tanh(), nn.Linear(12, classes))


class Drawing(nn.Module):
    """A network that drops some of its units at random whenever it is asked."""

    def __init__(self):
        super().__init__()
        self.body = curved()

    def forward(self, x):
        return self.body[2](functional.dropout(self.body[:2](x), 0.3, training=True))


def of(found, column):
    return dict(zip(found.prepared.tables["attributions"]["name"], found.columns[column].T, strict=True))


def test_methods_that_are_exact_keep_the_axioms_and_controls_do_not():
    found = measure(planted_twins, subject_of(curved()), propagated=True, **CHEAP)

    names = ["shapley", "occlusion", "integrated_gradients", "deep_shap", "lime", "distance", "random"]
    assert found.prepared.tables["attributions"]["name"] == names
    for name in names[:4]:
        for axiom in ("dummy", "asymmetry", "nonlinearity"):
            assert of(found, axiom)[name].max() < 1e-9, (name, axiom)
    assert of(found, "dummy")["distance"].mean() > 0.02
    assert (of(found, "asymmetry")["distance"] == 0).all()
    for axiom in ("dummy", "asymmetry", "nonlinearity"):
        assert of(found, axiom)["random"].mean() > 0.1
    np.testing.assert_allclose(of(found, "nonlinearity")["distance"], 1)  # the same of sum, network and line
    assert np.isnan(of(found, "nonlinearity")["lime"]).all()


def test_the_line_counts_as_much_as_the_network_so_that_the_sum_is_one():
    found = measure(planted_twins, subject_of(curved()), **CHEAP)
    rows = found.subject.encode(found.subject.evaluate.take(np.arange(12))).values

    spread = (rows @ found.prepared.state.slope).std() / found.subject.model.outputs(
        found.subject.encode(found.subject.evaluate.take(np.arange(12)))
    ).std()

    assert 0.1 < spread < 10


def test_what_is_planted_again_is_what_matters_most():
    module = nn.Linear(ENTRIES, 1)
    nn.init.zeros_(module.weight)
    module.weight.data[0, 5] = 3.0

    found = measure(planted_twins, subject_of(module, regression=True), **CHEAP)

    assert found.prepared.tables["planted"]["name"] == ["debt"]
    assert of(found, "dummy")["shapley"].max() < 1e-12


def test_lime_credits_a_column_that_is_ignored_and_less_with_more_draws():
    subject = subject_of(curved())

    few, many = (of(measure(planted_twins, subject, walks=2, samples=samples, sets=2), "dummy")["lime"] for samples in (60, 6000))

    assert few.mean() > 3 * many.mean() > 0


def test_sampled_shapley_values_of_equals_differ_by_chance_alone():
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(ENTRIES, 40), nn.Tanh(), nn.Linear(40, 2))
    nn.init.normal_(module[0].weight, std=2)
    subject = subject_of(module)

    few, many = (of(measure(planted_twins, subject, walks=walks, exact_up_to=0), "asymmetry")["shapley"] for walks in (20, 2000))

    assert few.mean() > 2 * many.mean() > 0


def test_a_network_that_draws_at_random_breaks_every_promise():
    torch.manual_seed(5)
    found = measure(planted_twins, subject_of(Drawing()), **CHEAP)

    for method in ("shapley", "occlusion"):
        for axiom in ("dummy", "asymmetry", "nonlinearity"):
            assert of(found, axiom)[method].mean() > 0.02, (method, axiom)


def test_blocks_change_nothing_and_unusable_rows_get_nan():
    subject = subject_of(curved(3), classes=3)

    whole, parts = (measure(planted_twins, subject, block=size, unusable=(2,), exact_up_to=2, **CHEAP).columns for size in (12, 5))

    for name, values in whole.items():
        np.testing.assert_allclose(parts[name], values, rtol=1e-9, atol=1e-12, err_msg=name)
    assert np.flatnonzero(np.isnan(whole["dummy"]).all(axis=1)).tolist() == [2]


def test_images_have_patches_for_players_and_no_lime():
    torch.manual_seed(2)
    network = nn.Sequential(nn.Conv2d(2, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 7 * 5, 3))

    found = measure(planted_twins, subject_of(network, schema=PICTURE, classes=3), **CHEAP)

    assert "lime" not in found.prepared.tables["attributions"]["name"]
    assert any("LIME was not asked" in note for note in found.prepared.notes)
    for axiom in ("dummy", "asymmetry", "nonlinearity"):
        for method in ("shapley", "occlusion", "integrated_gradients"):
            assert of(found, axiom)[method].max() < 1e-9, (method, axiom)


def opened(file, *given):
    return open_subject(load_config(file, list(given)), Trust((ROOT,)))


def named(found, column):
    return dict(zip(found.tables["attributions"]["name"], found.columns[column].T, strict=True))


@pytest.mark.parametrize(
    ("write", "given"),
    [
        (subjects.write_reviews, []),
        (partial(write_several, text=True), []),
        (subjects.write_photos, ['data.image.players="superpixels"', "data.image.superpixels=8"]),
        (subjects.write_photos, ['data.image.players="superpixels"', "data.image.superpixels=8", 'data.image.absent="blur"']),
    ],
    ids=["words", "words beside columns and images", "superpixels", "blurred superpixels"],
)
def test_words_and_players_of_each_row_keep_the_axioms_by_what_matters_most_in_the_row(tmp_path, write, given):
    found = measure_file(opened(write(tmp_path), *given), planted_twins, rows=5, walks=40, exact_up_to=4)

    assert found.tables["planted"]["name"] == ["what matters most in each row"]
    assert found.tables["attributions"]["name"] == ["shapley", "occlusion", "integrated_gradients", "distance", "random"]
    for axiom in ("dummy", "nonlinearity"):
        for method in ("shapley", "occlusion", "integrated_gradients"):
            assert named(found, axiom)[method].max() < 1e-4, (method, axiom)  # the networks are of single precision
        assert named(found, axiom)["random"].mean() > 0.02
    assert named(found, "asymmetry")["occlusion"].max() < 1e-4
    assert named(found, "asymmetry")["integrated_gradients"].max() < 1e-4
    assert named(found, "asymmetry")["shapley"].mean() < named(found, "asymmetry")["random"].mean()
    assert named(found, "dummy")["distance"].max() > 0


@pytest.mark.parametrize("write", [subjects.write_reviews, partial(write_several, text=True)], ids=["alone", "beside others"])
def test_deep_shap_of_words_keeps_the_axioms_along_their_embeddings(tmp_path, write):
    found = measure_file(write(tmp_path), planted_twins, rows=3, walks=2, propagated=True)

    for axiom in ("dummy", "asymmetry", "nonlinearity"):
        assert named(found, axiom)["deep_shap"].max() < 1e-4


def test_what_matters_most_is_the_word_that_decides(tmp_path):
    found = measure_file(subjects.write_reviews(tmp_path), planted_twins, rows=5, walks=40, exact_up_to=4)
    rows = FewRows(found.subject, found.inputs, found.columns["target"].astype(np.int64), (), np.zeros((0, *found.inputs.shape[1:]), np.int64))

    fall = np.abs(rows.occlusion())

    # The ignored copy of the word that decides is as far from the background as that word: one of the words a row has.
    far = rows.distance()
    decides = far[np.arange(5), fall.argmax(axis=1)]
    np.testing.assert_allclose(named(found, "dummy")["distance"], decides / (far.sum(axis=1) + decides))
    assert (fall.max(axis=1) > 0).all()


def test_a_network_of_words_that_draws_at_random_breaks_every_promise(tmp_path):
    subject = opened(subjects.write_reviews(tmp_path))
    module = subject.model._module
    last = [part for part in module.modules() if isinstance(part, nn.Linear)][-1]
    last.register_forward_pre_hook(lambda _, given: (functional.dropout(given[0], 0.3, training=True),))

    found = measure_file(subject, planted_twins, rows=5, walks=40)

    for method in ("shapley", "occlusion"):
        for axiom in ("dummy", "asymmetry", "nonlinearity"):
            assert named(found, axiom)[method].mean() > 0.02, (method, axiom)

"""The probe `attribution.in_company`, and the check on it, on networks that answer each row alone and on networks that do not."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from audit.checks.explanation.batch_invariance import batch_invariance
from audit.judge import judge
from audit.models.in_company import InCompany
from audit.probes.attribution.in_company import in_company
from tests.audit.checks.planted import planted, write_rows, write_table
from tests.audit.probes.attribution.explained_rows import measure as measure_file
from tests.audit.probes.attribution.small import ENTRIES, PICTURE, measure, subject_of
from tests.smoke import subjects

METHODS = ["shapley", "occlusion", "integrated_gradients", "deep_shap"]


class Written(nn.Module):
    """A network whose last step is a function of the whole batch."""

    def __init__(self, step):
        super().__init__()
        torch.manual_seed(4)
        self.first, self.last, self.step = nn.Linear(ENTRIES, 12), nn.Linear(12, 2), step

    def forward(self, x):
        return self.step(self.last(torch.tanh(self.first(x))))


HONEST = {
    "batch norm in evaluation mode": lambda: nn.Sequential(nn.Linear(ENTRIES, 9), nn.BatchNorm1d(9), nn.ReLU(), nn.Linear(9, 2)),
    "softmax over the classes": lambda: Written(lambda out: out.log_softmax(dim=1)),
}
FAULTY = {
    "batch norm without running statistics": lambda: nn.Sequential(
        nn.Linear(ENTRIES, 9), nn.BatchNorm1d(9, track_running_stats=False), nn.ReLU(), nn.Linear(9, 2)
    ),
    "softmax over the batch": lambda: Written(lambda out: out.softmax(dim=0)),
    "the mean of the batch taken away": lambda: Written(lambda out: out - out.mean(dim=0)),
    "the first row counts double": lambda: Written(lambda out: torch.cat([2 * out[:1], out[1:]])),
}


def asked(folder, found):
    """The check's evidence on what the probe measured."""
    write_rows(folder, "attribution.in_company", found.columns)
    write_table(folder, "attribution.in_company", "methods", found.prepared.tables["methods"])
    return batch_invariance(planted(folder, decisions=np.zeros(len(found.columns["target"]), dtype=int)))


@pytest.mark.parametrize("name", HONEST)
def test_a_network_that_looks_at_one_row_is_within_and_every_method_is_asked(tmp_path, name):
    torch.manual_seed(2)
    found = measure(in_company, subject_of(HONEST[name]()), propagated=True)

    verdict = judge(asked(tmp_path, found), batch_invariance.criteria)

    assert found.prepared.tables["methods"]["name"] == METHODS
    assert found.columns["change"].shape == (12, 4)
    assert found.columns["change"].max() < 1e-9
    assert found.columns["output"].max() < 1e-9
    assert (found.columns["shuffled"].mean(axis=0) > 0.1).all()
    assert verdict.status == "within", verdict.reason


@pytest.mark.parametrize("name", FAULTY)
def test_a_network_that_looks_at_the_batch_is_raised_by_its_output_and_every_method(tmp_path, name):
    torch.manual_seed(2)
    found = measure(in_company, subject_of(FAULTY[name]()), propagated=True)

    verdict = judge(asked(tmp_path, found), batch_invariance.criteria)

    assert found.columns["output"].max() > 0.01
    if name != "the first row counts double":  # an explanation asks about many rows at once, of which few are the first
        assert (found.columns["change"].max(axis=0) > 0.01).all()
    assert verdict.status == "attention"
    assert "above the limit" in verdict.reason or "refused" in verdict.reason


def test_company_stands_before_and_behind_and_its_answers_are_kept_to_itself():
    seen = []
    module = nn.Linear(ENTRIES, 2).double()
    module.register_forward_pre_hook(lambda _module, given: seen.append(given[0].clone()))
    subject = subject_of(module)
    rows = subject.encode(subject.evaluate.take(np.arange(5))).values
    model = InCompany(subject.model, rows[:3])

    with model.session(gradients=False) as network:
        answers = network(model.tensor(rows[3:]))

    np.testing.assert_array_equal(seen[0].numpy(), rows[[0, 3, 4, 1, 2]])
    np.testing.assert_allclose(answers.numpy(), rows[3:] @ module.weight.detach().numpy().T + module.bias.detach().numpy())


def test_blocks_change_nothing_and_unusable_rows_get_nan():
    subject = subject_of(Written(lambda out: out - out.mean(dim=0)))

    whole, parts = (measure(in_company, subject, block=size, unusable=(3,)).columns for size in (12, 5))

    for column, values in whole.items():
        np.testing.assert_allclose(parts[column], values, rtol=1e-9, atol=1e-12, err_msg=column)
    assert np.flatnonzero(np.isnan(whole["change"]).any(axis=1)).tolist() == [3]
    assert np.flatnonzero(np.isnan(whole["output"])).tolist() == [3]


def test_images_and_texts_are_asked_too(tmp_path):
    torch.manual_seed(2)
    network = nn.Sequential(nn.Conv2d(2, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 7 * 5, 3))

    images = measure(in_company, subject_of(network, schema=PICTURE, classes=3)).columns
    texts = measure_file(subjects.write_reviews(tmp_path), in_company, rows=4).columns

    assert images["change"].shape == (12, 3)
    assert images["change"].max() < 1e-9
    assert texts["change"].max() < 1e-3
    assert texts["output"].max() < 1e-3


def test_what_is_not_finite_in_company_is_a_reason_of_its_own(tmp_path):
    found = measure(in_company, subject_of(Written(lambda out: out if len(out) < 13 else out + float("inf"))))

    evidence = asked(tmp_path, found)

    assert np.isinf(found.columns["output"]).all()
    assert any("12 rows have none that is finite" in reason for reason in evidence.blockers)
    assert [m.value for m in evidence.measurements if m.name == "changed_share" and m.at["method"] == "output"] == [1.0]
    assert judge(evidence, batch_invariance.criteria).status == "attention"

"""The probe explains the decided class in raw columns, and what it must not explain it refuses."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from lime.lime_tabular import LimeTabularExplainer
from torch import nn

from audit.data.dataset import RowBlock
from audit.errors import MethodError
from audit.probes.attribution.lime import lime
from tests.audit.probes.attribution.small import ENTRIES, PICTURE, TABLE, measure, subject_of


def network(outputs: int = 1, seed: int = 3) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(ENTRIES, 6), nn.Tanh(), nn.Linear(6, outputs))


def only(entry: int, weight: float = 2.0) -> nn.Module:
    """A network that looks at one entry."""
    layer = nn.Linear(ENTRIES, 1)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    layer.weight.data[0, entry] = weight
    return layer


def test_a_column_the_network_ignores_has_a_coefficient_near_zero() -> None:
    found = measure(lime, subject_of(only(0)), samples=2000).columns

    size = np.abs(found["values"])
    assert (size[:, 1:] < 0.02).all()
    assert size[:, 0].max() > 0.5


def test_one_raw_column_stands_for_all_entries_of_its_levels() -> None:
    found = measure(lime, subject_of(only(3, 4.0)), samples=2000)

    jobs, values = found.subject.evaluate.take(np.arange(12)).values["job"], found.columns["values"]
    assert values.shape == (12, 4)
    assert found.prepared.tables["players"]["name"] == ["income", "visits", "job", "debt"]
    assert (values[jobs == "b", 2] > 0.2).all()
    assert (np.abs(np.delete(values, 2, axis=1)) < 0.05).all()


def test_the_probability_of_the_decided_class_is_explained() -> None:
    found = measure(lime, subject_of(only(0)), samples=500).columns
    mirrored = measure(lime, subject_of(only(0, -2.0)), samples=500).columns

    assert ((found["target"] == 1) == (mirrored["target"] == 0)).all()
    assert (found["total"] >= 0.5).all()
    np.testing.assert_allclose(found["values"], mirrored["values"], atol=1e-12)


def test_a_class_of_several_and_a_quantity_are_explained_too() -> None:
    several = measure(lime, subject_of(network(3), classes=3), samples=500).columns
    quantity = measure(lime, subject_of(network(), regression=True), samples=500)

    assert several["target"].max() > 0
    assert (several["total"] >= 1 / 3).all()
    rows = quantity.subject.evaluate.take(np.arange(12))
    np.testing.assert_allclose(quantity.columns["total"], quantity.subject.model.outputs(quantity.subject.encode(rows))[:, 0])


def test_coefficients_agree_with_lime_within_their_error() -> None:
    subject = subject_of(network())
    for held in (subject.reference, subject.evaluate):
        held.values["debt"] = np.nan_to_num(held.values["debt"])  # lime knows no missing values
        held.values["visits"] = np.random.default_rng(5).normal(size=held.n_rows)  # nor bins of one value
    coded = {"a": 0.0, "b": 1.0, "c": 2.0}

    def table(values: dict[str, np.ndarray]) -> np.ndarray:
        return np.column_stack([[coded[v] for v in part] if name == "job" else part for name, part in values.items()])

    def answer(rows: np.ndarray) -> np.ndarray:
        values = dict(zip(TABLE.names, rows.T, strict=True))
        values["job"] = np.array(list(coded), dtype=object)[values["job"].astype(int)]
        encoded = subject.encode(RowBlock(np.arange(len(rows)), values))
        p = 1 / (1 + np.exp(-subject.model.outputs(encoded)[:, 0]))
        return np.column_stack([1 - p, p])

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # lime leaves a file of its own open
        theirs = LimeTabularExplainer(table(subject.reference.values), categorical_features=[2], feature_selection="none", random_state=0)
        row = table(subject.evaluate.values)[4]
        decided = int(answer(row[None])[0, 1] >= 0.5)
        draws = [dict(theirs.explain_instance(row, answer, num_samples=1000, labels=(decided,)).local_exp[decided]) for _ in range(8)]
    expected = np.array([[draw[column] for column in range(4)] for draw in draws])

    found = measure(lime, subject, samples=1000, sets=8).columns

    error = np.hypot(found["se"][4], expected.std(axis=0, ddof=1) / np.sqrt(8))
    assert (np.abs(found["values"][4] - expected.mean(axis=0)) < 4 * error).all()


def test_a_row_is_explained_alike_whatever_the_blocks() -> None:
    subject = subject_of(network())

    whole, parts = (measure(lime, subject, samples=300, block=size).columns for size in (12, 5))

    for name, values in whole.items():
        np.testing.assert_allclose(parts[name], values, rtol=0, atol=1e-14)


def test_one_neighbourhood_says_nothing_of_stability() -> None:
    found = measure(lime, subject_of(network()), samples=200, sets=1).columns

    assert np.isnan(found["se"]).all()
    assert np.isnan(found["stability"]).all()
    assert np.isfinite(found["r2"]).all()


def test_more_samples_are_more_stable() -> None:
    few, many = (measure(lime, subject_of(network()), samples=size, sets=4).columns for size in (50, 5000))

    assert np.mean(many["se"]) < np.mean(few["se"]) / 4
    assert np.mean(many["stability"]) > np.mean(few["stability"])


def test_rows_without_outputs_are_left_out() -> None:
    found = measure(lime, subject_of(network()), samples=200, unusable=(2,)).columns

    assert np.isnan(found["values"][2]).all()
    assert np.isnan(found["total"][2])
    assert np.isfinite(np.delete(found["values"], 2, axis=0)).all()


def test_blocks_without_any_output_are_measured_as_missing() -> None:
    found = measure(lime, subject_of(network()), samples=200, unusable=tuple(range(12))).columns

    assert np.isnan(found["values"]).all()


def test_the_fault_of_lime_shows_on_request_only() -> None:
    """Visits are 0 in most rows; lime turns a bin of one value into a deviation, which is 0 too, so we move them to 7."""
    asked: list[np.ndarray] = []

    class Listening(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = only(0)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            asked.append(x.numpy())
            out: torch.Tensor = self.layer(x)
            return out

    subject = subject_of(Listening())
    for held in (subject.reference, subject.evaluate):
        held.values["visits"] = held.values["visits"] + 7
    shares = []
    for compat in (False, True):
        asked.clear()
        lime.prepared(subject, {"samples": 1000, "sets": 1, "lime_compat": compat})
        visits = np.concatenate(asked)[:, 1]
        shares.append(((visits < 7).mean(), (visits == 7).mean()))

    assert shares[0] == pytest.approx((0.0, 0.6), abs=0.06)
    assert shares[1] == pytest.approx((0.6, 0.0), abs=0.06)


def test_patches_of_a_linear_network_get_what_they_add() -> None:
    torch.manual_seed(2)
    subject = subject_of(nn.Sequential(nn.Flatten(), nn.Linear(126, 1)), schema=PICTURE, regression=True)

    found = measure(lime, subject, samples=1500).columns

    assert subject.reference is not None
    layer = subject.model.module[1]  # type: ignore[attr-defined]
    reference = subject.encode(subject.reference.take(np.arange(300))).values
    away = subject.encode(subject.evaluate.take(np.arange(12))).values - reference.mean(axis=0)
    parts = (away.reshape(12, 126) * layer.weight.detach().numpy()[0])[:, :, None] * (subject.players.owner[:, None] == np.arange(6))
    np.testing.assert_allclose(found["values"], parts.sum(axis=1), atol=0.12)
    assert (found["r2"] > 0.99).all()


def test_impossible_settings_are_refused() -> None:
    with pytest.raises(MethodError, match="samples must be at least 2"):
        measure(lime, subject_of(network()), samples=1)


def test_a_network_without_finite_answers_on_drawn_rows_is_refused() -> None:
    class Broken(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.where(x[:, 4] > 0.5, torch.nan, x[:, 0])[:, None]

    with pytest.raises(MethodError, match="not finite for"):
        measure(lime, subject_of(Broken()), samples=200)

"""Noise is in proportion to what was observed, from each row's own stream, and costs a linear network nothing."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from audit.errors import MethodError
from audit.probes.attribution.gradient import gradient
from audit.probes.attribution.smoothgrad import smoothgrad
from tests.audit.probes.attribution.small import ENTRIES, measure, subject_of


def network() -> nn.Module:
    torch.manual_seed(6)
    return nn.Sequential(nn.Linear(ENTRIES, 5), nn.Tanh(), nn.Linear(5, 1))


def test_of_a_linear_network_it_is_the_gradient_without_doubt() -> None:
    subject = subject_of(nn.Linear(ENTRIES, 1))

    smooth, plain = measure(smoothgrad, subject, draws=5).columns, measure(gradient, subject).columns

    for name in ("gradient", "values"):
        np.testing.assert_allclose(smooth[name], plain[name])
    np.testing.assert_allclose(smooth["se"], 0, atol=1e-15)


def test_without_noise_to_speak_of_it_is_the_gradient() -> None:
    subject = subject_of(network())

    smooth, plain = measure(smoothgrad, subject, draws=2, noise=1e-9).columns, measure(gradient, subject).columns

    np.testing.assert_allclose(smooth["values"], plain["values"], rtol=1e-6)


def test_noise_follows_the_observed_range_of_each_entry() -> None:
    subject = subject_of(network())

    prepared = smoothgrad.prepared(subject, smoothgrad.settings.defaults)

    encoded = subject.encode(subject.reference.take(np.arange(300))).values
    np.testing.assert_allclose(prepared.state.spread, np.ptp(encoded, axis=0))


def test_the_range_is_of_the_evaluated_rows_where_there_are_no_others() -> None:
    subject = subject_of(network(), reference=False)

    prepared = smoothgrad.prepared(subject, smoothgrad.settings.defaults)

    np.testing.assert_allclose(prepared.state.spread, np.ptp(subject.encode(subject.evaluate.take(np.arange(12))).values, axis=0))


def test_a_row_gets_the_same_noise_whatever_the_blocks() -> None:
    subject = subject_of(network())

    whole, parts = (measure(smoothgrad, subject, block=size, draws=4).columns for size in (12, 5))

    np.testing.assert_allclose(parts["values"], whole["values"], rtol=0, atol=1e-14)


def test_standard_errors_cover_the_mean_of_many_draws() -> None:
    subject = subject_of(network())
    few, many = (measure(smoothgrad, subject, draws=count).columns for count in (30, 3000))

    away = (few["values"] - many["values"]) / np.where(few["se"] > 0, few["se"], 1)

    assert 0.5 < np.sqrt(np.mean(away[few["se"] > 0] ** 2)) < 1.6


def test_rows_without_outputs_are_missing() -> None:
    found = measure(smoothgrad, subject_of(network()), draws=2, unusable=tuple(range(12))).columns

    assert np.isnan(found["values"]).all()


@pytest.mark.parametrize("settings", [{"draws": 0}, {"noise": 0.0}])
def test_impossible_settings_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(MethodError, match="draws must be at least 1"):
        measure(smoothgrad, subject_of(network()), **settings)

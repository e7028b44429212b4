"""LIME on players that are left out: the regression is lime's own, and coalitions are drawn as lime draws them."""

from __future__ import annotations

import numpy as np
import pytest
from lime.lime_base import LimeBase
from sklearn.metrics import pairwise_distances

from audit.errors import MethodError
from audit.methods.lime.presence import cosine_weights, draw_presence, presence_surrogate


def test_weights_are_those_of_the_cosine_distance() -> None:
    present = np.array([[1.0] * (5 - left) + [0.0] * left for left in range(5)])
    distances = pairwise_distances(present, np.ones((1, 5)), metric="cosine").ravel()

    np.testing.assert_allclose(cosine_weights(5)[:5], np.sqrt(np.exp(-((distances / 0.25) ** 2))), atol=1e-7)
    assert cosine_weights(5)[5] == pytest.approx(np.exp(-8))


@pytest.mark.parametrize("scheme", ["text", "image"])
def test_the_surrogate_is_that_of_lime(scheme: str) -> None:
    generator = np.random.default_rng(3)
    present = draw_presence(6, 400, scheme=scheme, generator=generator)  # type: ignore[arg-type]
    outputs = 1 / (1 + np.exp(-(present @ np.array([2.0, -1, 0.5, 0, 1, -2]) + present[:, 0] * present[:, 1])))
    whole = np.vstack([np.ones(6), present])
    distances = pairwise_distances(whole, np.ones((1, 6)), metric="cosine").ravel() * 100

    found = presence_surrogate(present, outputs, 0.7)
    fit = LimeBase(lambda d: np.sqrt(np.exp(-(d**2) / 25**2))).explain_instance_with_data(
        whole, np.concatenate([[0.7], outputs])[:, None], distances, 0, 6, feature_selection="none"
    )

    expected = np.zeros(6)
    for player, coefficient in fit[1]:
        expected[player] = coefficient
    np.testing.assert_allclose(found.values[0], expected, atol=1e-6)
    assert found.intercept[0] == pytest.approx(fit[0], abs=1e-6)
    assert found.r2[0] == pytest.approx(fit[2], abs=1e-6)
    assert found.local[0] == pytest.approx(float(np.ravel(fit[3])[0]), abs=1e-6)


def test_any_number_of_words_may_be_left_out_and_half_of_the_patches() -> None:
    generator = np.random.default_rng(4)

    words = draw_presence(8, 20_000, scheme="text", generator=generator)
    patches = draw_presence(8, 20_000, scheme="image", generator=generator)

    np.testing.assert_allclose(np.bincount(8 - words.sum(axis=1), minlength=9)[1:] / 20_000, 1 / 8, atol=0.01)
    np.testing.assert_allclose(words.mean(axis=0), words.mean(), atol=0.015)
    np.testing.assert_allclose(patches.mean(axis=0), 0.5, atol=0.015)
    assert not words.all(axis=1).any()


def test_nothing_to_leave_out_is_refused() -> None:
    with pytest.raises(MethodError, match="at least one player"):
        draw_presence(0, 10, scheme="text", generator=np.random.default_rng(0))
    with pytest.raises(MethodError, match="finite"):
        presence_surrogate(np.ones((3, 2), dtype=bool), np.array([1, np.nan, 2]), 1.0)

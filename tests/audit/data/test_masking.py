from __future__ import annotations

import numpy as np
import pytest

from audit.data.batch import Players
from audit.data.image_encoding import patches
from audit.data.masking import Masker
from audit.errors import MethodError


@pytest.mark.parametrize(("shape", "players"), [((4,), Players(("a", "b"), np.array([0, 0, 1, 1]))), ((2, 3, 5), patches((2, 3, 5), 2))])
def test_masking_agrees_with_a_loop(shape: tuple[int, ...], players: Players) -> None:
    draw = np.random.default_rng(1)
    values, background = draw.normal(size=(3, *shape)), draw.normal(size=(2, *shape))
    coalitions = draw.random((4, len(players.names))) < 0.5
    masked = Masker(players).masked(values, background, coalitions)

    for i, c, j in np.ndindex(3, 4, 2):
        expected = background[j].copy().reshape(-1)
        for entry, owner in enumerate(players.owner):
            if coalitions[c, owner]:
                expected[entry] = values[i].reshape(-1)[entry]
        np.testing.assert_array_equal(masked[i, c, j].reshape(-1), expected)


def test_shapes_that_differ_are_refused() -> None:
    masker = Masker(Players(("a",), np.array([0, 0])))

    with pytest.raises(MethodError, match="background"):
        masker.masked(np.zeros((1, 2)), np.zeros((1, 3)), np.ones((1, 1), dtype=bool))
    with pytest.raises(MethodError, match="players"):
        masker.masked(np.zeros((1, 2)), np.zeros((1, 2)), np.ones((1, 2), dtype=bool))

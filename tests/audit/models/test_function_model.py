"""A function as a model: outputs, changed inputs as tensors, no gradients, and answers that are read as numbers or refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from audit.data.batch import Batch
from audit.data.dataset import RowBlock
from audit.errors import ModelError
from audit.models.function_model import Answer, FunctionModel, one_row_each
from audit.models.model import DifferentiableModel

ROWS = np.arange(10, dtype=np.float64).reshape(5, 2)


def model(answer: Answer, **settings: Any) -> FunctionModel:
    return FunctionModel(answer, **{"dtype": "float64", "micro_batch": 2, "description": {"door": "callable"}, **settings})


def batch(values: Any = ROWS) -> Batch:
    return Batch({"values": values}, "values", RowBlock(np.arange(len(values)), {}))


def test_outputs_come_in_micro_batches_and_in_order() -> None:
    sizes: list[int] = []

    def answer(leaf: Any) -> Any:
        sizes.append(len(leaf))
        return leaf.sum(axis=1)

    np.testing.assert_array_equal(model(answer).outputs(batch()), [[1], [5], [9], [13], [17]])
    assert sizes == [2, 2, 1]


def test_a_session_answers_tensors_and_refuses_gradients() -> None:
    held = model(lambda leaf: leaf * 2)

    assert isinstance(held, DifferentiableModel)
    assert held.capabilities == {"outputs"}
    with held.session(gradients=False) as call:
        answered = call(held.tensor(ROWS))
        assert call(held.tensor(ROWS[:0])).shape == (0, 2)
    assert answered.dtype == torch.float64
    np.testing.assert_array_equal(answered.numpy(), ROWS * 2)
    with pytest.raises(ModelError, match="no gradients"), held.session(gradients=True):
        pass


def test_the_function_may_write_into_what_it_is_given() -> None:
    def answer(leaf: Any) -> Any:
        leaf += 1
        return leaf

    values = ROWS.copy()
    held = model(answer)
    held.outputs(batch(values))
    with held.session(gradients=False) as call:
        call(held.tensor(values))

    np.testing.assert_array_equal(values, ROWS)


def test_decided_classes_become_positions() -> None:
    held = model(lambda leaf: np.where(leaf[:, 0] > 3, 1.0, 0), classes=("1", "0"))

    np.testing.assert_array_equal(held.outputs(batch()), [[1], [1], [0], [0], [0]])
    with pytest.raises(ModelError, match="decides class 'yes': expected one of '0', '1'"):
        model(lambda leaf: ["yes"] * len(leaf), classes=("1", "0")).outputs(batch())
    with pytest.raises(ModelError, match="decides NoneType"):
        model(lambda leaf: [None] * len(leaf), classes=("1", "0")).outputs(batch())


@pytest.mark.parametrize(
    ("answered", "said"),
    [
        ([1.0, 2.0], r"shape \(2,\) for 3 rows; expected \(3, k\) or \(3,\)"),
        (np.zeros((3, 2, 2)), "for 3 rows"),
        (np.zeros((3, 0)), "for 3 rows"),
        (["NaN", "1", "2"], "values of type"),
        ([1.0, "NaN", None], "NoneType None|str 'NaN'"),
        ([[1.0], [1.0, 2.0], [1.0]], "cannot be read as numbers"),
        (np.array([1j, 1, 1]), "complex"),
        (None, "NoneType None"),
    ],
)
def test_what_is_not_one_number_per_row_is_refused(answered: Any, said: str) -> None:
    with pytest.raises(ModelError, match=said):
        one_row_each(answered, 3)


def test_answers_that_change_in_width_are_refused() -> None:
    with pytest.raises(ModelError, match="1 or 2 numbers per row"):
        model(lambda leaf: np.zeros((len(leaf), len(leaf)))).outputs(batch())


def test_several_arrays_are_refused() -> None:
    with pytest.raises(ModelError, match="mask beside values"):
        model(lambda leaf: leaf).outputs(Batch({"values": ROWS, "mask": ROWS}, "values", RowBlock(np.arange(5), {})))


def test_a_trial_notes_answers_that_depend_on_the_other_rows() -> None:
    steady, mixing = model(lambda leaf: leaf), model(lambda leaf: leaf - leaf.mean(axis=0), micro_batch=3)

    for held in (steady, mixing):
        held.trial(batch())

    assert "notes" not in steady.description
    (note,) = mixing.description["notes"]
    assert "answered differently" in note


def test_the_digest_follows_the_description_and_for_changing_models_the_answers() -> None:
    double = {"answer": lambda leaf: leaf * 2}
    digests = []
    for settings in ({}, {"description": {"door": "endpoint"}}, {"changing": True}, {"changing": True, "answer": lambda leaf: leaf * 3}):
        held = model(**{**double, **settings})
        held.trial(batch())
        digests.append(held.digest)
    same = model(**double)
    same.trial(batch())

    assert len(set(digests)) == 4
    assert same.digest == digests[0]

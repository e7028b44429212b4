"""What outputs mean, from labels and answers whose meaning is known."""

from __future__ import annotations

import numpy as np
import pytest

from audit.proposal.meaning import Answers, guess_meaning
from tests.audit.proposal.test_roles import number, text


@pytest.mark.parametrize(
    ("label", "count", "task"),
    [
        (number("y", 0, 1), 1, "binary"),
        (number("y", 0, 1), 2, "binary"),
        (number("y", 0, 1), None, "binary"),
        (text("y", "no", "yes"), 1, "binary"),
        (number("y", 0, 1, 2), 3, "multiclass"),
        (number("y", 0, 1, 2, whole=True), None, "multiclass"),
        (number("y", 0, 1, 2, whole=True), 1, "regression"),
        (number("y"), 1, "regression"),
        (None, 5, "multiclass"),
        (None, 2, "binary"),
    ],
)
def test_the_task_follows_from_label_and_number_of_outputs(label: object, count: int | None, task: str) -> None:
    assert guess_meaning(label, Answers(count=count)).task == task  # type: ignore[arg-type]


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits)
    return powers / powers.sum(axis=1, keepdims=True)


LOGITS = np.random.default_rng(0).normal(size=(50, 3))


@pytest.mark.parametrize(
    ("sample", "output"), [(LOGITS, "logits"), (softmax(LOGITS), "probabilities"), (np.log(softmax(LOGITS)), "log_probabilities")]
)
def test_the_kind_of_output_is_seen_in_the_answers(sample: np.ndarray, output: str) -> None:
    assert guess_meaning(number("y", 0, 1, 2), Answers(count=3, sample=sample)).output == output


def test_one_output_within_zero_and_one_suggests_probabilities_and_others_do_not() -> None:
    sigmoid = 1 / (1 + np.exp(-LOGITS[:, :1]))

    assert guess_meaning(number("y", 0, 1), Answers(count=1, sample=sigmoid)).output == "probabilities"
    assert guess_meaning(number("y", 0, 1), Answers(count=1, sample=LOGITS[:, :1])).output == "logits"
    assert guess_meaning(number("y", 0, 1), Answers(count=1, sample=LOGITS[:, :1], column=True)).output == "score"


def test_a_last_module_that_says_what_outputs_are_is_believed() -> None:
    assert guess_meaning(number("y", 0, 1), Answers(count=1, last="sigmoid")).output == "probabilities"
    assert guess_meaning(number("y", 0, 1), Answers(count=1)).output == "logits"


def test_classes_are_the_values_of_the_label_in_order() -> None:
    assert guess_meaning(text("y", "bird", "cat", "dog"), Answers(count=3)).classes == ("bird", "cat", "dog")
    assert guess_meaning(number("y", 1, 2), Answers(count=1)).classes == ("1", "2")
    assert guess_meaning(number("y", 0, 3), Answers(count=4)).classes == ("0", "1", "2", "3")


def test_the_favourable_class_is_the_other_one_where_the_label_is_a_harm() -> None:
    assert guess_meaning(number("approved", 0, 1), Answers(count=1)).favourable == "1"
    assert guess_meaning(number("loan_default", 0, 1), Answers(count=1)).favourable == "0"


def test_more_label_values_than_outputs_is_a_doubt() -> None:
    meaning = guess_meaning(number("y", 5, 6, 7, 8), Answers(count=3))

    assert len(meaning.doubts) == 1
    assert "3 classes" in meaning.doubts[0]

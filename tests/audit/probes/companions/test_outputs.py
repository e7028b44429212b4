"""`companions.outputs` on networks whose answers are given: counting, closed forms and scikit-learn."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy.special import expit, softmax
from sklearn.metrics import mutual_info_score

from audit.companion import Companion
from audit.data.batch import Batch
from audit.data.dataset import RowBlock
from audit.errors import ModelError
from audit.facts import Facts
from audit.probe import Block
from audit.probes.companions.outputs import outputs
from audit.probes.outputs import outputs as own_outputs
from tests.audit.checks.planted import binary_facts

BINARY = replace(binary_facts(), classes=("no", "yes"), label="y")
THREE = replace(BINARY, task="multiclass", classes=("a", "b", "c"), threshold=None, favourable=())
LOGITS = np.array([[-2.0], [0.5], [3.0], [0.0], [-0.1]])
LABELS = np.array(["no", "yes", None, "no", "yes"], dtype=object)


class Answers:
    """A model that gives each row the answer at its position."""

    capabilities = frozenset({"outputs"})
    digest = "0"
    description = {"door": "answers", "parameters": 3}  # noqa: RUF012  never changed

    def __init__(self, answers: Any) -> None:
        self.answers = np.asarray(answers, dtype=np.float64)

    def outputs(self, batch: Batch) -> np.ndarray:
        return self.answers[batch.raw.positions]


def subject(facts: Facts, own: Any, companions: dict[str, Any], labels: Any = LABELS, *, meaning: str | None = None) -> Any:
    """`own` (n, k) of the network and `companions` by name, whose outputs mean `meaning`, or what the network's do."""

    def take(positions: np.ndarray) -> RowBlock:
        return RowBlock(positions, {"y": labels[positions]})

    beside = {name: Companion(Answers(one), meaning or facts.output) for name, one in companions.items()}  # type: ignore[arg-type]
    evaluate = SimpleNamespace(take=take, n_rows=len(own))
    return SimpleNamespace(facts=facts, model=Answers(own), evaluate=evaluate, encode=lambda rows: Batch({}, "", rows), companions=beside)


def measured(made: Any, **settings: Any) -> dict[str, np.ndarray]:
    """The columns of all rows; the probe `outputs` is measured first."""
    rows = made.evaluate.take(np.arange(made.evaluate.n_rows))
    own = own_outputs.measure(Block(made, rows, {}, seed=1, purpose="outputs"), own_outputs.prepared(made, {}).state, {})
    reads = {f"outputs.{name}": values for name, values in own.items()}
    return dict(outputs.measure(Block(made, rows, reads, seed=1, purpose="companions"), outputs.prepared(made, {}).state, settings))


def test_companions_are_decided_by_the_declared_threshold_and_held_against_the_labels():
    facts = replace(BINARY, threshold=0.6)
    found = measured(subject(facts, LOGITS, {"other": LOGITS + 0.4, "same": LOGITS}))

    decisions = np.stack([expit(LOGITS[:, 0] + 0.4) >= 0.6, expit(LOGITS[:, 0]) >= 0.6], axis=1).astype(int)
    assert np.array_equal(found["decision"], decisions)
    assert np.array_equal(found["correct"], [[1, 1], [1, 1], [-1, -1], [1, 1], [0, 0]])
    np.testing.assert_allclose(found["score"][:, 0], expit(LOGITS[:, 0] + 0.4))
    np.testing.assert_allclose(found["difference"][:, 0], np.abs(expit(LOGITS + 0.4) - expit(LOGITS))[:, 0])
    assert not found["difference"][:, 1].any()


def test_what_one_says_of_its_outputs_holds_for_it_alone():
    given = np.array([[0.1], [0.5], [0.9], [0.2], [0.7]])
    found = measured(subject(BINARY, LOGITS, {"other": given}, meaning="probabilities"))

    np.testing.assert_allclose(found["score"], given)
    assert np.array_equal(found["decision"][:, 0], [0, 1, 1, 0, 1])
    np.testing.assert_allclose(found["confidence"][:, 0], [0.9, 0.5, 0.9, 0.8, 0.7])
    np.testing.assert_allclose(found["difference"][:, 0], np.abs(given - expit(LOGITS))[:, 0])


def test_two_networks_spread_by_a_quarter_of_their_squared_gap():
    found = measured(subject(BINARY, LOGITS, {"other": -LOGITS}))

    gap = expit(LOGITS[:, 0]) - expit(-LOGITS[:, 0])
    np.testing.assert_allclose(found["spread"], gap**2 / 4)


def test_mutual_information_of_two_opposite_networks_is_one_bit_minus_their_entropy():
    found = measured(subject(BINARY, LOGITS, {"other": -LOGITS}))

    p = expit(LOGITS[:, 0])
    np.testing.assert_allclose(found["mutual_information"], np.log(2) + p * np.log(p) + (1 - p) * np.log(1 - p), atol=1e-12)


def test_sure_networks_share_as_much_information_as_scikit_learn_counts():
    sure = 60 * np.eye(3)
    own, others = sure[[0, 0, 2, 1]], {"a": sure[[1, 0, 2, 1]], "b": sure[[2, 1, 2, 1]]}
    found = measured(subject(THREE, own, others, labels=np.array(["a", "b", "c", "b"], dtype=object)))

    camps = np.array([[0, 1, 2], [0, 0, 1], [2, 2, 2], [1, 1, 1]])
    np.testing.assert_allclose(found["mutual_information"], [mutual_info_score(range(3), row) for row in camps], atol=1e-12)
    np.testing.assert_allclose(found["disagreement"], [2 / 3, 1 / 3, 0, 0])
    np.testing.assert_allclose(found["spread"], [np.var(np.eye(3)[row], axis=0).sum() for row in camps], atol=1e-12)


def test_several_classes_are_apart_by_half_the_sum_of_absolute_differences():
    own, other = np.random.default_rng(3).normal(size=(2, 5, 3))
    found = measured(subject(THREE, own, {"other": other}, labels=np.array(["a"] * 5, dtype=object)))

    expected = [
        max(abs(p[list(s)].sum() - q[list(s)].sum()) for s in ([0], [1], [2])) for p, q in zip(softmax(own, 1), softmax(other, 1), strict=True)
    ]
    np.testing.assert_allclose(found["difference"][:, 0], expected)  # with three classes the set that differs most is one class or its rest
    assert "score" not in found
    assert np.array_equal(found["decision"][:, 0], other.argmax(axis=1))


def test_the_mean_of_the_others_is_not_counted_among_them_when_it_is_said_to_be_their_mean():
    a, b = np.array([[0.1], [0.4], [0.9], [0.5], [0.2]]), np.array([[0.3], [0.8], [0.9], [0.6], [0.0]])
    made = subject(replace(BINARY, output="probabilities"), (a + b) / 2, {"a": a, "b": b})
    apart, among = measured(made, model_among_them=False), measured(made)

    np.testing.assert_allclose(apart["spread"], ((a - b) ** 2 / 4)[:, 0], atol=1e-15)
    np.testing.assert_allclose(among["spread"], ((a - b) ** 2 / 6)[:, 0], atol=1e-15)  # a third, in the middle, adds nothing to the sum
    assert np.array_equal(apart["disagreement"], among["disagreement"])


def test_ties_between_camps_leave_half_outside_whichever_is_called_most():
    yes, no = np.full((1, 1), 2.0), np.full((1, 1), -2.0)
    labels = np.array(["yes"], dtype=object)

    for own, others in ((yes, {"a": no, "b": yes, "c": no}), (no, {"a": yes, "b": yes, "c": no})):
        assert measured(subject(BINARY, own, others, labels))["disagreement"] == pytest.approx(0.5)


def test_a_row_without_an_answer_is_not_decided_and_spoils_no_other():
    broken = LOGITS.copy()
    broken[1] = np.nan
    found = measured(subject(BINARY, LOGITS, {"broken": broken, "same": LOGITS}))

    assert found["decision"][:, 0].tolist() == [0, -1, 1, 1, 0]
    assert found["correct"][1].tolist() == [-1, 1]
    assert np.isnan(found["confidence"][1, 0])
    assert np.isnan(found["difference"][1, 0])
    for name in ("spread", "mutual_information"):
        assert np.isnan(found[name]).tolist() == [False, True, False, False, False]
    assert not found["disagreement"].any()


def test_raw_scores_have_a_spread_and_no_information():
    facts = replace(BINARY, output="score", threshold=1.0)
    found = measured(subject(facts, LOGITS, {"other": LOGITS + 2}))

    assert {"mutual_information", "confidence"}.isdisjoint(found)
    np.testing.assert_allclose(found["spread"], 1)
    np.testing.assert_allclose(found["difference"], 2)
    assert found["decision"][:, 0].tolist() == [0, 1, 1, 1, 1]


def test_decisions_alone_give_disagreement_alone():
    facts = replace(BINARY, output="decision", threshold=None)
    found = measured(subject(facts, [[0.0], [1.0], [1.0]], {"other": [[1.0], [1.0], [0.0]]}, LABELS[:3]))

    assert set(found) == {"decision", "correct", "disagreement"}
    np.testing.assert_allclose(found["disagreement"], [0.5, 0, 0.5])


def test_one_row_and_no_labels_are_measured():
    found = measured(subject(replace(BINARY, label=None), LOGITS[:1], {"other": -LOGITS[:1]}))

    assert "correct" not in found
    assert found["decision"].tolist() == [[1]]


def test_the_companions_are_listed_and_a_wrong_width_is_told_with_the_name():
    table = outputs.prepared(subject(BINARY, LOGITS, {"b": LOGITS, "a": LOGITS}), {}).tables["companions"]

    assert table == {"name": ["b", "a"], "door": ["answers", "answers"], "parameters": [3, 3]}
    with pytest.raises(ModelError, match=r"companions\.wide: "):
        outputs.prepared(subject(BINARY, LOGITS, {"wide": np.zeros((5, 3))}), {})


def test_only_declared_columns_are_measured():
    found = measured(subject(BINARY, LOGITS, {"other": -LOGITS}))

    assert set(found) == set(outputs.columns)

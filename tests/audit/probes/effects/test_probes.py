"""Probes of effects leave what their methods find on the rows of a subject, and change nothing of its network."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from audit.data.dataset import ColumnSchema, Schema
from audit.data.encoding import fit_table_encoder
from audit.errors import MethodError
from audit.probes.effects.accumulated_effects import accumulated_effects
from audit.probes.effects.partial_dependence import partial_dependence
from audit.probes.effects.permutation_importance import permutation_importance
from audit.probes.effects.surrogate_tree import surrogate_tree
from tests.audit.probes.attribution.small import Held, measure, subject_of

SCHEMA = Schema(
    columns=(
        ColumnSchema(name="income", kind="numeric"),
        ColumnSchema(name="job", kind="categorical", levels=("a", "b", "c")),
        ColumnSchema(name="idle", kind="numeric"),
    )
)
WEIGHTS = torch.tensor([[2.0, 0.0, 1.0, -1.0, 0.0]], dtype=torch.float64)
"""income, job=a, job=b, job=c, idle."""


class Linear(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(5, 1, dtype=torch.float64)
        self.linear.weight.data = WEIGHTS.clone()
        self.linear.bias.data[:] = 0.5

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.linear(x)


class Squared(Linear):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.linear(x) ** 2


def rows(count: int, seed: int) -> Held:
    generator = np.random.default_rng(seed)
    income, idle = generator.normal(size=count), generator.normal(size=count)
    job = generator.choice(np.array(["a", "b", "c"], dtype=object), count)
    return Held({"income": income, "job": job, "idle": idle, "paid": 2 * income + generator.normal(size=count)})


def subject(*, regression=True, reference=True, evaluate=None):
    base = subject_of(Linear(), regression=regression)
    facts = replace(base.facts, schema=SCHEMA, label="paid" if regression else None)
    held = rows(300, 2) if reference else None
    return replace(
        base, evaluate=evaluate or rows(200, 1), reference=held, encoder=fit_table_encoder(SCHEMA, rows(300, 2), {}, "float64"), facts=facts
    )


def tables(probe, held, **settings):
    return probe.prepared(held, probe.settings.resolve(settings, probe.id)).tables


def column(table, name, key="value"):
    return np.array([value for value, own in zip(table[key], table["column"], strict=True) if own == name])


def test_partial_dependence_of_a_linear_network_has_its_slopes() -> None:
    curves = tables(partial_dependence, subject())["curves"]

    assert np.diff(column(curves, "income")) == pytest.approx(2 * np.diff(column(curves, "income", "place")))
    assert np.diff(column(curves, "job")) == pytest.approx([1.0, -2.0])
    assert np.ptp(column(curves, "idle")) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(("probe", "settings"), [(partial_dependence, {"grid": 4}), (accumulated_effects, {"steps": 3})])
def test_the_error_of_a_curve_is_that_of_independent_clusters(probe, settings) -> None:
    """Of ten copies of each row as one cluster it is that of the rows alone, also where a third of them weighs nothing to speak of."""
    base, at = rows(20, 1).values, np.repeat(np.arange(20), 10)
    copies = {name: held[at] for name, held in base.items()}
    copies |= {"who": at.astype(str).astype(object), "weight": np.where(np.arange(200) % 3 == 0, 1e-9, 1.0)}
    alone, many = subject(evaluate=Held(base)), subject(evaluate=Held(copies))
    square = lambda held: replace(held, model=subject_of(Squared(), regression=True).model)  # noqa: E731

    one = tables(probe, square(alone), **settings)["curves"]
    together = tables(probe, replace(square(many), roles={"cluster": "who", "weight": "weight"}), **settings)["curves"]

    assert column(together, "income", "freedom") == pytest.approx(19, abs=0.2)
    assert np.max(column(together, "income", "se")) == pytest.approx(np.max(column(one, "income", "se")), rel=0.15)
    assert np.max(column(tables(probe, square(many), **settings)["curves"], "income", "se")) < 0.5 * np.max(column(one, "income", "se"))


def test_weights_of_the_data_count_as_copies_of_its_rows() -> None:
    base, times = rows(40, 3).values, np.arange(40) % 3 + 1
    copies = Held({name: held[np.repeat(np.arange(40), times)] for name, held in base.items()})
    weighed = Held(dict(base) | {"weight": times.astype(float)})
    model, roles = subject_of(Squared(), regression=True).model, {"weight": "weight"}

    mean = lambda held, **more: column(tables(partial_dependence, replace(held, model=model, **more))["curves"], "job")  # noqa: E731
    step = lambda held, **more: column(tables(accumulated_effects, replace(held, model=model, **more), steps=2)["curves"], "income")  # noqa: E731
    assert mean(subject(evaluate=weighed), roles=roles) == pytest.approx(mean(subject(evaluate=copies)))
    assert np.abs(mean(subject(evaluate=weighed)) - mean(subject(evaluate=copies))).max() > 0.01
    assert np.abs(step(subject(evaluate=weighed), roles=roles) - step(subject(evaluate=weighed))).max() > 0.01


def test_rows_of_a_linear_network_move_alike() -> None:
    spread = tables(partial_dependence, subject())["spread"]

    assert spread["heterogeneity"] == pytest.approx([0, 0, 0], abs=1e-12)
    assert spread["range"][1] == pytest.approx(2.0)


def test_accumulated_effects_of_a_linear_network_have_its_slopes() -> None:
    curves = tables(accumulated_effects, subject())["curves"]

    assert np.diff(column(curves, "income")) == pytest.approx(2 * np.diff(column(curves, "income", "place")))
    effects = dict(zip(column(curves, "job", "label"), column(curves, "job"), strict=True))
    assert (effects["b"] - effects["a"], effects["c"] - effects["a"]) == pytest.approx((1.0, -1.0))
    assert column(curves, "income", "se") == pytest.approx(0, abs=1e-9)


def test_rows_with_a_missing_value_are_left_out_of_its_effect() -> None:
    schema = Schema(columns=(replace(SCHEMA["income"], missing="constant", fill=0.0), *SCHEMA.columns[1:]))
    values = dict(rows(200, 1).values)
    values["income"] = np.where(np.arange(200) < 50, np.nan, values["income"])
    held = subject(evaluate=Held(values))
    held = replace(held, facts=replace(held.facts, schema=schema), encoder=fit_table_encoder(schema, rows(300, 2), {}, "float64"))

    curves = tables(accumulated_effects, held)["curves"]
    assert set(column(curves, "income", "rows")) == {150}
    assert set(column(curves, "idle", "rows")) == {200}


def test_permutation_importance_is_the_rise_of_the_squared_error() -> None:
    found = tables(permutation_importance, subject(), repeats=20)
    held = rows(200, 1).values
    errors = 2 * held["income"] + 0.5 + np.select([held["job"] == "b", held["job"] == "c"], [1.0, -1.0], 0.0) - held["paid"]

    # E[(e + 2 (x' - x))²] - E[e²] over random orders: 2 * 4 * var(x) and the part in which e and x go together.
    x = held["income"]
    expected = 4 * 2 * x.var() - 4 * np.mean(errors * (x - x.mean()))
    assert np.mean(found["increases"]["0"]) == pytest.approx(expected, rel=0.15)
    assert np.mean(found["increases"]["2"]) == pytest.approx(0, abs=1e-12)


def test_a_tree_tells_what_the_network_decides_of_rows_it_has_not_seen() -> None:
    found = measure(surrogate_tree, subject(regression=False), block=200, depth=4)
    columns = found.columns

    assert (columns["held_out"] == 1).all()
    assert (columns["agrees"] == 1).mean() > 0.85
    assert found.prepared.tables["rules"]["rows"]
    assert sum(found.prepared.tables["rules"]["rows"]) == 300
    assert any("income" in rule for rule in found.prepared.tables["rules"]["rule"])
    assert not any("idle" in rule for rule in found.prepared.tables["rules"]["rule"][:1])


def test_without_reference_data_half_of_the_rows_are_held_out() -> None:
    found = measure(surrogate_tree, subject(regression=False, reference=False), block=50)

    assert found.columns["held_out"].sum() == 100


def test_a_network_that_decides_all_alike_has_no_tree() -> None:
    held = subject(regression=False)
    with pytest.raises(MethodError, match="decided alike"):
        tables(surrogate_tree, replace(held, facts=replace(held.facts, threshold=1e-12)))


@pytest.mark.parametrize("probe", [partial_dependence, accumulated_effects, permutation_importance, surrogate_tree])
def test_the_network_is_left_as_it_was(probe) -> None:
    held = subject(regression=probe is not surrogate_tree)
    tables(probe, held)

    again = held.model.outputs(held.encode(held.evaluate.take(np.arange(3))))
    assert again[:, 0] == pytest.approx((held.encode(held.evaluate.take(np.arange(3))).values @ WEIGHTS.numpy().T)[:, 0] + 0.5)

"""The probe `companions.robustness`: whether small changes turn the companions' decisions, and whether those found for the network carry over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from audit.attack_setting import attack_setting, attacked_network, choose_radii
from audit.data.dataset import RowBlock
from audit.errors import MethodError
from audit.facts import Facts
from audit.methods.robustness.attack import Attack, nearest
from audit.methods.robustness.losses import cross_entropy, flipped, ratio_loss
from audit.methods.robustness.pgd import pgd
from audit.methods.robustness.raw_space import Radii
from audit.models.model import DifferentiableModel, Model
from audit.probe import Block, Column, Columns, Prepared, probe
from audit.subject import Subject


@probe(
    columns={
        "model_flipped": Column("1 where a change within the radius turns the audited network, 0 where none was found, -1 undecided.", "0 or 1"),
        "flipped": Column("The same of each companion, in the order of the companions; -1 also where it gives no gradients.", "0 or 1"),
        "transferred": Column("Whether the change found for the audited network turns each companion too; -1 where none was found.", "0 or 1"),
    },
    needs={"companions", "inputs", "movable", "gradients"},
    reads=("outputs", "companions.outputs"),
    sample=200,
    block=100,
    tasks={"binary", "multiclass", "anomaly"},
)
def robustness(block: Block, state: Any, *, radius: float = 0.1, steps: int = 20, level_cost: float = 1.0) -> Columns:
    """Attacks the network and each companion within one radius per raw column, by projected gradient descent from the row with two losses.

    `radius` is a share of each column's spread; changing a level costs as much as `level_cost` spreads. The same attack is run on all, so
    that its results compare; `robustness.pgd` looks harder at the audited network alone.
    """
    facts, companions, cost = block.subject.facts, block.subject.companions, level_cost / radius
    own = block.reads["outputs.decision"].astype(np.int64)
    decisions = block.reads["companions.outputs.decision"].astype(np.int64)
    limits = _Limits(state, cost, steps)
    attack = _attack(block, _Side(block.subject.model, facts, own), limits)
    sides = [_Side(one.model, one.facts(facts), decisions[:, i]) for i, one in enumerate(companions.values())]
    return {
        "model_flipped": attack.flipped,
        "flipped": np.stack([_attack(block, side, limits).flipped for side in sides], axis=1),
        "transferred": np.stack([_carried(block, side, attack) for side in sides], axis=1),
    }


@robustness.prepare
def prepare(subject: Subject, *, radius: float = 0.1, level_cost: float = 1.0) -> Prepared:
    """Choose a radius and a range for every raw column, as `robustness.pgd` does."""
    if min(radius, level_cost) <= 0:
        raise MethodError(f"radius and level_cost must be above 0; found {radius} and {level_cost}")
    chosen = choose_radii(subject, radius=radius, level_cost=level_cost)
    without = [name for name, one in subject.companions.items() if not isinstance(one.model, DifferentiableModel)]
    notes = [f"{', '.join(without)} give no gradients and were not attacked."] if without else []
    return Prepared(state=chosen.radii, tables={"radii": chosen.table}, notes=(chosen.note, *notes))


@dataclass(frozen=True)
class _Side:
    """One of the networks, and what it decided of each row, (n,)."""

    model: Model
    facts: Facts
    decided: NDArray[np.int64]


@dataclass(frozen=True)
class _Limits:
    """How far and how long an attack goes."""

    radii: Radii
    cost: float
    steps: int


@dataclass(frozen=True)
class _Found:
    """What was found within the radius: `flipped` (n,), and the changed encoded rows (n, d)."""

    flipped: NDArray[np.int8]
    changed: NDArray[Any]


def _attack(block: Block, side: _Side, limits: _Limits) -> _Found:
    model, decided = side.model, side.decided
    encoded = block.batch.values.reshape(len(block), -1)
    kept = np.flatnonzero(decided >= 0)
    columns = np.full(len(block), -1, dtype=np.int8)
    if not len(kept) or not isinstance(model, DifferentiableModel):
        return _Found(columns, encoded)
    rows = RowBlock(block.rows.positions[kept], {name: values[kept] for name, values in block.rows.values.items()})
    with attacked_network(block.subject, model, side.facts) as network:
        setting = attack_setting(block.subject, model, rows, decided[kept], radii=limits.radii, cost=limits.cost)
        space, scale = setting.space, torch.ones_like(setting.space.start[:, 0])
        tried: list[Attack] = [
            pgd(network, space, setting.target, scale=scale, starts=space.start[None], loss=loss, steps=limits.steps)
            for loss in (cross_entropy, ratio_loss)
        ]
        best = nearest(tried, space)
    columns[kept] = best.found.cpu().numpy()
    changed = encoded.astype(np.float64)
    changed[kept] = best.adversarial.cpu().numpy()
    return _Found(columns, changed)


def _carried(block: Block, side: _Side, attack: _Found) -> NDArray[np.int8]:
    """Whether the companion decides the changed row otherwise than the row as it was; -1 where the network was not turned."""
    model, decided = side.model, side.decided
    carried = np.full(len(block), -1, dtype=np.int8)
    tried = np.flatnonzero((attack.flipped == 1) & (decided >= 0))
    if len(tried) and isinstance(model, DifferentiableModel):
        with attacked_network(block.subject, model, side.facts) as network:
            logits = network(model.tensor(attack.changed[tried]))
            carried[tried] = flipped(logits, model.tensor(decided[tried])).cpu().numpy()
    return carried

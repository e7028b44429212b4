"""The probe `robustness.pgd`: the nearest legal change of each row, in raw units, found to change the decision."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from audit.attack_setting import AttackSetting, attack_setting, attacked_network, choose_radii
from audit.data.dataset import RowBlock
from audit.decide import decide
from audit.errors import MethodError
from audit.methods.robustness.attack import Attack
from audit.methods.robustness.battery import Battery, Draws, battery, hundredfold
from audit.methods.robustness.entries import raw_changes, to_raw
from audit.methods.robustness.gradient import without_slope
from audit.methods.robustness.losses import Network, cross_entropy
from audit.methods.robustness.pgd import pgd as projected_descent
from audit.methods.robustness.raw_space import raw_distance
from audit.methods.robustness.smallest import smallest_scale
from audit.models.model import DifferentiableModel
from audit.probe import Block, Column, Columns, Prepared, probe
from audit.subject import Subject

TOLERANCE = 1e-4
"""Share of the radius by which a change, taken back to raw units, may exceed it."""
Floats = NDArray[np.float64]
COLUMNS = {
    "flipped": Column("1 where a legal change within the radius changes the decision, 0 where none was found, -1 without a decision.", "0 or 1"),
    "smallest_scale": Column("Largest part of the nearest change found, in units of the radius; missing where none was found.", "radii"),
    "censored": Column("1 where no change was found up to the largest scale tried, -1 without a decision.", "0 or 1"),
    "distance": Column("Largest part of the nearest change found, as a share of each column's spread; missing where none was found.", "spreads"),
    "queries": Column("Forward passes spent on the row.", "passes"),
    "changed": Column("The nearest change found, per raw column in its unit, for columns of levels in positions; zeros where none was found."),
    "verified": Column(
        "1 where a fresh pass over the changed raw row confirmed a legal change of decision, 0 where not, -1 with none found.", "0 or 1"
    ),
    "margin_loss_flipped": Column("Whether gradients of the scale-free margin loss found a change within the radius.", "0 or 1"),
    "ce_flipped": Column("Whether gradients of cross-entropy alone found a change within the radius.", "0 or 1"),
    "ce_hundredfold_flipped": Column("The same with logits multiplied by 100, which changes no decision.", "0 or 1"),
    "corner_flipped": Column("Whether random corners within the radius, without gradients, found a change.", "0 or 1"),
    "zero_gradient": Column("1 where the gradient of cross-entropy is zero in every entry at the row itself.", "0 or 1"),
}


@probe(
    columns=COLUMNS,
    needs={"inputs", "movable", "gradients"},
    reads=("outputs",),
    sample=300,
    block=100,
    tasks={"binary", "multiclass", "anomaly"},
)
def pgd(
    block: Block,
    state: Any,
    *,
    radius: float = 0.1,
    steps: int = 40,
    restarts: int = 2,
    tries: int = 30,
    rivals: int = 4,
    max_scale: float = 10.0,
    level_cost: float = 1.0,
) -> Columns:
    """Attacks each decision within a radius per raw column, and bisects for the smallest change that succeeds.

    `radius` is a share of each column's spread; changing a level costs as much as a change of `level_cost` spreads; scales up to
    `max_scale` radii are tried.
    """
    decided = block.reads["outputs.decision"].astype(np.int64)
    kept = np.flatnonzero(decided >= 0)
    columns = _nothing(len(block), len(block.subject.by_column.names))
    if not len(kept):
        return columns
    with attacked_network(block.subject, _model(block.subject), block.subject.facts) as network:
        setting = attack_setting(block.subject, _model(block.subject), _kept(block, kept), decided[kept], radii=state, cost=level_cost / radius)
        draws = _draws(block, kept, setting, restarts, tries)
        scale = torch.ones_like(setting.space.start[:, 0])
        attacks = battery(network, setting.space, setting.target, scale=scale, draws=draws, steps=steps, rivals=rivals)
        nearest = smallest_scale(network, setting.space, setting.target, known=attacks.worst, largest=max_scale, rivals=rivals, steps=steps)
        seen = _indicators(network, setting, attacks, steps)
    seen |= _confirm(block.subject, setting, [nearest.attack, attacks.worst], max_scale)
    seen["distance"] = seen["smallest_scale"] * radius
    seen["queries"] = (attacks.worst.queries + nearest.attack.queries).cpu().numpy() + seen.pop("spent")
    for name, values in seen.items():
        columns[name][kept] = values
    return columns


@pgd.prepare
def prepare(subject: Subject, *, radius: float = 0.1, max_scale: float = 10.0, level_cost: float = 1.0) -> Prepared:
    """Choose a radius and a range for every raw column, from its schema and the reference data (else the evaluated rows)."""
    if min(radius, level_cost) <= 0 or max_scale < 1:
        raise MethodError(f"radius and level_cost must be above 0 and max_scale at least 1; found {radius}, {level_cost} and {max_scale}")
    chosen = choose_radii(subject, radius=radius, level_cost=level_cost)
    scales = {"radius": [radius], "largest": [max_scale], "level_cost": [level_cost]}
    return Prepared(state=chosen.radii, tables={"radii": chosen.table, "scales": scales}, notes=(chosen.note,))


def _kept(block: Block, kept: NDArray[np.int64]) -> RowBlock:
    return RowBlock(block.rows.positions[kept], {name: values[kept] for name, values in block.rows.values.items()})


def _draws(block: Block, kept: NDArray[np.int64], setting: AttackSetting, restarts: int, tries: int) -> Draws:
    """Random numbers from the stream of each row."""
    streams, more = block.generators(), max(restarts - 1, 0)
    drawn = np.stack([streams[row].random((more + tries, setting.space.start.shape[1])) for row in kept], axis=1)
    tensor = _model(block.subject).tensor
    return Draws(tensor(drawn[:more]), tensor(np.where(drawn[more:] < 0.5, -1.0, 1.0)))


def _indicators(network: Network, setting: AttackSetting, attacks: Battery, steps: int) -> dict[str, NDArray[Any]]:
    """Signs of an attack that failed for a reason of its own."""
    space, target = setting.space, setting.target
    scale = torch.ones_like(space.start[:, 0])
    louder = projected_descent(hundredfold(network), space, target, scale=scale, starts=attacks.starts, loss=cross_entropy, steps=steps)
    found = {
        "ce_flipped": attacks.cross_entropy.found,
        "margin_loss_flipped": attacks.ratio.found,
        "corner_flipped": attacks.corners.found,
        "ce_hundredfold_flipped": louder.found,
        "zero_gradient": without_slope(network, space.start, target, cross_entropy),
    }
    return {name: values.cpu().numpy().astype(np.int8) for name, values in found.items()} | {"spent": louder.queries.cpu().numpy() + 1}


def _confirm(subject: Subject, setting: AttackSetting, attacks: Sequence[Attack], largest: float) -> dict[str, NDArray[Any]]:
    """Take each row's candidates back to raw values, in turn, until a fresh pass over the changed raw row confirms one."""
    rows, radii, count = setting.rows, setting.radii, len(setting.rows)
    start, target = setting.space.start.cpu().numpy().astype(np.float64), setting.target.cpu().numpy()
    found, confirmed = np.zeros(count, dtype=np.bool_), np.zeros(count, dtype=np.bool_)
    scale, changed = np.full(count, np.nan), np.zeros((count, len(subject.by_column.names)))
    owners = subject.owners(subject.encode(rows).values) if subject.players.by_row else subject.by_column.owner
    for attack in attacks:
        reached = attack.found.cpu().numpy()
        found |= reached
        raw = to_raw(setting.entries, rows, start, attack.adversarial.cpu().numpy().astype(np.float64), low=radii.low, high=radii.high)
        away = raw_distance(setting.entries, rows, raw, radii, cost=setting.space.cost)
        decision = decide(subject.model.outputs(subject.encode(raw)), subject.facts).decision
        assert decision is not None  # noqa: S101  only classification gets here
        now = reached & ~confirmed & (decision >= 0) & (decision != target) & (away <= largest * (1 + TOLERANCE))
        change = raw_changes(setting.entries, rows, raw, owners, changed.shape[1])
        scale[now], changed[now] = away[now], change[now]
        confirmed |= now
    return {
        "smallest_scale": scale,
        "changed": changed,
        "flipped": (confirmed & (np.nan_to_num(scale, nan=np.inf) <= 1 + TOLERANCE)).astype(np.int8),
        "censored": (~found).astype(np.int8),
        "verified": np.where(found, confirmed, -1).astype(np.int8),
    }


def _nothing(count: int, players: int) -> dict[str, NDArray[Any]]:
    """Columns of rows without a decision, which cannot be attacked."""
    integers = {name: np.full(count, -1, dtype=np.int8) for name, column in COLUMNS.items() if column.unit == "0 or 1"}
    floats = {name: np.full(count, np.nan) for name in ("smallest_scale", "distance")}
    return integers | floats | {"queries": np.zeros(count, dtype=np.int64), "changed": np.zeros((count, players))}


def _model(subject: Subject) -> DifferentiableModel:
    assert isinstance(subject.model, DifferentiableModel)  # noqa: S101  the need "gradients" is declared
    return subject.model

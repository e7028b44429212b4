"""Probe `effects.surrogate_tree`: a small tree fitted to the model's decisions, and whether it decides each audited row as the model does."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit.data.dataset import ColumnSchema, RowBlock, Schema
from audit.decide import decide
from audit.errors import MethodError
from audit.methods.effects.surrogate_tree import SurrogateTree
from audit.methods.effects.surrogate_tree import surrogate_tree as grown
from audit.probe import Block, Column, Columns, Prepared, probe
from audit.streams import generator
from audit.subject import Subject

MISSING = "missing"


@dataclass(frozen=True)
class State:
    """The tree, the middle of each numeric column that stands for missing values, and the evaluated rows it was fitted to (positions)."""

    tree: SurrogateTree
    middles: dict[str, float]
    fitted: NDArray[np.int64]


@probe(
    columns={
        "leaf": Column("Number of the leaf of the tree that the row ends in."),
        "decision": Column("What the tree decides, by position.", "class"),
        "agrees": Column("Whether the tree decides as the model; -1 where the output is not finite.", "0 or 1"),
        "held_out": Column("Whether the tree was fitted without the row.", "0 or 1"),
    },
    needs={"inputs", "columns"},
    reads=("outputs",),
    tasks={"binary", "multiclass", "anomaly"},
)
def surrogate_tree(block: Block, state: State, *, drawn: int = 20_000, depth: int = 3, leaf_rows: int = 20) -> Columns:  # noqa: ARG001  read by prepare
    """A tree of at most `depth` questions about raw columns, fitted to what the model decides for reference rows (else for half of the
    evaluated rows, which are then not held out), with `leaf_rows` rows or more in each leaf."""
    leaf = state.tree.leaf(_design(block.rows, block.subject.facts.schema, state.middles))
    decision, decided = state.tree.decision[leaf], block.reads["outputs.decision"]
    return {
        "leaf": leaf.astype(np.int32),
        "decision": decision.astype(np.int32),
        "agrees": np.where(decided < 0, -1, decision == decided).astype(np.int8),
        "held_out": (~np.isin(block.rows.positions, state.fitted)).astype(np.int8),
    }


@surrogate_tree.prepare
def prepare(subject: Subject, *, drawn: int = 20_000, depth: int = 3, leaf_rows: int = 20) -> Prepared:
    """Fit the tree; table `rules` (leaf, rule, decision, rows it was fitted to)."""
    rows, fitted = _fitted(subject, drawn)
    decided = decide(subject.model.outputs(subject.encode(rows)), subject.facts)
    if decided.decision is None:
        raise MethodError("the model gives no decisions that a tree could be fitted to")
    usable = decided.decision >= 0
    schema = subject.facts.schema
    middles = {c.name: float(np.nanmedian(v)) for c in schema.columns if c.kind == "numeric" and np.isfinite(v := rows.values[c.name]).any()}
    design = _design(rows, schema, middles)[usable]
    tree = grown(design, decided.decision[usable].astype(np.int64), depth=depth, leaf_rows=leaf_rows, seed=subject.seed % 2**32)
    counts = np.bincount(tree.leaf(design), minlength=len(tree.feature))
    paths = tree.paths()
    rules = {
        "leaf": list(paths),
        "rule": [_rule(path, _features(schema)) for path in paths.values()],
        "decision": [int(tree.decision[leaf]) for leaf in paths],
        "rows": [int(counts[leaf]) for leaf in paths],
    }
    return Prepared(State(tree, middles, fitted), {"rules": rules})


def _fitted(subject: Subject, drawn: int) -> tuple[RowBlock, NDArray[np.int64]]:
    """The rows the tree is fitted to, and the positions of those that are evaluated rows."""
    source = subject.evaluate if subject.reference is None else subject.reference
    count = min(drawn, source.n_rows if subject.reference is not None else source.n_rows // 2)
    if count < 2:
        raise MethodError(f"{count} rows are too few to fit a tree to")
    positions = np.sort(generator(subject.seed, f"surrogate tree {source.digest}").permutation(source.n_rows)[:count]).astype(np.int64)
    return source.take(positions), positions if subject.reference is None else positions[:0]


def _features(schema: Schema) -> list[tuple[ColumnSchema, str]]:
    """Column and level of each feature; of a number itself the level is empty."""
    found = []
    for column in schema.columns:
        found += [(column, level) for level in ("", MISSING)] if column.kind == "numeric" else [(column, level) for level in column.levels]
    return found


def _design(rows: RowBlock, schema: Schema, middles: dict[str, float]) -> NDArray[np.float64]:
    """Raw rows as features (n, features): a number and whether it is missing, and 0 or 1 for each level."""
    parts = []
    for column, level in _features(schema):
        values = rows.values[column.name]
        if column.kind != "numeric":
            parts.append((values == level).astype(np.float64))
        elif level == MISSING:
            parts.append(np.isnan(values).astype(np.float64))
        else:
            parts.append(np.where(np.isnan(values), middles.get(column.name, 0.0), values))
    return np.stack(parts, axis=1)


def _rule(path: list[tuple[int, float, bool]], features: list[tuple[ColumnSchema, str]]) -> str:
    """Steps as words, several bounds of one number drawn together."""
    low: dict[str, float] = {}
    high: dict[str, float] = {}
    words: dict[str, str] = {}
    for feature, threshold, below in path:
        column, level = features[feature]
        if level:
            words[f"{column.name} {level}"] = f"{column.name} is {'not ' if below else ''}{level}"
        else:
            (high if below else low)[column.name] = threshold
            words.setdefault(column.name, "")
    for name in {**low, **high}:
        ends = low.get(name), high.get(name)
        words[name] = (
            f"{name} > {ends[0]:.4g}"
            if ends[1] is None
            else f"{name} ≤ {ends[1]:.4g}"
            if ends[0] is None
            else f"{ends[0]:.4g} < {name} ≤ {ends[1]:.4g}"
        )
    return " and ".join(words.values()) or "every row"

"""A small decision tree fitted to what a model decides, as plain arrays, with its rules in words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit.errors import MethodError

Floats = NDArray[np.float64]
LEAF = -1


@dataclass(frozen=True)
class SurrogateTree:
    """Nodes of a tree, (nodes,) each: a row goes `left` where its `feature` is at most `threshold`, else `right`; `feature` is -1 at leaves.

    `decision` is the commonest class of the fitted rows of each node.
    """

    feature: NDArray[np.int64]
    threshold: Floats
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    decision: NDArray[np.int64]

    def leaf(self, inputs: Floats) -> NDArray[np.int64]:
        """The leaf each row of `inputs` (n, features) ends in, by number of its node, (n,)."""
        node = np.zeros(len(inputs), dtype=np.int64)
        for _ in range(len(self.feature)):
            feature = self.feature[node]
            if (feature == LEAF).all():
                break
            value = inputs[np.arange(len(inputs)), np.maximum(feature, 0)].astype(np.float32)  # compared in float32, as it was fitted
            below = np.where(value <= self.threshold[node], self.left[node], self.right[node])
            node = np.where(feature == LEAF, node, below)
        return node

    def paths(self) -> dict[int, list[tuple[int, float, bool]]]:
        """For each leaf the steps to it: feature, threshold, and whether the value is at most that; leaves from left to right."""
        found: dict[int, list[tuple[int, float, bool]]] = {}
        waiting: list[tuple[int, list[tuple[int, float, bool]]]] = [(0, [])]
        while waiting:
            node, path = waiting.pop()
            if self.feature[node] == LEAF:
                found[node] = path
                continue
            step = int(self.feature[node]), float(self.threshold[node])
            waiting += [(int(self.right[node]), [*path, (*step, False)]), (int(self.left[node]), [*path, (*step, True)])]
        return found


def surrogate_tree(inputs: Floats, decisions: NDArray[np.int64], *, depth: int = 3, leaf_rows: int = 20, seed: int = 0) -> SurrogateTree:
    """The tree of at most `depth` questions, with `leaf_rows` rows or more in each leaf, that decides `inputs` (n, features) most like
    `decisions` (n,), grown by scikit-learn (CART, Gini impurity).

    Craven & Shavlik 1995, Extracting Tree-Structured Representations of Trained Networks, have the idea of a tree fitted to a network. Raises
    MethodError where all decisions are the same.
    """
    from sklearn.tree import DecisionTreeClassifier  # noqa: PLC0415  takes a second to load

    if len(np.unique(decisions)) < 2:
        raise MethodError("all rows the tree would be fitted to are decided alike, so there is nothing to tell apart")
    grown = DecisionTreeClassifier(max_depth=depth, min_samples_leaf=min(leaf_rows, max(1, len(inputs) // 4)), random_state=seed).fit(
        inputs, decisions
    )
    nodes = grown.tree_
    feature = np.where(nodes.children_left == LEAF, LEAF, nodes.feature).astype(np.int64)
    decision = grown.classes_[nodes.value[:, 0].argmax(axis=1)].astype(np.int64)
    return SurrogateTree(feature, nodes.threshold.copy(), nodes.children_left.astype(np.int64), nodes.children_right.astype(np.int64), decision)

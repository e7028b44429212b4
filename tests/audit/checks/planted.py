"""Rows made from arrays, so that a check can be asked about faults we planted.

`write_rows` writes one probe's part; `planted` writes the subject, the outputs and further probes, and returns the `Rows` a check reads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from audit.data.dataset import GroupSpec, Schema
from audit.facts import Facts
from audit.rows import INCLUSION, POSITION, Rows

Group = tuple[Sequence[int], Sequence[str]]
"""Codes (-1 unknown) and level names."""


def write_rows(
    folder: Path, probe: str, columns: Mapping[str, Any], *, positions: Any = None, inclusion: Any = None, units: Mapping[str, str] | None = None
) -> None:
    """Write ``rows/<probe>/part-00000.parquet``; two-dimensional arrays become fixed-size lists."""
    arrays = {name: np.asarray(values) for name, values in columns.items()}
    n = len(next(iter(arrays.values()))) if arrays else len(positions)
    arrays = {
        POSITION: np.arange(n, dtype=np.int64) if positions is None else np.asarray(positions, dtype=np.int64),
        INCLUSION: np.ones(n) if inclusion is None else np.asarray(inclusion, dtype=np.float64),
    } | arrays
    fields = [pa.field(name, _type(values), metadata={"unit": (units or {}).get(name, "")}) for name, values in arrays.items()]
    table = pa.Table.from_arrays([_array(values) for values in arrays.values()], schema=pa.schema(fields))
    path = folder / "rows" / probe / "part-00000.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path)


def write_table(folder: Path, probe: str, name: str, columns: Mapping[str, Any]) -> None:
    """Write ``tables/<probe>/<name>.parquet``."""
    path = folder / "tables" / probe / f"{name}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({key: pa.array(list(values)) for key, values in columns.items()}), path)


def planted(
    folder: Path,
    *,
    labels: Any = None,
    decisions: Any = None,
    probabilities: Any = None,
    scores: Any = None,
    groups: Mapping[str, Group] | None = None,
    references: Mapping[str, str] | None = None,
    shares: Mapping[str, Mapping[str, float]] | None = None,
    inputs: Mapping[str, Any] | None = None,
    weights: Any = None,
    clusters: Any = None,
    times: Any = None,
    outputs: Mapping[str, Any] | None = None,
    probes: Mapping[str, Mapping[str, Any]] | None = None,
    absent: Mapping[str, str] | None = None,
    facts: Facts | None = None,
    seed: int = 7,
    **changes: Any,
) -> Rows:
    """Rows of a binary network unless `changes` to the facts (``task="multiclass"``, ``classes=…``) say otherwise.

    `scores` alone gives the decisions of a threshold of one half and both probabilities; `decisions` alone gives no probabilities.
    `outputs` adds to or replaces the derived columns of the probe ``outputs``; `probes` are further probes by id.
    """
    described = replace(facts or binary_facts(), **changes)
    specs = tuple(
        GroupSpec(name=name, column=name, levels=tuple(levels), reference=(references or {}).get(name), shares=(shares or {}).get(name, {}))
        for name, (_, levels) in (groups or {}).items()
    )
    described = replace(described, groups=specs, label=described.label if labels is not None else None)
    made = _outputs(described, labels, decisions, probabilities, scores) | dict(outputs or {})
    n = len(next(iter(made.values())))
    write_rows(folder, "subject", _subject(n, described, labels, groups=groups, inputs=inputs, weights=weights, clusters=clusters, times=times))
    write_rows(folder, "outputs", made)
    for probe, columns in (probes or {}).items():
        write_rows(folder, probe, columns)
    return Rows(folder, described, seed=seed, probes=absent)


def binary_facts() -> Facts:
    """A plain binary network with a label column."""
    return Facts(
        task="binary",
        output="logits",
        classes=("0", "1"),
        favourable=(1,),
        threshold=0.5,
        label="label",
        label_kind="outcome",
        groups=(),
        schema=Schema(columns=()),
    )


def _subject(n: int, facts: Facts, labels: Any, *, groups: Any, inputs: Any, weights: Any, clusters: Any, times: Any) -> dict[str, Any]:
    columns: dict[str, Any] = {"id": np.array([str(i) for i in range(n)], dtype=object)}
    if labels is not None:
        columns["label"] = np.asarray(labels, dtype=np.float64 if facts.task == "regression" else np.int64)
    if weights is not None:
        columns["weight"] = np.asarray(weights, dtype=np.float64)
    if clusters is not None:
        columns["cluster"] = np.asarray(clusters, dtype=np.int64)
    if times is not None:
        columns["time"] = np.asarray(times, dtype=np.float64)
    columns |= {f"group.{name}": np.asarray(codes, dtype=np.int32) for name, (codes, _) in (groups or {}).items()}
    return columns | {f"input.{name}": np.asarray(values) for name, values in (inputs or {}).items()}


def labelled(
    folder: Path,
    *,
    labels: Any,
    decisions: Any,
    classes: Sequence[str],
    groups: Mapping[str, Group] | None = None,
    probabilities: Any = None,
    weights: Any = None,
    clusters: Any = None,
    references: Mapping[str, str] | None = None,
) -> Rows:
    """Rows of a network that may give each row several labels: `labels` and `decisions` (n, K) of 0, 1 and -1; no labels for None."""
    specs = tuple(
        GroupSpec(name=name, column=name, levels=tuple(levels), reference=(references or {}).get(name))
        for name, (_, levels) in (groups or {}).items()
    )
    described = replace(
        binary_facts(),
        task="multilabel",
        output="decision" if probabilities is None else "probabilities",
        classes=tuple(classes),
        favourable=(),
        threshold=None,
        label=None,
        labels=tuple(classes) if labels is not None else (),
        thresholds=(0.5,) * len(classes),
        groups=specs,
    )
    decided = np.asarray(decisions, dtype=np.int8)
    subject = _subject(len(decided), described, None, groups=groups, inputs=None, weights=weights, clusters=clusters, times=None)
    made: dict[str, Any] = {"decisions": decided, "finite": (decided >= 0).all(axis=1).astype(np.int8), "output": decided.astype(np.float64)}
    if probabilities is not None:
        made |= {"probability": np.asarray(probabilities, dtype=np.float64), "output": np.asarray(probabilities, dtype=np.float64)}
    if labels is not None:
        subject["labels"] = np.asarray(labels, dtype=np.int8)
    if labels is not None and probabilities is not None:
        own = np.where(subject["labels"] == 1, made["probability"], 1 - made["probability"])
        made["loss"] = -np.log(np.clip(own, 1e-15, 1)).mean(axis=1)
    write_rows(folder, "subject", subject)
    write_rows(folder, "outputs", made)
    return Rows(folder, described, seed=7)


def _outputs(facts: Facts, labels: Any, decisions: Any, probabilities: Any, scores: Any) -> dict[str, Any]:
    if facts.task == "regression":
        return _quantities(np.asarray(scores, dtype=np.float64), labels)
    columns: dict[str, Any] = {}
    if scores is not None:
        columns["score"] = np.asarray(scores, dtype=np.float64)
        probabilities = np.stack([1 - columns["score"], columns["score"]], axis=1) if probabilities is None else probabilities
    if probabilities is not None:
        columns["probability"] = np.asarray(probabilities, dtype=np.float64)
        finite = np.isfinite(columns["probability"]).all(axis=1)
        guess = (columns["probability"][:, 1] >= 0.5).astype(int) if facts.task == "binary" else np.argmax(columns["probability"], axis=1)
        decisions = np.where(finite, guess, -1) if decisions is None else decisions
    columns["decision"] = np.asarray(decisions, dtype=np.int32)
    columns["finite"] = (columns["decision"] >= 0).astype(np.int8)
    return columns | (_against_labels(columns, np.asarray(labels, dtype=np.int64)) if labels is not None else {})


def _against_labels(columns: Mapping[str, Any], labels: Any) -> dict[str, Any]:
    known = labels >= 0
    made: dict[str, Any] = {"correct": np.where(known, columns["decision"] == labels, -1).astype(np.int8)}
    if "probability" in columns:
        own = columns["probability"][np.arange(len(labels)), np.maximum(labels, 0)]
        made["loss"] = np.where(known, -np.log(np.maximum(own, 1e-300)), np.nan)
    return made


def _quantities(scores: Any, labels: Any) -> dict[str, Any]:
    columns = {"score": scores, "finite": np.isfinite(scores).astype(np.int8), "decision": np.full(len(scores), -1, dtype=np.int32)}
    if labels is not None:
        error = scores - np.asarray(labels, dtype=np.float64)
        columns |= {"error": error, "loss": error**2}
    return columns


def _type(values: Any) -> Any:
    if values.dtype.kind in "OU":
        return pa.string()
    scalar = pa.from_numpy_dtype(values.dtype)
    return pa.list_(scalar, values.shape[1]) if values.ndim == 2 else scalar


def _array(values: Any) -> Any:
    if values.dtype.kind in "OU":
        return pa.array(values.tolist(), type=pa.string())
    if values.ndim == 2:
        return pa.FixedSizeListArray.from_arrays(pa.array(values.reshape(-1)), values.shape[1])
    return pa.array(values)

"""Protected attributes and labels as integer codes; -1 is unknown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from audit.data.canonical import canonical_text
from audit.data.dataset import Dataset, GroupSpec, RowBlock
from audit.data.spellings import look_alike
from audit.data_config import GroupConfig
from audit.errors import DataError, nearest

_BLOCK = 65_536
MOST_PARTS = 60
"""Values of one attribute that are each compared with the rest."""
SHARES_OVER = 0.01
"""By how much declared shares may sum to more than 1, for they are often rounded."""
OTHERS = "others"
"""Level of the rows that do not have the value."""


def fit_groups(declared: Mapping[str, GroupConfig], dataset: Dataset) -> tuple[GroupSpec, ...]:
    """The declared attributes with the levels the data has.

    Raises DataError for an attribute that is unknown in every row, a reference that names no level, an unknown value that is a misspelt
    one, shares that are no proportions or name no level while a level has none, bins on text or out of order, and two attributes that cut
    one column alike.
    """
    _refuse_twins(declared)
    if not declared:
        return ()
    bare = {name: _bare(name, config, dataset) for name, config in declared.items()}
    found: dict[str, set[str]] = {name: set() for name in declared}
    for block in dataset.blocks(_BLOCK):
        for name, spec in bare.items():
            found[name] |= set(_levels_of(spec, block.values[spec.column]))
    return tuple(spec for name, config in declared.items() for spec in _expanded(_fitted(bare[name], found[name], config), config))


def _expanded(spec: GroupSpec, config: GroupConfig) -> tuple[GroupSpec, ...]:
    """The attribute itself, or one attribute for each of its values, each of which a row has or has not."""
    if config.compare != "rest" and not config.separator:
        return (spec,)
    if len(spec.levels) > MOST_PARTS:
        raise DataError(f"group {spec.name!r}: {len(spec.levels)} values would each become an attribute of their own; at most {MOST_PARTS} can")
    return tuple(
        replace(spec, name=f"{spec.name}: {level}", levels=(level, OTHERS), reference=OTHERS, part=level, separator=config.separator)
        for level in spec.levels
    )


def group_codes(spec: GroupSpec, block: RowBlock) -> NDArray[np.int32]:
    """Positions in ``spec.levels`` of the block's rows, (n,); -1 for missing, declared unknown, and levels that are not among them."""
    values = block.values[spec.column]
    if spec.part is not None:
        return _part_codes(spec, values)
    if spec.bins:
        return _bin_codes(spec, values)
    codes, words = _factorized(values)
    place = {level: code for code, level in enumerate(spec.levels)}
    return _mapped(codes, [-1 if word in spec.unknown else place.get(word, -1) for word in words]).astype(np.int32)


def label_codes(values: NDArray[Any], classes: Sequence[str], column: str = "label") -> NDArray[np.int64]:
    """Positions in `classes` of raw labels, (n,); -1 for missing. Raises DataError for a value that is no class."""
    codes, words = _factorized(values)
    place = {name: code for code, name in enumerate(classes)}
    unknown = [word for word in words if word not in place]
    if unknown:
        counts = np.bincount(codes[codes >= 0], minlength=len(words))
        count = int(counts[words.index(unknown[0])])
        raise DataError(
            f"label column {column!r} holds {unknown[0]!r} in {count} rows, which is none of the classes {', '.join(map(repr, classes))}"
            + (f"; so do {len(unknown) - 1} other values" if len(unknown) > 1 else "")
        )
    return _mapped(codes, [place[word] for word in words])


def label_matrix(block: RowBlock, columns: Sequence[str]) -> NDArray[np.int8]:
    """Several label columns of 0 and 1 side by side, (n, K) int8; -1 for missing. Raises DataError for any other value."""
    return np.stack([label_codes(block.values[name], ("0", "1"), name) for name in columns], axis=1).astype(np.int8)


def cluster_codes(values: NDArray[Any]) -> NDArray[np.int64]:
    """Clusters numbered in order of appearance, (n,); a row with a missing cluster is a cluster of its own."""
    codes, words = _factorized(values)
    alone = codes < 0
    codes[alone] = len(words) + np.arange(int(alone.sum()))
    return codes


def bin_labels(bins: Sequence[float]) -> tuple[str, ...]:
    """Names of the intervals between cut points: ``<25``, ``25–40``, ``≥40``; a value at a cut belongs to the upper one."""
    words = [canonical_text(cut) for cut in bins]
    return (f"<{words[0]}", *(f"{low}–{high}" for low, high in pairwise(words)), f"≥{words[-1]}")


def _refuse_twins(declared: Mapping[str, GroupConfig]) -> None:
    seen: dict[tuple[object, ...], str] = {}
    for name, config in declared.items():
        cut = (config.column, tuple(map(float, config.bins)), config.separator, config.compare == "rest")
        if cut in seen:
            raise DataError(f"groups {seen[cut]!r} and {name!r} are the same column {config.column!r}, cut alike; declare it once")
        seen[cut] = name


def _bare(name: str, config: GroupConfig, dataset: Dataset) -> GroupSpec:
    if config.column not in dataset.columns:
        raise DataError(f"group {name!r}: there is no column {config.column!r}: {nearest(config.column, dataset.columns)}")
    bins = tuple(float(cut) for cut in config.bins)
    if any(low >= high for low, high in pairwise(bins)):
        raise DataError(f"group {name!r}: bins must increase, found {', '.join(map(canonical_text, bins))}")
    unknown = tuple(canonical_text(value) for value in config.unknown)
    levels = bin_labels(bins) if bins else ()
    return GroupSpec(name=name, column=config.column, levels=levels, unknown=unknown, bins=bins, separator=config.separator)


def _levels_of(spec: GroupSpec, values: NDArray[Any]) -> list[str]:
    if spec.bins:
        return [spec.levels[code] for code in np.unique(_bin_codes(spec, values)) if code >= 0]
    words = _factorized(values)[1]
    return [part for word in words for part in _parts(word, spec.separator)]


def _parts(word: str, separator: str) -> list[str]:
    return [part for piece in word.split(separator) if (part := piece.strip())] if separator else [word]


def _part_codes(spec: GroupSpec, values: NDArray[Any]) -> NDArray[np.int32]:
    """0 for rows that have the value, 1 for those that have others, -1 for those of which nothing is known."""
    if spec.bins:
        whole = bin_labels(spec.bins)
        cut = _bin_codes(replace(spec, part=None, levels=whole), values)
        return np.where(cut < 0, -1, np.where(cut == whole.index(str(spec.part)), 0, 1)).astype(np.int32)
    codes, words = _factorized(values)
    held = [[part for part in _parts(word, spec.separator) if part not in spec.unknown] for word in words]
    return _mapped(codes, [0 if spec.part in parts else 1 if parts else -1 for parts in held]).astype(np.int32)


def _fitted(spec: GroupSpec, found: set[str], config: GroupConfig) -> GroupSpec:
    kept = found if spec.bins else found - set(spec.unknown)
    if not kept:
        raise DataError(f"group {spec.name!r}: column {spec.column!r} is missing or unknown in every row")
    levels = tuple(level for level in spec.levels if level in kept) if spec.bins else tuple(sorted(kept))
    reference = None if config.reference is None else canonical_text(config.reference)
    if reference is not None and reference not in levels:
        raise DataError(f"group {spec.name!r}: reference {reference!r} is no level of column {spec.column!r}: {nearest(reference, levels)}")
    if not spec.bins:
        _refuse_misspelt_unknown(spec, found, levels)
    return replace(spec, levels=levels, reference=reference, shares=_shares(spec, levels, config), best=config.compare == "best")


def _refuse_misspelt_unknown(spec: GroupSpec, found: set[str], levels: Sequence[str]) -> None:
    """A value that means unknown may be in no row, but not when a level is one spelling away: its rows would make a group."""
    for value in spec.unknown:
        near = [] if value in found else [level for level in levels if look_alike(value, level)]
        if near:
            raise DataError(f"group {spec.name!r}: unknown {value!r} is in no row of column {spec.column!r}: did you mean {near[0]!r}?")


def _shares(spec: GroupSpec, levels: Sequence[str], config: GroupConfig) -> dict[str, float]:
    """The declared shares; a level without rows may have one when every level of the data has one, so that a misspelt name is none."""
    shares = {level: float(share) for level, share in config.shares.items()}
    off = [level for level, share in shares.items() if not 0 <= share <= 1]
    if off or sum(shares.values()) > 1 + SHARES_OVER:
        what = f"the share of {off[0]!r} is {shares[off[0]]:g}" if off else f"the shares sum to {sum(shares.values()):g}"
        raise DataError(f"group {spec.name!r}: {what}; shares are proportions of a population, from 0 to 1, and sum to at most 1")
    legal = bin_labels(spec.bins) if spec.bins else levels if set(levels) - set(shares) else [*levels, *shares]
    for level in shares:
        if level not in legal:
            raise DataError(f"group {spec.name!r}: shares {level!r} is no level of column {spec.column!r}: {nearest(level, levels)}")
    return shares


def _bin_codes(spec: GroupSpec, values: NDArray[Any]) -> NDArray[np.int32]:
    if values.dtype == object:
        raise DataError(f"group {spec.name!r} has bins, but column {spec.column!r} holds text")
    labels = bin_labels(spec.bins)
    place = [spec.levels.index(label) if label in spec.levels else -1 for label in labels]
    codes = np.asarray(place, dtype=np.int32)[np.searchsorted(np.asarray(spec.bins), values, side="right")]
    unknown = [float(value) for value in spec.unknown if _is_number(value)]
    return np.where(np.isnan(values) | np.isin(values, unknown), np.int32(-1), codes).astype(np.int32)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _factorized(values: NDArray[Any]) -> tuple[NDArray[np.int64], list[str]]:
    codes, found = pd.factorize(np.asarray(values))
    return codes.astype(np.int64), [canonical_text(value) for value in found]


def _mapped(codes: NDArray[np.int64], places: Sequence[int]) -> NDArray[np.int64]:
    return np.asarray([*places, -1], dtype=np.int64)[codes]

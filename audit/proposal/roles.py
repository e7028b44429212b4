"""Which column plays which part: label, id, protected attributes, inputs. Each choice with the reason it was made for."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from audit.data.protected_names import is_protected, words_of
from audit.errors import ConfigError, nearest
from audit.proposal.profile import Column
from audit.proposal.toml_text import shown

LABELS = (
    *("label", "labels", "target", "y", "y_true", "outcome", "class", "response", "approve", "approved", "default", "defaulted"),
    *(
        "survived",
        "fraud",
        "churn",
        "diagnosis",
        "readmitted",
        "hired",
        "admitted",
        "repaid",
        "refused",
        "rejected",
        "accepted",
        "granted",
        "good_bad",
    ),
)
"""Names that labels usually have, the surest first."""
IDENTITIES = frozenset(
    (
        *("id", "ids", "uuid", "guid", "key", "index", "idx", "row", "rownum", "nr", "number"),
        *("case", "record", "application", "applicant", "patient", "customer", "client", "person"),
    )
)
FEW = 12
"""A protected attribute with up to so many values is compared as it is; with more it needs cut points."""
LONGEST = 2000
TRIED = 6
"""Of so many protected columns every combination is tried as inputs."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """A column in a part, and why it was given it."""

    column: Column
    why: str
    asked: bool = False
    """The person named it."""


@dataclass(frozen=True, kw_only=True)
class Roles:
    """The parts of all columns."""

    label: Part | None
    id: Part | None
    groups: tuple[Part, ...]
    uncut: tuple[Column, ...]
    """Columns named like protected attributes with too many values to compare as they are."""
    inputs: tuple[Column, ...]
    inputs_why: str
    left_out: tuple[Part, ...]
    """Columns that play no part, each with the reason."""
    wanted: int | None
    """Numbers the first layer takes; None when that is not known."""

    @property
    def width(self) -> int:
        """Numbers a row of inputs is encoded into."""
        return sum(width(column) for column in self.inputs)

    @property
    def protected_inputs(self) -> tuple[str, ...]:
        """Inputs that are, or are named like, protected attributes."""
        compared = {part.column.name for part in self.groups}
        return tuple(column.name for column in self.inputs if column.name in compared or is_protected(column.name))


def width(column: Column) -> int:
    """Numbers one column is encoded into: one per level of a text column, else one."""
    return len(column.levels or ()) if column.kind == "categorical" else 1


def guess_roles(
    columns: Sequence[Column],
    *,
    wanted: int | None,
    label: str | None = None,
    groups: Sequence[str] = (),
    taken: Collection[str] = (),
    absent: Collection[str] = (),
) -> Roles:
    """Parts for all columns of a table.

    `wanted`: numbers the first layer takes, None when unknown. `label` and `groups` are what the person named; `taken` columns have a part
    already, `absent` ones are not in the reference table. Raises ConfigError for a name that is no column.
    """
    by_name = {column.name: column for column in columns}
    for option, name in [("--label", label), *(("--group", group) for group in groups)]:
        if name is not None and name not in by_name:
            raise ConfigError(f"{option} {shown(name)}: there is no such column: {nearest(name, by_name)}")
    free = [column for column in columns if column.name not in taken]
    compared, uncut = _groups(free, by_name, groups, label)
    reserved = {part.column.name for part in compared} | {label}
    identity = _identity([column for column in free if column.name not in reserved])
    unusable = _unusable([column for column in free if identity is None or column.name != identity.column.name], absent)
    names = {part.column.name for part in unusable} | ({identity.column.name} if identity else set())
    pool = [column for column in free if column.name not in names]
    found = _label(by_name, pool, label, wanted, {part.column.name for part in compared})
    inputs, why = _inputs([column for column in pool if found is None or column.name != found.column.name], compared, wanted)
    used = {column.name for column in inputs} | reserved | names | ({found.column.name} if found else set())
    spare = [Part(column=column, why="a protected attribute by its name; not among the inputs") for column in free if column.name not in used]
    return Roles(
        label=found,
        id=identity,
        groups=compared,
        uncut=uncut,
        inputs=inputs,
        inputs_why=why,
        left_out=tuple(part for part in (*unusable, *spare) if found is None or part.column.name != found.column.name),
        wanted=wanted,
    )


def _groups(
    free: Sequence[Column], by_name: dict[str, Column], asked: Sequence[str], label: str | None
) -> tuple[tuple[Part, ...], tuple[Column, ...]]:
    named = [column for column in free if column.name != label and column.name not in asked and is_protected(column.name) and column.kind]
    few = [column for column in named if column.levels and 2 <= len(column.levels) <= FEW]
    uncut = [column for column in named if column not in few and column.missing < column.rows]
    parts = [Part(column=by_name[name], why="given with --group", asked=True) for name in dict.fromkeys(asked)]
    parts += [Part(column=column, why=f"named like a protected attribute, {len(column.levels or ())} values") for column in few]
    return tuple(parts), tuple(uncut)


def _identity(columns: Sequence[Column]) -> Part | None:
    unique = [column for column in columns if column.unique and _writable(column.name)]
    named = [column for column in unique if words_of(column.name) & IDENTITIES]
    texts = [column for column in unique if column.stored == "text" and column.levels is None]
    if named:
        return Part(column=named[0], why="every value occurs once, and it is named like an id")
    return Part(column=texts[0], why="text, and every value occurs once") if texts else None


def _unusable(columns: Sequence[Column], absent: Collection[str]) -> list[Part]:
    return [Part(column=column, why=reason) for column in columns if (reason := _reason(column, absent))]


def _reason(column: Column, absent: Collection[str]) -> str:
    if not _writable(column.name):
        return "its name is empty or too long to be written"
    if not column.kind:
        return f"stored as {column.stored}, which cannot be an input"
    if column.missing >= column.rows:
        return "no value in any row"
    if column.infinite:
        return "holds infinite values, which a network cannot take"
    if column.kind == "categorical" and column.levels is None:
        return "text with too many values to be encoded"
    if column.unique and column.whole and column.rows > 2 and column.high == (column.low or 0) + column.rows - 1:
        return "counts the rows"
    return "not in the reference table" if column.name in absent else ""


def _writable(name: str) -> bool:
    return 0 < len(name) <= LONGEST


def _label(by_name: dict[str, Column], pool: Sequence[Column], asked: str | None, wanted: int | None, compared: set[str]) -> Part | None:
    if asked is not None:
        return Part(column=by_name[asked], why="given with --label", asked=True)
    candidates = [column for column in pool if column.name not in compared and not is_protected(column.name)]
    lower = {column.name.casefold(): column for column in reversed(candidates)}
    named = next((name for name in LABELS if name in lower), None)
    if named is not None:
        return Part(column=lower[named], why="named like a label")
    two = [column for column in reversed(candidates) if column.two_valued]
    ends = [candidates[-1], candidates[0]] if candidates else []
    for column in [*ends, *two] if wanted is not None else ():
        _, missing = _choice([other for other in pool if other.name != column.name], compared, wanted)
        if missing == 0:
            place = "the last column" if column is ends[0] else "the first column" if column is ends[1] else "two distinct values"
            return Part(column=column, why=f"{place}, and without it the inputs match the {wanted} numbers the first layer takes")
    if wanted is not None and _choice(pool, compared, wanted)[1] == 0:
        return None
    return Part(column=two[0], why="two distinct values, the last such column") if two else None


def _inputs(pool: Sequence[Column], compared: Sequence[Part], wanted: int | None) -> tuple[tuple[Column, ...], str]:
    names = {part.column.name for part in compared}
    chosen, missing = _choice(pool, names, wanted)
    given = sum(width(column) for column in chosen)
    if wanted is None:
        return chosen, f"all columns in table order but label, id and protected attributes: {given} numbers; what the network takes is not known"
    if missing == 0:
        return chosen, f"columns in table order; they encode to {given} numbers, as many as the first layer takes"
    off = f"{missing} too few" if missing > 0 else f"{-missing} too many"
    return chosen, f"DOES NOT FIT: these columns encode to {given} numbers and the first layer takes {wanted}: {off}"


def _choice(pool: Sequence[Column], compared: Collection[str], wanted: int | None) -> tuple[tuple[Column, ...], int]:
    """Inputs out of `pool`, with as few protected columns as make them fit, and how many numbers are missing then."""
    protected = [column for column in pool if column.name in compared or is_protected(column.name)]
    held = {column.name for column in protected}
    plain = tuple(column for column in pool if column.name not in held)
    given = sum(width(column) for column in plain)
    if wanted is None or given == wanted:
        return plain, 0
    for further in _subsets(sorted(protected, key=lambda column: column.name in compared)):
        if given + sum(width(column) for column in further) == wanted:
            added = {column.name for column in further}
            return tuple(column for column in pool if column.name not in held or column.name in added), 0
    return plain, wanted - given


def _subsets(columns: Sequence[Column]) -> Iterator[tuple[Column, ...]]:
    for size in range(1, min(len(columns), TRIED) + 1):
        yield from combinations(columns[:TRIED], size)

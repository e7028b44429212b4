"""The game behind Shapley values: players who are in keep the row's entries, players who are out take those of a background row."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from audit.errors import MethodError
from audit.methods.attribution.added_up import added_up, in_groups
from audit.methods.attribution.answers import Network, answered, float64, plain
from audit.methods.attribution.first_layer import FirstLayer
from audit.methods.attribution.mixing import bits_of, mixer
from audit.methods.attribution.room import Room
from audit.models.chunks import each_part

Link = Callable[[Tensor], Tensor]
"""Entry by entry."""
FEWEST_COALITIONS = 8
"""Coalitions from which on what each player adds behind the first layer is worth working out."""
MOST_PARTS = 4_194_304
"""Numbers that the parts of one row behind the first layer may take; with more, they no longer fit into a processor's cache."""
MOST_CORES, SMALL_BYTES = 4, 8 * 2**20
"""Cores for which rows are added to those given to the network at once, and bytes of inputs up to which they are."""


@dataclass(frozen=True)
class ShapleyValues:
    """Shapley values of n rows and k outputs, float64, in the unit of the outputs.

    `values` (n, players, k) with standard errors `se` of the estimator (0 where enumerated), `base` (k,) the mean output over the
    background, `total` (n, k) the output of each row, and `evaluations` (n,) the rows the network was given for each explained row, the
    background itself not counted. `exact` (n,) tells which rows were enumerated. `background_se` is the standard error of the values as
    means over a background that was drawn, `se` included; NaN where a single row stands for absent or the method cannot tell.
    """

    values: NDArray[np.float64]
    se: NDArray[np.float64]
    base: NDArray[np.float64]
    total: NDArray[np.float64]
    evaluations: NDArray[np.int64]
    exact: NDArray[np.bool_]
    background_se: NDArray[np.float64]


@dataclass(frozen=True)
class RowValues:
    """The same for one row: `values`, `se` and `background_se` (players, k; None where it cannot be told), `total` (k,)."""

    values: Tensor
    se: Tensor
    total: Tensor
    evaluations: int
    exact: bool
    background_se: Tensor | None = None


@dataclass(frozen=True)
class Game:
    """v(S) = Σ_b u_b f(x_S, b_rest) over the rows b of a background with weights u: the marginal, or interventional, value function.

    Inputs are flattened to (…, entries); sums over rows are in float64 on the CPU, whatever the device of the network.
    """

    network: Network
    background: Tensor
    """(b, entries)."""
    shape: tuple[int, ...]
    """Shape of one row as the network takes it."""
    weights: Tensor
    """(b,) float64, sum 1."""
    owner: Tensor
    """Player of each entry, (entries,) int64."""
    players: int
    chunk: int
    """Rows given to the network at once for each core; a few thousand keep small networks inside the processor's cache."""
    alone: Tensor
    """Outputs of the background, (b, k) float64."""
    link: Link | None = None
    """Taken of every mean over the background; the identity when None."""
    first: FirstLayer | None = None
    """Lets mixed rows be added up behind the first layer instead of being made, where that pays."""
    room: Room = field(default_factory=Room)
    """Memory of each thread, which the rows that it solves use one after the other."""

    @property
    def at_once(self) -> int:
        """Rows given to the network at once: `chunk` for each core of a processor, unless they are long, so that cores seldom wait."""
        if self.background.device.type != "cpu":
            return self.chunk
        row = self.background.shape[1] * self.background.element_size()
        return max(self.chunk, min(self.chunk * min(torch.get_num_threads(), MOST_CORES), SMALL_BYTES // max(1, row)))

    @cached_property
    def base(self) -> Tensor:
        """v(∅), (k,)."""
        return self.linked(self.weights @ self.alone)

    def linked(self, means: Tensor) -> Tensor:
        """Means of outputs on the scale of the game."""
        return means if self.link is None else self.link(means)

    def whole(self, row: Tensor) -> Tensor:
        """v of all players, (k,), for the flattened `row`."""
        return self.linked(self.answers(row[None])[0])

    def answers(self, flat: Tensor) -> Tensor:
        """Outputs (m, k) float64 of flattened rows (m, entries)."""
        return answered(self.network, flat.reshape(-1, *self.shape))

    @cached_property
    def everyone(self) -> Tensor:
        """Players who own an entry, (m,) int64, ascending."""
        found: Tensor = torch.unique(self.owner)
        return found

    def varying(self, row: Tensor) -> Tensor:
        """Players (m,) int64, ascending, with an entry in which the flattened `row` differs from some background row."""
        differs = (self.background != row).any(dim=0)
        if bool(differs.all()):
            return self.everyone
        found: Tensor = torch.unique(self.owner[differs])
        return found

    def places(self, varying: Tensor) -> Tensor:
        """For each entry the place of its player in `varying`, (entries,) int64; an entry of any other player counts as the first."""
        if len(varying) == self.players:
            return self.owner
        place = torch.zeros(self.players, dtype=torch.int64, device=self.owner.device)
        place[varying] = torch.arange(len(varying), device=self.owner.device)
        return place[self.owner]

    def worth(self, row: Tensor, inside: NDArray[np.bool_], places: Tensor) -> Tensor:
        """v of each of the coalitions `inside` (c, varying players), as (c, k), for the flattened `row`."""
        if not inside.size:
            return self.base.repeat(len(inside), 1)  # nobody varies
        b, k = self.alone.shape
        found = self.alone.new_empty(len(inside), k)
        for chosen, answers in self.asked(row, inside, places):
            found[chosen] = (answers.transpose(1, 2).reshape(-1, b) @ self.weights).view(-1, k)
        return self.linked(found)

    def worths(self, rows: Tensor, inside: NDArray[np.bool_], places: Tensor) -> Tensor:
        """`worth` of several flattened `rows` (r, entries) in which the same players vary, (r, c, k); quicker than one by one where b is small."""
        b, k = self.alone.shape
        held = self._behind_first(rows, inside, places) if len(rows) > 1 and inside.size else None
        if held is None:
            return torch.stack([self.worth(row, inside, places) for row in rows])
        found = self.alone.new_empty(len(inside), len(rows), k)
        for chosen, answers in held:
            found[chosen] = torch.einsum("crbk,b->crk", answers.view(len(answers), len(rows), b, k), self.weights)
        return self.linked(found.transpose(0, 1).contiguous())

    def asked(self, row: Tensor, inside: NDArray[np.bool_], places: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """Outputs for each of the coalitions `inside` and each background row, (c', b, k), some coalitions at a time, after their places (c',)."""
        if not inside.size:
            return
        held = self._behind_first(row[None], inside, places)
        if held is not None:
            yield from held
            return
        member = torch.as_tensor(inside, device=row.device)
        entries = member if torch.equal(places, torch.arange(member.shape[1], device=row.device)) else member[:, places]
        size = min(max(1, self.at_once // self.background.shape[0]), entries.shape[0])
        mix = mixer(row, self.background, size)
        b, k = self.alone.shape

        def answers(part: Tensor) -> Tensor:
            rows = mix(part[None, None], slice(None), False).view(-1, *self.shape)
            return answered(self.network, rows, plain).view(b, -1, k).transpose(0, 1)[None]

        yield from in_groups(answers, bits_of(entries, row), (np.arange(len(inside)),), size, (b, k))

    def _behind_first(self, rows: Tensor, inside: NDArray[np.bool_], places: Tensor) -> Iterator[tuple[Tensor, Tensor]] | None:
        """What `asked` gives, with W x_S + W b_rest = W b + Σ_{i ∈ S} W (x - b)_i, for `rows` (r, entries) one behind the other, (c', r · b, k).

        None where mixing the rows costs no more.
        """
        if self.first is None or len(inside) < FEWEST_COALITIONS:
            return None
        parts = self.parts(rows, places, inside.shape[1])
        return None if parts is None else added_up(self.first, inside, parts, k=self.alone.shape[1], chunk=self.chunk)

    @cached_property
    def behind_first(self) -> tuple[Tensor, Tensor, Tensor]:
        """Of the first layer its weight, transposed, what it is given for the background, (b, entries), and what it makes of it, (b, h)."""
        assert self.first is not None  # noqa: S101  asked for by those who have one
        return self.first.weight.detach().T, self.first.entries(self.background).detach(), self.first.before(self.background).detach()

    def parts(self, rows: Tensor, places: Tensor, m: int, *, by_row: bool = False) -> Tensor | None:
        """What the first layer makes of each of the m varying players of `rows` (r, entries) alone, and last of the background, (m + 1, r · b, h).

        `by_row`, (r · b, m + 1, h). None where there is no such layer, where that would take too much memory, or is no finite number: 0 · ∞ is
        none, and an absent player adds nothing. The next call overwrites what this one gives.
        """
        (r, size), b = rows.shape, self.background.shape[0]
        if self.first is None or not self.adds_up(r):
            return None
        (weight, absent, base), h = self.behind_first, self.first.weight.shape[0]
        away = (self.first.entries(rows).detach()[:, None] - absent).flatten(0, 1)
        made = self.room.lend("parts", (r * b, m + 1, h) if by_row else (m + 1, r * b, h), base)
        parts = made.transpose(0, 1) if by_row else made
        if m == size and torch.equal(places, torch.arange(m, device=rows.device)):
            torch.mul(away.T[:, :, None], weight[:, None], out=parts[:m])
        else:
            parts[:m].zero_().index_add_(0, places, away.T[:, :, None] * weight[:, None])
        parts[m:] = base.repeat(r, 1) if r > 1 else base
        return made if bool(torch.isfinite(made.sum())) else None

    def adds_up(self, rows: int) -> bool:
        """Whether parts of so many rows behind the first layer stay small enough to be made."""
        return self.first is not None and rows * self.background.numel() * self.first.weight.shape[0] <= MOST_PARTS

    def over_background(self, each: Tensor) -> tuple[Tensor, Tensor | None]:
        """The mean (m, k) of values against `each` background row (b, m, k), and its standard error if these rows were drawn; None for one."""
        b, m, k = each.shape
        flat = each.reshape(b, m * k)
        mean = self.weights @ flat
        if b == 1:
            return mean.view(m, k), None
        return mean.view(m, k), (self.weights**2 @ (flat - mean).square_()).mul_(b / (b - 1)).sqrt_().view(m, k)

    def spread(self, values: Tensor, varying: Tensor) -> Tensor:
        """Values (m, k) of the varying players as (players, k); a player that never varies changes nothing and has exactly 0."""
        if len(varying) == self.players:
            return values
        full = values.new_zeros(self.players, values.shape[1])
        full[varying.cpu()] = values
        return full


def make_game(
    network: Network,
    background: Tensor,
    owner: NDArray[np.int64],
    *,
    players: int,
    weights: NDArray[np.float64] | None = None,
    chunk: int = 4096,
    link: Link | None = None,
    first: FirstLayer | None = None,
) -> Game:
    """The game on a `background` (b, …) in which entry e of a flattened row belongs to player ``owner[e]``.

    Raises MethodError for an empty background, an owner of another length or range, or weights that are no distribution. Entries are
    exchanged and never mixed, so they may be whole numbers, such as token ids. With a `link` v is the link of the mean. `first` is the first layer of
    the network, where it is linear: coalitions are then added up behind it, and the network is carried out as it knows it, which changes
    values by rounding only.
    """
    if not len(background):
        raise MethodError("the background has no rows")
    flat = background.reshape(len(background), -1)
    if owner.shape != flat.shape[1:] or owner.min(initial=0) < 0 or owner.max(initial=0) >= players:
        raise MethodError(f"owner must name one of {players} players for each of {flat.shape[1]} entries, found shape {owner.shape}")
    shares = np.full(len(flat), 1 / len(flat)) if weights is None else np.asarray(weights, dtype=np.float64)
    if shares.shape != (len(flat),) or (shares < 0).any() or not np.isfinite(shares.sum()) or shares.sum() <= 0:
        raise MethodError(f"background weights must be {len(flat)} non-negative numbers with a positive sum")
    network = network if first is None else first
    shape = tuple(background.shape[1:])
    alone = torch.cat(list(each_part(lambda part: float64(network(part)), background, chunk)))
    places = torch.as_tensor(owner, dtype=torch.int64, device=background.device)
    return Game(network, flat, shape, torch.from_numpy(shares / shares.sum()), places, players, chunk, alone, link, first)

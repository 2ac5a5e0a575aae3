"""Which residues a model may see at each step of a contact recovery."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np

from plmwidgets._numbers import as_whole
from plmwidgets._options import choice, flag
from plmwidgets.models.masked_lm import Context
from plmwidgets.protein import Protein

STRATEGIES: Final = ("flanking", "random", "random-30")
NEAR: Final = 30
"""Residues on either side of a segment that ``"random-30"`` leaves hidden."""

Segment = tuple[int, int]


@dataclass(frozen=True)
class Plan:
    """The masks of every flank length and seed; make one with `plan_recovery`.

    Attributes
    ----------
    sequence : str
    segments : tuple of (int, int)
        One segment, or two in their order along the sequence; 0-based, the stop not included.
    strategy : str
        One of `STRATEGIES`.
    flanks : tuple of int
        The flank lengths k, ascending.
    seeds : int
        Number of random draws; 1 for the flanking strategy, which has nothing to draw.
    nested : bool
        Whether the draw at a larger k holds that at a smaller one.
    """

    sequence: str
    segments: tuple[Segment, ...]
    strategy: str
    flanks: tuple[int, ...]
    seeds: int
    nested: bool

    @property
    def block(self) -> tuple[slice, slice]:
        """Rows and columns of the map over which the recovery is measured."""
        return slice(*self.segments[0]), slice(*self.segments[-1])

    def others(self, k: int) -> int:
        """Return how many residues outside the segments are visible at k: 2k, fewer at an end."""
        return _others(self.segments, len(self.sequence), k)

    def visible(self, seed: int, k: int) -> tuple[int, ...]:
        """Return the positions that are not hidden, ascending."""
        (first, _), (_, last) = self.segments[0], self.segments[-1]
        shown = {i for start, stop in self.segments for i in range(start, stop)}
        if self.strategy == "flanking":
            shown.update(range(max(0, first - k), first))
            shown.update(range(last, min(len(self.sequence), last + k)))
        else:
            shown.update(self._drawn(seed, k))
        return tuple(sorted(shown))

    def masked(self, seed: int, k: int) -> tuple[int, ...]:
        """Return the hidden positions, ascending."""
        shown = set(self.visible(seed, k))
        return tuple(i for i in range(len(self.sequence)) if i not in shown)

    def context(self, seed: int, k: int) -> Context:
        """Return what the model is shown."""
        return Context(self.sequence, self.masked(seed, k))

    def _drawn(self, seed: int, k: int) -> tuple[int, ...]:
        pool = _pool(self.segments, len(self.sequence), self.strategy)
        count = self.others(k)
        if self.nested:
            return _shuffled(pool, seed)[:count]
        return tuple(np.random.default_rng([seed, k]).permutation(pool)[:count].tolist())


class FlankError(ValueError):
    """There are not so many residues around the segments.

    Attributes
    ----------
    plan : Plan
        What was asked for, and cannot be computed.
    """

    def __init__(self, words: str, plan: Plan) -> None:
        super().__init__(words)
        self.plan = plan


def plan_recovery(
    protein: Protein,
    segment: Segment | str,
    partner: Segment | str | None = None,
    *,
    strategy: str = "flanking",
    flanks: Iterable[int] | None = None,
    seeds: int = 10,
    nested: bool = True,
) -> Plan:
    """Check what `recovery` is asked for; the parameters and errors are the same."""
    length = len(protein)
    segments: tuple[Segment, ...] = (segment_of(protein, segment),)
    if partner is not None:
        other = segment_of(protein, partner)
        segments = tuple(sorted((segments[0], other)))
        if segments[1][0] < segments[0][1]:
            raise ValueError(
                f"the two segments {words_of(protein, segments[0])} and "
                f"{words_of(protein, segments[1])} overlap: a pair has two separate ones"
            )
    strategy = choice("strategy", strategy, STRATEGIES)
    draws = as_whole(seeds, least=1)
    if draws is None:
        raise ValueError(f"seeds is the number of random draws, 1 or more, not {seeds!r}")
    largest = largest_flank(segments, length, strategy)
    chosen = tuple(range(largest + 1)) if flanks is None else flanks_of(flanks)
    plan = Plan(
        protein.sequence,
        segments,
        strategy,
        chosen,
        1 if strategy == "flanking" else draws,
        flag("nested", nested),
    )
    if chosen[-1] > largest:
        raise FlankError(_beyond(protein, plan, largest), plan)
    return plan


def flanks_of(flanks: Iterable[int]) -> tuple[int, ...]:
    """Read flank lengths: ascending, each once.

    Raises
    ------
    ValueError
        If there is none, or something that is no whole number from 0 on.
    """
    try:
        given = tuple(flanks)
    except TypeError:
        raise ValueError(
            f"flanks are several flank lengths, such as (0, 5) or range(0, 20), not {flanks!r}"
        ) from None
    if not given:
        raise ValueError("give at least one flank length, such as flanks=range(0, 20)")
    found = set()
    for k in given:
        known = as_whole(k, least=0)
        if known is None:
            raise ValueError(f"a flank length is a whole number, 0 or more, not {k!r}")
        found.add(known)
    return tuple(sorted(found))


def segment_of(protein: Protein, segment: Segment | str) -> Segment:
    """Read a segment: ``(start, stop)``, 0-based, or text such as ``"20-41"``.

    Raises
    ------
    ValueError
        If it is empty, has a gap, or reaches beyond the protein.
    """
    if isinstance(segment, str):
        positions = protein.parse_positions(segment)
        if not positions or positions[-1] - positions[0] + 1 != len(positions):
            raise ValueError(f"{segment!r} is not one stretch of residues, such as '20-41'")
        return positions[0], positions[-1] + 1
    try:
        start, stop = segment
    except (TypeError, ValueError):
        raise ValueError(
            f"a segment is (start, stop), or text such as '20-41', not {segment!r}"
        ) from None
    first, last = as_whole(start), as_whole(stop)
    if first is None or last is None or not 0 <= first < last <= len(protein):
        raise ValueError(
            f"there is no segment ({start!r}, {stop!r}): start and stop are whole numbers with "
            f"0 <= start < stop <= {len(protein)}, the length of {protein.name}"
        )
    return first, last


def words_of(protein: Protein, segment: Segment) -> str:
    """Name a segment by its ends, such as ``"A20-G41"``."""
    labels = protein.residue_labels
    return f"{labels[segment[0]]}-{labels[segment[1] - 1]}"


def largest_flank(segments: tuple[Segment, ...], length: int, strategy: str) -> int:
    """Return the largest flank length that shows any more than the one before."""
    largest = max(segments[0][0], length - segments[-1][1])
    room = len(_pool(segments, length, strategy))
    while _others(segments, length, largest) > room:
        largest -= 1
    return largest


def _others(segments: tuple[Segment, ...], length: int, k: int) -> int:
    return min(k, segments[0][0]) + min(k, length - segments[-1][1])


@lru_cache(maxsize=64)
def _pool(segments: tuple[Segment, ...], length: int, strategy: str) -> tuple[int, ...]:
    """Return the positions that a random strategy may show."""
    near = NEAR if strategy == "random-30" else 0
    return tuple(
        i
        for i in range(length)
        if not any(start - near <= i < stop + near for start, stop in segments)
    )


@lru_cache(maxsize=64)
def _shuffled(pool: tuple[int, ...], seed: int) -> tuple[int, ...]:
    return tuple(np.random.default_rng(seed).permutation(pool).tolist())


def _beyond(protein: Protein, plan: Plan, largest: int) -> str:
    ends = " and ".join(words_of(protein, segment) for segment in plan.segments)
    why = "reaches both ends of the protein"
    if plan.strategy == "random-30":
        why = f"shows all residues further than {NEAR} from it that there may be"
    return (
        f"the flank length {plan.flanks[-1]} does not fit: around {ends} of {protein.name}, by the "
        f"strategy {plan.strategy!r}, it is a whole number from 0 to {largest}, which {why}"
    )

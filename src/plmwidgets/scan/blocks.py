"""All pairs of positions, cut into fixed tiles: the unit that is stored, resumed and ordered."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray

TILE = 8
"""Side of a tile in residues; a block holds at most ``TILE**2`` pairs."""


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """A tile of the upper triangle.

    Attributes
    ----------
    row, column : int
        Tile indices, ``row <= column``.
    pairs : ndarray of int64, shape (n, 2)
        Its pairs ``(i, j)``, 0-based, ``i < j``.
    """

    row: int
    column: int
    pairs: NDArray[np.int64]


def pair_blocks(length: int, positions: Sequence[int] | None = None) -> list[Block]:
    """Cut all unordered pairs of positions into tiles, in row-major order.

    Parameters
    ----------
    length : int
        Number of residues L.
    positions : sequence of int, optional
        Take pairs among these positions only; tiles without any are left out.
    """
    wanted = np.zeros(length, dtype=bool)
    wanted[list(range(length)) if positions is None else list(positions)] = True
    by_tile = [
        start + np.flatnonzero(wanted[start : start + TILE]) for start in range(0, length, TILE)
    ]
    blocks = []
    for row, first in enumerate(by_tile):
        for column in range(row, len(by_tile)):
            grid = np.stack(np.meshgrid(first, by_tile[column], indexing="ij"), axis=-1)
            i, j = grid.reshape(-1, 2).T
            pairs: NDArray[np.int64] = np.stack([i, j], axis=1)[i < j].astype(np.int64)
            if len(pairs):
                blocks.append(Block(row, column, pairs))
    return blocks


def by_effect(blocks: Sequence[Block], effect: NDArray[np.floating[Any]]) -> list[Block]:
    """Order blocks by the strongest predicted effect among their pairs, largest first.

    Parameters
    ----------
    blocks : sequence of Block
    effect : ndarray, shape (L, L)
        Any score that is larger for pairs expected to depend more on each other.
    """

    def strongest(block: Block) -> float:
        i, j = block.pairs.T
        return float(np.maximum(effect[i, j], effect[j, i]).max())

    return sorted(blocks, key=strongest, reverse=True)


@dataclass(frozen=True, slots=True)
class Region:
    """A rectangle of the map.

    Attributes
    ----------
    rows, columns : tuple of (int, int)
        First and last residue, 0-based; the last one is included.
    """

    rows: tuple[int, int]
    columns: tuple[int, int]

    @classmethod
    def of(cls, rows: Any, columns: Any, length: int) -> "Region":
        """Check two ranges of a protein of `length` residues.

        Raises
        ------
        ValueError
            If one of them is no range of these residues.
        """
        return cls(_range("rows", rows, length), _range("columns", columns, length))

    def covers(self, pairs: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Tell which of the pairs, shape (n, 2), lie in it, one way round or the other."""
        i, j = pairs.T
        there: NDArray[np.bool_] = _within(i, self.rows) & _within(j, self.columns)
        return there | (_within(j, self.rows) & _within(i, self.columns))

    def touches(self, block: Block) -> bool:
        """Tell whether any pair of a block lies in it."""
        return bool(self.covers(block.pairs).any())


def in_turn(blocks: Sequence[Block], asked: Callable[[], Region | None]) -> Iterator[Block]:
    """Give blocks in their order, but those first that touch the region asked for last.

    Parameters
    ----------
    blocks : sequence of Block
    asked : callable
        Returns the region, or None; called before every block.
    """
    left, heeded = deque(blocks), None
    while left:
        region = asked()
        if region is not None and region is not heeded:
            heeded = region
            # Sorting keeps the order among those that touch it and among the others.
            left = deque(sorted(left, key=region.touches, reverse=True))
        yield left.popleft()


def _range(name: str, value: Any, length: int) -> tuple[int, int]:
    ends = list(value) if isinstance(value, list | tuple) else []
    whole = all(isinstance(end, Integral) and not isinstance(end, bool) for end in ends)
    if len(ends) != 2 or not whole or not 0 <= ends[0] <= ends[1] < length:
        raise ValueError(
            f"{name} of a region are its first and last residue, counted from 0 to {length - 1}, "
            f"such as (0, {min(9, length - 1)}): not {value!r}"
        )
    return int(ends[0]), int(ends[1])


def _within(positions: NDArray[np.int64], ends: tuple[int, int]) -> NDArray[np.bool_]:
    inside: NDArray[np.bool_] = (positions >= ends[0]) & (positions <= ends[1])
    return inside

"""The categorical Jacobian in numbers: centring, norms and blocks of a tensor too large to hold.

The tensor T has a row for each position n: ``T[n, a, m, b]``, the logit of amino acid b at position
m when residue a stands at n (of the fast variant, when n is hidden: then the axis a has length 1).
It is read some rows at a time, and everything is computed in float64.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from plmwidgets.metrics import apc

Array = NDArray[np.floating[Any]]
Floats = NDArray[np.float64]
ReadRows = Callable[[slice], Array]
"""Returns some rows of T, (k, A, L, 20)."""

BAND_BYTES: Final = 2**27
"""What the rows may take that are held together; two such bands are needed at a time."""
WIDEST_BAND: Final = 64
"""Rows in a band: this bounds the float64 copies of the tile in which two bands cross."""


def row_norms(
    read: ReadRows, length: int, row_bytes: int, between: Callable[[], None] = lambda: None
) -> Floats:
    """Frobenius norms of the centred, symmetrised 20 x 20 blocks of T.

    T is centred along all axes longer than one, then symmetrised as a tensor, (T + T')/2 with
    ``T'[n, a, m, b] = T[m, b, n, a]``; the norm is over both amino acids. The two do not commute:
    what has another sign in the other direction must cancel before it is squared. With an axis a of
    length 1 there is no such T', and the norms themselves are symmetrised.

    Parameters
    ----------
    read : callable
    length : int
        L.
    row_bytes : int
        Size of a row, which decides how many are held together.
    between : callable, optional
        Called now and then; may raise to give up.

    Returns
    -------
    ndarray of float64, shape (L, L)
        Symmetric, zero on the diagonal.
    """
    bands = list(_bands(length, row_bytes))
    centre = _Centre(read, bands, between)
    norms = np.zeros((length, length))
    for at, rows in enumerate(bands):
        first = read(rows)
        for columns in bands[at:]:
            between()
            second = first if columns is rows else read(columns)
            one = centre(first, rows, columns)
            other = centre(second, columns, rows)
            if one.shape[1] > 1:
                one += other.transpose(2, 3, 0, 1)
                one /= 2
                found = _norm(one)
            else:
                found = (_norm(one) + _norm(other).T) / 2
            norms[rows, columns] = found
            norms[columns, rows] = found.T
    np.fill_diagonal(norms, 0.0)
    symmetric: Floats = (norms + norms.T) / 2  # to the last bit
    return symmetric


def contact_scores(norms: Floats) -> Floats:
    """Correct norms by the average product: zero diagonal, APC, zero diagonal, symmetric."""
    scores = apc(norms)
    np.fill_diagonal(scores, 0.0)
    symmetric: Floats = (scores + scores.T) / 2
    return symmetric


def pair_block(one: Array, other: Array) -> Floats:
    """How residues i and j go together: a block centred over its amino acids, and symmetrised.

    Parameters
    ----------
    one, other : ndarray, shape (20, 20)
        ``T[i, :, j, :]`` and ``T[j, :, i, :]``.

    Returns
    -------
    ndarray of float64, shape (20, 20)
        Rows: amino acids at i; columns: at j. Of a Potts model, its coupling in the zero-sum gauge.
    """
    block: Floats = _centred(np.asarray(one, np.float64)) + _centred(other.astype(np.float64)).T
    return block / 2


class _Centre:
    """Takes tiles out of rows, centred along all axes of the whole tensor.

    The means over positions are taken first, in one pass over the rows; those over amino acids lie
    within a tile.
    """

    def __init__(self, read: ReadRows, bands: list[slice], between: Callable[[], None]) -> None:
        of_rows, total, length = [], 0.0, 0
        for band in bands:
            between()
            rows = read(band)
            of_rows.append(rows.mean(axis=2, dtype=np.float64))
            total = total + rows.sum(axis=0, dtype=np.float64)
            length += len(rows)
        self._of_row: Floats = np.concatenate(of_rows)  # (L, A, 20): over m
        self._of_column: Floats = (
            np.asarray(total).transpose(1, 0, 2) / length
        )  # (L, A, 20): over n
        self._of_all: Floats = self._of_row.mean(axis=0)  # (A, 20)

    def __call__(self, values: Array, rows: slice, columns: slice) -> Floats:
        """Return the tile of rows (whose values are given) and columns, (k, A, l, 20)."""
        tile: Floats = values[:, :, columns].astype(np.float64)
        tile -= self._of_row[rows][:, :, None]
        tile -= self._of_column[columns].transpose(1, 0, 2)
        tile += self._of_all[:, None]
        tile -= tile.mean(axis=3, keepdims=True)
        if tile.shape[1] > 1:
            tile -= tile.mean(axis=1, keepdims=True)
        return tile


def _centred(block: Floats) -> Floats:
    rows: Floats = block - block.mean(axis=0, keepdims=True)
    rows -= rows.mean(axis=1, keepdims=True)
    return rows


def _norm(tile: Floats) -> Floats:
    norms: Floats = np.sqrt(np.einsum("kalb,kalb->kl", tile, tile))
    return norms


def _bands(length: int, row_bytes: int) -> Iterator[slice]:
    width = max(1, min(WIDEST_BAND, BAND_BYTES // row_bytes))
    for start in range(0, length, width):
        yield slice(start, min(start + width, length))

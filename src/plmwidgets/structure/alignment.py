"""Where the residues of a structure belong in a sequence: pairwise alignment by identity."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

_MATCH: Final = 100
_MISMATCH: Final = -60
GAP_STRICT: Final = -250
"""A gap costs more than two matches win, whatever its length: a residue or two of an expression tag
are left out rather than placed far from the rest."""
GAP_LOOSE: Final = -60
"""For a structure whose residues all belong to the sequence: even a lone residue is placed."""

MOST_CELLS: Final = 10**8
"""Of the table of an alignment, at 13 bytes each."""


def align(
    residues: str,
    sequence: str,
    breaks: NDArray[np.float64],
    gap: int = GAP_STRICT,
) -> NDArray[np.int64]:
    """Position in `sequence` of every residue, by pairwise alignment.

    Residue numbers play no part. Letters score by identity; X fits everything and proves nothing.
    What hangs over at either end is free, and stays unplaced where its letters do not agree (an
    expression tag, say).

    Parameters
    ----------
    residues : str
        The n letters of a chain, in order.
    sequence : str
        What they are to be placed in.
    breaks : ndarray, shape (n,)
        Distance in Å from the C of the residue before to the N of each residue, NaN where unknown.
        A gap that fits equally well in several places is put where the chain is broken.
    gap : int
        Score of a gap.

    Returns
    -------
    ndarray of int64, shape (n,)
        Ascending 0-based positions, -1 for residues that have no place in the sequence.
    """
    if (start := sequence.find(residues)) >= 0:
        return np.arange(start, start + len(residues))
    placed = np.full(len(residues), -1, dtype=np.int64)
    if (start := residues.find(sequence)) >= 0:
        placed[start : start + len(sequence)] = np.arange(len(sequence))
        return placed
    for residue, position in _trace(residues, sequence, gap):
        placed[residue] = position
    _settle_gaps(placed, residues, sequence, breaks)
    return placed


def _trace(residues: str, sequence: str, gap: int) -> NDArray[np.int64]:
    """Aligned pairs (residue, position) of the best alignment."""
    if len(residues) * len(sequence) > MOST_CELLS:
        raise ValueError(
            f"{len(residues):,} residues are too many to be aligned with a sequence of "
            f"{len(sequence):,}: cut out a chain or a domain"
        )
    from biotite.sequence import GeneralSequence, LetterAlphabet
    from biotite.sequence.align import SubstitutionMatrix, align_optimal

    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    scores = np.full((len(letters), len(letters)), _MISMATCH)
    np.fill_diagonal(scores, _MATCH)
    # Just above nothing, so that an X at the end of a chain is still placed.
    scores[letters.index("X"), :] = scores[:, letters.index("X")] = 1
    alphabet = LetterAlphabet(letters)
    best = align_optimal(
        GeneralSequence(alphabet, residues),
        GeneralSequence(alphabet, sequence),
        SubstitutionMatrix(alphabet, alphabet, scores),
        gap_penalty=(gap, 0),
        local=True,
        max_number=1,
    )
    trace = np.asarray(best[0].trace, dtype=np.int64)
    return trace[(trace >= 0).all(axis=1)]


def _settle_gaps(
    placed: NDArray[np.int64], residues: str, sequence: str, breaks: NDArray[np.float64]
) -> None:
    """Slide each gap, where the letters allow several places, to the widest break in the chain."""
    for right in range(1, len(placed)):
        left = right - 1
        before, after = int(placed[left]), int(placed[right])
        if before < 0 or after <= before + 1:
            continue
        cuts = [right]
        shift = after - before - 1
        k = left
        while k > 0 and residues[k] == sequence[placed[k] + shift] and placed[k - 1] >= 0:
            cuts.append(k)
            if placed[k - 1] != placed[k] - 1:
                break
            k -= 1
        k = right
        while k < len(placed) - 1 and residues[k] == sequence[placed[k] - shift]:
            cuts.append(k + 1)
            if placed[k + 1] != placed[k] + 1:
                break
            k += 1
        best = max(cuts, key=lambda cut: np.nan_to_num(breaks[cut], nan=0.0))
        placed[best:right] += shift
        placed[right:best] -= shift


def identity(
    residues: str, sequence: str, placed: NDArray[np.int64]
) -> tuple[int, int, list[tuple[int, int]]]:
    """Count agreements of an alignment.

    Returns
    -------
    identical, compared : int
        Pairs with equal letters, and all pairs; pairs with an X on either side count in neither.
    differing : list of (int, int)
        ``(residue, position)`` of the pairs that differ.
    """
    identical = compared = 0
    differing = []
    for residue, position in enumerate(placed.tolist()):
        if position < 0 or "X" in (residues[residue], sequence[position]):
            continue
        compared += 1
        if residues[residue] == sequence[position]:
            identical += 1
        else:
            differing.append((residue, position))
    return identical, compared, differing

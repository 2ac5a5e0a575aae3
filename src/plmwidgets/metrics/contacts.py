"""How well scores of residue pairs find contacts: precision, its curve, and what they sum to.

Pairs are unordered: each is ranked once. A ranking of both (i, j) and (j, i) would look at half as
many pairs. Only pairs whose truth is known are ranked.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from plmwidgets._numbers import whole_number
from plmwidgets.metrics.distributions import FloatArray

MIN_SEPARATION: Final = 6
"""Pairs closer in the sequence than this are near in any fold."""

SEPARATIONS: Final[dict[str, tuple[int, int | None]]] = {
    "local": (3, 5),
    "short": (6, 11),
    "medium": (12, 23),
    "long": (24, None),
}
"""First and last ``|i - j|`` of the classes that contacts are usually counted in."""

AUC_SHARES: Final = tuple(k / 10 for k in range(1, 11))
"""Shares of L whose precisions `Ranking.auc` averages."""


@dataclass(frozen=True, eq=False)
class Ranking:
    """Pairs from the best scored one down, by the steps in which their scores fall.

    Pairs of equal score are in no order: within a step the share of contacts is taken to be the
    same throughout, which is what a random order gives on average.

    Attributes
    ----------
    ends : ndarray of int64, shape (steps + 1,)
        How many pairs there are up to each step; starts with 0.
    found : ndarray of int64, shape (steps + 1,)
        How many of those are contacts.
    pairs, contacts : int
        How many there are in all, those without a score included: they are never found.
    """

    ends: NDArray[np.int64]
    found: NDArray[np.int64]
    pairs: int
    contacts: int

    def precision(self, count: int) -> float:
        """Share of contacts among the `count` best, 0 to 1; pairs that are missing are misses."""
        return float(np.interp(count, self.ends, self.found) / count)

    def auc(self, length: int) -> float:
        """Mean of the precisions at 0.1 L, 0.2 L ... 1.0 L (rounded down, at least one), 0 to 1."""
        return float(np.mean([self.precision(share_of(a, length)) for a in AUC_SHARES]))

    def curve(self) -> tuple[FloatArray, FloatArray]:
        """Return recall and precision after each step, both 0 to 1; recall is NaN of no contact.

        Recall ends below 1 where contacts have no score.
        """
        with np.errstate(invalid="ignore"):
            return self.found[1:] / np.float64(self.contacts), self.found[1:] / self.ends[1:]

    def average_precision(self) -> float:
        """Return the sum over the steps of precision times gain in recall; NaN of no contact."""
        recall, precision = self.curve()
        return float(np.sum(np.diff(recall, prepend=0.0) * precision)) if self.contacts else np.nan

    def ideal(self) -> "Ranking":
        """Return a ranking of the same pairs with all contacts in front: what can be reached."""
        ends = np.unique(np.array([0, self.contacts, self.pairs], dtype=np.int64))
        return Ranking(ends, np.minimum(ends, self.contacts), self.pairs, self.contacts)


def rank_pairs(
    scores: ArrayLike,
    contacts: ArrayLike,
    nearest: int = MIN_SEPARATION,
    farthest: int | None = None,
) -> Ranking:
    """Rank the pairs of a range of separations, each once.

    Parameters
    ----------
    scores : array_like, shape (L, L)
        As for `contact_precision`.
    contacts : array_like, shape (L, L)
        As for `contact_precision`.
    nearest, farthest : int
        First (at least 1) and last ``|i - j|``; by default there is no last one.

    Raises
    ------
    ValueError
        If the matrices are not square or not of one size, or `nearest` is no whole number.
    """
    nearest = whole_number("nearest", nearest)
    mean = symmetrised(scores)
    truth = np.asarray(contacts, dtype=np.float64)
    if mean.shape != truth.shape:
        raise ValueError(
            "scores and contacts must be square matrices of equal size, not of shapes "
            f"{mean.shape} and {truth.shape}"
        )
    rows, columns = pairs_between(len(mean), nearest, farthest)
    known = np.isfinite(truth[rows, columns])
    rows, columns = rows[known], columns[known]
    return rank_scores(mean[rows, columns], truth[rows, columns] == 1)


def rank_scores(
    scores: NDArray[np.floating[Any]], touching: NDArray[np.bool_], best: int | None = None
) -> Ranking:
    """Rank pairs that have been chosen already.

    Parameters
    ----------
    scores : ndarray, shape (pairs,)
        NaN: no score.
    touching : ndarray of bool, shape (pairs,)
    best : int, optional
        Rank so many, and those that equal the last of them, alone: quicker, where one precision is
        asked for. Scores must then be numbers.
    """
    pairs, contacts = len(scores), int(touching.sum())
    if best is not None and best < pairs:
        chosen = scores >= np.partition(scores, pairs - best)[pairs - best]
    else:
        chosen = ~np.isnan(scores)
    # Ascending scores, so that the steps come out from the last one up.
    steps, place = np.unique(scores[chosen], return_inverse=True)
    sizes = np.bincount(place, minlength=len(steps))[::-1]
    hits = np.bincount(place[touching[chosen]], minlength=len(steps))[::-1]
    return Ranking(
        np.concatenate([[0], np.cumsum(sizes)]),
        np.concatenate([[0], np.cumsum(hits)]),
        pairs,
        contacts,
    )


def contact_precision(
    scores: ArrayLike,
    contacts: ArrayLike,
    min_separation: int = MIN_SEPARATION,
    top: int | float | None = None,
) -> float:
    """Share of true contacts among the best-scored pairs (precision at L, L/2, L/5 ...).

    Every unordered pair is ranked once. Where the two triangles of `scores` differ, their mean
    counts; where only one of the two is given, that one.

    Parameters
    ----------
    scores : array_like, shape (L, L)
        Higher means more likely in contact. NaN: no score; such pairs never count as found. Of
        pairs of equal score at the end of the list as many are contacts as on average. The
        diagonal is not looked at.
    contacts : array_like, shape (L, L)
        1 or True where residues touch, 0 where not, NaN unknown: such pairs are left out. Only what
        is above the diagonal is looked at.
    min_separation : int
        Pairs with ``|i - j|`` below it are left out.
    top : int or float, optional
        How many pairs: a whole number of them, or a float in (0, 1] as a share of L, rounded down.
        By default L.

    Returns
    -------
    float
        Between 0 and 1: found contacts / `top`. Where fewer pairs than `top` remain, the missing
        ones count as misses.

    Raises
    ------
    ValueError
        If the matrices are not square or not of one size, or `min_separation` or `top` makes no
        sense.
    """
    nearest = max(whole_number("min_separation", min_separation, least=0), 1)
    ranking = rank_pairs(scores, contacts, nearest)
    return ranking.precision(_pairs_wanted(top, len(np.asarray(scores))))


def symmetrised(scores: ArrayLike) -> FloatArray:
    """Return the mean of (i, j) and (j, i), or the one of the two that is not NaN, (L, L).

    Raises
    ------
    ValueError
        If the matrix is not square.
    """
    values = np.asarray(scores, dtype=np.float64)
    if values.ndim != 2 or values.shape[0] != values.shape[1]:
        raise ValueError(f"scores of pairs are square matrices of equal size, not {values.shape}")
    other = values.T
    both = (values + other) / 2
    return np.where(np.isnan(values), other, np.where(np.isnan(other), values, both))


def pairs_between(
    length: int, nearest: int, farthest: int | None = None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return i and j of all pairs i < j with nearest <= j - i <= farthest, by i, then j."""
    rows, columns = np.triu_indices(length, k=nearest)
    if farthest is not None:
        inside = columns - rows <= farthest
        rows, columns = rows[inside], columns[inside]
    return rows, columns


def share_of(share: float, length: int) -> int:
    """Return how many pairs a share of L is: rounded down, at least one."""
    # 0.29 * 100 is 28.999999999999996.
    return max(1, int(np.floor(share * length + 1e-9)))


def _pairs_wanted(top: int | float | None, length: int) -> int:
    count: int
    if top is None:
        count = length
    elif isinstance(top, (int, np.integer)):
        count = int(top)
    elif 0 < top <= 1:
        count = share_of(top, length) if top * length >= 1 else 0
    else:
        raise ValueError(
            f"top={top} is neither a whole number of pairs nor a share of the length in (0, 1]: "
            "write top=len(protein) // 2 for L/2"
        )
    if count < 1:
        raise ValueError(f"top={top} leaves no pair to look at: ask for at least one")
    return count

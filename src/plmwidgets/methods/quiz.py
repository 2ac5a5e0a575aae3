"""Guessing a hidden residue: what votes say as a distribution, and how a guess is scored."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from plmwidgets._numbers import as_whole, whole_number
from plmwidgets.alphabet import AMINO_ACIDS
from plmwidgets.models.masked_lm import Context
from plmwidgets.protein import Protein

Floats = NDArray[np.float64]
TOGETHER: Final = "Together"
"""Who the players are as one, where there are several."""
MOST_VOTES: Final = 999
"""Of one player for one amino acid: a lecture hall."""
_SIZE: Final = len(AMINO_ACIDS)


@dataclass(frozen=True)
class Guess:
    """One line of a score sheet.

    Attributes
    ----------
    name : str
    kind : {"player", "together", "model"}
    probabilities : ndarray of float64, shape (20,)
        In the order of `plmwidgets.alphabet.AMINO_ACIDS`.
    bits : float
        See `score_bits`.
    """

    name: str
    kind: Literal["player", "together", "model"]
    probabilities: Floats
    bits: float


def vote_distribution(votes: ArrayLike) -> Floats:
    """Return votes as probabilities, with one more vote spread evenly over the twenty.

    p(a) = (v_a + 1/20) / (V + 1), V the sum of the votes: no residue is ever impossible, no vote
    at all is the uniform distribution, and more votes for the same say that one is surer. One vote
    says 0.525, three say 0.7625.

    Parameters
    ----------
    votes : array_like, shape (..., 20)
        From 0; fractions are fine.

    Returns
    -------
    ndarray of float64, shape (..., 20)
    """
    counts = np.asarray(votes, dtype=np.float64)
    p: Floats = (counts + 1 / _SIZE) / (counts.sum(axis=-1, keepdims=True) + 1)
    return p


def together(votes: ArrayLike) -> Floats:
    """Return the distribution of several players, each of whom counts as one vote.

    Parameters
    ----------
    votes : array_like, shape (players, 20)
        What each spread his or her vote over; who has not voted does not count.

    Returns
    -------
    ndarray of float64, shape (20,)
        As `vote_distribution` of the sum of their shares.
    """
    counts = np.asarray(votes, dtype=np.float64)
    cast = counts[counts.sum(axis=-1) > 0]
    return vote_distribution((cast / cast.sum(axis=-1, keepdims=True)).sum(axis=0))


def score_bits(p: ArrayLike) -> Floats:
    """Return log2(20 p), the logarithmic score of a guess that gave the true residue p.

    It is the surprisal -log2 p, turned round so that more is better and a blind guess (1/20) has
    0: what was gained on it. It is proper: one expects most by saying what one believes.

    Parameters
    ----------
    p : array_like
        0 to 1.

    Returns
    -------
    ndarray of float64
        Bits, up to log2 20 = 4.32; below 0 is worse than a blind guess, and minus infinity where
        the truth was held to be impossible.

    References
    ----------
    Good, I. J. (1952). Rational decisions. Journal of the Royal Statistical Society B 14.
    """
    with np.errstate(divide="ignore"):
        bits: Floats = np.log2(_SIZE * np.asarray(p, dtype=np.float64))
    return bits


def score_sheet(
    players: Iterable[str],
    votes: NDArray[np.int64],
    models: Mapping[str, Floats],
    truth: int,
) -> list[Guess]:
    """Score a round: the players, together where they are several, then the models.

    Parameters
    ----------
    players : iterable of str
    votes : ndarray of int, shape (players, 20)
    models : mapping of str to ndarray, shape (20,)
        Probabilities.
    truth : int
        Column of the residue that is there.

    Returns
    -------
    list of Guess
    """
    lines: list[tuple[str, Literal["player", "together", "model"], Floats]] = [
        (name, "player", row) for name, row in zip(players, vote_distribution(votes), strict=True)
    ]
    if len(lines) > 1:
        lines.append((TOGETHER, "together", together(votes)))
    lines += [(name, "model", np.asarray(row, np.float64)) for name, row in models.items()]
    return [Guess(name, kind, row, float(score_bits(row[truth]))) for name, kind, row in lines]


def counted(votes: str | Mapping[str, int]) -> list[int]:
    """Read votes as people write them, such as ``"WWF"`` or ``{"W": 2, "F": 1}``.

    Raises
    ------
    ValueError
        If a letter is no amino acid, or a count is no whole number from 0 to `MOST_VOTES`.
    """
    if isinstance(votes, str):
        votes = {letter: votes.upper().count(letter) for letter in votes.upper()}
    if not isinstance(votes, Mapping):
        raise ValueError(f"votes are letters such as 'WWF', or counts by letter, not {votes!r}")
    counts = [0] * _SIZE
    for letter, count in votes.items():
        column = AMINO_ACIDS.find(str(letter).upper()) if len(str(letter)) == 1 else -1
        if column < 0:
            raise ValueError(f"{str(letter)[:20]!r} is no amino acid: vote for {AMINO_ACIDS}")
        counts[column] += checked_count(count)
    return counts


def checked_count(count: Any) -> int:
    """Return a count of votes; raise `ValueError` if it is none."""
    found = as_whole(count, 0)
    if found is None or found > MOST_VOTES:
        raise ValueError(
            f"votes are counted in whole numbers from 0 to {MOST_VOTES}, not {str(count)[:20]}"
        )
    return found


def questions(
    protein: Protein,
    positions: Iterable[int] | str | None,
    rounds: int | None,
    seed: int | None,
) -> tuple[int, ...]:
    """Return the positions to ask for, in their order: those given, or drawn at random.

    Raises
    ------
    IndexError, TypeError
        If a position is none of the protein, or they are no list of positions.
    ValueError
        If the seed is none, there is no position, one comes twice or is none of the twenty, or
        there are not as many as `rounds`.
    """
    if seed is not None:
        seed = whole_number("seed", seed, 0)
    if positions is None:
        count = 5 if rounds is None else as_whole(rounds, 1)
        eligible = np.flatnonzero(protein.wild_type >= 0)
        if count is None or count > len(eligible):
            raise ValueError(
                f"rounds={rounds!r}: {protein.name} has {len(eligible)} residues to ask for, so "
                "take a whole number from 1 to that"
            )
        drawn = np.random.default_rng(seed).choice(eligible, count, replace=False)
        return tuple(drawn.tolist())
    if rounds is not None:
        raise ValueError("give positions= to ask for, or a number of rounds=, not both")
    if isinstance(positions, str):
        positions = protein.parse_positions(positions)
    asked = list(positions) if isinstance(positions, Iterable) else positions
    known = Context.of(protein.sequence, asked).masked
    if not asked:
        raise ValueError("there is nothing to ask for: give at least one position")
    if len(known) < len(asked):
        raise ValueError("a position comes twice: each is asked for once")
    for position in known:
        if protein.wild_type[position] < 0:
            raise ValueError(
                f"{protein.residue_label(position)} is none of the twenty amino acids: it has no "
                "right answer"
            )
    return tuple(int(position) for position in asked)

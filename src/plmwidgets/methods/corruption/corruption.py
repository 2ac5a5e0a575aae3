"""What masked language models are trained on: sequences with some residues hidden or replaced."""

from dataclasses import dataclass
from functools import cached_property
from numbers import Real
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from plmwidgets._numbers import whole_number
from plmwidgets._options import choice
from plmwidgets.alphabet import AMINO_ACIDS
from plmwidgets.methods.schedules import SCHEDULES, masked_share
from plmwidgets.models.masked_lm import Context
from plmwidgets.protein import Protein, as_protein

FATES: Final = ("untouched", "masked", "random", "kept")
"""What can happen to a residue, in the order of the codes of `Corruption.fates`."""
UNTOUCHED, MASKED, RANDOM, KEPT = range(len(FATES))
MASK_SIGN: Final = "_"
"""How a hidden residue is written in `Corruption.shown`."""

RATE: Final = 0.15
"""Share of residues that BERT and ESM-2 choose."""
_BETA: Final = (3.0, 9.0)
_BETA_SHARE: Final = 0.8

Floats = NDArray[np.float64]
_MEANS: Final[dict[str, float]] = {
    "esm3": _BETA_SHARE * _BETA[0] / sum(_BETA) + (1 - _BETA_SHARE) / 2,
    "cosine": 2 / np.pi,
    "linear": 1 / 2,
    "sqrt": 1 / 3,
    "square": 2 / 3,
    "cubic": 3 / 4,
}
RATE_DISTRIBUTIONS: Final = ("fixed", "esm3", *SCHEDULES)
"""Names of the distributions that `draw_rates` draws from."""


@dataclass(frozen=True, eq=False, repr=False)
class Corruption:
    """One training example: which residues were chosen, and what became of them.

    Make one with `corrupt`. The loss of the training counts the chosen residues alone.

    Attributes
    ----------
    protein : Protein
        As it was; L residues.
    fates : ndarray of uint8, shape (L,)
        Codes into `FATES`: 0 untouched (not chosen), 1 masked, 2 random, 3 kept (chosen, shown
        as it is). Read-only.
    context : Context
        What the model sees: the masks, and the residues drawn at random where they differ.
    rate : float
        The share that was drawn, 0 to 1; how many were chosen varies about it.
    rate_distribution : str
        Where it was drawn from.
    span : int
        Length of the runs, 1 where residues were chosen independently.
    mask, random : float
        Probabilities that a chosen residue is masked, and replaced.
    seed : int
        Makes the same corruption again.
    """

    protein: Protein
    fates: NDArray[np.uint8]
    context: Context
    rate: float
    rate_distribution: str
    span: int
    mask: float
    random: float
    seed: int

    def __repr__(self) -> str:
        chosen = len(self.chosen)
        return (
            f"Corruption({self.protein.name!r}: {chosen} of {len(self.fates)} residues chosen, "
            + ", ".join(f"{self.count(fate)} {fate}" for fate in FATES[1:])
            + f"; rate {self.rate:.3f}, seed {self.seed})"
        )

    @cached_property
    def chosen(self) -> NDArray[np.int64]:
        """Positions that count in the loss, ascending, 0-based."""
        return np.flatnonzero(self.fates)

    @property
    def shown(self) -> str:
        """The sequence as the model sees it, with ``_`` for what is hidden."""
        letters = list(self.context.residues)
        for position in self.context.masked:
            letters[position] = MASK_SIGN
        return "".join(letters)

    def count(self, fate: str) -> int:
        """Return how many residues have a fate of `FATES`.

        Raises
        ------
        ValueError
            If there is no such fate.
        """
        return int((self.fates == FATES.index(choice("fate", fate, FATES))).sum())

    def to_pandas(self) -> pd.DataFrame:
        """One row a residue.

        Returns
        -------
        DataFrame, L rows, indexed by label such as ``A25``
            ``position`` (0-based), ``wild_type``, ``fate`` (categorical, one of `FATES`) and
            ``shown``, the letter that the model sees, ``_`` where it is hidden.
        """
        return pd.DataFrame(
            {
                "position": np.arange(len(self.fates)),
                "wild_type": list(self.protein.sequence),
                "fate": pd.Categorical([FATES[code] for code in self.fates], categories=FATES),
                "shown": list(self.shown),
            },
            index=pd.Index(self.protein.residue_labels, name="residue"),
        )


def corrupt(
    protein: Protein | str,
    rate: float | None = None,
    *,
    mask: float = 0.8,
    random: float = 0.1,
    span: int | None = None,
    rate_distribution: str = "fixed",
    seed: int | None = None,
) -> Corruption:
    """Corrupt a sequence as the training of a masked language model does.

    A share r of the residues is chosen. Each of them is masked, replaced by a residue drawn from
    the twenty (one time in twenty it is the same), or kept: 80, 10 and 10 % in BERT and ESM-2.
    Nothing that is given is changed.

    Parameters
    ----------
    protein : Protein or str
        Residues that are none of the twenty amino acids are never chosen.
    rate : float, optional
        r, 0 to 1, of the fixed distribution alone; 0.15 by default.
    mask, random : float
        Probabilities of the two fates, 0 to 1, together at most 1; what is left is kept.
    span : int, optional
        Length of runs to choose. By default every residue is chosen independently with
        probability r. With spans as many are chosen as without (their number has the same
        binomial distribution) and every residue is as likely as any other, but they lie in runs
        of this length; one may be shorter, one be cut in two by the ends of the chain, and runs
        may touch. The fate is drawn for each residue.
    rate_distribution : str
        Where r comes from: see `draw_rates`.
    seed : int, optional
        The same seed gives the same corruption; by default one is drawn, and kept with the result.

    Returns
    -------
    Corruption

    Raises
    ------
    TypeError
        If it is neither a protein nor a sequence.
    ValueError
        If an argument is out of range, or a rate is given that another distribution would draw.

    References
    ----------
    Devlin, J. et al. (2019). BERT: Pre-training of deep bidirectional transformers for language
    understanding. NAACL. Random residues come from its whole vocabulary there, and from the twenty
    here. Joshi, M. et al. (2020). SpanBERT. TACL 8 (runs, of random lengths and of one fate each).

    Examples
    --------
    >>> from plmwidgets import Protein, corrupt
    >>> corruption = corrupt(Protein.demo(), seed=1)
    >>> len(corruption.shown) == len(Protein.demo())
    True
    """
    protein = as_protein(protein)
    mask, random = checked_split(mask, random)
    length = 1 if span is None else whole_number("span", span)
    seed = new_seed() if seed is None else whole_number("seed", seed, 0)
    rng = np.random.default_rng(seed)
    drawn = float(_rates(rate_distribution, rate, 1, rng)[0])
    eligible = np.flatnonzero(protein.wild_type >= 0)
    chosen = eligible[_chosen(len(eligible), drawn, length, rng)]
    fates = np.zeros(len(protein), np.uint8)
    fates[chosen] = rng.choice([MASKED, RANDOM, KEPT], len(chosen), p=_three(mask, random))
    replaced = np.flatnonzero(fates == RANDOM)
    letters = rng.choice(list(AMINO_ACIDS), len(replaced)).tolist()
    changes = {
        i: letter
        for i, letter in zip(replaced.tolist(), letters, strict=True)
        if protein.sequence[i] != letter
    }
    fates.flags.writeable = False
    context = Context.of(protein.sequence, np.flatnonzero(fates == MASKED).tolist(), changes)
    return Corruption(protein, fates, context, drawn, rate_distribution, length, mask, random, seed)


def draw_rates(
    distribution: str,
    size: int,
    *,
    rate: float | None = None,
    seed: int | None = None,
) -> Floats:
    """Draw the shares of residues that are chosen in training examples.

    ==============  ==========================================================  ==========
    distribution    r                                                           mean
    ==============  ==========================================================  ==========
    ``fixed``       `rate`, always: BERT and ESM-2                              `rate`
    ``esm3``        Beta(3, 9) with probability 0.8, else uniform: the          0.3
                    sequence in ESM3
    ``cosine``      cos(pi u/2), u uniform in 0 to 1; as the others below       2/pi
    ``linear``      1 - u                                                       1/2
    ``sqrt``        1 - sqrt(u)                                                 1/3
    ``square``      1 - u^2                                                     2/3
    ``cubic``       1 - u^3                                                     3/4
    ==============  ==========================================================  ==========

    Parameters
    ----------
    distribution : str
        One of `RATE_DISTRIBUTIONS`.
    size : int
        How many.
    rate : float, optional
        Of the fixed distribution alone; 0.15 by default.
    seed : int, optional
        Makes the draw repeatable.

    Returns
    -------
    ndarray of float64, shape (size,)
        0 to 1.

    Raises
    ------
    ValueError
        If there is no such distribution, or a rate does not belong there or is out of range.

    References
    ----------
    Hayes, T. et al. (2025). Simulating 500 million years of evolution with a language model.
    Science 387.
    """
    count = whole_number("size", size)
    rng = np.random.default_rng(None if seed is None else whole_number("seed", seed, 0))
    return _rates(distribution, rate, count, rng)


def mean_rate(distribution: str, rate: float | None = None) -> float:
    """Return the mean of a distribution of `draw_rates`, in closed form; errors are the same."""
    fixed = checked_rate(distribution, rate)
    return _MEANS.get(distribution, fixed)


def checked_rate(distribution: str, rate: float | None) -> float:
    """Return the rate of a fixed distribution; raise `ValueError` as `draw_rates` says."""
    choice("distribution of rates", distribution, RATE_DISTRIBUTIONS)
    if rate is None:
        return RATE
    if distribution != "fixed":
        raise ValueError(
            f"rate={rate!r} is the rate of the fixed distribution: leave it away, as "
            f"{distribution!r} draws its own"
        )
    return _share("rate", rate)


def checked_split(mask: float, random: float) -> tuple[float, float]:
    """Return the probabilities of two fates; raise `ValueError` if they are none."""
    mask, random = _share("mask", mask), _share("random", random)
    if mask + random > 1 + 1e-9:
        raise ValueError(
            f"mask={mask:g} and random={random:g} are shares of the chosen residues: together they "
            "are 1 at most, and what is left is kept"
        )
    return mask, random


def new_seed() -> int:
    """Return a seed that nobody chose; short enough to be typed again."""
    return int(np.random.default_rng().integers(2**31))


def _share(name: str, value: object) -> float:
    number = float(value) if isinstance(value, Real) and not isinstance(value, bool) else np.nan
    if not 0 <= number <= 1:
        raise ValueError(f"{name}={value!r}: it is a share, from 0 to 1")
    return number


def _three(mask: float, random: float) -> list[float]:
    return [mask, random, max(0.0, 1 - mask - random)]


def _rates(distribution: str, rate: float | None, size: int, rng: np.random.Generator) -> Floats:
    fixed = checked_rate(distribution, rate)
    if distribution == "fixed":
        return np.full(size, fixed)
    u = rng.random(size)
    if distribution == "esm3":
        return np.where(rng.random(size) < _BETA_SHARE, rng.beta(*_BETA, size), u)
    return masked_share(distribution, u)


def _chosen(length: int, rate: float, span: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Choose among 0 .. length-1, in runs.

    A binomial number of positions is cut into runs, which are laid out in random order with the
    positions between them. That would spare the ends of the chain; so it is done on a ring, which
    is turned by a random angle: then every position is as likely as any other. Runs of one are
    positions chosen independently.
    """
    count = int(rng.binomial(length, rate))
    if count == 0:
        return np.zeros(0, np.int64)
    runs = [span] * (count // span) + ([count % span] if count % span else [])
    pieces = np.array(runs + [0] * (length - count))  # 0: one position that is not chosen
    rng.shuffle(pieces)
    inside = np.concatenate([np.full(max(1, piece), piece > 0) for piece in pieces.tolist()])
    return np.flatnonzero(np.roll(inside, int(rng.integers(length))))

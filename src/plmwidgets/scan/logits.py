"""From logits over a model's vocabulary to log-probabilities over the twenty amino acids."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import log_softmax

from plmwidgets.alphabet import AMINO_ACIDS

ESM2_VOCABULARY: Final = (
    *("<cls>", "<pad>", "<eos>", "<unk>"),
    *"LAGVSERTIDPKQNFYMHWCXBUZO.-",
    *("<null_1>", "<mask>"),
)
"""The 33 tokens of ESM-1b, ESM-1v and ESM-2, in the order of their logits."""


def log_probabilities_from_logits(
    logits: ArrayLike, vocabulary: Sequence[str] = ESM2_VOCABULARY
) -> NDArray[np.float64]:
    """Take the twenty amino acids' columns, then a log-softmax over them, in float64.

    Parameters
    ----------
    logits : array, shape (..., V)
    vocabulary : sequence of str, optional
        The V tokens in the order of the columns; those of ESM-2 by default.

    Returns
    -------
    ndarray of float64, shape (..., 20)
        Natural-log probabilities, columns in the order of `plmwidgets.alphabet.AMINO_ACIDS`.

    Raises
    ------
    ValueError
        If the columns do not fit the vocabulary, or a value is not a number.
    """
    columns = amino_acid_columns(vocabulary)
    values: NDArray[Any] = np.asarray(logits)
    if values.ndim == 0 or values.shape[-1] != len(vocabulary):
        raise ValueError(
            f"the logits have shape {values.shape}, but the vocabulary has {len(vocabulary)} "
            "tokens: the last axis must have one column a token. Pass the model's own tokens as "
            "vocabulary=..., or drop columns that stand for no token (ESM C and ESM3 pad theirs: "
            "logits[..., :33])"
        )
    chosen = values[..., columns].astype(np.float64)
    bad = np.argwhere(np.isnan(chosen) | np.isposinf(chosen))
    if len(bad):
        raise ValueError(
            f"the logits are not finite, first at {tuple(bad[0][:-1].tolist())} for "
            f"{AMINO_ACIDS[bad[0][-1]]}: compute them again, in float32 if they came from float16"
        )
    empty = np.argwhere(np.isneginf(chosen).all(axis=-1))
    if len(empty):
        raise ValueError(
            f"all twenty amino acids have a logit of -inf at {tuple(empty[0].tolist())}: "
            "they have no distribution"
        )
    result: NDArray[np.float64] = log_softmax(chosen, axis=-1)
    return result


def amino_acid_columns(vocabulary: Sequence[str]) -> NDArray[np.int64]:
    """Find the column of each amino acid, in the order of `plmwidgets.alphabet.AMINO_ACIDS`.

    Raises
    ------
    ValueError
        If the vocabulary is not a sequence with each of the twenty letters once.
    """
    if isinstance(vocabulary, Mapping):
        raise ValueError(
            "the vocabulary must be a sequence of tokens in the order of the logits, not a "
            "mapping: pass sorted(vocabulary, key=vocabulary.get)"
        )
    if not isinstance(vocabulary, Iterable):
        raise ValueError(
            "the vocabulary must be a sequence of tokens in the order of the logits, not "
            f"{type(vocabulary).__name__}"
        )
    tokens = list(vocabulary)
    for letter in AMINO_ACIDS:
        if tokens.count(letter) != 1:
            raise ValueError(
                f"the vocabulary must have each of the letters {AMINO_ACIDS} once, but it has "
                f"{letter!r} {tokens.count(letter)} times"
            )
    return np.array([tokens.index(letter) for letter in AMINO_ACIDS], dtype=np.int64)


def directed_from_logits(
    length: int, double: ArrayLike, vocabulary: Sequence[str] = ESM2_VOCABULARY
) -> NDArray[np.float64]:
    """Spread the logits of all double masks over an array of ordered pairs.

    Parameters
    ----------
    length : int
        L, the number of residues.
    double : array, shape (L(L-1)/2, 2, V)
        For each i < j, in the order of ``itertools.combinations(range(L), 2)``, the logits at i
        and at j.
    vocabulary : sequence of str, optional
        The V tokens in the order of the columns.

    Returns
    -------
    ndarray of float64, shape (L, L, 20)
        ``[i, j]`` is log p(i|{i,j}); NaN on the diagonal.

    Raises
    ------
    ValueError
        If the shape does not fit, or a value is not a number.
    """
    values = np.asarray(double)
    pairs = length * (length - 1) // 2
    if values.ndim != 3 or values.shape[:2] != (pairs, 2):
        raise ValueError(
            f"{length} residues make {pairs} pairs, so the logits of the double masks must have "
            f"shape ({pairs}, 2, V), not {values.shape}: for each pair i < j, in the order of "
            "itertools.combinations, the row at i and the row at j"
        )
    log_p = log_probabilities_from_logits(values, vocabulary)
    directed = np.full((length, length, len(AMINO_ACIDS)), np.nan)
    i, j = np.triu_indices(length, 1)
    directed[i, j], directed[j, i] = log_p[:, 0], log_p[:, 1]
    return directed

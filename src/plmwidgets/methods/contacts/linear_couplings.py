"""The linear baseline of contact prediction: couplings from an alignment, without any network."""

from numbers import Real
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from plmwidgets.methods.contacts.alignments import GAP, Alignment, aligned_columns
from plmwidgets.metrics import apc
from plmwidgets.protein import Protein, as_protein
from plmwidgets.scan.tables import pair_frame

SHRINKAGE: Final = 4.5
STATES: Final = GAP + 1
_ROWS_AT_ONCE: Final = 1000


def linear_couplings(
    protein: Protein | str, alignment: Alignment, *, identity: float = 0.8
) -> pd.DataFrame:
    """Score pairs by the shrunk inverse covariance of an alignment: what a linear model knows.

    The sequences are one-hot encoded (20 amino acids and the gap), each with a weight of one over
    the number of sequences that share more than `identity` of their columns with it. Their
    covariance, with 4.5/√N_eff added to its diagonal (N_eff is the sum of the weights), is
    inverted. The score of a pair is the Frobenius norm of its 20 x 20 block, gaps left out, with
    the average product correction.

    Parameters
    ----------
    protein : Protein or str
        L residues.
    alignment : path, iterable of str, or ndarray of int, shape (N, L)
        Sequences of its family, the protein's own first: a FASTA or A3M file, strings of one
        length, or columns such as `PottsModel.sample` gives.
    identity : float
        Above 0, up to 1; 1 gives each sequence that differs from all others a weight of one.

    Returns
    -------
    DataFrame, shape (L, L)
        Symmetric, of no unit; larger means more directly coupled. NaN on the diagonal and at
        positions that the alignment has no column for.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    TypeError
        If the alignment is nothing of the kind.
    ValueError
        If the alignment cannot be read or is not of this protein, or `identity` is out of range.

    Notes
    -----
    The matrix to invert has (21 L)² numbers, 0.5 GB at L = 360 and 3.5 GB at L = 1000; the weights
    take N² L comparisons.

    References
    ----------
    Covariance, weights and shrinkage: Yang, J. et al. (2020). Improved protein structure prediction
    using predicted interresidue orientations. PNAS 117. As a baseline of language models: Zhang, Z.
    et al. (2024). Protein language models learn evolutionary statistics of interacting sequence
    motifs. PNAS 121.
    """
    protein = as_protein(protein)
    if not isinstance(identity, Real) or not 0 < identity <= 1:
        raise ValueError(f"identity={identity!r} is no share: give one above 0, up to 1")
    columns = aligned_columns(protein, alignment)
    blocks = _inverse_covariance(columns, _weights(columns, identity))
    norms = np.sqrt(np.square(blocks[:, :GAP, :, :GAP]).sum(axis=(1, 3)))
    norms[:, (columns == GAP).all(axis=0)] = np.nan
    norms[(columns == GAP).all(axis=0)] = np.nan
    np.fill_diagonal(norms, np.nan)
    return pair_frame(protein, apc(norms))


def _weights(columns: NDArray[np.int8], identity: float) -> NDArray[np.float64]:
    """One over the number of sequences alike to each, itself included, shape (N,)."""
    least = identity * columns.shape[1]
    # All equal is alike at any threshold, also at one that nothing can lie above.
    least = min(least, columns.shape[1] - 0.5)
    weights = np.empty(len(columns))
    whole = _one_hot(columns)
    for start in range(0, len(columns), _ROWS_AT_ONCE):
        part = slice(start, start + _ROWS_AT_ONCE)
        weights[part] = 1.0 / (whole[part] @ whole.T > least).sum(axis=1)
    return weights


def _inverse_covariance(
    columns: NDArray[np.int8], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Invert the shrunk covariance of the one-hot columns, shape (L, 21, L, 21)."""
    count, length = columns.shape
    effective = weights.sum()
    mean = np.zeros(length * STATES)
    square = np.zeros((length * STATES, length * STATES))
    for start in range(0, count, _ROWS_AT_ONCE):
        part = slice(start, start + _ROWS_AT_ONCE)
        hot = _one_hot(columns[part]).astype(np.float64)
        weighted = weights[part, None] * hot
        mean += weighted.sum(axis=0)
        square += weighted.T @ hot
    mean /= effective
    square /= effective
    square -= np.outer(mean, mean)
    square.flat[:: len(square) + 1] += SHRINKAGE / np.sqrt(effective)
    inverse = np.linalg.inv(square).astype(np.float64, copy=False)
    return inverse.reshape(length, STATES, length, STATES)


def _one_hot(columns: NDArray[np.int8]) -> NDArray[np.float32]:
    """Return (n, L * 21), all zero but for a one at each state."""
    hot = columns[:, :, None] == np.arange(STATES, dtype=np.int8)
    flat: NDArray[np.float32] = hot.reshape(len(columns), -1).astype(np.float32)
    return flat

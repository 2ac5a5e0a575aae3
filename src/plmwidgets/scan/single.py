"""The result of hiding each residue alone."""

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from plmwidgets import metrics
from plmwidgets.alphabet import AMINO_ACIDS
from plmwidgets.models.masked_lm import Context
from plmwidgets.protein import Protein, as_protein
from plmwidgets.scan import saving, tables
from plmwidgets.scan.logits import ESM2_VOCABULARY, log_probabilities_from_logits
from plmwidgets.scan.store import PairStore, StoreError

if TYPE_CHECKING:
    import xarray


class SingleScan:
    """p(i|{i}) for every residue i: what a model believes about each one when it is hidden.

    Parameters
    ----------
    protein : Protein
        L residues.
    log_probabilities : ndarray, shape (L, 20)
        log p(i|{i}), natural, normalised; columns in the order of
        `plmwidgets.alphabet.AMINO_ACIDS`.
    provenance : mapping, optional
        Where the numbers come from, such as ``model`` and ``identity``.

    Raises
    ------
    ValueError
        If the array has another shape, holds NaN, or its rows are no distributions.
    """

    def __init__(
        self,
        protein: Protein,
        log_probabilities: NDArray[np.floating[Any]],
        provenance: Mapping[str, Any] | None = None,
    ) -> None:
        values = np.array(log_probabilities)  # a copy: a result does not change
        if values.shape != (len(protein), len(AMINO_ACIDS)):
            raise ValueError(
                f"a single scan of {protein.name} needs log-probabilities of shape "
                f"({len(protein)}, 20), not {values.shape}"
            )
        with np.errstate(over="ignore"):
            total = np.exp(values.astype(np.float64)).sum(axis=-1)
        wrong = np.flatnonzero(~(np.abs(total - 1.0) < 1e-3))
        if len(wrong):
            raise ValueError(
                f"the probabilities at position {wrong[0]} sum to {total[wrong[0]]:.4g}, not 1: "
                "pass natural-log probabilities over the twenty amino acids, or use from_logits"
            )
        values.flags.writeable = False
        self.protein = protein
        self.log_probabilities: NDArray[np.floating[Any]] = values
        self.provenance: dict[str, Any] = dict(provenance or {})

    @classmethod
    def from_logits(
        cls,
        protein: Protein | str,
        logits: ArrayLike,
        vocabulary: Sequence[str] = ESM2_VOCABULARY,
    ) -> "SingleScan":
        """Open logits that were computed elsewhere.

        Parameters
        ----------
        protein : Protein or str
            L residues.
        logits : array, shape (L, V)
            Row i: the model's logits at residue i with residue i hidden.
        vocabulary : sequence of str, optional
            The model's V tokens in the order of the columns; those of ESM-2 by default.

        Raises
        ------
        ValueError
            If the shape does not fit the protein or the vocabulary, or a value is not a number.
        """
        protein = as_protein(protein)
        values = np.asarray(logits)
        length = len(protein)
        if values.ndim != 2 or len(values) != length:
            hint = ""
            if values.ndim == 2 and len(values) == length + 2:
                hint = "; two rows more are those of cls and eos: drop them with logits[1:-1]"
            raise ValueError(
                f"{protein.name} has {length} residues, so its logits must have shape "
                f"({length}, V), not {values.shape}{hint}"
            )
        provenance = {"model": "given logits"}
        return cls(protein, log_probabilities_from_logits(values, vocabulary), provenance)

    def __len__(self) -> int:
        return len(self.protein)

    def __repr__(self) -> str:
        return (
            f"SingleScan({self.protein.name!r}, {len(self)} residues, "
            f"model {self.provenance.get('model', 'unknown')!r})"
        )

    @property
    def probabilities(self) -> NDArray[np.float64]:
        """p(i|{i}), shape (L, 20)."""
        return np.exp(self.log_probabilities.astype(np.float64))

    @property
    def perplexity(self) -> NDArray[np.float64]:
        """Perplexity of each p(i|{i}), shape (L,), from 1 to 20."""
        return metrics.perplexity(self.log_probabilities)

    @property
    def entropy(self) -> NDArray[np.float64]:
        """Entropy of each p(i|{i}) in bits, shape (L,)."""
        return metrics.entropy(self.log_probabilities)

    @property
    def mean_perplexity(self) -> float:
        """Mean over the residues of the perplexity of p(i|{i})."""
        return float(self.perplexity.mean())

    @property
    def reconstruction_accuracy(self) -> float:
        """Share of residues (0 to 1) that are the likeliest at their own hidden position."""
        return metrics.reconstruction_accuracy(self.log_probabilities, self.protein.wild_type)

    @property
    def pseudo_perplexity(self) -> float:
        """exp(-mean log p(x_i|{i})) of the sequence; not a mean of perplexities."""
        return metrics.pseudo_perplexity(self.log_probabilities, self.protein.wild_type)

    def summary(self) -> "pd.Series[Any]":
        """Return the scalar figures of the scan, by name."""
        return pd.Series(
            {
                "residues": len(self),
                "reconstruction_accuracy": self.reconstruction_accuracy,
                "mean_perplexity": self.mean_perplexity,
                "pseudo_perplexity": self.pseudo_perplexity,
            },
            dtype=object,
            name=self.protein.name,
        )

    def to_pandas(self) -> pd.DataFrame:
        """One row a residue.

        Returns
        -------
        DataFrame, L rows
            ``position`` (0-based), ``label`` (such as A25), ``amino_acid``, ``most_probable``,
            ``p_wild_type`` (NaN where the residue is none of the twenty), ``perplexity``,
            ``entropy`` (bits), then the distribution p(i|{i}) as ``p_A`` ... ``p_Y``.
        """
        p = self.probabilities
        wild_type = self.protein.wild_type
        frame = pd.DataFrame(
            {
                "position": np.arange(len(self)),
                "label": list(self.protein.residue_labels),
                "amino_acid": list(self.protein.sequence),
                "most_probable": tables.letters(p.argmax(axis=-1)),
                "p_wild_type": np.where(wild_type >= 0, p[np.arange(len(self)), wild_type], np.nan),
                "perplexity": self.perplexity,
                "entropy": self.entropy,
            }
        )
        distribution = pd.DataFrame(p, columns=[f"p_{letter}" for letter in AMINO_ACIDS])
        return pd.concat([frame, distribution], axis=1)

    def to_xarray(self) -> "xarray.Dataset":
        """Labelled arrays over ``residue`` and ``amino_acid``.

        Raises
        ------
        ImportError
            If xarray is not installed.
        """
        return tables.single_dataset(self)

    @property
    def dtype(self) -> str:
        """Type of the log-probabilities: ``"float32"``, or ``"float64"`` of exact models."""
        return str(self.log_probabilities.dtype)

    def save(self, path: str | os.PathLike[str], replace: bool = False) -> None:
        """Write the scan to a folder (Zarr), in the format of a pair scan without pairs.

        Parameters
        ----------
        path : path or URL
        replace : bool
            Overwrite a scan that is there already; never anything else.

        Raises
        ------
        StoreError
            If something is there already, or the place cannot be written to.
        """
        values = self.log_probabilities
        saving.save_result(self, path, replace, PairStore, lambda to: to.write_single(values))

    @classmethod
    def load(
        cls, path: str | os.PathLike[str], protein: Protein | str | None = None
    ) -> "SingleScan":
        """Read the single masks of a saved scan, single or pair, or of a pair scan's store.

        Parameters
        ----------
        path : path or URL
        protein : Protein or str, optional
            The protein with its structure, which is not saved; its sequence must be the same.

        Raises
        ------
        FileNotFoundError
            If there is nothing at this path.
        StoreError
            If it is no scan, or one whose single masks were not computed yet.
        ValueError
            If the protein has another sequence.
        """
        store = PairStore.open(path)
        values = store.read_single()
        if values is None:
            raise StoreError(f"the single masks in {path} are not computed yet: run its scan first")
        return cls(saving.stored_protein(store, protein), values, saving.stored_provenance(store))


def single_contexts(sequence: str) -> tuple[list[Context], NDArray[np.int64]]:
    """Hide each residue in turn: the contexts, and the position wanted of each, (L, 1)."""
    contexts = [Context(sequence, (i,)) for i in range(len(sequence))]
    return contexts, np.arange(len(sequence), dtype=np.int64)[:, None]

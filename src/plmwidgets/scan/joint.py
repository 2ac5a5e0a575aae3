"""The joint distribution of two hidden residues, from a model that gives one at a time."""

from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from plmwidgets import metrics
from plmwidgets._options import choice
from plmwidgets.alphabet import AMINO_ACIDS
from plmwidgets.models import as_model
from plmwidgets.models.masked_lm import Context, MaskedLM
from plmwidgets.protein import Protein, as_protein
from plmwidgets.scan.start import position_of
from plmwidgets.service import service_for

Order = Literal["mean", "i first", "j first"]
ORDERS: Final[tuple[Order, ...]] = ("mean", "i first", "j first")


@dataclass(frozen=True)
class JointDistribution:
    """p(a at i, b at j | all other residues), by the chain rule in both orders.

    A joint distribution would give both orders the same; a language model does not quite, since its
    conditionals need not belong to one joint.

    Attributes
    ----------
    protein : Protein
    i, j : int
        The two positions, 0-based.
    i_first : ndarray of float64, shape (20, 20)
        p(a|{i,j}) p(b|a at i, {j}): residue a at i, then b at j.
    j_first : ndarray of float64, shape (20, 20)
        p(b|{i,j}) p(a|b at j, {i}); rows are a, columns b, as before.
    """

    protein: Protein
    i: int
    j: int
    i_first: NDArray[np.float64]
    j_first: NDArray[np.float64]

    def __repr__(self) -> str:
        labels = self.protein.residue_labels
        return (
            f"JointDistribution({labels[self.i]}, {labels[self.j]}: "
            f"{self.mutual_information():.3f} bits of mutual information)"
        )

    def table(self, order: Order = "mean") -> pd.DataFrame:
        """Return the probabilities, a row an amino acid at i, a column one at j.

        Parameters
        ----------
        order : {"mean", "i first", "j first"}
        """
        labels = self.protein.residue_labels
        letters = list(AMINO_ACIDS)
        return pd.DataFrame(
            self._values(order),
            index=pd.Index(letters, name=labels[self.i]),
            columns=pd.Index(letters, name=labels[self.j]),
        )

    def mutual_information(self, order: Order = "mean") -> float:
        """Return how much knowing one residue tells of the other, in bits (0 to log2 20)."""
        joint = self._values(order)
        independent = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True)
        return float(
            metrics.kl_divergence(_logarithm(joint.ravel()), _logarithm(independent.ravel()))
        )

    @property
    def disagreement(self) -> float:
        """JS distance of the two orders, 0 to 1: how far the conditionals contradict each other."""
        return float(
            metrics.js_distance(_logarithm(self.i_first.ravel()), _logarithm(self.j_first.ravel()))
        )

    def _values(self, order: str) -> NDArray[np.float64]:
        both = {
            "mean": (self.i_first + self.j_first) / 2,
            "i first": self.i_first,
            "j first": self.j_first,
        }
        return both[choice("order", order, both)]


def joint(
    protein: Protein | str, model: MaskedLM | str, i: int | str, j: int | str
) -> JointDistribution:
    """Return p(a at i, b at j | all other residues): 41 passes of the model.

    Parameters
    ----------
    protein : Protein or str
    model : MaskedLM or str
    i, j : int or str
        Two different positions, 0-based, or labels such as ``"A25"`` in the chain's numbering.

    Raises
    ------
    IndexError
        If a position lies outside the protein.
    ValueError
        If a label cannot be read or names another residue, or if the two are the same.
    ModelError
        If the model cannot take this sequence.
    """
    protein, model = as_protein(protein), as_model(model)
    model.check_sequence(protein.sequence)
    i, j = position_of(protein, i), position_of(protein, j)
    contexts, wanted = joint_contexts(protein, i, j)
    return joint_from(protein, i, j, service_for(model).log_probabilities(contexts, wanted))


def joint_contexts(protein: Protein, i: int, j: int) -> tuple[list[Context], NDArray[np.int64]]:
    """Return what a model is asked for a joint distribution: 41 contexts, and (i, j) in each.

    Raises
    ------
    IndexError, ValueError
        As `joint`.
    """
    if i == j:
        raise ValueError("a joint distribution needs two different positions")
    sequence = protein.sequence
    contexts = [Context.of(sequence, (i, j))]
    contexts += [Context.of(sequence, (j,), {i: letter}) for letter in AMINO_ACIDS]
    contexts += [Context.of(sequence, (i,), {j: letter}) for letter in AMINO_ACIDS]
    return contexts, np.array([(i, j)] * len(contexts), dtype=np.int64)


def joint_from(
    protein: Protein, i: int, j: int, log_probabilities: NDArray[np.floating[Any]]
) -> JointDistribution:
    """Put a model's answers to `joint_contexts` together.

    Parameters
    ----------
    protein : Protein
    i, j : int
    log_probabilities : ndarray, shape (41, 2, 20)
        Natural logarithms, at i and j.
    """
    values = log_probabilities.astype(np.float64)
    size = len(AMINO_ACIDS)
    at_j, at_i = values[1 : size + 1, 1], values[size + 1 :, 0]
    return JointDistribution(
        protein,
        i,
        j,
        i_first=np.exp(values[0, 0][:, None] + at_j),
        j_first=np.exp(values[0, 1][None, :] + at_i.T),
    )


def _logarithm(p: NDArray[np.float64]) -> NDArray[np.float64]:
    with np.errstate(divide="ignore"):
        logarithm: NDArray[np.float64] = np.log(p)
    return logarithm

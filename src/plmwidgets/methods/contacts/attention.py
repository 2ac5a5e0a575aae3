"""What a model's attention heads look at, and the contacts that can be read from it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from plmwidgets import metrics
from plmwidgets._numbers import as_whole, whole_number
from plmwidgets.faults import advice_on_nan
from plmwidgets.methods.contacts.attentive_models import (
    attention_precision,
    attentive_model,
    contact_model,
)
from plmwidgets.models import as_model
from plmwidgets.models.masked_lm import Context, MaskedLM, ModelError
from plmwidgets.protein import Protein, as_protein
from plmwidgets.scan.start import positions_of, provenance_of
from plmwidgets.service import Priority, service_for

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Attention:
    """The attention weights of some layers, for one set of masks.

    Attributes
    ----------
    protein : Protein
    context : Context
        What was masked and substituted.
    layers : tuple of int
        Which layers, counted from 0; all of the model unless some were asked for.
    maps : ndarray of float32, shape (layers, heads, L, L)
        ``[k, h, i, j]``: what residue i takes from residue j in head h of layer ``layers[k]``, 0
        to 1. What goes to special tokens (start and end) is left out, often most of it: a row adds
        up to one at most.
    provenance : dict
        Model, weights and precision.
    """

    protein: Protein
    context: Context
    layers: tuple[int, ...]
    maps: Floats
    provenance: dict[str, Any]

    def __repr__(self) -> str:
        masked = f", {len(self.context.masked)} masked" if self.context.masked else ""
        return (
            f"Attention({self.protein.name}, {self.provenance['model']}: {len(self.layers)} "
            f"layers x {self.maps.shape[1]} heads{masked})"
        )

    def map(self, layer: int, head: int) -> pd.DataFrame:
        """Return the weights of one head.

        Parameters
        ----------
        layer, head : int
            Counted from 0.

        Returns
        -------
        DataFrame, shape (L, L)
            Rows look at columns; labelled such as ``A25``.

        Raises
        ------
        IndexError
            If there is no such head, or its layer was not asked for.
        """
        return self._labelled(self._chosen(layer, head)[0, 0])

    def contacts(self, layer: int | None = None, head: int | None = None) -> pd.DataFrame:
        """Return how much pairs of residues attend to each other: a score of contact.

        The mean over what is not chosen, over both directions, (A + Aᵀ)/2, and then its average
        product correction, without which the residues that all others look at would come first.

        Parameters
        ----------
        layer, head : int, optional
            Counted from 0; all by default.

        Returns
        -------
        DataFrame, shape (L, L)
            Symmetric; rank by it. It is no probability: attention is spread over all residues, so
            that even of a strong pair little is left after the correction. A threshold of 0.5, as
            is sometimes taught, is hardly ever reached, the less with the special tokens left in.

        Raises
        ------
        IndexError
            As `map`.
        """
        mean = self._chosen(layer, head).mean(axis=(0, 1), dtype=np.float64)
        return self._labelled(head_scores(mean))

    def precision(self, top: int | None = None, min_separation: int = 6) -> pd.DataFrame:
        """Return how well each head alone finds the contacts of the structure.

        Parameters
        ----------
        top : int, optional
            How many of the best pairs of each head to look at; L by default.
        min_separation : int
            Pairs with ``|i - j|`` below it are left out; at least 1.

        Returns
        -------
        DataFrame, shape (layers, heads)
            Share of contacts (CB closer than 8 Å) among them, 0 to 1; NaN where there is no
            contact to find. Pairs of which the structure does not tell are left out. The best of
            many heads is good by chance as well: choose it on other proteins than those that you
            report.

        Raises
        ------
        ValueError
            If no structure is known, or tells of no such pair, or `top` or `min_separation` is no
            whole number from 1 up.
        """
        if not self.protein.has_structure:
            raise ValueError(
                f"{self.protein.name} has no structure to compare with: add one with "
                "protein.with_structure(...)"
            )
        count = len(self.protein) if top is None else whole_number("top", top)
        nearest = whole_number("min_separation", min_separation)
        truth = self.protein.contact_map()
        i, j = metrics.pairs_between(len(truth), nearest)
        known = np.isfinite(truth[i, j])
        i, j = i[known], j[known]
        if not len(i):
            raise ValueError(
                f"of no pair of {self.protein.name} at |i - j| >= {nearest} is it known whether it "
                "is a contact: choose a smaller min_separation"
            )
        touching = truth[i, j] == 1
        # In a truth without a contact nothing can be measured.
        shares = np.full(self.maps.shape[:2], np.nan)
        if touching.any():
            for row, heads in zip(shares, self.maps, strict=True):
                row[:] = [
                    metrics.rank_scores(scores, touching, count).precision(count)
                    for scores in _pair_scores(heads, i, j)
                ]
        return pd.DataFrame(
            shares,
            index=pd.Index(self.layers, name="layer"),
            columns=pd.RangeIndex(self.maps.shape[1], name="head"),
        )

    def to_pandas(self, layer: int | None = None, head: int | None = None) -> pd.DataFrame:
        """Return a tidy table, a row a pair of residues i < j.

        Parameters
        ----------
        layer, head : int, optional
            Counted from 0; the mean over all by default.

        Returns
        -------
        DataFrame
            ``position_i``, ``position_j`` (0-based), ``amino_acid_i``, ``amino_acid_j``;
            ``attention_ij``, what i takes from j, and ``attention_ji``; ``score``, of `contacts`.
        """
        mean = self._chosen(layer, head).mean(axis=(0, 1), dtype=np.float64)
        i, j = np.triu_indices(len(mean), 1)
        letters = np.array(list(self.context.residues))
        return pd.DataFrame(
            {
                "position_i": i,
                "position_j": j,
                "amino_acid_i": letters[i],
                "amino_acid_j": letters[j],
                "attention_ij": mean[i, j],
                "attention_ji": mean[j, i],
                "score": head_scores(mean)[i, j],
            }
        )

    def _chosen(self, layer: int | None, head: int | None) -> Floats:
        """Return the maps of one layer or head, or of all, with all four axes."""
        maps = self.maps
        if layer is not None:
            number = as_whole(layer, 0)
            if number not in self.layers:
                raise IndexError(
                    f"there is no layer {layer!r} here, only {_listed(self.layers)} (whole numbers "
                    "counted from 0)"
                )
            place = self.layers.index(number)
            maps = maps[place : place + 1]
        if head is not None:
            column = as_whole(head, 0)
            if column is None or column >= maps.shape[1]:
                raise IndexError(
                    f"there is no head {head!r}: each layer has 0 to {maps.shape[1] - 1}"
                )
            maps = maps[:, column : column + 1]
        return maps

    def _labelled(self, values: NDArray[Any]) -> pd.DataFrame:
        return labelled(self.protein, values)


def attention(
    protein: Protein | str,
    model: MaskedLM | str,
    masked: Iterable[int] | str = (),
    substitutions: Mapping[int, str] | str | None = None,
    *,
    layers: Sequence[int] | None = None,
) -> Attention:
    """Return what the attention heads of a model look at, in one pass.

    Parameters
    ----------
    protein : Protein or str
    model : MaskedLM or str
        A loaded model, or what `load_model` takes.
    masked : iterable of int, or str
        Hidden positions, 0-based; or text such as ``"3-10, 25, A40"`` in the chain's numbering.
    substitutions : mapping of int to str, or str, optional
        Residues to replace before the model looks; or text such as ``"A25G:L30P"``.
    layers : sequence of int, optional
        Which layers to keep, counted from 0; all by default.

    Returns
    -------
    Attention
        It takes 4 bytes a layer, head and pair of residues: 240 MB for ESM-2 650M (33 layers x 20
        heads) and 300 residues.

    Raises
    ------
    ModelError
        If the model has no attention maps to give, or cannot take this sequence.
    IndexError
        If there is no such layer or position.
    TypeError
        If `masked`, `substitutions` or `layers` is nothing of the kind.
    ValueError
        If `layers` is empty, or the maps would take more than 2 GB: give `layers`.

    Examples
    --------
    >>> from plmwidgets import Protein, attention
    >>> attention(Protein.demo(), "demo", masked=[3, 7])
    Attention(demo, demo: 3 layers x 6 heads, 2 masked)
    """
    protein, model = as_protein(protein), as_model(model)
    context = context_of(protein, masked, substitutions)
    attentive = attentive_model(model, len(protein), layers)
    model.check_sequence(protein.sequence)
    steps = attentive.attention_steps([context], layers)
    found = service_for(model).submit_steps(steps, priority=Priority.INTERACTIVE).result()
    return attention_from(protein, model, context, layers, found[0])


def predict_contacts(
    protein: Protein | str,
    model: MaskedLM | str,
    masked: Iterable[int] | str = (),
    substitutions: Mapping[int, str] | str | None = None,
) -> pd.DataFrame:
    """Return how probable contacts are, by the contact head that was trained with the model.

    ESM-2 and ESM-1b have one (Rao et al. 2021): a logistic regression on the corrected attention
    maps of all heads, fitted on the structures of 20 proteins. That of ``"demo"`` was fitted on
    sequences of its own family, the only one that this model knows: both have its contacts by
    heart, and name them even where all residues are masked. A model that reads contacts from the
    sequence cannot do that, which is worth a look.

    Parameters
    ----------
    protein, model, masked, substitutions
        As for `attention`.

    Returns
    -------
    DataFrame, shape (L, L)
        Probabilities that CB are closer than 8 Å, symmetric. Heads are fitted on pairs at least six
        residues apart (that of the demo three); of nearer ones they say nothing.

    Raises
    ------
    ModelError
        If the model has no trained contact head, or cannot take this sequence.

    Examples
    --------
    >>> from plmwidgets import Protein, predict_contacts
    >>> predict_contacts(Protein.demo(), "demo").shape
    (64, 64)
    """
    protein, model = as_protein(protein), as_model(model)
    context = context_of(protein, masked, substitutions)
    steps = contact_model(model).contact_probability_steps([context])
    model.check_sequence(protein.sequence)
    found = service_for(model).submit_steps(steps, priority=Priority.INTERACTIVE).result()
    check_numbers(model, found)
    return labelled(protein, found[0])


def attention_from(
    protein: Protein,
    model: MaskedLM,
    context: Context,
    layers: Sequence[int] | None,
    maps: NDArray[np.floating[Any]],
) -> Attention:
    """Make a result of what a model gave for one context.

    Raises
    ------
    ModelError
        If some values are not numbers.
    """
    check_numbers(model, maps)
    chosen = tuple(range(len(maps))) if layers is None else tuple(layers)
    provenance = provenance_of(model, attention_precision(model))
    return Attention(protein, context, chosen, np.asarray(maps, np.float32), provenance)


def check_numbers(model: MaskedLM, values: NDArray[np.floating[Any]]) -> None:
    """Raise `ModelError`, saying what to do, if some values are not numbers."""
    if not np.isfinite(values).all():
        raise ModelError(
            f"{model.name} ({model.identity.dtype}) returned NaN or infinite attention: "
            f"{advice_on_nan(model, 'reference')}."
        )


def context_of(
    protein: Protein, masked: Iterable[int] | str, substitutions: Mapping[int, str] | str | None
) -> Context:
    """Return what the model is shown."""
    if isinstance(substitutions, str):
        substitutions = protein.parse_substitutions(substitutions)
    return Context.of(protein.sequence, positions_of(protein, masked), substitutions)


def head_scores(weights: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Return the scores of contact of heads' weights, (..., L, L), as `Attention.contacts`."""
    wide = weights.astype(np.float64)
    return metrics.apc((wide + wide.swapaxes(-1, -2)) / 2)


def labelled(protein: Protein, values: NDArray[Any]) -> pd.DataFrame:
    """Return a map with the residues' labels at rows and columns."""
    labels = pd.Index(protein.residue_labels, name="residue")
    return pd.DataFrame(values, index=labels, columns=labels)


def _pair_scores(heads: Floats, i: NDArray[np.int64], j: NDArray[np.int64]) -> Floats:
    """Twice the `head_scores` of some pairs, (heads, pairs): quicker than of all, for ranking."""
    length = heads.shape[-1]
    flat = heads.reshape(len(heads), -1)
    sums = heads.sum(axis=-1) + heads.sum(axis=-2)
    total = sums.sum(axis=-1, keepdims=True)
    expected = sums[:, i] * (sums / np.where(total > 0, total, 1))[:, j]
    scores: Floats = flat[:, i * length + j] + flat[:, j * length + i] - expected
    return scores


def _listed(layers: Sequence[int]) -> str:
    if tuple(layers) == tuple(range(len(layers))):
        return f"0 to {len(layers) - 1}"
    return ", ".join(map(str, layers))

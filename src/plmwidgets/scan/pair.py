"""The result of hiding every pair of residues, filled while its scan runs."""

import itertools
import os
import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from plmwidgets import metrics
from plmwidgets._options import choice
from plmwidgets.alphabet import AMINO_ACIDS
from plmwidgets.protein import Protein, as_protein
from plmwidgets.scan import saving, tables
from plmwidgets.scan.audit import Audit, Checks
from plmwidgets.scan.control import ScanControl
from plmwidgets.scan.logits import ESM2_VOCABULARY, directed_from_logits
from plmwidgets.scan.origin import Origin
from plmwidgets.scan.single import SingleScan
from plmwidgets.scan.store import PairStore

if TYPE_CHECKING:
    import xarray


class PairScan(ScanControl):
    """p(i|{i,j}) for every ordered pair of residues, beside p(i|{i}).

    Parameters
    ----------
    protein : Protein
        L residues.
    single : SingleScan, optional
        None while not computed.
    log_probabilities : ndarray, shape (L, L, 20), optional
        ``[i, j]`` is log p(i|{i,j}), natural, columns in the order of
        `plmwidgets.alphabet.AMINO_ACIDS`; NaN where not computed, which is everywhere by default.
    provenance : mapping, optional
        Where the numbers come from, such as ``model`` and ``identity``.
    positions : sequence of int, optional
        The positions whose pairs are scanned, 0-based; all of them by default.

    Attributes
    ----------
    protein, single, log_probabilities, provenance, positions
        As above. A running scan fills the array in place and calls `touch`.
    origin : ndarray of uint8, shape (L, L)
        How each pair was obtained, codes of `Origin`; written after its numbers.
    checks : Checks or None
        Of a superposed scan: the pairs that are computed exactly, and what was estimated for them.
    audit : Audit or None
        Of a superposed scan, at its end: its measured error.
    version : int
        Differs after every `touch`, so that a view can tell whether there is something new.
    """

    def __init__(
        self,
        protein: Protein,
        single: SingleScan | None = None,
        log_probabilities: NDArray[np.floating[Any]] | None = None,
        provenance: Mapping[str, Any] | None = None,
        positions: Sequence[int] | None = None,
    ) -> None:
        self.protein = protein
        self.provenance: dict[str, Any] = dict(provenance or {})
        self.positions = None if positions is None else tuple(int(p) for p in positions)
        shape = (len(protein), len(protein), len(AMINO_ACIDS))
        if log_probabilities is None:
            # Models give single precision, except for exact ones, whose digits are kept.
            exact = self.provenance.get("identity", {}).get("dtype") == "float64"
            log_probabilities = np.full(shape, np.nan, np.float64 if exact else np.float32)
        elif log_probabilities.shape != shape:
            raise ValueError(
                f"a pair scan of {protein.name} needs log-probabilities of shape {shape}, "
                f"not {log_probabilities.shape}"
            )
        self.log_probabilities = log_probabilities
        there = np.isfinite(log_probabilities[..., 0])
        self.origin = np.where(there & there.T, Origin.EXACT, Origin.MISSING).astype(np.uint8)
        np.fill_diagonal(self.origin, Origin.MISSING)
        self.checks: Checks | None = None
        self.audit: Audit | None = None
        self._seen = self.origin.copy()
        self._matrices: dict[str, NDArray[np.float64]] = {}
        self._matrices_version = 0
        self._lock = threading.RLock()
        self._versions = itertools.count(1)
        self.version = 0
        self.single = single

    @classmethod
    def from_logits(
        cls,
        protein: Protein | str,
        single: ArrayLike,
        double: ArrayLike,
        vocabulary: Sequence[str] = ESM2_VOCABULARY,
    ) -> "PairScan":
        """Open logits that were computed elsewhere.

        Parameters
        ----------
        protein : Protein or str
            L residues.
        single : array, shape (L, V)
            Row i: the model's logits at residue i with residue i hidden.
        double : array, shape (L(L-1)/2, 2, V)
            With residues i < j hidden, the logits at i and at j; the pairs in the order of
            ``itertools.combinations(range(L), 2)``.
        vocabulary : sequence of str, optional
            The model's V tokens in the order of the columns; those of ESM-2 by default.

        Raises
        ------
        ValueError
            If a shape does not fit the protein or the vocabulary, or a value is not a number.
        """
        protein = as_protein(protein)
        alone = SingleScan.from_logits(protein, single, vocabulary)
        both = directed_from_logits(len(protein), double, vocabulary)
        return cls(protein, alone, both, alone.provenance)

    def __repr__(self) -> str:
        precision = self.provenance.get("identity", {}).get("precision")
        return (
            f"PairScan({self.protein.name!r}, {len(self.protein)} residues, "
            f"{self.pairs_computed:,} of {self.pairs_total:,} pairs"
            + (f" ({self.pairs_estimated:,} estimated)" if self.pairs_estimated else "")
            + f", model {self.provenance.get('model', 'unknown')!r}"
            + (f" in {precision} precision)" if precision else ")")
        )

    # What is there

    @property
    def single(self) -> SingleScan | None:
        """The scan of single masks; None while not computed."""
        return self._single

    @single.setter
    def single(self, single: SingleScan | None) -> None:
        with self._lock:
            self._single = single
            self._matrices.clear()

    @property
    def computed(self) -> NDArray[np.bool_]:
        """Which pairs there are numbers for, exact or estimated, shape (L, L)."""
        there: NDArray[np.bool_] = self.origin != Origin.MISSING
        return there

    @property
    def pairs_computed(self) -> int:
        """Number of unordered pairs that there are numbers for."""
        return int(np.count_nonzero(self.origin)) // 2

    @property
    def pairs_estimated(self) -> int:
        """Number of unordered pairs that were estimated by a superposed pass."""
        return int(np.count_nonzero(self.origin == Origin.ESTIMATED)) // 2

    @property
    def pairs_total(self) -> int:
        """Number of unordered pairs that the scan covers."""
        count = len(self.protein) if self.positions is None else len(self.positions)
        return count * (count - 1) // 2

    def put(
        self,
        pairs: NDArray[np.int64],
        values: NDArray[np.floating[Any]],
        origin: Origin = Origin.EXACT,
    ) -> None:
        """Write the distributions of some pairs; call `touch` afterwards.

        Parameters
        ----------
        pairs : ndarray of int64, shape (n, 2)
            ``(i, j)``, 0-based.
        values : ndarray, shape (n, 2, 20)
            log p(i|{i,j}) and log p(j|{i,j}).
        origin : Origin
        """
        i, j = pairs.T
        self.log_probabilities[i, j] = values[:, 0]
        self.log_probabilities[j, i] = values[:, 1]
        # Last: who reads meanwhile must not take half a pair for a known one.
        self.origin[i, j] = self.origin[j, i] = origin

    def touch(self) -> None:
        """Say that pairs were `put`; from any thread."""
        # No lock: the model's thread must not wait for a matrix that is being computed.
        self.version = next(self._versions)

    # Matrices

    def matrix(self, name: str) -> pd.DataFrame:
        """One number for every ordered pair.

        Parameters
        ----------
        name : str
            One of `plmwidgets.metrics.PAIR_METRICS`; see `plmwidgets.metrics.pair_matrix` for
            what they are, their units and ranges.

        Returns
        -------
        DataFrame, shape (L, L)
            Row: the residue affected; column: the one hidden as well; both labelled as ``A25``.
            NaN on the diagonal and where the pair is not computed.

        Raises
        ------
        ValueError
            If there is no metric of that name; the message lists them.
        """
        return tables.pair_frame(self.protein, self.values(name))

    def values(self, name: str) -> NDArray[np.float64]:
        """Return a copy of the numbers of `matrix`, without labels, shape (L, L)."""
        metrics.check_pair_metric(name)
        with self._lock:
            if self.single is None:
                return np.full((len(self.protein), len(self.protein)), np.nan)
            if self._matrices_version != self.version:
                self._matrices_version = self.version
                self._extend(self.single)
            return metrics.pair_matrix(
                name,
                self.single.log_probabilities,
                self.log_probabilities,
                self.protein.wild_type,
                self._matrices,
            ).copy()

    def contacts(self, metric: str = "js_dist_avg") -> pd.DataFrame:
        """Score every pair as a contact: the mean of both directions of a metric, corrected.

        Of metrics that are never negative the average product correction takes out what a residue
        has in common with all others; what is not computed yet counts as zero in it, so wait for
        the scan first. Those with a sign, for which a product of means makes no sense, and yes and
        no, stay as they are: on the demo family APC takes a seventh off the precision of ``pmi``.

        Parameters
        ----------
        metric : str
            One of `plmwidgets.metrics.PAIR_METRICS` but the order residual, whose mean is zero.

        Returns
        -------
        DataFrame, shape (L, L)
            Symmetric; larger means more likely in contact. NaN on the diagonal and where the pair
            is not computed.

        Raises
        ------
        ValueError
            If there is no such metric.
        """
        return tables.pair_frame(self.protein, tables.contact_scores(self, metric))

    def _extend(self, single: SingleScan) -> None:
        """Bring the matrices kept up to date; what has not changed is not redone."""
        origin = self.origin.copy()
        i, j = np.nonzero(origin != self._seen)
        for name, matrix in list(self._matrices.items()):
            if name in metrics.DIRECTED_METRICS:
                matrix[i, j] = metrics.pair_values(
                    name,
                    single.log_probabilities[i],
                    self.log_probabilities[i, j],
                    self.protein.wild_type[i],
                )
            else:
                del self._matrices[name]
        self._seen = origin

    # Figures

    def summary(self) -> "pd.Series[Any]":
        """Return the scalar figures of the scan, by name.

        Returns
        -------
        Series
            ``pairs_computed``, ``pairs_estimated`` among them, and ``pairs_total`` (unordered),
            the figures of `SingleScan.summary`,
            ``mean_perplexity_change`` over ordered pairs, ``mean_max_perplexity_shift`` (the mean
            over i of max_j of it), ``argmax_change_positions`` (how many positions have a partner
            that changes the likeliest residue) and ``argmax_change_share`` (the same over L).
            With a structure also ``contact_precision_L``, ``_L/2`` and ``_L/5``: the share of
            contacts among so many pairs of largest js_dist_avg, at ``|i - j|`` >= 6. What is not
            computed is NaN.
        """
        return tables.pair_summary(self)

    def top_pairs(self, n: int = 10, metric: str = "js_dist_avg") -> pd.DataFrame:
        """Return the n pairs of largest value, the largest first.

        Parameters
        ----------
        n : int
            At least 1.
        metric : str
            One of `plmwidgets.metrics.PAIR_METRICS`. Where (i, j) and (j, i) have one value, a
            pair is listed once, with i < j.

        Returns
        -------
        DataFrame
            ``position_i``, ``position_j`` (0-based), ``label_i``, ``label_j``, the metric; with a
            structure ``distance`` (CB to CB, in angstrom) and ``contact`` (1, 0, NaN if unknown).

        Raises
        ------
        ValueError
            If `n` is no whole number from 1 up, or there is no metric of that name.
        """
        return tables.top_pairs(self, n, metric)

    # Export

    def to_pandas(self, convention: Literal["arcadia"] | None = None) -> pd.DataFrame:
        """One row for every ordered pair that is computed, by position_i, then position_j.

        Parameters
        ----------
        convention : {None, "arcadia"}
            ``"arcadia"`` gives the columns of the table in "Paired residue prediction dependencies
            in ESM2" (Arcadia Science, 2025, arcadia-science.github.io/2024-paired-token-masking),
            in their order and under their names. **What that table calls js_div is the distance**,
            the square root of the divergence. Its numbers were computed in single precision and
            these in double: distances differ by up to about 0.0003, most where they are small.

        Returns
        -------
        DataFrame, L(L-1) rows when complete
            The columns of `plmwidgets.scan.tables.PAIR_COLUMNS`: 0-based positions, residues,
            likeliest residues and perplexities at i and at j with one (``_i_i``, ``_j_j``) and
            with both hidden (``_i_ij``, ``_j_ij``), and JS divergences (bits) and distances of the
            two, at i, at j and their mean; and ``origin``, "exact" or "estimated" (superposed).

        Raises
        ------
        ValueError
            If the convention is not known.
        """
        if convention is not None:
            choice("convention", convention, ("arcadia",))
        table = tables.pair_table(self)
        return table if convention is None else tables.arcadia_table(table)

    def to_xarray(self) -> "xarray.Dataset":
        """Return all matrices and log-probabilities as labelled arrays.

        Raises
        ------
        ImportError
            If xarray is not installed.
        """
        return tables.pair_dataset(self)

    @property
    def dtype(self) -> str:
        """Type of the log-probabilities: ``"float32"``, or ``"float64"`` of exact models."""
        return str(self.log_probabilities.dtype)

    def save(self, path: str | os.PathLike[str], replace: bool = False) -> None:
        """Write what is computed to a folder (Zarr); `load` reads it.

        Parameters
        ----------
        path : path or URL
            A URL is one that fsspec reaches, such as ``"s3://bucket/scan.zarr"``.
        replace : bool
            Overwrite a scan that is there already; never anything else.

        Raises
        ------
        StoreError
            If something is there already, or the place cannot be written to.
        """

        def write(store: PairStore) -> None:
            if self.single is not None:
                store.write_single(self.single.log_probabilities)
            store.write_all(self.log_probabilities, self.origin)
            if self.checks is not None:
                store.write_checks(self.checks)
            if self.audit is not None:
                store.write_audit(self.audit)

        saving.save_result(self, path, replace, PairStore, write)

    @classmethod
    def load(cls, path: str | os.PathLike[str], protein: Protein | str | None = None) -> "PairScan":
        """Read a saved result, or the store of a scan, finished or not.

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
            If it is no pair scan.
        ValueError
            If the protein has another sequence.
        """
        store = PairStore.open(path)
        protein = saving.stored_protein(store, protein)
        provenance = saving.stored_provenance(store)
        alone = store.read_single()
        scan = cls(
            protein,
            None if alone is None else SingleScan(protein, alone, provenance),
            provenance=provenance,
            positions=store.metadata["positions"],
        )
        scan.take(store)
        return scan

    def take(self, store: PairStore) -> None:
        """Take over what a store holds of pairs."""
        self.log_probabilities, self.origin = store.read_pairs()
        self.checks, self.audit = store.read_checks()
        self.touch()

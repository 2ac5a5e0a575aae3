"""The categorical Jacobian (Zhang et al. 2024): which residues a model's logits couple."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Final, Literal
from weakref import WeakValueDictionary

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from plmwidgets._options import choice
from plmwidgets.alphabet import AMINO_ACIDS
from plmwidgets.methods.jacobian.math import contact_scores, pair_block
from plmwidgets.methods.jacobian.rows import JacobianStore, Rows
from plmwidgets.methods.jacobian.run import JacobianRun
from plmwidgets.models import as_model
from plmwidgets.models.masked_lm import MaskedLM, chosen_precision
from plmwidgets.protein import Protein, as_protein
from plmwidgets.scan import saving
from plmwidgets.scan.background import RunControl
from plmwidgets.scan.places import place_of
from plmwidgets.scan.progress import ScanProgress, ScanStatus
from plmwidgets.scan.start import position_of, provenance_of
from plmwidgets.scan.tables import pair_frame
from plmwidgets.service import service_for

METHODS: Final = ("full", "fast")

_with_store: "WeakValueDictionary[str, Jacobian]" = WeakValueDictionary()


def jacobian(
    protein: Protein | str,
    model: MaskedLM | str,
    *,
    method: Literal["full", "fast"] = "full",
    store: str | os.PathLike[str] | None = None,
    precision: str | None = None,
) -> "Jacobian":
    """Substitute every residue by each amino acid and keep what that does to all logits.

    Returns at once: the work goes on in the background, after clicks. ``wait()`` blocks with a
    progress bar; ``pause()``, ``resume()`` and ``cancel()`` control it.

    The model gives log-probabilities over the twenty amino acids instead of logits. They differ by
    one number for each position and context, which the centring over amino acids removes.

    Parameters
    ----------
    protein : Protein or str
        L residues.
    model : MaskedLM or str
        A loaded model, or what `load_model` takes.
    method : {"full", "fast"}
        ``"full"``: nothing is hidden, and each residue is substituted by all others in turn:
        19 L + 1 passes of the model. ``"fast"``: each residue is hidden instead, L passes; the
        scores are coarser, and there are no 20 x 20 blocks.
    store : path or URL, optional
        Folder (Zarr), or a URL that fsspec knows, that keeps every finished row. The same call
        after a crash, or in another session, goes on where it stopped. Without one the rows are in
        memory, and beyond 256 MB (400 residues) in a temporary folder that goes with the result;
        they take 1.6 kB for every ordered pair of residues, 1.6 GB for 1,000 residues.
    precision : {None, "reference", "final", "preview"}
        As for `scan_pairs`.

    Returns
    -------
    Jacobian

    Raises
    ------
    ModelError
        If the model cannot take this sequence.
    StoreError
        If the store cannot be written, or belongs to another Jacobian.
    ValueError
        If the protein has fewer than two residues, or the method or precision is not known.

    References
    ----------
    Zhang, Z. et al. (2024). Protein language models learn evolutionary statistics of interacting
    sequence motifs. PNAS 121.

    Examples
    --------
    >>> from plmwidgets import Protein, jacobian
    >>> found = jacobian(Protein.demo(), "potts-demo")
    >>> found.wait()
    >>> found.contacts().shape, found.block(3, 58).shape
    ((64, 64), (20, 20))
    """
    protein, model = as_protein(protein), as_model(model)
    method = choice("method", method, METHODS)
    if len(protein) < 2:
        raise ValueError("a categorical Jacobian needs a protein of at least two residues")
    model.check_sequence(protein.sequence)
    precision = chosen_precision(model, precision)
    provenance = provenance_of(model, precision)
    provenance["identity"]["method"] = method
    # The shape of a batch may decide the last bits of a result: one that goes on keeps it.
    provenance["batch"] = model.preferred_batch(len(protein))
    opened = None
    if store is not None:
        place = place_of(store)
        running = _with_store.get(place.key)
        # A cell that is run again while its work runs gets that: two would do all of it twice.
        if running is not None and running.is_of(protein, provenance["identity"]):
            return running
        opened = JacobianStore.open_or_create(place, protein, provenance)
        provenance["batch"] = opened.metadata["provenance"]["batch"]
    made = Jacobian(protein, Rows.of(protein, provenance, opened), provenance)
    run = JacobianRun(protein, made.rows, service_for(model), provenance)
    if store is not None:
        _with_store[place.key] = run.held = made
    made.attach(run)
    made.start()
    return made


class Jacobian(RunControl):
    """How the model's logits at every position change with the residue at every other.

    Made by `jacobian`, filled while its run goes on. Scores need all positions, as they are centred
    over them; a block is there as soon as its two residues have been substituted.

    Attributes
    ----------
    protein : Protein
        L residues.
    provenance : dict
        Where the numbers come from: ``model``, ``identity`` (with ``method`` and ``precision``).
    rows : Rows
        The log-probabilities themselves.
    """

    title: ClassVar = "Categorical Jacobian"
    _run: JacobianRun | None = None
    _again = "to go on with a store, call jacobian(protein, model, store=path)"

    def __init__(self, protein: Protein, rows: Rows, provenance: Mapping[str, Any]) -> None:
        self.protein = protein
        self.rows = rows
        self.provenance: dict[str, Any] = dict(provenance)

    def __repr__(self) -> str:
        identity = self.provenance["identity"]
        return (
            f"Jacobian({self.protein.name!r}, {len(self.protein)} residues, {self.method}, "
            f"{self.progress.done:,} of {len(self.protein):,} positions, model "
            f"{self.provenance['model']!r} in {identity['precision']} precision)"
        )

    def attach(self, run: JacobianRun) -> None:
        """Let the controls drive a run."""
        self._run = run

    def is_of(self, protein: Protein, identity: Mapping[str, Any]) -> bool:
        """Whether this is being computed now, of this protein, by this model in this way."""
        same = (self.protein, self.provenance["identity"]) == (protein, identity)
        return same and self.progress.status is ScanStatus.RUNNING

    @property
    def method(self) -> str:
        """``"full"`` or ``"fast"``."""
        return str(self.provenance["identity"]["method"])

    @property
    def dtype(self) -> str:
        """Type of the rows: ``"float32"``, or ``"float64"`` of exact models."""
        return self.rows.dtype

    @property
    def complete(self) -> bool:
        """Whether all positions are computed, and the scores with them."""
        return self.rows.norms is not None

    @property
    def progress(self) -> ScanProgress:
        """How far it is: status, positions done and in all, time left."""
        if self._run is not None:
            return self._run.progress
        return ScanProgress.at_rest(int(self.rows.known.sum()), len(self.protein), "positions")

    @property
    def store_path(self) -> Path | str | None:
        """The folder or URL that keeps it; None for one in memory or in a temporary folder."""
        store = self.rows.store
        return None if store is None or self.rows.temporary else store.path

    # Results

    def contacts(self) -> pd.DataFrame:
        """How strongly each pair of residues is coupled, corrected as contacts are.

        The tensor of all logits is centred along its four axes and symmetrised, J(n, a, m, b) with
        J(m, b, n, a); the score is the Frobenius norm over the amino acids a and b, less its
        average product (APC). Of the fast variant the norms are symmetrised, as it has no axis a.

        Returns
        -------
        DataFrame, shape (L, L)
            Labelled as ``A25``; symmetric, zero on the diagonal. Units of logits (nats); below zero
            where a pair is coupled less than its two residues are on average.

        Raises
        ------
        RuntimeError
            If it is not finished: scores are centred over all positions.
        """
        return pair_frame(self.protein, contact_scores(self._norms()))

    def norms(self) -> pd.DataFrame:
        """Return the norms before the average product correction, (L, L); see `contacts`.

        Raises
        ------
        RuntimeError
            If it is not finished.
        """
        return pair_frame(self.protein, self._norms().copy())

    def has_block(self, i: int, j: int) -> bool:
        """Whether `block` can tell of two different positions (0-based) by now."""
        return self.method == "full" and bool(self.rows.known[[i, j]].all())

    def block(self, i: int | str, j: int | str) -> pd.DataFrame:
        """How each amino acid at i goes together with each at j.

        The block of the two positions, centred over both amino acids (not over positions), and the
        mean of both directions: what substituting i does to j, and j to i.

        Parameters
        ----------
        i, j : int or str
            Two different positions, 0-based, or labels such as ``"A25"`` in the chain's numbering.

        Returns
        -------
        DataFrame, shape (20, 20)
            Rows: amino acids at i; columns: at j. In nats; positive where the two favour each
            other. Of a Potts model, its coupling in the zero-sum gauge.

        Raises
        ------
        IndexError
            If a position lies outside the protein.
        ValueError
            If a label cannot be read or names another residue, if the two are the same, or the
            Jacobian is of the fast variant, which has no blocks.
        RuntimeError
            If one of the two has not been substituted yet.
        """
        i, j = position_of(self.protein, i), position_of(self.protein, j)
        if i == j:
            raise ValueError("a block needs two different positions")
        if self.method != "full":
            raise ValueError(
                "a fast Jacobian hides residues and substitutes none, so it has no 20 x 20 blocks: "
                "use jacobian(..., method='full')"
            )
        if not self.has_block(i, j):
            raise RuntimeError(f"this block is not computed yet ({self.progress}): {self._waiting}")
        one, other = (self.rows.read(slice(n, n + 1))[0] for n in (i, j))
        labels, letters = self.protein.residue_labels, list(AMINO_ACIDS)
        return pd.DataFrame(
            pair_block(one[:, j], other[:, i]),
            index=pd.Index(letters, name=labels[i]),
            columns=pd.Index(letters, name=labels[j]),
        )

    def to_pandas(self) -> pd.DataFrame:
        """One row for every unordered pair, by position_i, then position_j.

        Returns
        -------
        DataFrame, L(L-1)/2 rows
            ``position_i`` < ``position_j`` (0-based), ``label_i``, ``label_j``, ``score`` (of
            `contacts`), ``norm``; with a structure ``distance`` (CB to CB, in angstrom) and
            ``contact`` (1, 0, NaN if unknown).

        Raises
        ------
        RuntimeError
            If it is not finished.
        """
        norms = self._norms()
        i, j = np.triu_indices(len(norms), 1)
        labels = np.array(self.protein.residue_labels, dtype=object)
        table = pd.DataFrame(
            {
                "position_i": i,
                "position_j": j,
                "label_i": labels[i],
                "label_j": labels[j],
                "score": contact_scores(norms)[i, j],
                "norm": norms[i, j],
            }
        )
        if self.protein.structure is not None:
            table["distance"] = self.protein.distance_map()[i, j]
            table["contact"] = self.protein.contact_map()[i, j]
        return table

    # Disk

    def save(self, path: str | os.PathLike[str], replace: bool = False) -> None:
        """Write what is computed to a folder (Zarr); `load` reads it.

        Parameters
        ----------
        path : path or URL
        replace : bool
            Overwrite a Jacobian that is there already; never anything else.

        Raises
        ------
        StoreError
            If something is there already, or the place cannot be written to.
        """

        def write(store: JacobianStore) -> None:
            for position in np.flatnonzero(self.rows.known).tolist():
                store.write_row(position, self.rows.read(slice(position, position + 1))[0])
            if self.rows.norms is not None:
                store.write_norms(self.rows.norms)

        saving.save_result(self, path, replace, JacobianStore, write)

    @classmethod
    def load(cls, path: str | os.PathLike[str], protein: Protein | str | None = None) -> "Jacobian":
        """Read a saved result, or the store of a run, finished or not.

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
            If it is no categorical Jacobian.
        ValueError
            If the protein has another sequence.
        """
        store = JacobianStore.open(path)
        protein = saving.stored_protein(store, protein)
        provenance = saving.stored_provenance(store)
        return cls(protein, Rows.of(protein, provenance, store), provenance)

    @property
    def _waiting(self) -> str:
        return self._again if self._run is None else "wait() for it"

    def _norms(self) -> NDArray[np.float64]:
        if self.rows.norms is not None:
            return self.rows.norms
        if self._run is None and self.rows.complete:  # stopped just before them
            return self.rows.compute_norms()
        raise RuntimeError(
            f"the Jacobian is not finished ({self.progress}), and its scores are centred over all "
            f"positions: {self._waiting}"
        )

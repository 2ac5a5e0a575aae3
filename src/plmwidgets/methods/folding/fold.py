"""The structure of a protein, predicted from its sequence."""

import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from plmwidgets._files import fresh_file, path_ending
from plmwidgets._numbers import whole_number
from plmwidgets._warn import warn
from plmwidgets.methods.folding.run import FoldRun
from plmwidgets.models.folding import FoldedChain, FoldingModel, as_folding_model
from plmwidgets.models.masked_lm import ModelError
from plmwidgets.protein import Protein, as_protein
from plmwidgets.scan.background import RunControl
from plmwidgets.scan.progress import ScanProgress
from plmwidgets.scan.start import positions_of
from plmwidgets.structure import Structure

if TYPE_CHECKING:
    from biotite.structure import AtomArray

_CHAIN: Final = "A"
_OF_ANY_RESIDUE: Final = ("N", "CA", "C", "CB", "O")
"""Atoms that do not tell what a residue is, but for glycine, which has no CB."""


class Fold(RunControl):
    """A structure that is being predicted, or is there.

    The work can be cancelled between two blocks of the network; started again, it begins anew.

    Parameters
    ----------
    protein : Protein
        L residues.
    masked : tuple of int
    recycles, chunk_size : int or None
    provenance : mapping, optional
        Where the numbers come from, such as ``model`` and ``identity``.

    Attributes
    ----------
    masked : tuple of int
        Positions that were hidden from the model.
    recycles, chunk_size : int or None
        As asked for.
    provenance
        As above.
    structure : Structure or None
        None until it is there. Its B-factors are pLDDT (0-100), its numbers those of the protein.
        Residues that are none of the twenty have no atoms, masked ones N, CA, C, O and CB.
    plddt : ndarray of float64, shape (L,)
        Confidence in each residue, 0 to 100: that of its CA, as in the files of the AlphaFold
        database. NaN where there are no atoms, or nothing yet.
    ptm : float
        Predicted TM score of the whole, 0 to 1; NaN until it is there.
    aligned_error : ndarray of float64, shape (L, L)
        Predicted aligned error in Å: of residue j (column) when prediction and truth are
        superposed on residue i (row). NaN until it is there.

    References
    ----------
    Lin, Z. et al. (2023). Evolutionary-scale prediction of atomic-level protein structure with a
    language model. Science 379, 1123-1130.
    """

    title: ClassVar = "Structure prediction"

    def __init__(
        self,
        protein: Protein,
        masked: tuple[int, ...] = (),
        recycles: int | None = None,
        chunk_size: int | None = None,
        provenance: Mapping[str, Any] | None = None,
    ) -> None:
        self._protein = protein
        self.masked = masked
        self.recycles = recycles
        self.chunk_size = chunk_size
        self.provenance: dict[str, Any] = dict(provenance or {})
        self.structure: Structure | None = None
        self.plddt: NDArray[np.float64] = np.full(len(protein), np.nan)
        self.ptm = float("nan")
        self.aligned_error: NDArray[np.float64] = np.full((len(protein), len(protein)), np.nan)

    def __len__(self) -> int:
        return len(self._protein)

    def __repr__(self) -> str:
        hidden = f", {len(self.masked)} of them masked" if self.masked else ""
        found = str(self.progress)
        if self.complete:
            found = f"mean pLDDT {np.nanmean(self.plddt):.1f}, pTM {self.ptm:.2f}"
        return (
            f"Fold({self._protein.name!r}, {len(self)} residues{hidden}, "
            f"model {self.provenance.get('model', 'unknown')!r}; {found})"
        )

    @property
    def protein(self) -> Protein:
        """The protein: with the predicted structure once that is there, until then as given."""
        if self.structure is None:
            return self._protein
        return Protein(self._protein.sequence, self._protein.name, self.structure)

    @property
    def complete(self) -> bool:
        """Whether the structure is there."""
        return self.structure is not None

    @property
    def progress(self) -> ScanProgress:
        """How far the computation is."""
        if self._run is None:
            return ScanProgress.at_rest(int(self.complete), 1, "structures")
        return self._run.progress

    def attach(self, run: FoldRun) -> None:
        """Let a run fill this."""
        self._run = run

    def take(self, chain: FoldedChain) -> None:
        """Take what a model predicts.

        Raises
        ------
        ModelError
            If it has coordinates or confidences that are not numbers.
        """
        for numbers in (chain.coordinates[chain.present], chain.plddt, chain.aligned_error):
            if not np.isfinite(numbers).all():
                raise ModelError(
                    f"{self.provenance.get('model', 'the model')} returned coordinates or "
                    "confidences that are NaN or infinite: its weights are damaged, fetch or write "
                    "them again"
                )
        atoms = self._atoms(chain)
        seen = set(atoms.position.tolist())
        letters = [each if i in seen else "-" for i, each in enumerate(self._protein.sequence)]
        self.plddt[atoms.position[atoms.atom_name == "CA"]] = atoms.b_factor[
            atoms.atom_name == "CA"
        ]
        self.ptm = chain.ptm
        self.aligned_error = chain.aligned_error
        self.structure = Structure(
            self._protein.sequence,
            _CHAIN,
            self._protein.numbers,
            "".join(letters),
            atoms,
            f"a prediction by {self.provenance.get('model', 'a model')}",
            predicted=True,
        )

    def _atoms(self, chain: FoldedChain) -> "AtomArray":
        from biotite.sequence import ProteinSequence
        from biotite.structure import AtomArray

        sequence = self._protein.sequence
        names = np.array(chain.atom_names)
        present = chain.present & (self._protein.wild_type >= 0)[:, None]
        for i in self.masked:
            kept = [name for name in _OF_ANY_RESIDUE if name != "CB" or sequence[i] != "G"]
            present[i] = np.isin(names, kept) if present[i].any() else False
        position, kind = np.nonzero(present)
        numbers = self._protein.numbers
        atoms = AtomArray(len(position))
        atoms.coord = chain.coordinates[position, kind].astype(np.float32)
        of_residue = {
            "chain_id": [_CHAIN] * len(sequence),
            "res_id": [number for number, _ in numbers],
            "ins_code": [code for _, code in numbers],
            "res_name": [
                ProteinSequence.convert_letter_1to3(letter) if letter in "ACDEFGHIKLMNPQRSTVWY"
                else "UNK"
                for letter in sequence
            ],
        }  # fmt: skip
        for name, values in of_residue.items():
            atoms.set_annotation(name, np.array(values)[position])
        atoms.set_annotation("hetero", np.zeros(len(position), dtype=bool))
        atoms.set_annotation("atom_name", names[kind])
        atoms.set_annotation("element", np.array([name[0] for name in names[kind]]))
        atoms.set_annotation("occupancy", np.ones(len(position)))
        atoms.set_annotation("b_factor", 100 * chain.plddt[position, kind])
        atoms.set_annotation("position", position)
        return atoms

    # Export

    def to_pandas(self) -> pd.DataFrame:
        """One row a residue.

        Returns
        -------
        DataFrame, L rows, indexed by label such as ``A25``
            ``position`` (0-based), ``masked``, ``plddt`` (0-100) and ``x``, ``y``, ``z`` of the CA
            in Å; NaN where there are no atoms, or nothing yet.
        """
        carbons = np.full((len(self), 3), np.nan) if self.structure is None else self.structure.ca
        return pd.DataFrame(
            {
                "position": np.arange(len(self)),
                "masked": np.isin(np.arange(len(self)), self.masked),
                "plddt": self.plddt,
                **{axis: carbons[:, k] for k, axis in enumerate("xyz")},
            },
            index=pd.Index(self._protein.residue_labels, name="residue"),
        )

    def save(self, path: str | os.PathLike[str], replace: bool = False) -> None:
        """Write the structure as mmCIF, with pLDDT as B-factor.

        `Protein.from_file` reads it. Residues are numbered from 1, in chain A.

        Parameters
        ----------
        path : path
            Ends in ``.cif``.
        replace : bool
            Overwrite a file of that name.

        Raises
        ------
        FileExistsError
            If there is such a file, unless it is to be replaced.
        OSError
            If it cannot be written there.
        ValueError
            If the name does not end in ``.cif``, or there is no structure yet.
        """
        target = path_ending(path, ".cif", "folds")
        if self.structure is None:
            raise ValueError(f"there is no structure yet ({self.progress}): call wait() first")
        with fresh_file(target, replace) as fresh:
            fresh.write_text(self.structure.to_cif(), encoding="utf-8")


def fold(
    protein: Protein | str,
    model: FoldingModel | str | os.PathLike[str] = "esmfold",
    masked: Iterable[int] | str = (),
    *,
    recycles: int | None = None,
    chunk_size: int | None = None,
) -> Fold:
    """Predict the structure of a protein from its sequence, in the background.

    The model is loaded first, which takes a while; then this returns. ``fold.wait()`` blocks until
    the structure is there, `FoldExplorer` shows how far it is. ``fold.protein`` is the protein with
    that structure, for all other views and methods. A model does one prediction at a time.

    Parameters
    ----------
    protein : Protein or str
        A structure that it has is not used.
    model : FoldingModel, str or path-like
        ``"esmfold"``, whose weights (8.4 GB) must have been fetched by `load_folding_model`; the
        folder of an ESMFold of your own; or what `load_folding_model` returns.
    masked : iterable of int, or str
        Positions to hide from the model, 0-based; or text such as ``"3-10, 25, A40"``. No
        coordinate and no confidence depends on what their amino acids are.
    recycles : int, optional
        How often the output of the network is fed back into it, from 0; 3 as ESMFold comes.
    chunk_size : int, optional
        Rows of the pair representation computed at once, from 1: the fewer, the less memory, and
        the longer it takes. The result is the same, up to rounding.

    Returns
    -------
    Fold

    Raises
    ------
    ModelError
        If the weights are not on this computer (it says how large they are, and what to call), do
        not fit its memory, or are of another kind.
    TypeError, ValueError, IndexError
        If an argument makes no sense.

    Examples
    --------
    >>> import plmwidgets as plm
    >>> fold = plm.fold("MKTAYIAKQRQISFVKSHFSRQ")  # doctest: +SKIP
    >>> plm.FoldExplorer(fold)  # doctest: +SKIP
    """
    protein = as_protein(protein)
    hidden = positions_of(protein, masked)
    if recycles is not None:
        recycles = whole_number("recycles", recycles, 0)
    if chunk_size is not None:
        chunk_size = whole_number("chunk_size", chunk_size)
    unknown = np.flatnonzero(protein.wild_type < 0)
    if len(unknown) == len(protein):
        raise ValueError(f"no residue of {protein.name} is one of the twenty amino acids")
    model = as_folding_model(model)
    if len(unknown):
        labels = [protein.residue_label(i) for i in unknown[:5].tolist()]
        warn(
            f"{', '.join(labels)}{' and more' if len(unknown) > 5 else ''}: the model knows none "
            "but the twenty amino acids. It sees an unknown residue there, and gives it no atoms"
        )
    provenance = {"model": model.name, "identity": model.identity.result_key}
    result = Fold(protein, hidden, recycles, chunk_size, provenance)
    result.attach(FoldRun(result, model))
    result.start()
    return result

"""What `embed` gives: embeddings of residues and of whole proteins."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from plmwidgets._numbers import as_whole
from plmwidgets._options import result_of
from plmwidgets.methods.embeddings.input import SEPARATOR, Proteins, SequenceSet, proteins_of
from plmwidgets.methods.embeddings.run import EmbeddingRun
from plmwidgets.methods.embeddings.states import EmbeddingStore, Floats, States
from plmwidgets.protein import Protein
from plmwidgets.scan import saving
from plmwidgets.scan.background import RunControl
from plmwidgets.scan.progress import ScanProgress, ScanStatus

if TYPE_CHECKING:
    from anndata import AnnData


class Embeddings(RunControl):
    """What a model makes of some proteins; made by `embed`, filled while its run goes on.

    Attributes
    ----------
    proteins : tuple of Protein
        n of them.
    provenance : dict
        Where the numbers come from: ``model``, ``width`` and ``identity`` (with ``precision``,
        ``layers``, ``pooled`` and ``masked``).
    states : States
        The numbers themselves.
    """

    title: ClassVar = "Embeddings"
    dtype: ClassVar = "float32"
    _run: EmbeddingRun | None = None
    _again = "to go on with a store, call embed(proteins, model, store=path)"

    def __init__(
        self, proteins: tuple[Protein, ...], states: States, provenance: Mapping[str, Any]
    ) -> None:
        self.proteins = proteins
        self.states = states
        self.provenance: dict[str, Any] = dict(provenance)

    def __len__(self) -> int:
        return len(self.proteins)

    def __repr__(self) -> str:
        count = f"{self.progress.done:,} of {len(self):,} sequences"
        kept = "residues and means" if self.has_residues else "means alone"
        places = f"layer{'s' * (len(self.layers) > 1)} {', '.join(map(str, self.layers))}"
        return (
            f"Embeddings({self.protein.name!r}, {count}, {places}, {self.width} wide, {kept}, "
            f"model {self.provenance['model']!r})"
        )

    def attach(self, run: EmbeddingRun) -> None:
        """Let the controls drive a run."""
        self._run = run

    def is_of(self, subject: SequenceSet, identity: Mapping[str, Any]) -> bool:
        """Whether this is being computed now, of these proteins, by this model in this way."""
        same = (self.proteins, self.provenance["identity"]) == (subject.proteins, identity)
        return same and self.progress.status is ScanStatus.RUNNING

    @property
    def protein(self) -> SequenceSet:
        """All proteins as one, as a store describes them."""
        return SequenceSet(self.proteins)

    @property
    def names(self) -> tuple[str, ...]:
        """Of the n proteins."""
        return self.protein.residue_labels

    @property
    def layers(self) -> tuple[int, ...]:
        """Which layers are kept, in the order asked for; see `embed` for how they count."""
        return tuple(self.provenance["identity"]["layers"])

    @property
    def masked(self) -> tuple[int, ...]:
        """Which positions the model did not see."""
        return tuple(self.provenance["identity"]["masked"])

    @property
    def width(self) -> int:
        """Number of dimensions, d."""
        return int(self.provenance["width"])

    @property
    def has_residues(self) -> bool:
        """Whether embeddings of residues are kept, or means alone."""
        return self.states.keep_residues

    @property
    def computed(self) -> NDArray[np.bool_]:
        """Which proteins are done, (n,)."""
        return self.states.known.copy()

    @property
    def complete(self) -> bool:
        """Whether all are."""
        return bool(self.states.known.all())

    @property
    def progress(self) -> ScanProgress:
        """How far it is: status, sequences done and in all, time left."""
        if self._run is not None:
            return self._run.progress
        return ScanProgress.at_rest(int(self.states.known.sum()), len(self), "sequences")

    @property
    def store_path(self) -> Path | str | None:
        """The folder or URL that keeps them; None if in memory or in a temporary folder."""
        store = self.states.store
        return None if store is None or self.states.temporary else store.path

    # Results

    def residues(self, which: int | str = 0, layer: int | None = None) -> Floats:
        """Return the embeddings of the residues of a protein.

        Parameters
        ----------
        which : int or str
            Which protein, by number from 0, or by name.
        layer : int, optional
            One of `layers`, the last of them by default.

        Returns
        -------
        ndarray of float32, shape (L, d)

        Raises
        ------
        IndexError
            If there is no such protein or layer.
        RuntimeError
            If it is not computed yet.
        ValueError
            If means alone are kept, or no protein, or more than one, has this name.
        """
        index, place = self.index(which), self._place(layer)
        if not self.has_residues:
            raise ValueError(
                "these embeddings are means over residues alone: call embed without pooled=True "
                "for those of residues"
            )
        self._require(index)
        return self.states.residues(index, place).copy()

    def pooled(self, layer: int | None = None) -> Floats:
        """Return the mean over the residues of each protein.

        Start, end and padding tokens are none; masked residues, where there are any, are.

        Parameters
        ----------
        layer : int, optional
            One of `layers`, the last of them by default.

        Returns
        -------
        ndarray of float32, shape (n, d)

        Raises
        ------
        IndexError
            If there is no such layer.
        RuntimeError
            If some are not computed yet; `to_pandas` gives those that are.
        """
        place = self._place(layer)
        if not self.complete:
            raise RuntimeError(
                f"the embeddings are not finished ({self.progress}): {self._waiting}, or take "
                "those that are from to_pandas()"
            )
        return self.states.means[:, place].copy()

    def to_pandas(self, which: int | str | None = None, layer: int | None = None) -> pd.DataFrame:
        """Return a table, a column a dimension.

        Parameters
        ----------
        which : int or str, optional
            A protein, as for `residues`; by default the means of all that are computed.
        layer : int, optional
            One of `layers`, the last of them by default.

        Returns
        -------
        DataFrame, shape (n, d) or (L, d)
            A row a protein, by name, or a residue, by label such as ``A25``.

        Raises
        ------
        IndexError, RuntimeError, ValueError
            As `residues`.
        """
        if which is None:
            done = self.states.known
            values = self.states.means[done, self._place(layer)]
            rows = pd.Index(np.array(self.names, dtype=object)[done], name="name")
        else:
            values = self.residues(which, layer)
            rows = pd.Index(self.proteins[self.index(which)].residue_labels, name="residue")
        return pd.DataFrame(values, index=rows, columns=pd.RangeIndex(self.width))

    def to_anndata(self, which: int | str | None = None, layer: int | None = None) -> "AnnData":
        """Return an AnnData, as scanpy and its kin take; needs ``plmwidgets[anndata]``.

        Parameters
        ----------
        which, layer
            As for `to_pandas`.

        Returns
        -------
        AnnData, shape (n, d) or (L, d)
            ``X``: the embeddings. ``obs``: ``length`` and ``sequence`` of proteins; ``position``
            (0-based) and ``amino_acid`` of residues. ``uns["plmwidgets"]``: model, checkpoint,
            revision, precision and layer.

        Raises
        ------
        ImportError
            If anndata is not installed.
        IndexError, RuntimeError, ValueError
            As `residues`.
        """
        try:
            from anndata import AnnData
        except ImportError as error:
            raise ImportError(
                "to_anndata needs anndata: pip install 'plmwidgets[anndata]'"
            ) from error
        table = self.to_pandas(which, layer)
        if which is None:
            done = [self.proteins[i] for i in np.flatnonzero(self.states.known).tolist()]
            about = {"length": [len(p) for p in done], "sequence": [p.sequence for p in done]}
        else:
            protein = self.proteins[self.index(which)]
            about = {"position": list(range(len(protein))), "amino_acid": list(protein.sequence)}
        identity = self.provenance["identity"]
        kept = {name: identity[name] for name in ("checkpoint", "revision", "precision")}
        source = {"model": self.provenance["model"], **kept, "layer": self.layer_of(layer)}
        # Plain strings: anndata does not write the strings of Arrow, which pandas 3 prefers.
        rows, columns = (
            pd.Index([str(label) for label in axis], dtype=object)
            for axis in (table.index, table.columns)
        )
        obs = pd.DataFrame(about, index=rows)
        texts = obs.select_dtypes(include=["string", "object"]).columns
        return AnnData(
            X=table.to_numpy(),
            obs=obs.astype(dict.fromkeys(texts, object)),
            var=pd.DataFrame(index=columns),
            uns={"plmwidgets": source},
        )

    def index(self, which: int | str) -> int:
        """Return the number of a protein, from 0.

        Parameters
        ----------
        which : int or str
            Its number, or its name.

        Raises
        ------
        IndexError
            If there is no such number.
        ValueError
            If no protein, or more than one, has this name.
        """
        if isinstance(which, str):
            found = [i for i, name in enumerate(self.names) if name == which]
            if len(found) == 1:
                return found[0]
            told = f"sequences {', '.join(map(str, found[:20]))} have" if found else "none has"
            raise ValueError(f"{told} the name {which!r}: give its number, 0 to {len(self) - 1}")
        number = as_whole(which, 0)
        if number is None or number >= len(self):
            raise IndexError(f"there is no sequence {which!r}: they are 0 to {len(self) - 1}")
        return number

    def layer_of(self, layer: int | None) -> int:
        """Return a layer that is kept: the last one by default.

        Raises
        ------
        IndexError
            If it is not kept.
        """
        return self.layers[self._place(layer)]

    # Disk

    def save(self, path: str | os.PathLike[str], replace: bool = False) -> None:
        """Write what is computed to a folder (Zarr); `load` reads it.

        Parameters
        ----------
        path : path or URL
        replace : bool
            Overwrite embeddings that are there already; never anything else.

        Raises
        ------
        StoreError
            If something is there already, or the place cannot be written to.
        """

        def write(store: EmbeddingStore) -> None:
            for index in np.flatnonzero(self.states.known).tolist():
                values = None
                if self.has_residues:
                    layers = range(len(self.layers))
                    values = np.stack([self.states.residues(index, k) for k in layers])
                store.write(index, values, self.states.means[index])

        saving.save_result(self, path, replace, EmbeddingStore, write)

    @classmethod
    def load(cls, path: str | os.PathLike[str], proteins: Proteins | None = None) -> "Embeddings":
        """Read saved embeddings, or the store of a run, finished or not.

        Parameters
        ----------
        path : path or URL
        proteins : as for `embed`, optional
            With their structures, which are not saved; the sequences must be the same.

        Raises
        ------
        FileNotFoundError
            If there is nothing at this path.
        StoreError
            If it holds no embeddings.
        ValueError
            If the proteins have other sequences.
        """
        store = EmbeddingStore.open(path)
        kept, provenance = store.metadata, saving.stored_provenance(store)
        if proteins is None:
            letters = kept["sequence"].split(SEPARATOR)
            named = zip(letters, kept["labels"], strict=True)
            subject = SequenceSet(tuple(Protein(*each) for each in named))
        else:
            subject = SequenceSet(proteins_of(proteins))
            if subject.sequence != kept["sequence"]:
                raise ValueError(
                    f"{store.path} holds embeddings of {kept['name']!r}, whose sequences are not "
                    "those of the proteins given: pass those that it is of, or none"
                )
        return cls(subject.proteins, States.of(subject, provenance, store), provenance)

    def _place(self, layer: int | None) -> int:
        if layer is None:
            return len(self.layers) - 1
        number = as_whole(layer, 0)
        if number not in self.layers:
            raise IndexError(
                f"layer {layer!r} is not kept here, only {', '.join(map(str, self.layers))}: call "
                "embed with layers= for others"
            )
        return self.layers.index(number)

    def _require(self, index: int) -> None:
        if not self.states.known[index]:
            raise RuntimeError(
                f"{self.names[index]!r} is not computed yet ({self.progress}): {self._waiting}"
            )

    @property
    def _waiting(self) -> str:
        return self._again if self._run is None else "wait() for it"


def require_embeddings(what: str, given: object) -> None:
    """Raise `TypeError`, saying what to do, if something that takes embeddings is given others."""
    result_of("embed(proteins, model)", given, Embeddings, what)

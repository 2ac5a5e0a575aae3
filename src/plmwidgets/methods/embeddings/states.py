"""Embeddings of many sequences: in memory while they are few, on disk when they are large."""

import shutil
import tempfile
import weakref
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from plmwidgets.methods.embeddings.input import SEPARATOR, SequenceSet
from plmwidgets.scan.description import Description, Kind, Layout
from plmwidgets.scan.places import StoreError, is_damage, place_of
from plmwidgets.scan.stored import ResultStore

Floats = NDArray[np.float32]

IN_MEMORY: Final = 2**28
"""Bytes up to which the embeddings of residues are held in memory: 200 proteins of 250 residues in
one layer of ESM-2 650M."""
RESIDUES_AT_ONCE: Final = 256
"""Residues in a chunk of a store."""


def _layout(described: Description) -> dict[str, Layout]:
    identity = described["identity"]
    lengths = [len(each) for each in described["sequence"].split(SEPARATOR)]
    layers, width = len(identity["layers"]), described["provenance"]["width"]
    means = (len(lengths), layers, width), (1, layers, width), "float32"
    if identity["pooled"]:
        return {"pooled": means}
    whole = (len(lengths), layers, _whole_chunks(max(lengths)), width)
    return {"pooled": means, "residues": (whole, (1, 1, RESIDUES_AT_ONCE, width), "float32")}


def _whole_chunks(length: int) -> int:
    """Return how many residues the chunks for so many have room for."""
    return -(-length // RESIDUES_AT_ONCE) * RESIDUES_AT_ONCE


class EmbeddingStore(ResultStore):
    """Embeddings in a folder, or at a URL.

    Arrays of the Zarr group, with n sequences, k layers and width d:

    ``pooled`` (n, k, d)
        Means over residues; written last, so that a sequence that has one is there whole.
    ``residues`` (n, k, room for the longest, d)
        Those of residues, unless means alone are kept. Only chunks that hold some are written.

    What is not computed yet, or lies behind the end of a sequence, is NaN.
    """

    kind = Kind(
        name="set of embeddings",
        noun="set of embeddings",
        format="plmwidgets-embeddings",
        version=1,
        arrays=("pooled", "residues"),
        layout=_layout,
    )

    def write(self, index: int, values: Floats | None, means: Floats) -> None:
        """Store what is known of a sequence: (k, L, d), unless means alone are kept, and (k, d)."""
        if values is not None:
            # Whole chunks: of others what is there, perhaps damaged, would be read first.
            layers, length, width = values.shape
            whole = np.full((layers, _whole_chunks(length), width), np.nan, np.float32)
            whole[:, :length] = values
            self._write("residues", np.s_[index, :, : whole.shape[1]], whole)
        self._write("pooled", index, means)

    def read_pooled(self) -> Floats:
        """Return all means, (n, k, d); NaN where missing or damaged, which a warning says."""
        array = self._arrays["pooled"]
        try:
            return np.array(array[:], np.float32)
        except Exception:  # then one by one, to find what is damaged
            found = np.full(array.shape, np.nan, np.float32)
        for index, row in enumerate(found):
            try:
                row[:] = array[index]
            except Exception as error:
                name = self._kept["labels"][index]
                self._warn_damaged(f"what is known of {name!r}", f"pooled/c/{index}/0/0", error)
        return found

    def read_residues(self, index: int, layer: int, length: int) -> Floats:
        """Return the embeddings of a sequence that is known, (L, d), in the k-th layer kept.

        Raises
        ------
        StoreError
            If it cannot be read. If it is damaged, it counts as missing from then on.
        """
        try:
            values = np.asarray(self._arrays["residues"][index, layer, :length], np.float32)
            if np.isnan(values).any():
                raise ValueError("part of it is missing")
        except Exception as error:
            keys = [
                f"residues/c/{index}/{layer}/{part}/0"
                for part in range(_whole_chunks(length) // RESIDUES_AT_ONCE)
            ]
            if isinstance(error, MemoryError) or not all(is_damage(self.place, k) for k in keys):
                raise StoreError(f"{self.path} cannot be read: {error}") from error
            with suppress(StoreError):  # of a store that cannot be written to, the error is enough
                self._write("pooled", index, np.nan)
            raise StoreError(
                f"what {self.path} holds of {self._kept['labels'][index]!r} is damaged ({error}): "
                "call embed with this store again to compute it anew"
            ) from error
        return values


class States:
    """What is known of the embeddings of some proteins.

    Parameters
    ----------
    lengths : sequence of int
        Of the n sequences.
    shape : tuple of (int, int)
        Number k of layers that are kept, and width d.
    keep_residues : bool
        Or the means alone.
    store : EmbeddingStore, optional
        Keeps everything; what it holds already is known.
    in_memory : bool
        Whether the embeddings of residues are held as well; else they are in the store alone.

    Attributes
    ----------
    known : ndarray of bool, shape (n,)
    means : ndarray of float32, shape (n, k, d)
        Over residues; NaN where not known.
    keep_residues, store
        As above.
    temporary : bool
        Whether the store goes with this object.
    """

    temporary = False

    def __init__(
        self,
        lengths: list[int],
        shape: tuple[int, int],
        keep_residues: bool,
        store: EmbeddingStore | None,
        in_memory: bool,
    ) -> None:
        self.lengths = lengths
        self.keep_residues = keep_residues
        self.store = store
        self._values: dict[int, Floats] | None = {} if in_memory and keep_residues else None
        nothing: Floats = np.full((len(lengths), *shape), np.nan, np.float32)
        self.means = nothing if store is None else store.read_pooled()
        self.known: NDArray[np.bool_] = np.asarray(np.isfinite(self.means).all(axis=(1, 2)))
        # What a failed write left in memory alone is written on the next start.
        self._stored = self.known.copy()

    @classmethod
    def of(
        cls, subject: SequenceSet, provenance: Mapping[str, Any], store: EmbeddingStore | None
    ) -> "States":
        """Return those of some proteins; large ones without a store get one that goes with them."""
        identity = provenance["identity"]
        lengths = [len(protein) for protein in subject.proteins]
        shape = len(identity["layers"]), int(provenance["width"])
        keep = not identity["pooled"]
        fits = not keep or sum(lengths) * shape[0] * shape[1] * 4 <= IN_MEMORY
        if fits or store is not None:
            # What is in a store is read from there, so that opening one is quick.
            return cls(lengths, shape, keep, store, store is None)
        folder = tempfile.mkdtemp(prefix="plmwidgets-embeddings-")
        place = place_of(Path(folder) / "embeddings.zarr")
        made = EmbeddingStore.open_or_create(place, subject, provenance)
        states = cls(lengths, shape, keep, made, False)
        states.temporary = True
        weakref.finalize(states, shutil.rmtree, folder, ignore_errors=True)
        return states

    def put(self, index: int, values: Floats) -> None:
        """Take the embeddings of a sequence, (k, L, d), and store them.

        Raises
        ------
        StoreError
            If they cannot be stored; what is in memory is kept.
        """
        means = values.mean(axis=1, dtype=np.float64).astype(np.float32)
        if not self.keep_residues or self._values is not None:
            if self._values is not None:
                self._values[index] = values
            self.means[index] = means
            self.known[index] = True
        if self.store is not None:
            self.store.write(index, values if self.keep_residues else None, means)
        self.means[index] = means
        self._stored[index] = self.known[index] = True

    def flush(self) -> None:
        """Store the means that are in memory alone."""
        if self.store is not None and not self.keep_residues:
            for index in np.flatnonzero(self.known & ~self._stored).tolist():
                self.store.write(index, None, self.means[index])
                self._stored[index] = True

    def residues(self, index: int, layer: int) -> Floats:
        """Return the embeddings of a sequence that is known, (L, d), in the k-th layer kept.

        Raises
        ------
        StoreError
            If they can no longer be read.
        """
        if self._values is not None:
            values: Floats = self._values[index][layer]
            return values
        assert self.store is not None
        try:
            return self.store.read_residues(index, layer, self.lengths[index])
        except StoreError:
            # Damaged ones were taken out of the store, and are computed when it is used again.
            self.known[index] = self._stored[index] = False
            raise

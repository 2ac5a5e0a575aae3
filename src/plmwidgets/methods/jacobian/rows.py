"""The rows of a categorical Jacobian: in memory while they are few, on disk when they are large."""

import shutil
import tempfile
import weakref
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from plmwidgets.alphabet import AMINO_ACIDS
from plmwidgets.methods.jacobian.math import row_norms
from plmwidgets.protein import Protein
from plmwidgets.scan.description import Description, Kind, Layout
from plmwidgets.scan.places import StoreError, place_of
from plmwidgets.scan.stored import Array, ResultStore

LETTERS: Final = len(AMINO_ACIDS)
IN_MEMORY: Final = 2**28
"""Bytes up to which the rows are held in memory: 400 residues, 1,800 of the fast variant."""


def substituted(method: str) -> int:
    """Return how many residues stand at a position in turn: 20, or the mask alone."""
    return LETTERS if method == "full" else 1


def _layout(described: Description) -> dict[str, Layout]:
    length = len(described["sequence"])
    row = (substituted(described["identity"]["method"]), length, LETTERS)
    square = (length, length)
    return {
        "rows": ((length, *row), (1, *row), described["dtype"]),
        "norms": (square, square, "float64"),
    }


class JacobianStore(ResultStore):
    """A Jacobian in a folder, or at a URL.

    Arrays of the Zarr group, with L residues and A = 20, or 1 of the fast variant:

    ``rows`` (L, A, L, 20)
        At ``[n, a, m, b]`` log p(b at m) with residue a, or the mask, at n. A chunk is a row.
    ``norms`` (L, L)
        Those of the blocks, once all rows are there.

    What is not computed yet is NaN.
    """

    kind = Kind(
        name="categorical Jacobian",
        noun="Jacobian",
        format="plmwidgets-jacobian",
        version=1,
        arrays=("rows", "norms"),
        layout=_layout,
    )

    def read_row(self, position: int) -> Array | None:
        """Return a row, (A, L, 20); None if it is missing, or damaged, which a warning says."""
        try:
            row: Array = np.asarray(self._arrays["rows"][position])
        except Exception as error:
            key = f"rows/c/{position}/0/0/0"
            self._warn_damaged(f"the row of position {position} (0-based)", key, error)
            return None
        return None if np.isnan(row).any() else row

    def read_rows(self, rows: slice) -> Array:
        """Return rows that are known to be sound, (k, A, L, 20).

        Raises
        ------
        StoreError
            If one cannot be read.
        """
        try:
            return np.asarray(self._arrays["rows"][rows])
        except Exception as error:
            raise StoreError(
                f"{self.path} can no longer be read: {error}. Call jacobian with this store again"
            ) from error

    def present(self) -> list[int]:
        """Return the positions of which there is something, ascending."""
        return sorted(int(name) for name in self.place.names("rows/c") if name.isdecimal())

    def write_row(self, position: int, row: Array) -> None:
        """Store a row, (A, L, 20)."""
        self._write("rows", position, row)

    def read_norms(self) -> NDArray[np.float64] | None:
        """Return the norms, (L, L); None while there are none."""
        norms = self._read_whole("norms")
        return None if norms is None else norms.astype(np.float64)

    def write_norms(self, norms: NDArray[np.float64]) -> None:
        """Store the norms, (L, L)."""
        self._write("norms", slice(None), norms)


class Rows:
    """What is known of T, row by row.

    Parameters
    ----------
    shape : tuple of int
        (L, A, L, 20).
    dtype : str
    store : JacobianStore, optional
        Keeps every row; what it holds already is known.
    in_memory : bool
        Whether the rows are held as well; else they are in the store alone.

    Attributes
    ----------
    known : ndarray of bool, shape (L,)
    store
        As above.
    norms : ndarray, shape (L, L), or None
        Those of the blocks, once all rows are known and they are computed.
    temporary : bool
        Whether the store goes with this object.
    """

    temporary = False

    def __init__(
        self, shape: tuple[int, ...], dtype: str, store: JacobianStore | None, in_memory: bool
    ) -> None:
        self.shape = shape
        self.dtype = dtype
        self.store = store
        self._values = np.empty(shape, dtype) if in_memory else None
        self.known = np.zeros(shape[0], dtype=bool)
        for position in () if store is None else store.present():
            assert store is not None
            row = store.read_row(position)
            if row is not None:
                if self._values is not None:
                    self._values[position] = row
                self.known[position] = True
        # What a failed write left in memory alone is written on the next start.
        self._stored = self.known.copy()
        self.norms = store.read_norms() if store is not None and self.complete else None

    @classmethod
    def of(
        cls, protein: Protein, provenance: Mapping[str, Any], store: JacobianStore | None
    ) -> "Rows":
        """Return the rows of a protein; large ones without a store get one that goes with them."""
        identity = provenance["identity"]
        shape = (len(protein), substituted(identity["method"]), len(protein), LETTERS)
        # Models give single precision, except for exact ones, whose digits are kept.
        dtype = "float64" if identity["dtype"] == "float64" else "float32"
        in_memory = int(np.prod(shape)) * np.dtype(dtype).itemsize <= IN_MEMORY
        if in_memory or store is not None:
            return cls(shape, dtype, store, in_memory)
        folder = tempfile.mkdtemp(prefix="plmwidgets-jacobian-")
        place = place_of(Path(folder) / "rows.zarr")
        rows = cls(shape, dtype, JacobianStore.open_or_create(place, protein, provenance), False)
        rows.temporary = True
        weakref.finalize(rows, shutil.rmtree, folder, ignore_errors=True)
        return rows

    @property
    def complete(self) -> bool:
        """Whether all rows are known."""
        return bool(self.known.all())

    def put(self, position: int, row: Array) -> None:
        """Take a row, (A, L, 20), and store it.

        Raises
        ------
        StoreError
            If it cannot be stored; it is kept in memory if they all are.
        """
        if self._values is not None:
            self._values[position] = row
            self.known[position] = True
        if self.store is not None:
            self.store.write_row(position, row)
        self._stored[position] = self.known[position] = True

    def flush(self) -> None:
        """Store what is in memory alone."""
        if self.store is not None and self._values is not None:
            for position in np.flatnonzero(self.known & ~self._stored).tolist():
                self.put(position, self._values[position])

    def compute_norms(self, between: Callable[[], None] = lambda: None) -> NDArray[np.float64]:
        """Compute the norms of the blocks, some rows at a time, and keep them here.

        Parameters
        ----------
        between : callable, optional
            Called now and then; may raise to give up.
        """
        row_bytes = int(np.prod(self.shape[1:])) * np.dtype(self.dtype).itemsize
        self.norms = row_norms(self.read, self.shape[0], row_bytes, between)
        return self.norms

    def read(self, rows: slice) -> Array:
        """Return known rows, (k, A, L, 20); not to be written to."""
        if self._values is not None:
            return self._values[rows]
        assert self.store is not None
        return self.store.read_rows(rows)

"""What all stores of results have in common: they say whose they are, and find what is damaged."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from plmwidgets._version import __version__
from plmwidgets._warn import warn
from plmwidgets.alphabet import AMINO_ACIDS
from plmwidgets.scan import description
from plmwidgets.scan.places import Place, StoreError, explained, is_damage, place_of

Array = NDArray[np.floating[Any]]


class Subject(Protocol):
    """What a result is of: a `Protein`, or several as one."""

    @property
    def sequence(self) -> str:
        """Its residues; of several proteins, theirs with a sign between them."""

    @property
    def name(self) -> str:
        """For people."""

    @property
    def residue_labels(self) -> Sequence[str]:
        """Names of its residues; of several proteins, their names."""


class ResultStore:
    """A result in a folder, or at a URL, of which nothing is lost; base of all such stores.

    Attributes
    ----------
    kind : Kind
        What such a store holds.
    place : Place
    """

    kind: ClassVar[description.Kind]

    def __init__(self, place: Place, kept: Mapping[str, Any], optional: bool = False) -> None:
        self.place = place
        self._kept = dict(kept)
        self._optional = optional
        self._warned = False
        self._damaged: set[str] = set()
        with self._writing(always=True):
            self._arrays = description.open_arrays(place, self.kind, self._kept)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.path)!r})"

    @property
    def path(self) -> Path | str:
        """Where it is: a folder, or a URL."""
        return self.place.path

    @classmethod
    def create(
        cls,
        path: str | os.PathLike[str] | Place,
        *,
        sequence: str,
        labels: Sequence[str],
        name: str,
        identity: Mapping[str, str],
        positions: Sequence[int] | None = None,
        dtype: str = "float32",
        provenance: Mapping[str, Any] | None = None,
        optional: bool = False,
    ) -> Self:
        """Create an empty store where none is yet, as `description.is_free` tells.

        If another process was faster, the store is the one that it made: `check` tells whose.

        Parameters
        ----------
        optional : bool
            What cannot be written later is told in a warning instead of an error.

        Raises
        ------
        StoreError
            If the place cannot be written to.
        """
        place = place_of(path)
        with explained(place):
            described = {
                "sequence": sequence,
                "labels": list(labels),
                "name": name,
                "identity": dict(identity),
                "positions": None if positions is None else [int(p) for p in positions],
                "dtype": dtype,
                "amino_acids": AMINO_ACIDS,
                "provenance": {"plmwidgets": __version__, **(provenance or {})},
            }
            description.create(place, cls.kind, described)
        return cls.open(place, optional=optional)

    @classmethod
    def open(cls, path: str | os.PathLike[str] | Place, *, optional: bool = False) -> Self:
        """Open a store, or a saved result.

        Raises
        ------
        FileNotFoundError
            If there is nothing at this path, or an empty folder.
        StoreError
            If it is of another kind, or of a newer format.
        """
        place = place_of(path)
        return cls(place, description.read(place, cls.kind), optional)

    @classmethod
    def open_or_create(
        cls,
        place: Place,
        protein: Subject,
        provenance: Mapping[str, Any],
        positions: Sequence[int] | None = None,
        optional: bool = False,
    ) -> Self:
        """Open the store of this very work, or create it.

        Raises
        ------
        StoreError
            If the place holds something else, or cannot be written to.
        """
        identity = provenance["identity"]
        place.tidy()
        try:
            store = cls.open(place, optional=optional)
        except FileNotFoundError:
            store = cls.create(
                place,
                sequence=protein.sequence,
                labels=protein.residue_labels,
                name=protein.name,
                identity=identity,
                positions=positions,
                dtype="float64" if identity["dtype"] == "float64" else "float32",
                provenance=provenance,
                optional=optional,
            )
        # A new one as well: another process may have been there first.
        store.check(sequence=protein.sequence, identity=identity, positions=positions)
        return store

    @property
    def metadata(self) -> dict[str, Any]:
        """Sequence, labels, name, identity, positions and provenance."""
        return dict(self._kept)

    def check(
        self,
        *,
        sequence: str,
        identity: Mapping[str, str],
        positions: Sequence[int] | None = None,
    ) -> None:
        """Refuse to continue the work on something else.

        Raises
        ------
        StoreError
            Naming what differs.
        """
        # What names no adapter was computed without one.
        kept, own = self._kept, {"adapter": "", **self._identity()}
        differences = []
        if kept["sequence"] != sequence:
            differences.append(
                f"its sequence is that of {kept['name']!r} ({len(kept['sequence'])} residues, "
                f"{_shortened(kept['sequence'])}), not {_shortened(sequence)}"
            )
        differences += [
            f"its {key} is {own.get(key)!r}, not {value!r}"
            + (f" (pass {key}={own.get(key)!r} to go on)" if key in ("precision", "method") else "")
            for key, value in {"adapter": "", **identity}.items()
            if own.get(key) != value
        ]
        wanted = None if positions is None else [int(p) for p in positions]
        if kept["positions"] != wanted:
            differences.append("it covers another set of positions")
        if differences:
            noun = self.kind.noun
            raise StoreError(
                f"the store {self.path} belongs to another {noun}: {'; '.join(differences)}. "
                f"Use another path for this {noun}."
            )

    def _identity(self) -> dict[str, str]:
        """Return which weights, and in which arithmetic, the numbers come from."""
        return dict(self._kept["identity"])

    def _read_whole(self, name: str) -> Array | None:
        array = self._arrays[name]
        try:
            values: Array = np.asarray(array[:])
        except Exception as error:
            self._warn_damaged(name, f"{name}/c{'/0' * array.ndim}", error)
            return None
        return None if np.isnan(values).all() else values

    def _warn_damaged(self, what: str, key: str, error: Exception) -> None:
        if isinstance(error, MemoryError) or not is_damage(self.place, key):
            raise StoreError(f"{self.path} cannot be read: {error}") from error
        if what not in self._damaged:
            warn(f"{what} in {self.path} is damaged and will be computed again ({error})")
        self._damaged.add(what)

    def _write(self, name: str, where: Any, values: Array | float) -> None:
        with self._writing():
            self._arrays[name][where] = values

    @contextmanager
    def _writing(self, always: bool = False) -> Iterator[None]:
        try:
            with explained(self.place):
                yield
        except StoreError as error:
            if always or not self._optional:
                raise
            if not self._warned:
                warn(f"{error}. The scan goes on in memory; `save` keeps it elsewhere.")
            self._warned = True


def _shortened(sequence: str) -> str:
    return sequence if len(sequence) <= 12 else f"{sequence[:10]}..."

"""What results share when they are written to a store and read back."""

import os
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol, TypeVar

from plmwidgets._options import flag
from plmwidgets._warn import warn
from plmwidgets.protein import Protein, as_protein
from plmwidgets.scan.description import is_free
from plmwidgets.scan.places import Place, StoreError, explained, place_of
from plmwidgets.scan.stored import ResultStore, Subject

Kept = TypeVar("Kept", bound=ResultStore)


class Result(Protocol):
    """What can be saved, beside its numbers."""

    provenance: dict[str, Any]

    @property
    def protein(self) -> Subject:
        """What it is of."""

    @property
    def dtype(self) -> str:
        """The type of its numbers."""


def save_result(
    result: Result,
    path: str | os.PathLike[str],
    replace: bool,
    kind: type[Kept],
    write: Callable[[Kept], None],
) -> None:
    """Create the store of a result and write its numbers.

    An older result that is to be replaced is removed once the new one is whole, so that a disk
    that fills meanwhile loses nothing.

    Parameters
    ----------
    result : Result
    path : path or URL
    replace : bool
        Whether one of the same kind that is there already may be replaced.
    kind : type of ResultStore
    write : callable
        Writes them to the new store.
    """
    place = place_of(path)
    if not (flag("replace", replace) and _is_there(kind, place)):
        with explained(place):
            if not is_free(place, kind.kind):
                raise StoreError(
                    f"{place} exists already: choose another path, or pass replace=True to "
                    f"overwrite a {kind.kind.noun}"
                )
        write(_create_store(kind, result, place))
        return
    fresh = place.sibling()
    try:
        write(_create_store(kind, result, fresh))
    except BaseException:
        with suppress(OSError):
            fresh.remove()
        raise
    with explained(place):
        place.replace_by(fresh)


def _is_there(kind: type[Kept], place: Place) -> bool:
    try:
        kind.open(place)  # refuses what is of another kind
    except FileNotFoundError:
        return False
    return True


def _create_store(kind: type[Kept], result: Result, place: Place) -> Kept:
    protein, provenance = result.protein, result.provenance
    return kind.create(
        place,
        sequence=protein.sequence,
        labels=protein.residue_labels,
        name=protein.name,
        identity=provenance.get("identity", {}),
        positions=getattr(result, "positions", None),
        dtype=result.dtype,
        provenance=provenance,
    )


def stored_protein(store: ResultStore, protein: Protein | str | None) -> Protein:
    """Return the protein given, if its sequence is that of the store; without one, a new one.

    The new one has no structure, and so counts its residues from 1: a warning says so where the
    result's protein did not.

    Raises
    ------
    TypeError
        If it is neither a protein nor text.
    ValueError
        If the sequences differ.
    """
    kept = store.metadata
    if protein is None:
        protein = Protein(kept["sequence"], name=kept["name"])
        if list(protein.residue_labels) != kept["labels"]:
            warn(
                f"{store.path} was made with the residue numbers of a structure "
                f"({kept['labels'][0]} to {kept['labels'][-1]}), which is not stored with it: "
                f"residues are labelled {protein.residue_labels[0]} to "
                f"{protein.residue_labels[-1]} here. Pass the protein, load(path, protein), to "
                "have them back"
            )
        return protein
    protein = as_protein(protein)
    if protein.sequence != kept["sequence"]:
        raise ValueError(
            f"{store.path} holds a {store.kind.noun} of {kept['name']!r} "
            f"({len(kept['sequence'])} residues), whose sequence differs from that of "
            f"{protein.name!r} ({len(protein)} residues): pass the protein that it is of, or none"
        )
    return protein


def stored_provenance(store: ResultStore) -> dict[str, Any]:
    """Return where the numbers of a store come from, its identity included."""
    kept = store.metadata
    return {**kept["provenance"], "identity": kept["identity"]}

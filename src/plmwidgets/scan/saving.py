"""What single and pair results share when they are written to a store and read back."""

import os
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from plmwidgets._warn import warn
from plmwidgets.protein import Protein
from plmwidgets.scan.description import is_free
from plmwidgets.scan.places import Place, StoreError, explained, place_of
from plmwidgets.scan.store import PairStore

if TYPE_CHECKING:
    from plmwidgets.scan.pair import PairScan
    from plmwidgets.scan.single import SingleScan


def save_result(
    result: "SingleScan | PairScan",
    path: str | os.PathLike[str],
    replace: bool,
    write: Callable[[PairStore], None],
) -> None:
    """Create the store of a result and write its numbers.

    An older scan that is to be replaced is removed once the new one is whole, so that a disk that
    fills meanwhile loses nothing.
    """
    place = place_of(path)
    if not (replace and _is_scan(place)):
        with explained(place):
            if not is_free(place):
                raise StoreError(f"{place} exists already: choose another path, or remove it")
        write(_create_store(result, place))
        return
    fresh = place.sibling()
    try:
        write(_create_store(result, fresh))
    except BaseException:
        with suppress(OSError):
            fresh.remove()
        raise
    with explained(place):
        place.replace_by(fresh)


def _is_scan(place: Place) -> bool:
    try:
        PairStore.open(place)  # refuses what is no pair scan
    except FileNotFoundError:
        return False
    return True


def _create_store(result: "SingleScan | PairScan", place: Place) -> PairStore:
    protein, provenance = result.protein, result.provenance
    return PairStore.create(
        place,
        sequence=protein.sequence,
        labels=protein.residue_labels,
        name=protein.name,
        identity=provenance.get("identity", {}),
        positions=getattr(result, "positions", None),
        dtype=str(result.log_probabilities.dtype),
        provenance=provenance,
    )


def stored_protein(store: PairStore, protein: Protein | None) -> Protein:
    """Return the protein given, if its sequence is that of the store; without one, a new one.

    The new one has no structure, and so counts its residues from 1: a warning says so where the
    scan's protein did not.

    Raises
    ------
    ValueError
        If the sequences differ.
    """
    kept = store.metadata
    if protein is None:
        protein = Protein(kept["sequence"], name=kept["name"])
        if list(protein.residue_labels) != kept["labels"]:
            warn(
                f"{store.path} was scanned with the residue numbers of a structure "
                f"({kept['labels'][0]} to {kept['labels'][-1]}), which is not stored with it: "
                f"residues are labelled {protein.residue_labels[0]} to "
                f"{protein.residue_labels[-1]} here. Pass the protein, load(path, protein), to "
                "have them back"
            )
        return protein
    if protein.sequence != kept["sequence"]:
        raise ValueError(
            f"{store.path} holds a scan of {kept['name']!r} ({len(kept['sequence'])} residues), "
            f"whose sequence differs from that of {protein.name!r} ({len(protein)} residues): "
            "pass the protein that was scanned, or none"
        )
    return protein


def stored_provenance(store: PairStore) -> dict[str, Any]:
    """Return where the numbers of a store come from, its identity included."""
    kept = store.metadata
    return {**kept["provenance"], "identity": kept["identity"]}

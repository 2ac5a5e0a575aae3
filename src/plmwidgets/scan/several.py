"""Several pair scans of one protein, by the names of their models."""

from collections.abc import Iterable, Mapping

from plmwidgets.protein import Protein
from plmwidgets.scan.pair import PairScan

Scans = Iterable[PairScan] | Mapping[str, PairScan]


def scans_by_model(scans: Scans) -> dict[str, PairScan]:
    """Return the scans of one protein by the names of their models, in the order given.

    Parameters
    ----------
    scans : iterable of PairScan, or mapping of str to PairScan
        A mapping states names; otherwise they are those of the models.

    Raises
    ------
    TypeError
        If something in it is no pair scan.
    ValueError
        If there is none, two have one name, or they are of different sequences.
    """
    if isinstance(scans, PairScan):
        raise TypeError("expected a list of scans, not a scan: write [scan]")
    if not isinstance(scans, Iterable):
        scans = [scans]  # refused below
    named: dict[str, PairScan] = {}
    for name, scan in (
        scans.items() if isinstance(scans, Mapping) else ((None, scan) for scan in scans)
    ):
        if not isinstance(scan, PairScan):
            raise TypeError(
                f"expected pair scans, not {type(scan).__name__}: make them with scan_pairs or "
                "PairScan.load"
            )
        label = model_of(scan) if name is None else name
        if label in named:
            raise ValueError(
                f"two scans are of a model called {label!r}: give the scans names of their own, "
                "such as {'first': scan, 'second': other}"
            )
        named[label] = scan
    if not named:
        raise ValueError("there is no scan to show: give at least one")
    first, *others = named.values()
    for other in others:
        if other.protein.sequence != first.protein.sequence:
            raise ValueError(
                f"the scans are of different proteins, {first.protein.name!r} and "
                f"{other.protein.name!r}: compare scans of one sequence"
            )
    return named


def model_of(scan: PairScan) -> str:
    """Name of the model that a scan is of."""
    return str(scan.provenance.get("model", "unknown model"))


def protein_of(named: Mapping[str, PairScan]) -> Protein:
    """Return the scans' protein, with its structure where one of the scans has it."""
    proteins = [scan.protein for scan in named.values()]
    return next((protein for protein in proteins if protein.has_structure), proteins[0])

"""What a map of contacts, and a truth to judge it by, may be given as."""

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from plmwidgets import metrics
from plmwidgets._labels import by_residue
from plmwidgets.protein import Protein
from plmwidgets.scan.pair import PairScan
from plmwidgets.scan.progress import ScanProgress, ScanStatus


@runtime_checkable
class HasContacts(Protocol):
    """What a map can be made from: a pair scan, a Jacobian, attention."""

    def contacts(self) -> pd.DataFrame:
        """Score every pair, (L, L); larger means more likely in contact."""


Map = ArrayLike | pd.DataFrame | HasContacts


def name_of(given: Any) -> str:
    """Return what to call a map that was given without a name."""
    return type(given).__name__ if _computes(given) else "map"


def _computes(given: Any) -> bool:
    # A DataFrame may have a column of that name, which is no function.
    return isinstance(given, HasContacts) and not isinstance(given, np.ndarray | pd.DataFrame)


def by_name(maps: Mapping[str, Map] | Map) -> dict[str, Map]:
    """Return the maps by the names to show, checked; one without a name gets that of its type."""
    if not isinstance(maps, Mapping):
        return {name_of(maps): maps}
    if not maps:
        raise ValueError("there is no map to evaluate: give at least one, such as {'JS': scan}")
    named = {str(name): given for name, given in maps.items()}
    if not all(map(str.strip, named)):
        raise ValueError("every map needs a name that can be read: one is empty")
    if len(named) < len(maps):
        raise ValueError(
            f"of the {len(maps)} maps some have one name, written out: "
            f"{', '.join(map(repr, maps))}. Give each its own"
        )
    return named


def scores_of(protein: Protein, name: str, given: Any) -> NDArray[np.float64]:
    """Return the symmetric scores of a map, (L, L), checked; `evaluate_contacts` says what of."""
    of = getattr(given, "protein", protein)
    of = of if isinstance(of, Protein) else protein
    if of.sequence != protein.sequence:
        raise ValueError(f"the map {name!r} is of another protein, {of.name!r}")
    if _computes(given):
        _check_finished(name, given)
        given = given.contacts()
    # Labels are those of its own protein, which may be numbered otherwise.
    return metrics.symmetrised(_square(of, f"the map {name!r}", given))


def _check_finished(name: str, given: Any) -> None:
    progress = getattr(given, "progress", None)
    if not isinstance(progress, ScanProgress) or progress.status is ScanStatus.FINISHED:
        return
    # A superposed scan is whole once it is audited: an upgrade that was held leaves no gap.
    audited = isinstance(given, PairScan) and given.audit is not None
    if not audited or progress.status is ScanStatus.RUNNING:
        raise RuntimeError(
            f"the map {name!r} is not finished ({progress}), and figures of a part of it would "
            "mislead: wait for it with wait(), after resume() if it was stopped. To judge what is "
            "there by now all the same, give its contacts()"
        )


def known_contacts(protein: Protein, given: ArrayLike) -> NDArray[np.float64]:
    """Return a truth as 1, 0 and NaN, symmetric, (L, L), checked."""
    truth = _square(protein, "the truth", given)
    known = truth[np.isfinite(truth)]
    if not np.isin(known, (0.0, 1.0)).all():
        raise ValueError(
            "the truth is True or 1 where residues touch, False or 0 where not, and NaN where "
            f"unknown: {known[~np.isin(known, (0.0, 1.0))][0]:g} is none of these. Of distances "
            "make it with distances < 8"
        )
    both = np.isfinite(truth) & np.isfinite(truth.T)
    i, j = np.nonzero(both & (truth != truth.T))
    if len(i):
        raise ValueError(
            f"the truth says two things of a pair, at [{i[0]}, {j[0]}] and [{j[0]}, {i[0]}]: give "
            "a symmetric one, such as np.maximum(truth, truth.T)"
        )
    return metrics.symmetrised(truth)


def _square(protein: Protein, what: str, given: Any) -> NDArray[np.float64]:
    given = by_residue(given, protein, what)
    try:
        values = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError):
        raise TypeError(
            f"{what} is {type(given).__name__}: expected an (L, L) array or DataFrame of numbers, "
            "or something with contacts()"
        ) from None
    length = len(protein)
    if values.shape != (length, length):
        raise ValueError(
            f"{what} has shape {values.shape}, and {protein.name!r} has {length} residues: it must "
            f"be ({length}, {length})"
        )
    return values

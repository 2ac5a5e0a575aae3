"""What a map of contacts, and a truth to judge it by, may be given as."""

from typing import Any, Protocol, runtime_checkable

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from plmwidgets import metrics
from plmwidgets.protein import Protein


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


def scores_of(protein: Protein, name: str, given: Any) -> NDArray[np.float64]:
    """Return the symmetric scores of a map, (L, L), checked; `evaluate_contacts` says what of."""
    of = getattr(given, "protein", protein)
    if isinstance(of, Protein) and of.sequence != protein.sequence:
        raise ValueError(f"the map {name!r} is of another protein, {of.name!r}")
    if _computes(given):
        given = given.contacts()
    return metrics.symmetrised(_square(protein, f"the map {name!r}", given))


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

"""Which segments, and which pairs of them, a contact recovery may be asked about."""

from numbers import Real
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from plmwidgets._labels import by_residue
from plmwidgets._numbers import as_whole
from plmwidgets.methods.recovery.maps import MapMaker
from plmwidgets.methods.recovery.plan import words_of
from plmwidgets.models import as_model
from plmwidgets.models.masked_lm import Context, MaskedLM
from plmwidgets.protein import Protein, as_protein

WIDTH: Final = 22
ROOM: Final = 10
NEIGHBOURS: Final = 6
HALF: Final = 5
SHORTEST: Final = {"helix": 8, "strand": 4}
"""Shorter elements are left out, as in the published analysis."""


def candidate_segments(
    protein: Protein | str,
    source: MaskedLM | str | ArrayLike | None = None,
    *,
    width: int = WIDTH,
    threshold: float = 15.0,
    room: int = ROOM,
) -> pd.DataFrame:
    """List the windows that have contacts within themselves, which could be recovered.

    Parameters
    ----------
    protein : Protein or str
    source : MaskedLM, str or array_like, optional
        A model with a contact head; or P0, a map of probabilities, (L, L), of which a DataFrame is
        read by its labels. Without it, and for maps that have no scale, as the Jacobian's, the
        contacts of the structure count: CB within 8 Å, 6 residues apart or more. NaN counts as 0,
        no contact: on the diagonal, where many maps have it, and wherever a contact is not known.
    width : int
        Residues in a window.
    threshold : float
        A window counts where its block of the map, both halves, sums up to more.
    room : int
        On either side of a window there are more residues than this, to be shown.

    Returns
    -------
    DataFrame
        A row a window, by ``start``: ``start``, ``stop`` (0-based, not included), ``label`` and
        ``contact_sum``.

    Raises
    ------
    ModelError
        If the model has no contact head.
    ValueError
        If there is neither a map nor a structure, the map is of another shape, has other labels or
        not finite numbers, or an option makes no sense.
    """
    protein = as_protein(protein)
    if not isinstance(threshold, Real) or np.isnan(threshold):
        raise ValueError(f"threshold is a number, a sum of contacts, not {threshold!r}")
    width = _checked("width", width, 1)
    room = _checked("room", room, 0)
    values = _contacts(protein, source)
    # Sums of all windows along the diagonal from those of rectangles that begin at the corner.
    total = np.zeros(np.add(values.shape, 1))
    total[1:, 1:] = values.cumsum(0).cumsum(1)
    rows = []
    for start in range(room + 1, len(protein) - width - room):
        stop = start + width
        inside = total[stop, stop] - 2 * total[start, stop] + total[start, start]
        if inside > threshold:
            label = words_of(protein, (start, stop))
            rows.append({"start": start, "stop": stop, "label": label, "contact_sum": inside})
    return pd.DataFrame(rows, columns=["start", "stop", "label", "contact_sum"])


def element_pairs(
    protein: Protein, *, separation: tuple[int, int | None] = (50, None)
) -> pd.DataFrame:
    """List pairs of windows about the centres of helices and strands that touch each other.

    Parameters
    ----------
    protein : Protein
        With a structure, from whose CA trace the elements are found (P-SEA). Helices of fewer than
        8 residues and strands of fewer than 4 are left out.
    separation : tuple of (int, int or None)
        How far apart along the sequence the centres may be: more than the first, and up to the
        second number. The published analysis takes ``(50, 100)`` and ``(100, None)``.

    Returns
    -------
    DataFrame
        A row a pair: ``start_1``, ``stop_1``, ``start_2``, ``stop_2`` (the centre and 5 residues
        on either side, 0-based), ``kind_1``, ``kind_2``, ``separation``, and ``contacts``, the
        number of contacts between the windows in the structure; most contacts first.

    Raises
    ------
    ValueError
        If there is no structure, or the separation is not two numbers, the larger one last.
    """
    protein = as_protein(protein)
    least, most = _range(separation)
    if protein.structure is None:
        raise ValueError(
            f"{protein.name!r} has no structure, in which helices and strands could be found: "
            "attach one with protein.with_structure('file.cif')"
        )
    touching = np.nan_to_num(protein.contact_map())
    centres = [
        (element.kind, (element.start + element.stop) // 2)
        for element in protein.structure.elements()
        if element.stop - element.start >= SHORTEST[element.kind]
    ]
    rows: list[dict[str, Any]] = []
    for kind, centre in centres:
        for other_kind, other in centres:
            apart = other - centre
            if apart <= least or (most is not None and apart > most):
                continue
            first, second = (centre - HALF, centre + HALF + 1), (other - HALF, other + HALF + 1)
            if first[0] < 0 or second[1] > len(protein) or second[0] < first[1]:
                continue
            contacts = int(touching[slice(*first), slice(*second)].sum())
            if contacts:
                rows.append(
                    {
                        "start_1": first[0],
                        "stop_1": first[1],
                        "start_2": second[0],
                        "stop_2": second[1],
                        "kind_1": kind,
                        "kind_2": other_kind,
                        "separation": apart,
                        "contacts": contacts,
                    }
                )
    columns = ["start_1", "stop_1", "start_2", "stop_2", "kind_1", "kind_2", "separation"]
    table = pd.DataFrame(rows, columns=[*columns, "contacts"])
    return table.sort_values("contacts", ascending=False, kind="stable", ignore_index=True)


def _contacts(protein: Protein, source: MaskedLM | str | ArrayLike | None) -> NDArray[np.float64]:
    length = len(protein)
    if source is None:
        separation = np.abs(np.subtract.outer(np.arange(length), np.arange(length)))
        touching = np.nan_to_num(protein.contact_map())
        return np.where(separation >= NEIGHBOURS, touching, 0.0)
    if isinstance(source, str | MaskedLM):
        model = as_model(source)
        model.check_sequence(protein.sequence)
        maker = MapMaker(model, "contact-head")
        whole = [Context(protein.sequence)]
        source = maker.read(whole, maker.ask(whole).result())[0]
    source = by_residue(source, protein, "the map")
    try:
        values = np.array(source, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(
            f"a map of {protein.name} is a table of ({length}, {length}) numbers: this "
            f"{type(source).__name__} has something else in it"
        ) from None
    if values.shape != (length, length):
        raise ValueError(
            f"a map of {protein.name} has shape ({length}, {length}), not {values.shape}"
        )
    values[np.isnan(values)] = 0.0
    if not np.isfinite(values).all():
        raise ValueError("a map has finite numbers, and this one has infinite ones")
    return values


def _checked(name: str, value: object, least: int) -> int:
    found = as_whole(value, least)
    if found is None:
        raise ValueError(f"{name} is a whole number of residues, {least} or more, not {value!r}")
    return found


def _range(separation: object) -> tuple[int, int | None]:
    """Read how far apart two centres may be."""
    if isinstance(separation, tuple | list) and len(separation) == 2:
        least = as_whole(separation[0], least=0)
        most = as_whole(separation[1], least=0)
        if least is not None and separation[1] is None:
            return least, None
        if least is not None and most is not None and least < most:
            return least, most
    raise ValueError(
        "separation is (more than, up to) in residues, such as (50, 100), or (100, None) without "
        f"an upper end, not {separation!r}"
    )

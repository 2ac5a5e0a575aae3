"""Hand a protein over to nglview, for those who want its whole range of drawings."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from plmwidgets._labels import by_residue
from plmwidgets.protein import Protein, as_protein

CONTACT, NO_CONTACT, UNKNOWN = [0.0, 0.45, 0.70], [0.84, 0.37, 0.0], [0.5, 0.5, 0.5]
# Anchors of the viridis scale; values between them are interpolated.
_SCALE = np.array([[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]])


def to_nglview(
    protein: Protein | str, values: ArrayLike | None = None, pairs: Iterable[tuple[int, int]] = ()
) -> Any:
    """Return an nglview widget with the protein as a cartoon.

    Parameters
    ----------
    protein : Protein or str
        With a structure. Residue numbers in the widget are positions + 1.
    values : array_like, shape (L,), optional
        Colours the residues from dark (least) to yellow (most); NaN is grey. A Series is read by
        its labels.
    pairs : iterable of (int, int), optional
        0-based pairs drawn as cylinders: blue for contacts (CB < 8 Å), orange for others, grey
        where unknown.

    Returns
    -------
    nglview.NGLWidget

    Raises
    ------
    RuntimeError
        If the installed nglview draws nothing.
    ValueError
        If there is no structure, or the values do not fit the sequence.
    """
    protein = as_protein(protein)
    nglview = working_nglview()
    structure = protein.structure
    if structure is None:
        raise ValueError(f"{protein.name} has no structure to draw: open a PDB or mmCIF file")
    view = nglview.NGLWidget(nglview.TextStructure(structure.to_cif(), ext="cif"), default=False)
    colour = "sstruc"
    if values is not None:
        values = by_residue(values, protein, "the Series")
        numbers = np.asarray(values, dtype=np.float64)
        if numbers.shape != (len(protein),):
            raise ValueError(
                f"values must have one number a residue, shape ({len(protein)},), "
                f"not {numbers.shape}"
            )
        colour = f"plmwidgets-{id(view)}"
        scheme = [[c, str(i + 1)] for i, c in enumerate(_hex_colours(numbers))]
        nglview.color.ColormakerRegistry.add_selection_scheme(colour, scheme)
    view.add_representation("cartoon", selection="protein", color=colour)
    contacts = protein.contact_map()
    for i, j in pairs:
        ends = structure.ca[[i, j]]
        if np.isfinite(ends).all():
            shade = contact_colour(contacts[i, j])
            view.shape.add_cylinder(ends[0].tolist(), ends[1].tolist(), shade, 0.3)
    view.center()
    return view


def working_nglview() -> Any:
    """Return the nglview package.

    Raises
    ------
    RuntimeError
        If the version is installed whose widgets stay empty boxes.
    """
    import nglview

    if nglview.__version__ == "4.0.1":
        raise RuntimeError(
            "nglview 4.0.1 draws nothing, only an empty box: it asks the notebook for version 4.0 "
            "of its browser part, but comes with 3.1.5. Run pip install 'nglview!=4.0.1', restart "
            "the kernel and reload the page; StructureView needs no nglview"
        )
    return nglview


def contact_colour(contact: float | None) -> list[float]:
    """Return the colour of a pair, red, green and blue from 0 to 1; None or NaN is unknown."""
    if contact is None or np.isnan(contact):
        return UNKNOWN
    return CONTACT if contact else NO_CONTACT


def _hex_colours(values: NDArray[np.float64]) -> list[str]:
    known = np.isfinite(values)
    low, high = (values[known].min(), values[known].max()) if known.any() else (0.0, 1.0)
    t = np.where(known, (values - low) / (high - low if high > low else 1.0), 0.0)
    anchors = np.linspace(0, 1, len(_SCALE))
    rgb = np.stack([np.interp(t, anchors, _SCALE[:, k]) for k in range(3)], axis=1).astype(int)
    return [
        "#{:02x}{:02x}{:02x}".format(*c) if k else "#999999"
        for c, k in zip(rgb, known, strict=True)
    ]

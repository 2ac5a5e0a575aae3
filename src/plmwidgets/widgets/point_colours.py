"""What points are coloured by: chemistry, numbers, or classes."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from plmwidgets._labels import by_name, by_residue
from plmwidgets.protein import Protein
from plmwidgets.widgets.colouring import (
    CHEMISTRY,
    CLASS_LIMITS,
    CLASSES,
    MOST_CLASSES,
    Scalar,
    fixed_scalars,
    own_scalar,
)
from plmwidgets.widgets.view import envelope

OTHER: Final = "other"
STRUCTURE_CLASSES: Final = ("helix", "strand", "other")


def trait_of(colours: Scalar, points: NDArray[np.int64]) -> dict[str, Any]:
    """Return what the page reads, of some of the points."""
    return {
        "label": colours.label,
        "kind": colours.kind,
        "values": envelope(colours.values[points]),
        "limits": list(colours.limits),
        "classes": list(colours.classes),
    }


def point_colours(values: ArrayLike, label: str, count: int, unit: str) -> Scalar:
    """Return how to show a person's own numbers or classes.

    Parameters
    ----------
    values : array_like, shape (n,)
        Numbers, or anything else, whose texts are classes; None and NaN where unknown.
    label : str
        What they are.
    count : int
        n.
    unit : str
        What the points are: ``"residue"``.

    Raises
    ------
    ValueError
        If there is not one for each point, or no label.
    """
    given = np.asarray(values, dtype=object)
    if given.shape != (count,):
        raise ValueError(
            f"{label!r} has {len(given) if given.ndim else 'no list of'} values, and there are "
            f"{count} {unit}s: give one for each"
        )
    column = pd.Series(given).infer_objects()
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        return own_scalar(column.to_numpy(np.float64), label, count)
    known = column[column.notna()].map(str)
    if not label.strip():
        raise ValueError("the classes need a label, such as 'family'")
    common = [name for name, _ in Counter(known).most_common(MOST_CLASSES)]
    rare = set(known) - set(common)
    classes = (*sorted(common), *([OTHER] if rare else []))
    number = {name: k for k, name in enumerate(classes)} | dict.fromkeys(rare, len(classes) - 1)
    found = np.full(count, np.nan)
    found[known.index.to_numpy()] = known.map(number).to_numpy(np.float64)
    return Scalar(found, label, CLASS_LIMITS, CLASSES, classes)


def residue_colours(protein: Protein, own: Mapping[str, ArrayLike]) -> dict[str, Scalar | None]:
    """Return what residues can be coloured by, by name; None stands for their chemistry."""
    length = len(protein)
    found: dict[str, Scalar | None] = {CHEMISTRY: None}
    if protein.structure is not None:
        states = np.full(length, STRUCTURE_CLASSES.index("other"), np.float64)
        for element in protein.structure.elements():
            states[element.start : element.stop] = STRUCTURE_CLASSES.index(element.kind)
        label = "Secondary structure"
        found["secondary_structure"] = Scalar(
            states, label, CLASS_LIMITS, CLASSES, STRUCTURE_CLASSES
        )
    found |= fixed_scalars(protein)
    along = np.arange(1, length + 1, dtype=np.float64)
    found["position"] = Scalar(along, "Position, from 1", (1.0, float(max(length, 2))))
    ordered = {
        name: by_residue(values, protein, f"the column {name!r}") for name, values in own.items()
    }
    return _beside(ordered, found, length, "residue")


def sequence_colours(
    proteins: tuple[Protein, ...], own: Mapping[str, ArrayLike]
) -> dict[str, Scalar | None]:
    """Return what sequences can be coloured by, by name."""
    count = len(proteins)
    lengths = [len(protein) for protein in proteins]
    found = {"length": point_colours(lengths, "Length (residues)", count, "sequence")}
    names = [protein.name for protein in proteins]
    ordered = {name: by_name(values, names, f"the column {name!r}") for name, values in own.items()}
    return _beside(ordered, found, count, "sequence")


def _beside(
    own: Mapping[str, ArrayLike],
    known: Mapping[str, Scalar | None],
    count: int,
    unit: str,
) -> dict[str, Scalar | None]:
    """Put a person's own colours before those that are there for all."""
    taken = sorted(own.keys() & known.keys())
    if taken:
        raise ValueError(
            f"{', '.join(map(repr, taken))} is here already: give your column another name"
        )
    return {
        **{label: point_colours(values, label, count, unit) for label, values in own.items()},
        **known,
    }

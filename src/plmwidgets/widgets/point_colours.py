"""What points are coloured by: chemistry, numbers, or classes."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from plmwidgets.protein import Protein
from plmwidgets.widgets.colouring import CHEMISTRY, fixed_scalars, own_scalar
from plmwidgets.widgets.view import envelope

MOST_CLASSES: Final = 7
"""Colours and marks that people can tell apart; what is rarer is "other"."""
OTHER: Final = "other"
STRUCTURE_CLASSES: Final = ("helix", "strand", "other")


@dataclass(frozen=True, eq=False)
class PointColours:
    """A number or a class of each point, and how to show it.

    Attributes
    ----------
    values : ndarray of float64, shape (n,)
        Classes by number from 0; NaN where unknown.
    label : str
    limits : tuple of float
        Ends of the colour scale.
    kind : str
        ``"sequential"``, ``"diverging"`` or ``"classes"``.
    classes : tuple of str
        Their names.
    """

    values: NDArray[np.float64]
    label: str
    limits: tuple[float, float] = (0.0, 1.0)
    kind: str = "sequential"
    classes: tuple[str, ...] = ()

    def to_trait(self, points: NDArray[np.int64]) -> dict[str, Any]:
        """Return what the page reads, of some of the points."""
        return {
            "label": self.label,
            "kind": self.kind,
            "values": envelope(self.values[points]),
            "limits": list(self.limits),
            "classes": list(self.classes),
        }


def point_colours(values: ArrayLike, label: str, count: int, unit: str) -> PointColours:
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
        scalar = own_scalar(column.to_numpy(np.float64), label, count)
        return PointColours(scalar.values, label, scalar.limits, scalar.kind)
    known = column[column.notna()].map(str)
    if not label.strip():
        raise ValueError("the classes need a label, such as 'family'")
    common = [name for name, _ in Counter(known).most_common(MOST_CLASSES)]
    rare = set(known) - set(common)
    classes = (*sorted(common), *([OTHER] if rare else []))
    number = {name: k for k, name in enumerate(classes)} | dict.fromkeys(rare, len(classes) - 1)
    found = np.full(count, np.nan)
    found[known.index.to_numpy()] = known.map(number).to_numpy(np.float64)
    return PointColours(found, label, kind="classes", classes=classes)


def residue_colours(
    protein: Protein, own: Mapping[str, ArrayLike]
) -> dict[str, PointColours | None]:
    """Return what residues can be coloured by, by name; None stands for their chemistry."""
    length = len(protein)
    found: dict[str, PointColours | None] = {CHEMISTRY: None}
    if protein.structure is not None:
        states = np.full(length, STRUCTURE_CLASSES.index("other"), np.float64)
        for element in protein.structure.elements():
            states[element.start : element.stop] = STRUCTURE_CLASSES.index(element.kind)
        label = "Secondary structure"
        found["secondary_structure"] = PointColours(
            states, label, kind="classes", classes=STRUCTURE_CLASSES
        )
    for name, scalar in fixed_scalars(protein).items():
        found[name] = PointColours(scalar.values, scalar.label, scalar.limits, scalar.kind)
    along = np.arange(1, length + 1, dtype=np.float64)
    found["position"] = PointColours(along, "Position, from 1", (1.0, float(max(length, 2))))
    return _beside(own, found, length, "residue")


def sequence_colours(
    proteins: tuple[Protein, ...], own: Mapping[str, ArrayLike]
) -> dict[str, PointColours | None]:
    """Return what sequences can be coloured by, by name."""
    count = len(proteins)
    lengths = [len(protein) for protein in proteins]
    found = {"length": point_colours(lengths, "Length (residues)", count, "sequence")}
    return _beside(own, found, count, "sequence")


def _beside(
    own: Mapping[str, ArrayLike],
    known: Mapping[str, PointColours | None],
    count: int,
    unit: str,
) -> dict[str, PointColours | None]:
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

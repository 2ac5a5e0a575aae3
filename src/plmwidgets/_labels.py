"""Tables that people give, brought in order by what their rows and columns are called."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from plmwidgets.protein import Protein


def by_residue(given: Any, protein: Protein, what: str) -> Any:
    """Return a Series of residues, or a table of their pairs, in their order, and all else as is.

    Residues go by their labels, or by their numbers from 0. What has another shape stays as well:
    it is refused for that.

    Parameters
    ----------
    given : object
    protein : Protein
    what : str
        What is given: ``"the map 'JS'"``.

    Raises
    ------
    ValueError
        If it has other labels, of which one is named, or has one twice.
    """
    return _in_order(given, protein.residue_labels, what, repr(protein.name))


def by_name(given: Any, names: Sequence[str], what: str) -> Any:
    """Return a Series in the order of the names of sequences, and all else as it is.

    So is one whose rows are numbered: after the table that the sequences were taken from, in
    whatever order that was.

    Parameters
    ----------
    given : object
    names : sequence of str
        Of the sequences.
    what : str
        What is given: ``"the Series of labels"``.

    Raises
    ------
    ValueError
        If it has other labels, of which one is named, or has one twice.
    """
    if isinstance(given, pd.Series) and not pd.api.types.is_integer_dtype(given.index):
        return _in_order(given, names, what, "this set of sequences")
    return given


def _in_order(given: Any, labels: Sequence[str], what: str, whose: str) -> Any:
    size = len(labels)
    if isinstance(given, pd.Series) and given.shape == (size,):
        return given.iloc[_places(given.index, labels, f"{what} has rows", whose)]
    if isinstance(given, pd.DataFrame) and given.shape == (size, size):
        rows = _places(given.index, labels, f"{what} has rows", whose)
        return given.iloc[rows, _places(given.columns, labels, f"{what} has columns", whose)]
    return given


def _places(
    given: pd.Index, labels: Sequence[str], what: str, whose: str
) -> NDArray[np.integer[Any]]:
    """Return where in the rows or columns each of the labels is."""
    numbers = range(len(labels))
    there = list(given)
    for own in (list(labels), list(numbers)):
        if there == own:
            return np.arange(len(own))
        if given.is_unique and set(there) == set(own):
            return given.get_indexer(pd.Index(own))
    odd = next((label for label in there if label not in {*labels, *numbers}), there[0])
    raise ValueError(
        f"{what} with other labels than {whose} has, such as {odd!r}: they are {labels[0]!r} to "
        f"{labels[-1]!r}, or 0 to {len(labels) - 1}, each once. If it is in the same order, give "
        "its to_numpy()"
    )

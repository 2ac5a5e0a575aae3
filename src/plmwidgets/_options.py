"""What people give, checked in plain words: flags, names out of a few, and results."""

from collections.abc import Iterable
from typing import TypeVar

import numpy as np

Name = TypeVar("Name", bound=str)
Result = TypeVar("Result")


def flag(name: str, value: object) -> bool:
    """Return True or False, numpy's as well.

    Raises
    ------
    ValueError
        If it is anything else: the text ``"no"`` would count as true.
    """
    if not isinstance(value, bool | np.bool_):
        raise ValueError(f"{name}={value!r}: it is True or False")
    return bool(value)


def choice(what: str, value: object, known: Iterable[Name]) -> Name:
    """Return one of a few names, as plain text where it is numpy's.

    Parameters
    ----------
    what : str
        What is chosen: ``"strategy"``.
    value : object
    known : iterable of str

    Raises
    ------
    ValueError
        If it is none of them, with all that there are.
    """
    names = tuple(known)
    if not isinstance(value, str) or value not in names:
        listed = " or ".join(map(repr, names))
        if len(names) > 2:
            listed = f"one of {', '.join(map(repr, names))}"
        given = repr(value)
        given = given if len(given) <= 80 else f"{given[:80]}..."
        raise ValueError(f"unknown {what} {given}: use {listed}")
    return names[names.index(value)]


def result_of(maker: str, given: object, kind: type[Result], what: str) -> Result:
    """Return a result that another function made.

    Parameters
    ----------
    maker : str
        That function: ``"fold(protein, model)"``.
    given : object
    kind : type
        Of its results.
    what : str
        What takes it: ``"FoldExplorer"``, or ``"dms="``.

    Raises
    ------
    TypeError
        If it is something else.
    """
    if not isinstance(given, kind):
        raise TypeError(f"{what} takes what {maker} returns, not {type(given).__name__}")
    return given

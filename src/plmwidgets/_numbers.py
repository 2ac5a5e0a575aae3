"""Numbers that people give, checked in plain words."""

import math
import re
from numbers import Integral, Real
from typing import Final

_SIZE: Final = re.compile(r"\s*(\d+\.?\d*|\.\d+)\s*([kMGT]i?)?B\s*", re.IGNORECASE)
_PREFIXES: Final = ("", "k", "m", "g", "t")


def as_whole(value: object, least: int | None = None) -> int | None:
    """Return a whole number as an int, None for anything else.

    Parameters
    ----------
    value : object
        An int, numpy's, or a float without a fraction, such as tables have. A boolean, a fraction,
        NaN and text are none.
    least : int, optional
        What is less is none either.

    Returns
    -------
    int or None
    """
    if isinstance(value, bool) or not isinstance(value, Real):
        return None
    if isinstance(value, Integral):
        found = int(value)
    elif float(value).is_integer():
        found = int(float(value))
    else:
        return None
    return found if least is None or found >= least else None


def whole_number(name: str, value: object, least: int = 1) -> int:
    """Return a number that counts something.

    Raises
    ------
    ValueError
        If it is not whole (2.0 is not, nor is True), or too small.
    """
    found = None if isinstance(value, float) else as_whole(value, least)
    if found is None:
        raise ValueError(f"{name}={value!r}: it is a whole number, at least {least}")
    return found


def real_number(name: str, value: object, least: float = 0.0) -> float:
    """Return a number that measures something, infinity included.

    Raises
    ------
    ValueError
        If it is no number (True and NaN are none), or too small.
    """
    if isinstance(value, bool) or not isinstance(value, Real) or not float(value) >= least:
        raise ValueError(f"{name}={value!r}: it is a number, at least {least:g}")
    return float(value)


def byte_size(memory: int | str, least: int = 1) -> int:
    """Return a size in bytes, of a number or of text such as ``"8 GB"`` or ``"16 GiB"``.

    Raises
    ------
    ValueError
        If it is not one, or too small.
    """
    size = -1
    if isinstance(memory, Real) and not isinstance(memory, bool) and memory < math.inf:
        size = int(memory)
    elif isinstance(memory, str) and (match := _SIZE.fullmatch(memory)):
        prefix = (match[2] or "").lower()
        base = 1024 if prefix.endswith("i") else 1000
        size = int(float(match[1]) * base ** _PREFIXES.index(prefix.removesuffix("i")))
    if size < least:
        raise ValueError(
            f"memory={memory!r} is not a size: give a number of bytes, or text such as '8 GB' or "
            "'500 MB'."
        )
    return size


def seed_number(seed: object) -> int:
    """Return a seed of random numbers that numpy, and what is built on it, takes.

    Raises
    ------
    ValueError
        If it is not whole, or not from 0 to 2**32 - 1.
    """
    found = whole_number("seed", seed, 0)
    if found >= 2**32:
        raise ValueError(f"seed={seed!r}: it is a whole number from 0 to 2**32 - 1")
    return found

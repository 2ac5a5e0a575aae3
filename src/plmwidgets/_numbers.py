"""Numbers that people give, checked in plain words."""

from numbers import Integral, Real


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

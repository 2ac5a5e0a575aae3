"""Whole numbers, as people hand them in."""

from numbers import Integral, Real


def whole_number(value: object, least: int | None = None) -> int | None:
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

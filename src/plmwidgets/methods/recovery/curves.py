"""What is read off recoveries over the flank length."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

RECOVERED: Final = 0.5
"""A segment counts as recovered above this R."""
JUMP: Final = 0.5
DROP: Final = 0.2
HOLD: Final = 10
LAPSES: Final = 2


def recovery_of(whole: NDArray[np.floating], partial: NDArray[np.floating]) -> float:
    """Return R = sum(P0 P1) / sum(P0 P0) over a block of two maps; NaN where P0 is all 0."""
    p0, p1 = np.asarray(whole, np.float64), np.asarray(partial, np.float64)
    scale = np.square(p0).sum()
    return float((p0 * p1).sum() / scale) if scale > 0 else float("nan")


def find_jumps(values: ArrayLike) -> list[int]:
    """Return where recovery jumps up and stays there.

    A jump at k: ``R[k] >= R[k-1] + 0.5``, and of the ten values from k on at most two lie more
    than 0.2 below R[k], which are the limits of the published analysis (Zhang et al., 2024). At
    the end of a curve there are fewer than ten: those that there are count, and one after k at
    least must hold what R[k] is, so that the last value is never a jump.

    Parameters
    ----------
    values : array_like, shape (K,)
        R by flank length. There is no jump where R[k-1] or any of the values from k on that it is
        judged by is NaN, as while they are being computed.

    Returns
    -------
    list of int
        Indices into `values`, ascending.
    """
    r = np.asarray(values, dtype=np.float64)
    return [k for k in range(1, len(r)) if r[k] >= r[k - 1] + JUMP and _holds(r[k : k + HOLD])]


def _holds(values: NDArray[np.float64]) -> bool:
    """Whether the first value is held by those after it."""
    low = values < values[0] - DROP
    held = not low[1:].all()  # also False where there is none after it
    return held and bool(np.isfinite(values).all()) and int(low.sum()) <= LAPSES


def curve_table(flanks: Sequence[int], values: NDArray[np.float64]) -> pd.DataFrame:
    """Return the fan over the seeds: a row a flank length that has any value.

    Parameters
    ----------
    flanks : sequence of int
    values : ndarray of float64, shape (seeds, K)
        R; NaN where not computed.

    Returns
    -------
    DataFrame
        Index ``k``; ``seeds`` (how many are computed), ``median``, ``q25``, ``q75``, ``low`` and
        ``high`` of R, and ``recovered``, the share of seeds with R > 0.5.
    """
    rows = {}
    for k, column in zip(flanks, values.T, strict=True):
        known = column[np.isfinite(column)]
        if known.size:
            low, q25, median, q75, high = np.quantile(known, (0, 0.25, 0.5, 0.75, 1))
            rows[k] = {
                "seeds": known.size,
                "median": median,
                "q25": q25,
                "q75": q75,
                "low": low,
                "high": high,
                "recovered": float((known > RECOVERED).mean()),
            }
    columns = ["seeds", "median", "q25", "q75", "low", "high", "recovered"]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
    return table.rename_axis("k")

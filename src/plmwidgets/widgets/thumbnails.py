"""Small pictures of many square maps, for a page that shows hundreds at a time."""

from collections.abc import Iterable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from plmwidgets.map_styles import robust_limits

SIDE: Final = 64
"""Pixels along a side at most."""
MIDDLE: Final = 128
"""Byte that stands for 0 in a picture with signs."""
BRIGHTEST: Final = 0.995
"""Quantile of a map that is drawn at full strength."""


def thumbnails(maps: NDArray[np.floating[Any]]) -> NDArray[np.uint8]:
    """Return a picture of each map, (..., s, s), with s no more than L or 64.

    Each is on a scale of its own, from 0 to its strongest cells, as a square root: the weights of
    one map may be a hundred times those of another. Where several cells fall on one pixel the
    strongest counts, so that a lone line is not lost. What is below 0 is drawn as 0.

    Parameters
    ----------
    maps : ndarray, shape (..., L, L)
    """
    pooled = _strongest(maps)
    flat = pooled.reshape(*pooled.shape[:-2], -1)
    top = np.quantile(flat, BRIGHTEST, axis=-1)
    top = np.where(top > 0, top, flat.max(axis=-1))[..., None, None]
    share = np.clip(pooled / np.where(top > 0, top, 1.0), 0.0, 1.0)
    pictures: NDArray[np.uint8] = np.rint(255 * np.sqrt(share)).astype(np.uint8)
    return pictures


def signed_thumbnails(
    maps: Iterable[NDArray[np.floating[Any]]],
) -> tuple[NDArray[np.uint8], float]:
    """Return pictures of maps with signs, and the size at the ends of their scale.

    All are on one scale, as a map that hardly differs from 0 shall look so: linear, from the bytes
    1 to 255 with 0 at 128. Where several cells fall on one pixel the one of largest size counts.

    Parameters
    ----------
    maps : iterable of ndarray, shape (..., L, L)
        Such as layer by layer, so that not all are in memory at once; they are stacked.
    """
    pooled = []
    for some in maps:
        high, low = _strongest(some), -_strongest(-some)
        pooled.append(np.where(high >= -low, high, low))
    values = np.stack(pooled)
    limit = robust_limits(values, "diverging")[1]
    share = np.clip(values / limit, -1.0, 1.0)
    return np.rint(MIDDLE + 127 * share).astype(np.uint8), limit


def _strongest(maps: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """Return the largest value of each block of cells that fall on one pixel, (..., s, s)."""
    *stack, length, _ = maps.shape
    block = -(-length // SIDE)
    side = -(-length // block)
    padded = maps
    if side * block > length:
        padded = np.zeros((*stack, side * block, side * block), maps.dtype)
        padded[..., :length, :length] = maps
    found: NDArray[np.floating[Any]] = (
        padded.reshape(*stack, side, block, side, block).max(axis=-3).max(axis=-1)
    )
    return found

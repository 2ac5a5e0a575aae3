"""Small pictures of many square maps, for a page that shows hundreds at a time."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

SIDE: Final = 64
"""Pixels along a side at most."""
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
    *stack, length, _ = maps.shape
    block = -(-length // SIDE)
    side = -(-length // block)
    padded = maps
    if side * block > length:
        padded = np.zeros((*stack, side * block, side * block), maps.dtype)
        padded[..., :length, :length] = maps
    pooled = padded.reshape(*stack, side, block, side, block).max(axis=-3).max(axis=-1)
    flat = pooled.reshape(*stack, side * side)
    top = np.quantile(flat, BRIGHTEST, axis=-1)
    top = np.where(top > 0, top, flat.max(axis=-1))[..., None, None]
    share = np.clip(pooled / np.where(top > 0, top, 1.0), 0.0, 1.0)
    pictures: NDArray[np.uint8] = np.rint(255 * np.sqrt(share)).astype(np.uint8)
    return pictures

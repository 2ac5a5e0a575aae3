"""Schedules: which share of the residues is hidden at a time u from 0 to 1, and steps after it."""

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from plmwidgets._numbers import whole_number
from plmwidgets._options import choice

Floats = NDArray[np.float64]

_SHARES: Final[dict[str, Callable[[Floats], Floats]]] = {
    "cosine": lambda u: np.cos(np.pi * u / 2),
    "linear": lambda u: 1 - u,
    "sqrt": lambda u: 1 - np.sqrt(u),
    "square": lambda u: 1 - u**2,
    "cubic": lambda u: 1 - u**3,
}
SCHEDULES: Final = tuple(_SHARES)
"""Names of the schedules."""


def masked_share(schedule: str, u: ArrayLike) -> Floats:
    """Return the share of residues that a schedule hides at time u.

    ==========  ============  ==================================================
    schedule    g(u)          as u goes from 0 (all hidden) to 1 (none)
    ==========  ============  ==================================================
    ``cosine``  cos(pi u/2)   few are revealed first, many last
    ``linear``  1 - u         the same number all along
    ``sqrt``    1 - sqrt(u)   many first, few last
    ``square``  1 - u^2       few first, many last
    ``cubic``   1 - u^3       fewer still first
    ==========  ============  ==================================================

    Parameters
    ----------
    schedule : str
        One of `SCHEDULES`.
    u : array of float
        From 0 to 1.

    Returns
    -------
    ndarray of float64
        g(u), from 1 at u = 0 to 0 at u = 1, in the shape of `u`.

    Raises
    ------
    ValueError
        If there is no schedule of that name, or u is outside 0 to 1.

    References
    ----------
    Chang, H. et al. (2022). MaskGIT: Masked generative image transformer. CVPR (cosine, linear,
    square, cubic, sqrt); Hayes, T. et al. (2025). Simulating 500 million years of evolution with
    a language model. Science 387 (their use in ESM3).

    Examples
    --------
    >>> masked_share("linear", [0.0, 0.25, 1.0]).tolist()
    [1.0, 0.75, 0.0]
    """
    check_schedule(schedule)
    times = np.asarray(u, dtype=np.float64)
    if not ((times >= 0) & (times <= 1)).all():
        raise ValueError("the time u of a schedule goes from 0 (all hidden) to 1 (none hidden)")
    return np.clip(_SHARES[schedule](times), 0.0, 1.0)


def revealed_counts(masked: int, steps: int, schedule: str = "cosine") -> tuple[int, ...]:
    """Return how many residues each step reveals.

    After step t (0-based) of T, floor(g((t + 1)/T) M0 + 0.1) of the M0 residues stay hidden. A
    step would cost a pass and reveal none where that does not fall, so each reveals one at least.

    Parameters
    ----------
    masked : int
        M0, how many are hidden at first.
    steps : int
        T, at most M0. One step reveals all; M0 steps reveal one each.
    schedule : str
        One of `SCHEDULES`.

    Returns
    -------
    tuple of int, length T
        Their sum is M0.

    Raises
    ------
    ValueError
        If there are more steps than residues, or no such schedule.

    Examples
    --------
    >>> revealed_counts(100, 8)
    (2, 6, 9, 13, 15, 17, 19, 19)
    """
    masked = whole_number("masked", masked)
    steps = whole_number("steps", steps)
    if steps > masked:
        raise ValueError(
            f"{steps} steps are too many for {masked} hidden residues: each reveals one at least, "
            f"so use steps={masked} or fewer"
        )
    shares = masked_share(schedule, np.arange(1, steps + 1) / steps)
    counts, left = [], masked
    for step, share in enumerate(shares):
        stays = int(np.floor(share * masked + 0.1)) if step < steps - 1 else 0
        stays = min(max(stays, steps - 1 - step), left - 1)
        counts.append(left - stays)
        left = stays
    return tuple(counts)


def check_schedule(schedule: str) -> None:
    """Raise `ValueError`, with those that there are, if there is no schedule of that name."""
    choice("schedule", schedule, SCHEDULES)

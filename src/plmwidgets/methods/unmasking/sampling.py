"""Drawing amino acids: temperature, annealing and nucleus sampling, with numbers that repeat."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

COLDEST = 0.001
# The first number after the seed says what random numbers are for, so that none are used twice.
_DRAWS, _ORDER = 1, 2


def annealed(temperature: float, step: int, steps: int) -> float:
    """Return the temperature of a step: max(T0 - t/(T - 1), 0.001)², T0 and below as it goes on.

    Parameters
    ----------
    temperature : float
        T0.
    step : int
        t, from 0.
    steps : int
        T. A single step is the first: T0².
    """
    gone = step / (steps - 1) if steps > 1 else 0.0
    return float(max(temperature - gone, COLDEST) ** 2)


def sampling_probabilities(log_p: Floats, temperature: float, top_p: float = 1.0) -> Floats:
    """Return what is drawn from: p^(1/temperature), cut to the likeliest of mass `top_p`.

    Parameters
    ----------
    log_p : ndarray, shape (n, 20)
        Natural-log probabilities.
    temperature : float
        1 draws from the model's distribution, less from a sharper one; 0 takes the likeliest
        (the first, by letter, of equals).
    top_p : float
        Above 0 and at most 1. The smallest set of amino acids whose mass reaches it is kept,
        always one at least (nucleus sampling).

    Returns
    -------
    ndarray of float64, shape (n, 20)
        Rows add up to 1.

    References
    ----------
    Holtzman, A. et al. (2020). The curious case of neural text degeneration. ICLR.
    """
    if temperature == 0:
        likeliest = np.zeros_like(log_p)
        np.put_along_axis(likeliest, log_p.argmax(axis=-1)[:, None], 1.0, axis=-1)
        return likeliest
    with np.errstate(over="ignore"):  # next to no temperature: minus infinity, which is right
        p: Floats = np.exp((log_p - log_p.max(axis=-1, keepdims=True)) / temperature)
    p /= p.sum(axis=-1, keepdims=True)
    if top_p < 1:
        order = np.argsort(-p, axis=-1, kind="stable")
        ordered = np.take_along_axis(p, order, axis=-1)
        # What comes before reaches the mass: then it is not needed. Rounding must not add one.
        needed = ordered.cumsum(axis=-1) - ordered < top_p - 1e-12
        needed[:, 0] = True
        np.put_along_axis(p, order, np.where(needed, ordered, 0.0), axis=-1)
        p /= p.sum(axis=-1, keepdims=True)
    return p


def draw(p: Floats, uniform: Floats) -> Ints:
    """Return one column a row of p, (n, 20), for numbers that are uniform in [0, 1), (n,)."""
    cumulative = p.cumsum(axis=-1)
    threshold = uniform * cumulative[:, -1]
    found: Ints = (cumulative <= threshold[:, None]).sum(axis=-1)
    return found


def uniforms(seed: int, step: int, length: int) -> Floats:
    """Return a uniform number for each residue at a step, the same whatever else is drawn."""
    return np.random.default_rng([seed, _DRAWS, step]).random(length)


def random_order(seed: int, length: int) -> Ints:
    """Return the place of each residue in a random order."""
    places: Ints = np.random.default_rng([seed, _ORDER]).permutation(length)
    return places

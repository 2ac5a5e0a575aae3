"""Maps over all ordered pairs of residues, their corrections for display, and their summaries."""

import difflib
from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from plmwidgets.metrics.distributions import (
    FloatArray,
    entropy,
    js_divergence,
    kl_divergence,
    perplexity,
)


def _pmi(before: NDArray[Any], after: NDArray[Any], wild_type: NDArray[np.int64]) -> FloatArray:
    known = wild_type >= 0
    column = np.where(known, wild_type, 0)[..., None]

    def at_wild_type(log_p: NDArray[Any]) -> FloatArray:
        picked = np.take_along_axis(log_p, np.broadcast_to(column, (*log_p.shape[:-1], 1)), -1)
        return np.asarray(picked[..., 0], np.float64)

    with np.errstate(invalid="ignore"):
        return np.where(known, at_wild_type(before) - at_wild_type(after), np.nan)


def _argmax_change(
    before: NDArray[Any], after: NDArray[Any], wild_type: NDArray[np.int64]
) -> FloatArray:
    changed = (np.argmax(before, axis=-1) != np.argmax(after, axis=-1)).astype(np.float64)
    missing = np.isnan(before).any(axis=-1) | np.isnan(after).any(axis=-1)
    return np.where(missing, np.nan, changed)


# name -> function of p(i|{i}), p(i|{i,j}) (log, (..., 20)) and the column of x_i (...)
_Directed = Callable[[NDArray[Any], NDArray[Any], NDArray[np.int64]], FloatArray]
_DIRECTED: Final[dict[str, _Directed]] = {
    "js_div": lambda before, after, _: js_divergence(before, after),
    "kl_forward": lambda before, after, _: kl_divergence(before, after),
    "kl_reverse": lambda before, after, _: kl_divergence(after, before),
    "perplexity_change": lambda before, after, _: perplexity(after) - perplexity(before),
    "entropy_change": lambda before, after, _: entropy(after) - entropy(before),
    "pmi": _pmi,
    "argmax_change": _argmax_change,
}

# name -> the matrix it is made from, and how
_DERIVED: Final[dict[str, tuple[str, Callable[[FloatArray], FloatArray]]]] = {
    "js_dist": ("js_div", np.sqrt),
    "js_div_avg": ("js_div", lambda m: 0.5 * (m + m.T)),
    "js_dist_avg": ("js_dist", lambda m: 0.5 * (m + m.T)),
    "order_residual": ("pmi", lambda m: m - m.T),
}

DIRECTED_METRICS: Final = frozenset(_DIRECTED)
"""Those that one residue's distribution before and after decides: see `pair_values`."""

PAIR_METRICS: Final = (
    "js_div",
    "js_dist",
    "js_div_avg",
    "js_dist_avg",
    "perplexity_change",
    "entropy_change",
    "pmi",
    "kl_forward",
    "kl_reverse",
    "argmax_change",
    "order_residual",
)
"""Names of the pair matrices: what `pair_matrix` computes."""

SYMMETRIC_METRICS: Final = frozenset({"js_div_avg", "js_dist_avg"})
"""The pair metrics that are the same for (i, j) and (j, i)."""


def check_pair_metric(name: str) -> None:
    """Raise `ValueError`, listing the names, if the name is none of `PAIR_METRICS`."""
    if not isinstance(name, str) or name not in PAIR_METRICS:
        close = difflib.get_close_matches(str(name), PAIR_METRICS, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise ValueError(
            f"there is no pair metric {name!r}.{hint} The names are {', '.join(PAIR_METRICS)}."
        )


def pair_values(
    name: str, before: NDArray[Any], after: NDArray[Any], wild_type: NDArray[np.int64]
) -> FloatArray:
    """Compute one of `DIRECTED_METRICS`, defined at `pair_matrix`, for any list of ordered pairs.

    Parameters
    ----------
    name : str
        One of `DIRECTED_METRICS`.
    before, after : ndarray, shape (..., 20)
        log p(i|{i}) and log p(i|{i,j}); the leading axes broadcast.
    wild_type : ndarray of int, shape (...)
        Column of x_i, or -1.

    Returns
    -------
    ndarray of float64, shape (...)
    """
    return _DIRECTED[name](before, after, wild_type)


def pair_matrix(
    name: str,
    single: NDArray[Any],
    pair: NDArray[Any],
    wild_type: NDArray[np.int64],
    known: dict[str, FloatArray] | None = None,
) -> FloatArray:
    """One number for every ordered pair: what hiding residue j as well does to residue i.

    Row i is the residue affected, column j the one hidden as well. With before = p(i|{i}) and
    after = p(i|{i,j}):

    ==================  ========================================  ==============
    name                definition                                unit, range
    ==================  ========================================  ==============
    js_div              JS divergence of before and after         bits, 0 to 1
    js_dist             its square root                           0 to 1
    js_div_avg          mean of js_div over (i,j) and (j,i)       bits, 0 to 1
    js_dist_avg         mean of js_dist over (i,j) and (j,i)      0 to 1
    perplexity_change   perplexity after - before                 -19 to 19
    entropy_change      entropy after - before                    bits
    pmi                 log before(x_i) - log after(x_i)          nats
    kl_forward          KL(before ‖ after)                        bits, from 0
    kl_reverse          KL(after ‖ before)                        bits, from 0
    argmax_change       1 where the likeliest residue differs     0 or 1
    order_residual      pmi(i,j) - pmi(j,i)                       nats
    ==================  ========================================  ==============

    A positive ``pmi`` says that seeing x_j helps to recover x_i. ``order_residual`` is zero for
    the conditionals of a true joint distribution.

    Parameters
    ----------
    name : str
        One of `PAIR_METRICS`.
    single : ndarray, shape (L, 20)
        log p(i|{i}), natural.
    pair : ndarray, shape (L, L, 20)
        ``pair[i, j]`` is log p(i|{i,j}); NaN where not computed.
    wild_type : ndarray of int, shape (L,)
        Column of x_i; -1 where x_i is none of the twenty, which makes its ``pmi`` NaN.
    known : dict of str to ndarray, optional
        Matrices already computed from the same arrays; read, and added to.

    Returns
    -------
    ndarray of float64, shape (L, L)
        NaN on the diagonal and where the pair was not computed.

    Raises
    ------
    ValueError
        If the name is not known or the shapes do not fit.
    """
    check_pair_metric(name)
    length = len(single)
    if np.ndim(single) != 2 or pair.shape != (length, *single.shape) or len(wild_type) != length:
        raise ValueError(
            f"the shapes do not fit: single {np.shape(single)} must be (L, 20), "
            f"pair {pair.shape} (L, L, 20) and wild_type {np.shape(wild_type)} (L,)"
        )
    known = {} if known is None else known
    if name not in known:
        if name in _DERIVED:
            source, combine = _DERIVED[name]
            known[name] = combine(pair_matrix(source, single, pair, wild_type, known))
        else:
            matrix = pair_values(name, single[:, None, :], pair, wild_type[:, None])
            np.fill_diagonal(matrix, np.nan)
            known[name] = matrix
    return known[name]


def apc(scores: NDArray[Any]) -> FloatArray:
    """Average product correction, S - rowsum·colsum/total.

    Missing values (NaN, such as the diagonal) count as zero in the sums and stay missing.

    Parameters
    ----------
    scores : ndarray, shape (..., L, L)
        One map, or several, each by itself.

    Returns
    -------
    ndarray of float64, shape (..., L, L)

    References
    ----------
    Dunn, S. D., Wahl, L. M. & Gloor, G. B. (2008). Mutual information without the influence of
    phylogeny or entropy dramatically improves residue contact prediction. Bioinformatics 24.
    """
    values = np.asarray(scores, np.float64)
    filled = np.nan_to_num(values, nan=0.0, posinf=np.inf, neginf=-np.inf)
    rows, columns = filled.sum(axis=-1, keepdims=True), filled.sum(axis=-2, keepdims=True)
    total = rows.sum(axis=-2, keepdims=True)
    expected: FloatArray = np.where(
        total == 0, 0.0, rows * columns / np.where(total == 0, 1, total)
    )
    return values - expected


def separation_zscore(scores: NDArray[Any]) -> FloatArray:
    """How far each value stands out among the pairs of its sequence separation ``|i - j|``.

    The mean of the values of that separation is subtracted and the result divided by their
    standard deviation (of the population). Zero where all values of a separation are equal.

    Parameters
    ----------
    scores : ndarray, shape (L, L)
        NaN where missing.

    Returns
    -------
    ndarray of float64, shape (L, L)
        In standard deviations; NaN where missing.
    """
    values = np.asarray(scores, np.float64)
    index = np.arange(len(values))
    separation = np.abs(index[:, None] - index[None, :])
    present = ~np.isnan(values)
    bins, seen = separation[present], values[present]
    count = np.maximum(np.bincount(bins, minlength=len(values)), 1)
    offset = values - (np.bincount(bins, seen, len(values)) / count)[separation]
    spread = np.sqrt(np.bincount(bins, offset[present] ** 2, len(values)) / count)
    # A spread of rounding errors is none: dividing by it would turn noise into signal.
    spread[spread <= 1e-12 * np.abs(seen).max(initial=0.0)] = np.inf
    zscore: FloatArray = offset / spread[separation]
    return zscore


def reconstruction_accuracy(single: NDArray[Any], wild_type: NDArray[np.int64]) -> float:
    """Share of positions whose likeliest residue, hidden before, is the one that is there.

    Parameters
    ----------
    single : ndarray, shape (L, 20)
        log p(i|{i}).
    wild_type : ndarray of int, shape (L,)
        Column of x_i; positions of -1 are left out.

    Returns
    -------
    float
        From 0 to 1; NaN if no residue is one of the twenty.
    """
    known = wild_type >= 0
    if not known.any():
        return float("nan")
    return float(np.mean(np.argmax(single[known], axis=-1) == wild_type[known]))


def pseudo_log_likelihood(single: NDArray[Any], wild_type: NDArray[np.int64]) -> float:
    """Σ_i log p(x_i|{i}), in nats; positions whose wild type is -1 are left out.

    References
    ----------
    Salazar, J. et al. (2020). Masked language model scoring. ACL 2020.
    """
    known = np.flatnonzero(wild_type >= 0)
    return float(np.asarray(single[known, wild_type[known]], np.float64).sum())


def pseudo_perplexity(single: NDArray[Any], wild_type: NDArray[np.int64]) -> float:
    """exp(-PLL/L) of a sequence, from 1; L counts the residues among the twenty (NaN for none)."""
    count = int(np.count_nonzero(wild_type >= 0))
    if count == 0:
        return float("nan")
    return float(np.exp(-pseudo_log_likelihood(single, wild_type) / count))


def max_perplexity_shift(perplexity_change: NDArray[Any]) -> FloatArray:
    """Largest perplexity change that hiding any one partner causes, by position.

    Parameters
    ----------
    perplexity_change : ndarray, shape (L, L)
        The pair matrix of that name; NaN where missing.

    Returns
    -------
    ndarray of float64, shape (L,)
        max_j ΔPP_ij; NaN for a position without a pair.
    """
    values = np.asarray(perplexity_change, np.float64)
    largest = np.where(np.isnan(values), -np.inf, values).max(axis=1, initial=-np.inf)
    return np.where(np.isneginf(largest), np.nan, largest)


def argmax_change_positions(argmax_change: NDArray[Any]) -> NDArray[np.int64]:
    """Positions whose likeliest residue changes for at least one hidden partner.

    Parameters
    ----------
    argmax_change : ndarray, shape (L, L)
        The pair matrix of that name; NaN where missing.

    Returns
    -------
    ndarray of int64
        0-based, ascending.
    """
    return np.flatnonzero((np.asarray(argmax_change) == 1.0).any(axis=1)).astype(np.int64)

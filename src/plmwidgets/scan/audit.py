"""How far off a superposed scan is: which pairs to compute exactly, and what they tell.

Two sets of pairs are computed exactly as well: those of the largest estimates, which replace them,
and the audit. A fifth of the audit are the pairs that rank just below the replaced ones, where a
pair of large effect is most easily missed; the others are drawn at random from the rest, and what
they say is weighted accordingly.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import hypergeom, rankdata

from plmwidgets import metrics

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.int64]

REPLACED_FOR_EACH: Final = 2.25
"""Pairs replaced for each position by default.

Contact maps are judged by their first L or 2 L pairs. Which these are is settled by replacing
them and some that rank just below. On thirty maps of two trained models of 64 residues, the share
of the true first 2 L pairs that is found (least, mean) was 0.96, 0.98 without replacements and with
L of them; 0.96, 0.98 with 2 L; 0.98, 0.995 with 2.25 L; 0.98, 0.998 with 2.5 L.
"""
REPLACED, NEAR, FAR = 0, 1, 2
CONFIDENCE: Final = 0.95
NEAR_SHARE: Final = 0.2
"""Share of the audit that ranks just below the replaced pairs. Missed pairs are found there one by
one; a bound on how many lie elsewhere gets tighter with the number of pairs drawn there."""


@dataclass(frozen=True)
class Checks:
    """The pairs of a superposed scan that are computed exactly, and what was estimated for them.

    Attributes
    ----------
    pairs : ndarray of int64, shape (m, 2)
        ``(i, j)``, 0-based, i < j.
    stratum : ndarray of int64, shape (m,)
        `REPLACED`; or, in the audit, `NEAR`, the ranks just below, all of which are in it, or
        `FAR`, a sample of the others.
    sizes : tuple of int
        Number of pairs in each of the three strata.
    threshold : float
        The smallest estimated ``js_dist_avg`` among the replaced pairs.
    estimates : ndarray, shape (m, 2, 20)
        Estimated log p(i|{i,j}) and log p(j|{i,j}).
    """

    pairs: Ints
    stratum: Ints
    sizes: tuple[int, int, int]
    threshold: float
    estimates: Floats


@dataclass(frozen=True)
class Audit:
    """The measured error of a superposed scan.

    All but the counts are of the directed ``js_dist`` of the pairs that are *not* replaced, and are
    estimated from the audited ones among them.

    Attributes
    ----------
    pairs_replaced, pairs_audited : int
        Pairs computed exactly: those of the largest estimates, and the audit.
    pairs_left : int
        Pairs that are not replaced.
    r2 : float
        Share of the variance of the exact distances that the estimates explain.
    spearman : float
        Rank correlation of estimated and exact distances.
    error_mean, error_p99 : float
        Mean and 99th percentile of the absolute error.
    error_max : float
        The largest absolute error seen in the audit; of the pairs not audited, some may be larger.
    threshold : float
        A pair is missed if it is not replaced and its exact ``js_dist_avg`` is at least this: the
        smallest estimate among the replaced pairs.
    missed_found : int
        Missed pairs among those audited.
    missed_at_most : int
        Upper bound on the number of missed pairs, with 95 % confidence: those found just below
        the replaced ones, and an exact hypergeometric bound on the others.
    tolerance : float
        What `error_p99` should not exceed.
    passes : float
        Work of the whole scan in passes of the model over one context: the single masks, the
        superposed pass (counted by its products) and the exact pairs.
    """

    pairs_replaced: int
    pairs_audited: int
    pairs_left: int
    r2: float
    spearman: float
    error_mean: float
    error_p99: float
    error_max: float
    threshold: float
    missed_found: int
    missed_at_most: int
    tolerance: float
    passes: float

    @property
    def within_tolerance(self) -> bool:
        """Whether 99 % of the estimates in the audit, weighted, are off by no more than that."""
        return not self.error_p99 > self.tolerance

    def __str__(self) -> str:
        if self.pairs_left == 0:
            return "superposed scan: every pair was computed exactly"
        text = (
            f"superposed scan: js_dist off by {self.error_mean:.4f} on average, "
            f"{self.error_p99:.4f} at the 99th percentile, R2 {self.r2:.3f}, rank correlation "
            f"{self.spearman:.3f} ({self.pairs_audited} audited pairs); "
        )
        if self.pairs_replaced:
            text += (
                f"at most {self.missed_at_most:,} of the {self.pairs_left:,} pairs not replaced "
                f"reach {self.threshold:.3f} (95 % confidence); "
            )
        text += f"{self.passes:,.0f} model passes"
        if not self.within_tolerance:
            text += (
                f". That is more than the tolerance of {self.tolerance:g}: scan.upgrade() computes "
                "the other pairs exactly"
            )
        return text


def default_replacements(positions: int) -> int:
    """How many pairs of so many positions to replace by exact ones unless told."""
    return round(REPLACED_FOR_EACH * positions)


def choose_checks(
    estimates: Floats,
    single: Floats,
    positions: Ints,
    *,
    replacements: int | None = None,
    audit: int = 200,
    seed: int = 0,
) -> Checks:
    """Choose the pairs to compute exactly.

    Parameters
    ----------
    estimates : ndarray, shape (L, L, 20)
        Estimated log p(i|{i,j}).
    single : ndarray, shape (L, 20)
        log p(i|{i}).
    positions : ndarray of int64, shape (n,)
        The positions whose pairs are scanned, ascending.
    replacements : int, optional
        Number of pairs of largest estimates to replace; `REPLACED_FOR_EACH` n by default.
    audit : int
        Number of other pairs to compute.
    seed : int
        Of the drawing.
    """
    i, j = (positions[index] for index in np.triu_indices(len(positions), 1))
    score = js_dist_avg(single, i, j, estimates[i, j], estimates[j, i])
    order = np.argsort(-score, kind="stable")
    if replacements is None:
        replacements = default_replacements(len(positions))
    replaced = min(replacements, len(order))
    near = min(round(NEAR_SHARE * audit), len(order) - replaced)
    ranks = {
        REPLACED: order[:replaced],
        NEAR: order[replaced : replaced + near],
        FAR: order[replaced + near :],
    }
    random = np.random.default_rng(seed)
    chosen = dict(ranks)
    drawn = min(audit - near, len(ranks[FAR]))
    chosen[FAR] = random.choice(ranks[FAR], drawn, replace=False)
    index = np.concatenate(list(chosen.values()))
    i, j = i[index], j[index]
    return Checks(
        pairs=np.stack([i, j], axis=1),
        stratum=np.repeat(list(chosen), [len(c) for c in chosen.values()]),
        sizes=(replaced, near, len(ranks[FAR])),
        threshold=float(score[order[replaced - 1]]) if replaced else float("inf"),
        estimates=np.stack([estimates[i, j], estimates[j, i]], axis=1),
    )


def audit_scan(
    checks: Checks, exact: Floats, single: Floats, tolerance: float, passes: float
) -> Audit:
    """Compare what was estimated with what is exact.

    Parameters
    ----------
    checks : Checks
    exact : ndarray, shape (m, 2, 20)
        Exact log p(i|{i,j}) and log p(j|{i,j}) of its pairs.
    single : ndarray, shape (L, 20)
        log p(i|{i}).
    tolerance, passes : float
        See `Audit`.
    """
    alone = single[checks.pairs]
    found = metrics.js_distance(alone, exact)
    expected = metrics.js_distance(alone, checks.estimates)
    drawn = checks.stratum != REPLACED
    missed = drawn & (found.mean(axis=1) >= checks.threshold)
    far = checks.stratum == FAR
    bound = int(missed[~far].sum())
    weights = np.ones(len(drawn))
    if far.any():
        bound += _most(checks.sizes[FAR], int(far.sum()), int(missed[far].sum()), 1 - CONFIDENCE)
        weights[far] = checks.sizes[FAR] / far.sum()
    weight = np.repeat(weights[drawn], 2)
    x, y = expected[drawn].ravel(), found[drawn].ravel()
    error = np.abs(x - y)
    return Audit(
        pairs_replaced=checks.sizes[REPLACED],
        pairs_audited=int(drawn.sum()),
        pairs_left=checks.sizes[NEAR] + checks.sizes[FAR],
        r2=_explained(x, y, weight),
        spearman=_correlation(_ranks(x, weight), _ranks(y, weight), weight),
        error_mean=_mean(error, weight),
        error_p99=_quantile(error, weight, 0.99),
        error_max=float(error.max(initial=0.0)),
        threshold=checks.threshold,
        missed_found=int(missed.sum()),
        missed_at_most=bound,
        tolerance=tolerance,
        passes=passes,
    )


def js_dist_avg(single: Floats, i: Ints, j: Ints, at_i: Floats, at_j: Floats) -> Floats:
    """Mean of the two directed JS distances of pairs, (m,), from log p(i|{i,j}) and p(j|{i,j})."""
    mean: Floats = (metrics.js_distance(single[i], at_i) + metrics.js_distance(single[j], at_j)) / 2
    return mean


def _most(size: int, drawn: int, seen: int, failure: float) -> int:
    """Largest number of marked pairs among `size` of which so few would show in the sample.

    The Clopper-Pearson bound for drawing without replacement: the largest M for which `seen` or
    fewer of `drawn` have a probability above `failure`.
    """
    low, high = seen, size - (drawn - seen)
    while low < high:
        middle = (low + high + 1) // 2
        if hypergeom.cdf(seen, size, middle, drawn) > failure:
            low = middle
        else:
            high = middle - 1
    return low


def _mean(values: Floats, weight: Floats) -> float:
    return float(np.average(values, weights=weight)) if len(values) else float("nan")


def _quantile(values: Floats, weight: Floats, share: float) -> float:
    if not len(values):
        return float("nan")
    order = np.argsort(values)
    reached = np.cumsum(weight[order]) / weight.sum()
    return float(values[order][np.searchsorted(reached, share - 1e-12)])


def _explained(x: Floats, y: Floats, weight: Floats) -> float:
    """Return the share of the variance of y that x itself explains."""
    spread = _mean((y - _mean(y, weight)) ** 2, weight)
    return float("nan") if not spread > 0 else 1 - _mean((x - y) ** 2, weight) / spread


def _ranks(values: Floats, weight: Floats) -> Floats:
    """Weighted ranks; equal values share their middle."""
    dense = rankdata(values, method="dense") - 1
    total = np.bincount(dense, weight)
    middle: Floats = (np.cumsum(total) - total / 2)[dense]
    return middle


def _correlation(x: Floats, y: Floats, weight: Floats) -> float:
    x, y = x - _mean(x, weight), y - _mean(y, weight)
    scale = np.sqrt(_mean(x * x, weight) * _mean(y * y, weight))
    return float(_mean(x * y, weight) / scale) if scale > 0 else float("nan")

"""How good predictions are, with intervals from a bootstrap over what belongs together.

A resample counts how often each group is drawn, and all metrics follow from sums over groups: so a
thousand resamples are a product of two matrices.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Metrics = dict[str, dict[str, float]]

RESAMPLES: Final = 1000
LEVELS: Final = (2.5, 97.5)


def class_metrics(truth: Ints, predicted: Ints, owners: Ints, classes: int, seed: int) -> Metrics:
    """Measure predictions of classes.

    Parameters
    ----------
    truth, predicted : ndarray of int, shape (n,)
        Codes 0 .. classes - 1.
    owners : ndarray of int, shape (n,)
        What each belongs to; drawn as a whole.
    classes : int
    seed : int

    Returns
    -------
    dict
        See `Probe.metrics`.
    """
    groups = np.unique(owners, return_inverse=True)[1]
    count = int(groups.max()) + 1
    tables = np.zeros((count, classes, classes))
    np.add.at(tables, (groups, truth, predicted), 1)
    resampled: Floats = np.tensordot(_draws(count, seed), tables, axes=1).astype(np.float64)
    whole = tables.sum(axis=0)
    common = np.zeros_like(whole)
    common[:, whole.sum(axis=1).argmax()] = whole.sum(axis=1)
    return _rows(_of_table(whole[None]), _of_table(resampled), _of_table(common[None]))


def number_metrics(truth: Floats, predicted: Floats, owners: Ints, seed: int) -> Metrics:
    """Measure predictions of numbers; parameters as for `class_metrics`.

    Returns
    -------
    dict
        See `Probe.metrics`.
    """
    groups = np.unique(owners, return_inverse=True)[1]
    count = int(groups.max()) + 1
    middle = truth.mean()  # sums of squares of small numbers lose less
    y, p = truth - middle, predicted - middle
    sums = np.zeros((count, 6))
    columns = np.column_stack([np.ones_like(y), y, p, y * y, p * p, y * p])
    np.add.at(sums, groups, columns)
    resampled = _draws(count, seed) @ sums
    alone = np.zeros_like(y)
    constant = np.column_stack([np.ones_like(y), y, alone, y * y, alone, alone]).sum(axis=0)
    return _rows(_of_sums(sums.sum(axis=0)[None]), _of_sums(resampled), _of_sums(constant[None]))


def _draws(groups: int, seed: int) -> Floats:
    """How often each group is drawn, (RESAMPLES, groups)."""
    random = np.random.default_rng(seed)
    return random.multinomial(groups, np.full(groups, 1 / groups), RESAMPLES).astype(np.float64)


def _of_table(tables: Floats) -> dict[str, Floats]:
    right = tables.diagonal(axis1=1, axis2=2)
    truth, predicted = tables.sum(axis=2), tables.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        recall = right / truth
        f1 = 2 * right / (truth + predicted)
        accuracy = right.sum(axis=1) / truth.sum(axis=1)
    return {
        "accuracy": accuracy,
        # A class that a resample lacks has no recall there.
        "balanced_accuracy": np.nanmean(recall, axis=1),
        "macro_f1": np.nanmean(f1, axis=1),
    }


def _of_sums(sums: Floats) -> dict[str, Floats]:
    n, y, p, yy, pp, yp = sums.T
    residual = yy - 2 * yp + pp
    spread_y, spread_p = yy - y * y / n, pp - p * p / n
    with np.errstate(invalid="ignore", divide="ignore"):
        return {
            "r2": 1 - residual / spread_y,
            "rmse": np.sqrt(np.maximum(residual, 0) / n),
            "pearson": (yp - y * p / n) / np.sqrt(spread_y * spread_p),
        }


def _rows(
    whole: dict[str, Floats], resampled: dict[str, Floats], baseline: dict[str, Floats]
) -> Metrics:
    found: Metrics = {}
    for name, value in whole.items():
        low, high = np.nanpercentile(resampled[name], LEVELS)
        found[name] = {
            "value": float(value[0]),
            "low": float(low),
            "high": float(high),
            "baseline": float(baseline[name][0]),
        }
    return found

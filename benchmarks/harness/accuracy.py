"""What ways to compute the same differ by."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.stats import spearmanr

from harness.models import Floats, Ints, Run
from plmwidgets.metrics import js_distance
from plmwidgets.models.masked_lm import Context

LARGEST_LOG_P_ERROR: Final = 2e-5
"""Of ``reference``: rounding alone."""
LARGEST_P99: Final = {"final": 0.005, "preview": 0.03}
LARGEST_ERROR: Final = {"final": 0.02}
LEAST_SPEARMAN: Final = {"final": 0.999}
"""What maps may differ from those of transformers in float32, by js_dist."""


@dataclass(frozen=True)
class Errors:
    """How far log p and js_dist of pairs are off.

    Attributes
    ----------
    max_log_p : float
        Largest absolute error of log p(i|{i}) and log p(i|{i,j}).
    p99, max : float
        99th percentile and largest absolute error of js_dist.
    spearman : float
        Rank correlation of js_dist with the true one.
    """

    max_log_p: float
    p99: float
    max: float
    spearman: float


def answers(run: Run, sequence: str, pairs: Ints, batch: int = 8) -> tuple[Floats, Floats]:
    """Return log p(i|{i}) and log p(i|{i,j}) of pairs, at both residues of each, (n, 2, 20)."""
    alone = [Context(sequence, (position,)) for position in pairs.ravel().tolist()]
    both = [Context(sequence, (i, j)) for i, j in pairs.tolist()]
    singles = in_batches(run, alone, pairs.reshape(-1, 1), batch)
    return singles.reshape(len(pairs), 2, -1), in_batches(run, both, pairs, batch)


def in_batches(run: Run, contexts: Sequence[Context], positions: Ints, batch: int) -> Floats:
    """Run many contexts, some at a time."""
    starts = range(0, len(contexts), batch)
    return np.concatenate([run(contexts[s : s + batch], positions[s : s + batch]) for s in starts])


def both_ways(directed: Floats, pairs: Ints) -> Floats:
    """Return p(i|{i,j}) and p(j|{i,j}) of pairs, (n, 2, 20), from those of all, (L, L, 20)."""
    i, j = pairs.T
    return np.stack([directed[i, j], directed[j, i]], axis=1)


def distance_errors(found: tuple[Floats, Floats], true: tuple[Floats, Floats]) -> Floats:
    """Absolute errors of js_dist between what `answers` returned for two ways to compute it."""
    return np.abs(js_distance(*found) - js_distance(*true)).ravel()


def errors_of(found: tuple[Floats, Floats], true: tuple[Floats, Floats]) -> Errors:
    """Summarise the differences of what `answers` returned for two ways to compute it."""
    distances = distance_errors(found, true)
    return Errors(
        max_log_p=float(max(np.abs(a - b).max() for a, b in zip(found, true, strict=True))),
        p99=float(np.percentile(distances, 99)),
        max=float(distances.max()),
        spearman=float(spearmanr(js_distance(*found).ravel(), js_distance(*true).ravel())[0]),
    )

"""What ways to compute the same differ by."""

from collections.abc import Sequence

import numpy as np

from harness.models import Floats, Ints, Run
from plmwidgets.metrics import js_distance
from plmwidgets.models.masked_lm import Context


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

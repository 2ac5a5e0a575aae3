"""The fast categorical Jacobian of a context in which much is hidden already."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plmwidgets.methods.jacobian.math import contact_scores, row_norms
from plmwidgets.models.masked_lm import Context


def fast_jacobian_contexts(context: Context) -> list[Context]:
    """Return what a model is asked: each visible residue hidden in turn, and the context itself.

    Hiding what is hidden already changes nothing, so that the last one stands for all of those.
    """
    hidden = set(context.masked)
    return [
        Context(context.sequence, tuple(sorted({*hidden, n})), context.substitutions)
        for n in range(len(context.sequence))
        if n not in hidden
    ] + [context]


def fast_jacobian_map(
    context: Context, log_probabilities: NDArray[np.floating[Any]]
) -> NDArray[np.float64]:
    """Return the scores of contact from the answers to `fast_jacobian_contexts`.

    Parameters
    ----------
    context : Context
    log_probabilities : ndarray, shape (n, L, 20)

    Returns
    -------
    ndarray of float64, shape (L, L)
        As ``jacobian(protein, model, method="fast").contacts()``: symmetric, 0 on the diagonal;
        of no scale, and below 0 in places.
    """
    answer_of = np.full(len(context.sequence), len(log_probabilities) - 1)
    visible = [n for n in range(len(context.sequence)) if n not in set(context.masked)]
    answer_of[visible] = np.arange(len(visible))

    def rows(some: slice) -> NDArray[np.floating[Any]]:
        chosen: NDArray[np.floating[Any]] = log_probabilities[answer_of[some]]
        return chosen[:, None]

    return contact_scores(row_norms(rows, len(context.sequence), log_probabilities[0].nbytes))


def whole_positions(contexts: Sequence[Context]) -> NDArray[np.int64]:
    """Return all positions of each context, which keeps the answers out of the service's cache.

    Where no positions are named they are remembered, and would drive out what somebody looks at.
    """
    return np.tile(np.arange(len(contexts[0].sequence)), (len(contexts), 1))

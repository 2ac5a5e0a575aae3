"""How hidden residues are revealed step by step: who comes next, and what the model is asked."""

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from plmwidgets import metrics
from plmwidgets.alphabet import AMINO_ACIDS
from plmwidgets.methods.unmasking import sampling
from plmwidgets.models.masked_lm import Context

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

STRATEGIES: Final = (
    "one-shot",
    "random",
    "entropy",
    "max-probability",
    "left-to-right",
    "pair-guided",
)
"""Ways to choose who is revealed."""
ORDERS: Final = ("random", "entropy", "max-probability", "left-to-right")
"""Strategies that are an order, which pair guidance may follow."""

Requests = Generator[Context, NDArray[np.floating[Any]], None]


@dataclass(frozen=True)
class UnmaskingPlan:
    """What is to be revealed, when and how; checked by `plan_unmasking`.

    Attributes
    ----------
    sequence : str
        The wild type, of L residues.
    masked : tuple of int
        The M positions to reveal, 0-based, ascending.
    strategy : str
        One of `STRATEGIES`.
    counts : tuple of int
        How many are revealed in each step.
    temperature : float
    anneal : bool
    top_p : float
    seed : int
    order : str
        One of `ORDERS`; with `threshold` (bits), of the pair-guided strategy.
    threshold : float
    schedule : str
        What `counts` follow, unless so many at a time were asked for.
    dependence : ndarray, shape (L, L), or None
        Row: the residue affected, column: the one that is revealed, in bits; None to ask the model.
    """

    sequence: str
    masked: tuple[int, ...]
    strategy: str
    counts: tuple[int, ...]
    temperature: float
    anneal: bool
    top_p: float
    seed: int
    order: str
    threshold: float
    schedule: str = "cosine"
    dependence: Floats | None = field(default=None, compare=False, repr=False)

    def temperature_at(self, step: int) -> float:
        """Return the temperature of a step."""
        if not self.anneal:
            return self.temperature
        return sampling.annealed(self.temperature, step, len(self.counts))


@dataclass(frozen=True, eq=False)
class Step:
    """What one step revealed.

    Attributes
    ----------
    positions : ndarray of int, shape (n,)
        Who was revealed, the first choice first.
    columns : ndarray of int, shape (n,)
        As which amino acids, columns of `plmwidgets.alphabet.AMINO_ACIDS`.
    log_probabilities : ndarray, shape (n,)
        log p of these in the model's distribution at this step, whatever the temperature; nats.
    entropies : ndarray, shape (L,)
        Entropy in bits of the model's distribution at this step; NaN where nothing was hidden.
    passes : int
        Forward passes that the step took.
    """

    positions: Ints
    columns: Ints
    log_probabilities: Floats
    entropies: Floats
    passes: int


class Decoding:
    """One protein on its way from hidden to revealed.

    Parameters
    ----------
    plan : UnmaskingPlan
    steps : iterable of Step
        Those that are taken already, as of a fork.

    Attributes
    ----------
    plan : UnmaskingPlan
    steps : list of Step
        Grows as the answers come.
    """

    def __init__(self, plan: UnmaskingPlan, steps: tuple[Step, ...] = ()) -> None:
        self.plan = plan
        self.steps = list(steps)
        self._masked = np.array(plan.masked, dtype=np.int64)
        self._columns = np.full(len(plan.sequence), -1)
        for step in steps:
            self._columns[step.positions] = step.columns

    def requests(self) -> Requests:
        """Yield what the model is to be asked; send log p at ``plan.masked``, shape (M, 20)."""
        plan = self.plan
        for index in range(len(self.steps), len(plan.counts)):
            among = np.flatnonzero(self._columns[self._masked] < 0)
            hidden = self._masked[among]
            answer = yield self._context()
            log_p = answer[among].astype(np.float64)
            p = sampling.sampling_probabilities(log_p, plan.temperature_at(index), plan.top_p)
            uniform = sampling.uniforms(plan.seed, index, len(plan.sequence))[hidden]
            drawn = sampling.draw(p, uniform)
            entropy = metrics.entropy(log_p)
            order = self._order(hidden, log_p, drawn, entropy)
            passes = 1
            count = plan.counts[index]
            if plan.strategy == "pair-guided" and 1 < count < len(hidden):
                chosen, probes = yield from self._apart(order, count, hidden, drawn, log_p)
                passes += probes
            else:
                chosen = order[:count]
            entropies = np.full(len(plan.sequence), np.nan)
            entropies[hidden] = entropy
            self._columns[hidden[chosen]] = drawn[chosen]
            self.steps.append(
                Step(hidden[chosen], drawn[chosen], log_p[chosen, drawn[chosen]], entropies, passes)
            )

    def _context(self, also: tuple[int, int] | None = None) -> Context:
        """Return what is known so far, and one residue more if given with its column."""
        columns = self._columns[self._masked]
        known = dict(zip(self.plan.masked, columns.tolist(), strict=True))
        if also is not None:
            known[also[0]] = also[1]
        return Context(
            self.plan.sequence,
            tuple(position for position, column in known.items() if column < 0),
            tuple((at, AMINO_ACIDS[column]) for at, column in known.items() if column >= 0),
        )

    def _order(self, hidden: Ints, log_p: Floats, drawn: Ints, entropy: Floats) -> Ints:
        """Return indices into the hidden residues, who is to come first first."""
        plan = self.plan
        order = plan.order if plan.strategy == "pair-guided" else plan.strategy
        if order == "random":
            key = sampling.random_order(plan.seed, len(plan.sequence))[hidden].astype(np.float64)
        elif order == "entropy":
            key = entropy
        elif order == "max-probability":
            key = -log_p[np.arange(len(hidden)), drawn]
        else:
            key = hidden.astype(np.float64)
        return np.argsort(key, kind="stable")

    def _apart(
        self, order: Ints, count: int, hidden: Ints, drawn: Ints, log_p: Floats
    ) -> Generator[Context, NDArray[np.floating[Any]], tuple[Ints, int]]:
        """Go down the order and take who does not depend on those taken; count the probes."""
        plan = self.plan
        taken = np.zeros(len(hidden), dtype=bool)
        most = np.zeros(len(hidden))
        chosen, probes = [int(order[0])], 0
        taken[order[0]] = True
        while len(chosen) < count:
            last = chosen[-1]
            if plan.dependence is None:
                answer = yield self._context((int(hidden[last]), int(drawn[last])))
                among = np.searchsorted(self._masked, hidden)
                changed = metrics.js_divergence(answer[among].astype(np.float64), log_p)
                probes += 1
            else:
                changed = plan.dependence[hidden, hidden[last]]
            most = np.maximum(most, np.where(taken, 0.0, changed))
            left = order[~taken[order]]
            fits = left[most[left] < plan.threshold]
            # Too few are independent: then those that depend the least, so that steps stay steps.
            best = int(fits[0]) if len(fits) else int(left[np.argmin(most[left])])
            chosen.append(best)
            taken[best] = True
        return np.array(chosen), probes

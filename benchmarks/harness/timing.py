"""Fair timing: variants in turn, each at its best batch, against the peak of the same machine."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import torch

from harness.models import Floats, Ints, Run
from plmwidgets.models.masked_lm import Context

GEMM_SIZE: Final = 2048
GEMM_SECONDS: Final = 1.0


@dataclass(frozen=True)
class Variant:
    """One way to compute the same.

    Attributes
    ----------
    name : str
    run : Run
    batches : sequence of int
        Sizes to choose the best of.
    peak : str
        The type whose largest matrix product its speed is a share of.
    """

    name: str
    run: Run
    batches: Sequence[int]
    peak: str = "float32"


@dataclass
class Work:
    """Random pairs of a sequence, dealt out in batches that are never the same."""

    sequence: str
    seed: int = 0
    _random: np.random.Generator = field(init=False)

    def __post_init__(self) -> None:
        self._random = np.random.default_rng(self.seed)

    def time(self, variant: Variant, batch: int, batches: int = 1) -> float:
        """Return seconds a pass, over so many batches."""
        asked = []
        for _ in range(batches):
            pairs = self._draw(batch)
            asked.append(([Context(self.sequence, (i, j)) for i, j in pairs.tolist()], pairs))
        began = time.perf_counter()
        for contexts, pairs in asked:
            variant.run(contexts, pairs)
        return (time.perf_counter() - began) / (batch * batches)

    def best_batch(self, variant: Variant, repeats: int = 2) -> tuple[int, float]:
        """Return the batch that makes a pass cheapest, and seconds a pass at it."""
        times = {}
        for batch in variant.batches:
            self.time(variant, batch)  # the first call makes its buffers
            times[batch] = min(self.time(variant, batch) for _ in range(repeats))
        best = min(times, key=lambda batch: times[batch])
        return best, times[best]

    def _draw(self, count: int) -> Ints:
        length = len(self.sequence)
        first = self._random.integers(length, size=count)
        second = (first + self._random.integers(1, length, size=count)) % length
        return np.sort(np.stack([first, second], axis=1), axis=1)


def compare(
    variants: Sequence[Variant], work: Work, rounds: int, seconds: float = 0.4
) -> tuple[dict[str, int], dict[str, Floats]]:
    """Time variants in turn, in a new random order each round, each at its best batch.

    Parameters
    ----------
    variants : sequence of Variant
    work : Work
    rounds : int
    seconds : float
        How long a variant runs in a round, at least one batch.

    Returns
    -------
    batches : dict of str to int
    times : dict of str to ndarray, shape (rounds,)
        Seconds a pass.
    """
    chosen = {variant.name: work.best_batch(variant) for variant in variants}
    times: dict[str, list[float]] = {variant.name: [] for variant in variants}
    random = np.random.default_rng(work.seed)
    for _ in range(rounds):
        for index in random.permutation(len(variants)):
            variant = variants[index]
            batch, expected = chosen[variant.name]
            batches = max(1, round(seconds / (expected * batch)))
            times[variant.name].append(work.time(variant, batch, batches))
    batches_of = {name: batch for name, (batch, _) in chosen.items()}
    return batches_of, {name: np.array(values) for name, values in times.items()}


@dataclass(frozen=True)
class Ratio:
    """Median of the ratios of single rounds, and a bootstrap 95 % interval (None of one round)."""

    median: float
    interval: tuple[float, float] | None

    def __str__(self) -> str:
        text = f"{self.median:.2f}x"
        if self.interval is not None:
            text += f" [{self.interval[0]:.2f}, {self.interval[1]:.2f}]"
        return text


def ratio_of(values: Sequence[float] | Floats, samples: int = 4000) -> Ratio:
    """Summarise ratios, one a round."""
    ratios = np.asarray(values, np.float64)
    if len(ratios) < 2:
        return Ratio(float(ratios[0]), None)
    index = np.random.default_rng(0).integers(len(ratios), size=(samples, len(ratios)))
    low, high = np.percentile(np.median(ratios[index], axis=1), [2.5, 97.5])
    return Ratio(float(np.median(ratios)), (float(low), float(high)))


def gemm_peak(dtype: str, size: int = GEMM_SIZE) -> float:
    """Operations a second of a large square matrix product: the fastest of a second's worth."""
    a, b = (torch.randn(size, size).to(getattr(torch, dtype)) for _ in range(2))
    out = torch.empty_like(a)
    fastest, began = float("inf"), time.perf_counter()
    while time.perf_counter() - began < GEMM_SECONDS:
        start = time.perf_counter()
        torch.mm(a, b, out=out)
        fastest = min(fastest, time.perf_counter() - start)
    return 2 * size**3 / fastest

"""Fair timing: variants in turn, each at its best batch, against the peak of the same machine."""

import gc
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import torch

from harness.models import Floats, Ints, Run
from plmwidgets.faults import is_out_of_memory
from plmwidgets.models.masked_lm import Context

GEMM_SIZES: Final = {"cpu": 2048, "cuda": 8192}
GEMM_SECONDS: Final = 1.0
WORTHWHILE: Final = 0.98
"""A larger batch is worth it if it makes a pass this much cheaper."""
IN_VAIN: Final = 2
"""Larger batches in a row that are tried in vain before the next is not tried."""
WARM_UP: Final = 2
REPEATS: Final = 2
TUNING_SECONDS: Final = 0.1
"""How often and how long a batch is run at least when it is tried."""
CPU: Final = torch.device("cpu")


@dataclass(frozen=True)
class Variant:
    """One way to compute the same.

    Attributes
    ----------
    name : str
    run : Run
    batches : sequence of int
        Sizes to choose the best of, ascending.
    peak : str
        The type whose largest matrix product its speed is a share of.
    release : callable
        Gives back what `run` keeps between calls.
    """

    name: str
    run: Run
    batches: Sequence[int]
    peak: str = "float32"
    release: Callable[[], None] = lambda: None


@dataclass
class Work:
    """Random pairs of a sequence, dealt out in batches that are never the same."""

    sequence: str
    seed: int = 0
    device: torch.device = CPU
    _random: np.random.Generator = field(init=False)

    def __post_init__(self) -> None:
        self._random = np.random.default_rng(self.seed)

    def time(self, variant: Variant, batch: int, batches: int = 1) -> float:
        """Return seconds a pass, over so many batches."""
        asked = []
        for _ in range(batches):
            pairs = self._draw(batch)
            asked.append(([Context(self.sequence, (i, j)) for i, j in pairs.tolist()], pairs))
        finish(self.device)
        began = time.perf_counter()
        for contexts, pairs in asked:
            variant.run(contexts, pairs)
        finish(self.device)
        return (time.perf_counter() - began) / (batch * batches)

    def best_batch(self, variant: Variant) -> tuple[int, float] | None:
        """Return the batch that makes a pass cheapest, and seconds a pass at it.

        Ends where larger batches no longer help or the memory does; None if it holds no batch.
        """
        times: dict[int, float] = {}
        in_vain = 0
        for batch in variant.batches:
            seconds = self.attempt(variant, batch)
            if seconds is None:
                break
            in_vain = in_vain + 1 if times and seconds > WORTHWHILE * min(times.values()) else 0
            times[batch] = seconds
            if in_vain == IN_VAIN:
                break
        if not times:
            return None
        best = min(times, key=lambda batch: times[batch])
        return best, times[best]

    def attempt(self, variant: Variant, batch: int) -> float | None:
        """Return seconds a pass, the fastest of some; None if the memory does not suffice.

        The first batches are not timed: they make buffers and compile kernels.
        """
        try:
            for _ in range(WARM_UP):
                self.time(variant, batch)
            times: list[float] = []
            while len(times) < REPEATS or batch * sum(times) < TUNING_SECONDS:
                times.append(self.time(variant, batch))
            return min(times)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
        # Here the error is gone, and with it the frames that held the tensors.
        variant.release()
        free(self.device)
        return None

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
        Without the variants for which the memory holds no batch.
    times : dict of str to ndarray, shape (rounds,)
        Seconds a pass.
    """
    chosen: dict[str, tuple[int, float]] = {}
    for variant in variants:
        found = work.best_batch(variant)
        variant.release()  # the largest batch tried took more than the best one will
        free(work.device)
        if found is not None:
            chosen[variant.name] = found
    # Each fits by itself; what does not fit beside those before it is left out.
    timed = [
        variant
        for variant in variants
        if variant.name in chosen and work.attempt(variant, chosen[variant.name][0]) is not None
    ]
    times: dict[str, list[float]] = {variant.name: [] for variant in timed}
    random = np.random.default_rng(work.seed)
    for _ in range(rounds):
        for index in random.permutation(len(timed)):
            variant = timed[index]
            batch, expected = chosen[variant.name]
            batches = max(1, round(seconds / (expected * batch)))
            times[variant.name].append(work.time(variant, batch, batches))
    batches_of = {name: chosen[name][0] for name in times}
    return batches_of, {name: np.array(values) for name, values in times.items()}


def sampler(
    work: Work, variant: Variant, batch: int, expected: float, seconds: float
) -> Callable[[], float]:
    """Return what measures seconds a pass at a batch.

    Parameters
    ----------
    work : Work
    variant : Variant
    batch : int
    expected : float
        Seconds a pass, about.
    seconds : float
        How long to run, at least one batch.
    """
    batches = max(1, round(seconds / (expected * batch)))
    return lambda: work.time(variant, batch, batches)


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


def gemm_peak(
    dtype: str,
    device: torch.device = CPU,
    size: int | None = None,
    seconds: float = GEMM_SECONDS,
) -> float:
    """Operations a second of a large square matrix product: the fastest of some seconds' worth."""
    size = GEMM_SIZES[device.type] if size is None else size
    made = (torch.randn(size, size, device=device) for _ in range(2))
    a, b = (matrix.to(getattr(torch, dtype)) for matrix in made)
    out = torch.empty_like(a)
    fastest, began = float("inf"), time.perf_counter()
    while time.perf_counter() - began < seconds:
        fastest = min(fastest, _seconds_of(lambda: torch.mm(a, b, out=out), device))
    return 2 * size**3 / fastest


def _seconds_of(call: Callable[[], object], device: torch.device) -> float:
    """Return how long a call took, on a GPU by its own clock: waiting for it takes time as well."""
    if device.type == "cuda":
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        call()
        end.record()
        end.synchronize()
        return float(start.elapsed_time(end)) / 1e3
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def finish(device: torch.device) -> None:
    """Wait until a device has done all that it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def free(device: torch.device) -> None:
    """Give back the memory that nothing uses any more."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()

"""What waits for a model, or is under way, and how it ends."""

import time
import traceback
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plmwidgets.models.masked_lm import Context

Array = NDArray[np.floating[Any]]


@dataclass(eq=False)
class Batch:
    """Contexts from `start` to `stop` that are under way together.

    Attributes
    ----------
    seconds, longest : float
        What its steps took so far, and the longest of them.
    values : ndarray or None
        Once they are there.
    """

    start: int
    stop: int
    steps: Generator[float | None, None, Array]
    seconds: float = 0.0
    longest: float = 0.0
    values: Array | None = None

    def step(self) -> float | None:
        """Take the next step; return the share of the work that is done, if known."""
        began, share = time.perf_counter(), None
        try:
            share = next(self.steps)
        except StopIteration as end:
            self.values = end.value
        took = time.perf_counter() - began
        self.seconds += took
        self.longest = max(self.longest, took)
        return share


@dataclass(eq=False)
class Request:
    """Contexts to be computed, batch by batch, in slices of time.

    Those before `begun` have been put into batches; the latest of these is `batch` until all of it
    has been asked of the model.
    """

    contexts: Sequence[Context]
    positions: NDArray[np.int64] | None
    precision: str | None
    on_part: Callable[[int, int, Array], None] | None
    size: int | None = None
    future: "Future[Array]" = field(default_factory=Future)
    parts: list[Array] = field(default_factory=list)
    begun: int = 0
    batch: Batch | None = None


@dataclass(eq=False)
class Steps:
    """A longer computation that comes in short steps of its own."""

    steps: Generator[float, None, Array]
    on_step: Callable[[float], None] | None
    future: "Future[Array]" = field(default_factory=Future)


def resolve(
    future: "Future[Array]", values: Array | None = None, error: BaseException | None = None
) -> None:
    """Give a waiting future its result or its failure, unless it has one or was cancelled."""
    answered = future.done() and not future.cancelled()
    if answered or not future.set_running_or_notify_cancel():
        return
    if values is not None:
        future.set_result(values)
    else:
        future.set_exception(error)


def drop(request: Request | Steps) -> None:
    """Give up a request, and free what it holds."""
    request.future.cancel()
    if isinstance(request, Steps):
        close(request.steps)


def close(steps: Generator[Any, None, Any]) -> None:
    """End a computation half-way; what goes wrong then, nobody is left to be told."""
    with suppress(Exception):
        steps.close()


def free_frames(error: BaseException | None) -> None:
    """Free what the frames that an error came through hold: perhaps all memory of a device."""
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__

"""How the thread of a run asks the model, waits for it, and gives up when the run is to stop."""

import threading
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import CancelledError, Future, wait
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

IN_FLIGHT: Final = 2
"""Requests for each lane of a service: the next is there when one is done."""

Part = TypeVar("Part")


def result_of(
    future: "Future[NDArray[np.floating[Any]]]", stop: threading.Event
) -> NDArray[np.floating[Any]]:
    """Wait for an answer, and give it up once the scan is to stop."""
    while not future.done():
        wait([future], timeout=0.05)
        if stop.is_set():
            future.cancel()
    return future.result()


def check(stop: threading.Event) -> None:
    """Raise `CancelledError` once a scan is to stop."""
    if stop.is_set():
        raise CancelledError


def work_through(
    parts: Iterable[Part],
    submit: "Callable[[Part], Future[Any]]",
    take: "Callable[[Part, Future[Any]], None]",
    lanes: int,
    stop: threading.Event,
) -> None:
    """Submit part after part, with `IN_FLIGHT` for each lane under way, and take them in order.

    Raises
    ------
    CancelledError
        Once a run is to stop. What is still under way then, or when a part fails, is cancelled.
    """
    waiting: deque[tuple[Part, Future[Any]]] = deque()
    try:
        for part in parts:
            check(stop)
            waiting.append((part, submit(part)))
            if len(waiting) == IN_FLIGHT * lanes:
                take(*waiting.popleft())
        while waiting:
            take(*waiting.popleft())
    finally:
        for _, future in waiting:
            future.cancel()

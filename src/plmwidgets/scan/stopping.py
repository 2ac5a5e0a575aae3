"""How the thread of a scan waits for the model, and gives up when the scan is to stop."""

import threading
from concurrent.futures import CancelledError, Future, wait
from typing import Any

import numpy as np
from numpy.typing import NDArray


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

"""Calls that are made soon, and not too often."""

import threading
import time
from collections.abc import Callable


class Throttle:
    """Calls a function soon after it is asked to, but not more often than it can bear.

    No two calls run at a time: a function that reads what holds and then shows it does not put an
    older state over a newer one.

    Parameters
    ----------
    function : callable
        Without arguments; runs in the asking thread or in a timer's.
    interval : float
        Seconds between calls at least; ten times the call's own duration if that is longer, so
        that drawing never takes more than a tenth of the time.
    delay : float
        Seconds from asking to the call at least.
    """

    def __init__(
        self, function: Callable[[], None], interval: float = 0.1, delay: float = 0.0
    ) -> None:
        self._function = function
        self._interval = interval
        self._delay = delay
        self._lock = threading.Lock()
        self._calling = threading.RLock()
        self._busy = False
        self._asked = False
        self._next = 0.0

    def __call__(self) -> None:
        """Ask for a call that begins after this; one is never made while another runs."""
        with self._lock:
            self._asked = True
            if not self._busy:
                self._busy = True
                self._schedule()

    def now(self) -> None:
        """Call the function at once, in this thread, after the call that may be running."""
        with self._calling:
            self._function()

    def _schedule(self) -> None:
        # Always from a timer: the asking thread may be the one that runs the model.
        timer = threading.Timer(max(self._delay, self._next - time.monotonic()), self._run)
        timer.daemon = True
        timer.start()

    def _run(self) -> None:
        with self._lock:
            self._asked = False
        began = time.monotonic()
        try:
            self.now()
        finally:
            with self._lock:
                now = time.monotonic()
                self._next = now + max(self._interval, 10 * (now - began))
                self._busy = self._asked
                if self._busy:
                    self._schedule()

"""Long work in the background: start it, hold it, watch it, go on with it."""

import logging
import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import CancelledError
from typing import ClassVar

from tqdm import tqdm

from plmwidgets._numbers import real_number
from plmwidgets._options import flag
from plmwidgets.scan.progress import ScanProgress, ScanStatus

_log = logging.getLogger(__name__)

RATE_WINDOW = 5.0


class BackgroundRun(ABC):
    """Work in a thread of its own that can be paused, given up and resumed; base of all runs.

    Parameters
    ----------
    name : str
        What it works on, for logs and threads.
    total : int
        How many units there are.
    unit : str
        What they are, in the plural: ``"pairs"``.
    """

    title: ClassVar = "scan"
    held: object = None
    """What it fills, so that the same call with the same store finds it while it runs."""

    def __init__(self, name: str, total: int, unit: str) -> None:
        self.error: BaseException | None = None
        self._name = name
        self._total = total
        self._unit = unit
        self._lock = threading.RLock()
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._listeners: list[Callable[[], None]] = []
        self._recent: deque[tuple[float, int]] = deque()
        self._elapsed = 0.0
        self._began: float | None = None
        self._share_before = 0.0
        self._stage = ""
        if self._is_complete():
            self.status = ScanStatus.FINISHED
        else:
            self.status = ScanStatus.PAUSED if self._units_done() else ScanStatus.READY

    # What a kind of work consists of

    @abstractmethod
    def _work(self, stop: threading.Event) -> None:
        """Do what is left, in the run's thread; give up once `stop` is set."""

    @abstractmethod
    def _units_done(self) -> int:
        """Return how many units are done."""

    @abstractmethod
    def _is_complete(self) -> bool:
        """Return whether nothing is left."""

    def _share(self) -> float:
        return self._units_done() / self._total

    def _remaining(self, share: float, rate: float | None) -> float | None:
        return (1 - share) * self._total / rate if rate else None

    def _message(self) -> str:
        """Return what to tell of a run that has not failed."""
        return ""

    # Control

    def start(self) -> None:
        """Start, or go on after a pause, a cancellation or a failure; at once, in the background.

        Nothing happens when it runs already or has finished.
        """
        with self._lock:
            if self.status in (ScanStatus.RUNNING, ScanStatus.FINISHED):
                return
            self.status = ScanStatus.RUNNING
            self.error = None
            self._stop = threading.Event()
            self._recent.clear()
            self._began = time.monotonic()
            self._share_before = self._share()
            self._thread = threading.Thread(
                target=self._drive,
                args=(self._thread, self._stop),
                name=f"plmwidgets-{self.title}-{self._name}".replace(" ", "-"),
                daemon=True,
            )
            self._thread.start()
        self._notify()

    def pause(self) -> None:
        """Stop once the slice in hand is done; `start` goes on from there.

        The slice still counts, but for a batch that is in flight on a GPU, which is given up.
        """
        self._halt(ScanStatus.PAUSED)

    def cancel(self) -> None:
        """Give up the rest; what is computed stays and can be exported."""
        self._halt(ScanStatus.CANCELLED)

    def wait(self, timeout: float | None = None, quiet: bool = False) -> None:
        """Block until it ends or is paused, with a progress bar in a terminal unless quiet.

        Raises
        ------
        TimeoutError
            If it still runs after `timeout` seconds; it goes on in the background.
        Exception
            What made it fail.
        """
        deadline = _deadline(timeout)
        # disable=None: a bar in a terminal, none in logs and notebooks (which have the panel).
        with tqdm(
            total=self._total,
            initial=int(self._share() * self._total),
            unit=f" {self._unit}",
            disable=True if flag("quiet", quiet) else None,
            desc=self.title,
        ) as bar:
            while self.status is ScanStatus.RUNNING:
                if deadline is not None and time.monotonic() > deadline:
                    raise TimeoutError(f"still running: {self.progress}")
                time.sleep(0.05)
                bar.update(int(self._share() * self._total) - bar.n)
            bar.update(int(self._share() * self._total) - bar.n)
        thread = self._thread
        if thread is not None:
            thread.join()
        if self.error is not None:
            raise self.error

    @property
    def progress(self) -> ScanProgress:
        """How far it is; cheap, from any thread."""
        with self._lock:
            running = self.status is ScanStatus.RUNNING
            now = time.monotonic()
            elapsed = self._elapsed
            if running and self._began is not None:
                elapsed += now - self._began
            rate = None
            if running and len(self._recent) > 1:
                (since, before), (until, after) = self._recent[0], self._recent[-1]
                rate = (after - before) / (until - since) if until > since else None
            share = self._share()
            return ScanProgress(
                status=self.status,
                stage=self._stage if running else "",
                done=self._units_done(),
                total=self._total,
                share=share,
                rate=rate,
                remaining=self._remaining(share, rate) if running else None,
                elapsed=elapsed,
                message=self._message() if self.error is None else str(self.error),
                unit=self._unit,
            )

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` on every change, from worker threads; returns how to stop that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener) if listener in self._listeners else None

    # The thread

    def _drive(self, previous: threading.Thread | None, stop: threading.Event) -> None:
        if previous is not None:
            previous.join()
        try:
            self._work(stop)
        except CancelledError:
            # The service cancels what waits when it is closed; a halt has set its status itself.
            if not stop.is_set():
                self._fail(RuntimeError("the model service was closed while the scan ran"), stop)
        except Exception as error:
            self._fail(error, stop)
        else:
            with self._lock:
                if self._stop is stop and self._is_complete():
                    self._leave(ScanStatus.FINISHED)
        self._notify()

    def _observe_rate(self, done: int) -> None:
        """Note how many units are done now, for the rate; under the lock."""
        now = time.monotonic()
        self._recent.append((now, done))
        while now - self._recent[0][0] > RATE_WINDOW and len(self._recent) > 2:
            self._recent.popleft()

    def _halt(self, status: ScanStatus) -> None:
        with self._lock:
            if self.status is ScanStatus.RUNNING:
                self._stop.set()
                self._leave(status)
            elif self.status is ScanStatus.PAUSED and status is ScanStatus.CANCELLED:
                self.status = status
            else:
                return
        self._notify()

    def _fail(self, error: Exception, stop: threading.Event) -> None:
        with self._lock:
            if self._stop is stop and self.status is ScanStatus.RUNNING:
                self.error = error
                self._leave(ScanStatus.FAILED)

    def _leave(self, status: ScanStatus) -> None:
        self.status = status
        self._stage = ""
        if self._began is not None:
            self._elapsed += time.monotonic() - self._began
            self._began = None

    def _notify(self) -> None:
        for listener in list(self._listeners):
            try:
                listener()
            except Exception:  # a broken listener must not end a scan of hours
                _log.exception("a listener of the %s of %s failed", self.title, self._name)


class RunControl:
    """Gives a result the controls of the run that fills it; base of all such results.

    Attributes
    ----------
    title : str
        What it is, for people.
    """

    title: ClassVar = "Scan"
    _run: BackgroundRun | None = None
    _again = "to go on, make it again with the model"

    def start(self) -> None:
        """Start in the background, or go on after a pause, a cancellation or a failure.

        Raises
        ------
        RuntimeError
            If this was loaded or imported and has no model to run on.
        """
        if self._run is None:
            raise RuntimeError(f"this result has no model to run on: {self._again}")
        self._run.start()

    def resume(self) -> None:
        """Go on where it stopped; the same as `start`."""
        self.start()

    def pause(self) -> None:
        """Stop after the work in hand; `resume` goes on from there."""
        if self._run is not None:
            self._run.pause()

    def cancel(self) -> None:
        """Give up the rest; what is computed stays and can be exported."""
        if self._run is not None:
            self._run.cancel()

    def wait(self, timeout: float | None = None, quiet: bool = False) -> None:
        """Block until it ends or is paused, with a progress bar in a terminal.

        Interrupting the wait (Ctrl-C) does not stop the work.

        Parameters
        ----------
        timeout : float, optional
            Seconds.
        quiet : bool
            Leave the bar away.

        Raises
        ------
        TimeoutError
            If it still runs then; it goes on in the background.
        ValueError
            If the timeout is no number from 0 up, or `quiet` neither True nor False.
        Exception
            What made it fail.
        """
        if self._run is not None:
            self._run.wait(timeout, quiet)

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` on every change, from worker threads; returns how to stop that.

        The listener must be quick: the model waits for it.
        """
        return (lambda: None) if self._run is None else self._run.subscribe(listener)


class RunsTogether:
    """What several runs have in common that are waited for together."""

    def _runs(self) -> Iterable[RunControl]:
        raise NotImplementedError

    def wait(self, timeout: float | None = None, quiet: bool = False) -> None:
        """Block until all scans end or are paused, with a progress bar for each in a terminal.

        Parameters
        ----------
        timeout : float, optional
            Seconds, for all of them together.
        quiet : bool
            Leave the bars away.

        Raises
        ------
        TimeoutError
            If one still runs then; it goes on in the background.
        ValueError
            If the timeout is no number from 0 up, or `quiet` neither True nor False.
        Exception
            What made the first of those that failed fail; the others go on.
        """
        deadline = _deadline(timeout)
        for each in self._runs():
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            each.wait(left, quiet)


def _deadline(timeout: float | None) -> float | None:
    """Return the time at which a wait ends, by the monotonic clock."""
    return None if timeout is None else time.monotonic() + real_number("timeout", timeout)

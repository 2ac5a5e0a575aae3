"""Wait for a scan as a batch job does: say how far it is, and stop cleanly when told to."""

import os
import signal
import sys
import time
from types import FrameType
from typing import TYPE_CHECKING

from tqdm import tqdm

from plmwidgets.scan.progress import ScanStatus

if TYPE_CHECKING:
    from plmwidgets.scan.pair import PairScan

LOG_SECONDS = 30.0
"""How often a log gets a line."""
SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stop:
    """Heeds Ctrl-C and SIGTERM within a ``with`` block; the second one ends the process at once.

    Attributes
    ----------
    signal : int
        The one that came; 0 for none.
    """

    def __init__(self) -> None:
        # A plain attribute: a lock that the main thread holds must not be taken in its handler.
        self.signal = 0

    def __enter__(self) -> "Stop":
        self._before = [(number, signal.signal(number, self._heed)) for number in SIGNALS]
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before:
            signal.signal(number, handler)

    @property
    def exit_status(self) -> int:
        """What a shell expects of a process that a signal ended: 130 or 143."""
        return 128 + self.signal

    def _heed(self, number: int, frame: FrameType | None) -> None:
        if self.signal:
            os._exit(128 + number)
        self.signal = number


def watch(scan: "PairScan", name: str, stop: Stop) -> None:
    """Wait until a running scan ends, or until told to stop, and then stop it.

    A bar on a terminal; elsewhere a line now and then.

    Parameters
    ----------
    scan : PairScan
    name : str
        Put in front.
    stop : Stop

    Raises
    ------
    Exception
        What made the scan fail.
    """
    progress, told = scan.progress, time.monotonic()
    with tqdm(total=progress.total, unit=" pairs", disable=None, desc=name) as bar:
        while progress.status is ScanStatus.RUNNING and not stop.signal:
            time.sleep(0.05)
            progress = scan.progress
            bar.update(int(progress.share * progress.total) - bar.n)
            if bar.disable and time.monotonic() - told >= LOG_SECONDS:
                told = time.monotonic()
                print(f"{name}: {progress}", file=sys.stderr, flush=True)
        if stop.signal:
            tqdm.write("stopping after the work in hand; once more quits at once", file=sys.stderr)
            scan.pause()
    scan.wait(quiet=True)

"""Fills contact recoveries in the background, the flank length that is looked at first."""

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, ClassVar

from plmwidgets.methods.recovery.maps import MapMaker, Maps
from plmwidgets.models.masked_lm import Context
from plmwidgets.scan.background import BackgroundRun
from plmwidgets.scan.stopping import IN_FLIGHT, check, result_of

if TYPE_CHECKING:
    from plmwidgets.methods.recovery.result import Recovery


class RecoveryRun(BackgroundRun):
    """Computes what is missing of a `Recovery`."""

    title: ClassVar = "contact recovery"

    def __init__(self, recovery: "Recovery", maker: MapMaker) -> None:
        self.recovery = recovery
        self.maker = maker
        super().__init__(recovery.protein.name, recovery.values.size, "recoveries")

    def _work(self, stop: threading.Event) -> None:
        def changed() -> None:
            with self._lock:
                self._observe_rate(self._units_done())
            self._notify()

        fill(self.recovery, self.maker, stop, changed)

    def _units_done(self) -> int:
        return self.recovery.computed

    def _is_complete(self) -> bool:
        return self.recovery.is_complete


def fill(
    recovery: "Recovery", maker: MapMaker, stop: threading.Event, changed: Callable[[], None]
) -> None:
    """Compute what a recovery lacks; `changed` is called after every request to the model.

    Raises
    ------
    CancelledError
        Once `stop` is set.
    """
    if recovery.reference is None:
        whole = [Context(recovery.plan.sequence)]
        recovery.take_reference(maker.read(whole, result_of(maker.ask(whole), stop))[0])
        changed()
    waiting: deque[tuple[list[Context], Future[Maps]]] = deque()
    under_way: set[Context] = set()

    def finish() -> None:
        contexts, future = waiting.popleft()
        for context, values in zip(
            contexts, maker.read(contexts, result_of(future, stop)), strict=True
        ):
            recovery.take(context, values)
        under_way.difference_update(contexts)
        changed()

    try:
        # What is missing is asked for anew each time: another flank length may come first now.
        while True:
            check(stop)
            contexts = recovery.missing(maker.at_once, under_way)
            if contexts:
                waiting.append((contexts, maker.ask(contexts)))
                under_way.update(contexts)
            if not waiting:
                return
            if len(waiting) == IN_FLIGHT * maker.lanes or not contexts:
                finish()
    finally:
        for _, future in waiting:
            future.cancel()

"""Runs decodings in the background, many of them through the model together."""

import threading
from collections import deque
from collections.abc import Callable, Collection, Sequence
from typing import Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from plmwidgets.methods.unmasking.decoding import Decoding, Requests
from plmwidgets.models.masked_lm import Context
from plmwidgets.scan.background import BackgroundRun
from plmwidgets.scan.stopping import check, result_of
from plmwidgets.service import ModelService, Priority

Answer = NDArray[np.floating[Any]]

AT_ONCE: Final = 256
"""Decodings that are under way together."""


class UnmaskingRun(BackgroundRun):
    """Takes decodings of one protein with the same hidden residues to their ends.

    Parameters
    ----------
    name : str
        Of the protein.
    decodings : sequence of Decoding
        Their steps are filled in place.
    service : ModelService
    priority : Priority
    finished : callable, optional
        Called in the run's thread with each decoding that is at its end.
    known : collection of Decoding
        Those of which it is known already what they come to: they are not decoded.
    at_rest : callable, optional
        Called in the run's thread when it ends or stops.
    """

    title: ClassVar = "unmasking"

    def __init__(
        self,
        name: str,
        decodings: Sequence[Decoding],
        service: ModelService,
        priority: Priority = Priority.BACKGROUND,
        *,
        finished: Callable[[Decoding], None] | None = None,
        known: Collection[Decoding] = (),
        at_rest: Callable[[], None] = lambda: None,
    ) -> None:
        self.service = service
        self._priority = priority
        self._finished = finished
        self._at_rest = at_rest
        self._waiting = deque((one, one.requests()) for one in decodings if one not in known)
        self._asking: list[tuple[Decoding, Requests, Context]] = []
        self._masked = np.array(decodings[0].plan.masked, dtype=np.int64)
        self._taken = sum(len(one.plan.counts if one in known else one.steps) for one in decodings)
        super().__init__(name, sum(len(one.plan.counts) for one in decodings), "steps")

    def _work(self, stop: threading.Event) -> None:
        try:
            self._decode(stop)
        finally:
            self._at_rest()

    def _decode(self, stop: threading.Event) -> None:
        # What is asked for is kept until it is answered, so that a paused run can go on.
        while True:
            check(stop)
            while self._waiting and len(self._asking) < AT_ONCE:
                self._advance(*self._waiting.popleft(), None)
            if not self._asking:
                return
            contexts = list(dict.fromkeys(context for *_, context in self._asking))
            positions = np.tile(self._masked, (len(contexts), 1))
            future = self.service.submit(contexts, positions, priority=self._priority)
            answers = dict(zip(contexts, result_of(future, stop), strict=True))
            answered, self._asking = self._asking, []
            try:
                while answered:
                    decoding, requests, context = answered.pop(0)
                    self._advance(decoding, requests, answers[context])
            finally:
                self._asking = answered + self._asking
            with self._lock:
                self._observe_rate(self._units_done())
            self._notify()

    def _advance(self, decoding: Decoding, requests: Requests, answer: Answer | None) -> None:
        before = len(decoding.steps)
        try:
            try:
                context = next(requests) if answer is None else requests.send(answer)
            except StopIteration:
                context = None
            self._taken += len(decoding.steps) - before
            if context is None and self._finished is not None:
                self._finished(decoding)
        except Exception:  # it can go on from its last step, once what failed is mended
            self._waiting.append((decoding, decoding.requests()))
            raise
        if context is not None:
            self._asking.append((decoding, requests, context))

    def _units_done(self) -> int:
        return self._taken

    def _is_complete(self) -> bool:
        return self._units_done() == self._total

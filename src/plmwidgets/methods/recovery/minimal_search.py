"""The search for a minimal context: greedy, in the background, a batch of candidates a step."""

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from plmwidgets.models.masked_lm import Context
from plmwidgets.scan.background import BackgroundRun
from plmwidgets.scan.stopping import check, result_of
from plmwidgets.service import ModelService, Priority

if TYPE_CHECKING:
    from plmwidgets.methods.recovery.minimal_context import MinimalContext

AT_ONCE = 64


class MinimalSearch(BackgroundRun):
    """Adds the most helpful residue until the model recovers the target, then drops what it can."""

    title: ClassVar = "minimal context"

    def __init__(self, result: "MinimalContext", service: ModelService) -> None:
        self.result = result
        self.service = service
        self._ranked: list[int] | None = None
        super().__init__(result.protein.name, result.limit + 1, "steps")

    def _work(self, stop: threading.Event) -> None:
        result = self.result
        if not result.trace:
            result.record("start", None, self._ask([()], stop)[0], passes=1)
            self._told()
        while not result.recovered and len(result.context) < result.limit and self._grow(stop):
            self._told()
        while result.recovered and self._prune(stop):
            self._told()
        with self._lock:
            result.complete = True

    def _grow(self, stop: threading.Event) -> bool:
        """Show one more residue, the one that helps most; returns whether there was one."""
        result = self.result
        pool = self._candidates()
        if not pool:
            return False
        answers = self._ask([(*result.context, c) for c in pool], stop)
        if not result.context:
            order = np.argsort([-result.log_p(row) for row in answers], kind="stable")
            self._ranked = [pool[k] for k in order[: result.candidates]]
        best = max(range(len(pool)), key=lambda k: result.merit(answers[k]))
        result.record("show", pool[best], answers[best], passes=len(pool))
        return True

    def _prune(self, stop: threading.Event) -> bool:
        """Hide a residue again that is not needed; returns whether there was one."""
        result = self.result
        shown = result.context
        if not shown:
            return False
        answers = self._ask([tuple(p for p in shown if p != c) for c in shown], stop)
        best = max(range(len(shown)), key=lambda k: result.merit(answers[k]))
        if not result.satisfies(answers[best]):
            result.passes += len(shown)
            return False
        result.record("hide", shown[best], answers[best], passes=len(shown))
        return True

    def _candidates(self) -> list[int]:
        result = self.result
        among = range(len(result.protein)) if self._ranked is None else self._ranked
        taken = {result.position, *result.context}
        return [c for c in among if c not in taken]

    def _ask(
        self, shown: Sequence[tuple[int, ...]], stop: threading.Event
    ) -> list[NDArray[np.float64]]:
        """Return log p at the target for each set of visible residues."""
        result = self.result
        length = len(result.protein)
        rows: list[NDArray[np.float64]] = []
        for start in range(0, len(shown), AT_ONCE):
            check(stop)
            contexts = [
                Context(
                    result.protein.sequence, tuple(i for i in range(length) if i not in set(some))
                )
                for some in shown[start : start + AT_ONCE]
            ]
            wanted = np.full((len(contexts), 1), result.position, dtype=np.int64)
            future = self.service.submit(contexts, wanted, priority=Priority.BACKGROUND)
            rows.extend(result_of(future, stop)[:, 0].astype(np.float64))
        return rows

    def _told(self) -> None:
        with self._lock:
            self._observe_rate(self._units_done())
        self._notify()

    def _share(self) -> float:
        return 1.0 if self.result.complete else min(0.99, self._units_done() / self._total)

    def _remaining(self, share: float, rate: float | None) -> float | None:
        return None  # it ends when the model has recovered the residue, whenever that is

    def _units_done(self) -> int:
        return len(self.result.trace)

    def _is_complete(self) -> bool:
        return self.result.complete

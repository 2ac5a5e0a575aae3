"""Whose turn it is: clicks before scans, a notebook after the other, what fits together at once."""

from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from plmwidgets.cluster.work import Predictions, Work
from plmwidgets.service import Priority


@dataclass(eq=False, slots=True)
class Job:
    """A work that waits for a worker or is with one.

    Attributes
    ----------
    session : str
        Who asks: one notebook.
    number : int
        Its own number for it.
    priority : Priority
    work : Work
    future
        Where the answer is waited for; that of asyncio or of ``concurrent.futures``.
    since : float
        When it was asked, on the clock of whoever keeps the queue.
    losses : int
        How many workers have been lost while they had it.
    alone : bool
        Whether it must not share a batch: one that it shared has failed.
    """

    session: str
    number: int
    priority: Priority
    work: Work
    future: Any
    since: float = 0.0
    losses: int = 0
    alone: bool = False


Turns = OrderedDict[str, deque[Job]]


@dataclass(eq=False, slots=True)
class FairQueue:
    """Jobs of all sessions by priority; within one, the sessions take turns. Not thread-safe."""

    _turns: dict[Priority, Turns] = field(
        default_factory=lambda: {priority: OrderedDict() for priority in Priority}
    )

    def __len__(self) -> int:
        return sum(self.count(priority) for priority in Priority)

    def count(self, priority: Priority) -> int:
        """Return how many jobs of a priority wait."""
        return sum(map(len, self._turns[priority].values()))

    def add(self, job: Job) -> None:
        """Let a job wait for its session's turn."""
        self._turns[job.priority].setdefault(job.session, deque()).append(job)

    def put_back(self, job: Job) -> None:
        """Let a job that was taken be the next."""
        turns = self._turns[job.priority]
        turns.setdefault(job.session, deque()).appendleft(job)
        turns.move_to_end(job.session, last=False)

    def withdraw(self, session: str, number: int | None = None) -> list[Job]:
        """Take out what waits of a session: the job of a number, or all."""
        taken: list[Job] = []
        for turns in self._turns.values():
            waiting = turns.get(session, deque())
            some = [job for job in waiting if number in (None, job.number)]
            for job in some:
                waiting.remove(job)
            if some and not waiting:
                del turns[session]
            taken += some
        return taken

    def take_clicks(self, most: Callable[[Predictions], int]) -> list[Job]:
        """Take the next interactive job, with others for the same batch.

        Parameters
        ----------
        most : callable
            From the work of the first to the contexts that the batch may have; the first may have
            more by itself.
        """
        jobs: list[Job] = []
        contexts, limit = 0, 0

        def fits(job: Job) -> bool:
            first, work = jobs[0].work, job.work
            return (
                isinstance(first, Predictions)
                and isinstance(work, Predictions)
                and not job.alone
                and contexts + len(work.contexts) <= limit
                and first.joins(work)
            )

        while job := self._take(Priority.INTERACTIVE, fits if jobs else lambda _: True):
            jobs.append(job)
            if job.alone or not isinstance(job.work, Predictions):
                break
            limit = limit or most(job.work)
            contexts += len(job.work.contexts)
        return jobs

    def take_other(self) -> Job | None:
        """Take the next job that nobody waits for with a finger on the mouse."""
        for priority in (Priority.VISIBLE, Priority.BACKGROUND):
            if job := self._take(priority, lambda _: True):
                return job
        return None

    def ahead_of(self, session: str) -> int:
        """Return how many interactive jobs of others come before the next of this session."""
        turns = self._turns[Priority.INTERACTIVE]
        return list(turns).index(session) if session in turns else 0

    def _take(self, priority: Priority, suits: Callable[[Job], bool]) -> Job | None:
        turns = self._turns[priority]
        for session, waiting in turns.items():
            if suits(waiting[0]):
                job = waiting.popleft()
                turns.move_to_end(session)
                if not waiting:
                    del turns[session]
                return job
        return None

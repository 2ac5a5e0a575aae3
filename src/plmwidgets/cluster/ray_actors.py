"""What runs on a Ray cluster: replicas, which hold a model, and the dispatcher before them.

Both are plain classes, made into actors by `plmwidgets.cluster.ray_cluster`. The dispatcher alone
knows who waits; a replica has at most one batch of clicks and `SCANS_AT_ONCE` other works, so that
whatever comes meanwhile can still be ordered. Its own service lets the clicks overtake.
"""

import asyncio
import itertools
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import ray
from ray.exceptions import ActorDiedError, RayActorError, RayTaskError

from plmwidgets.cluster.fair_queue import FairQueue, Job
from plmwidgets.cluster.ray_cluster import NAMESPACE
from plmwidgets.cluster.work import (
    Description,
    PairPass,
    Predictions,
    Work,
    Worker,
    join,
    split,
)
from plmwidgets.models.masked_lm import ModelError
from plmwidgets.pending import Array
from plmwidgets.service import Priority

SCANS_AT_ONCE: Final = 2  # the next is there when one is done
MOST_LOSSES: Final = 3
LEASE_SECONDS: Final = 20.0
RETRY_SECONDS: Final = 0.5
REMEMBERED: Final = 1000  # clicks whose waiting times `figures` tells


class Replica:
    """Holds a model and computes; see `Worker` for the parameters."""

    def __init__(self, name: str, **options: Any) -> None:
        self._worker = Worker(name, **options)
        self._running: dict[int, Any] = {}
        self._shares: dict[int, float] = {}

    async def describe(self) -> Description:
        """Say which model this is; the answer tells that it is loaded."""
        return Description.of(self._worker.model)

    async def ask_model(self, method: str, *arguments: Any) -> Any:
        """Call a method of the model that computes nothing."""
        return getattr(self._worker.model, method)(*arguments)

    async def compute(self, key: int, work: Work, priority: Priority) -> tuple[Array, int]:
        """Do a work; return the answer, and how many contexts of this length go well together."""
        length = len(work.sequence if isinstance(work, PairPass) else work.contexts[0].sequence)
        together = self._worker.model.preferred_batch(length) or 1

        def advanced(share: float) -> None:
            self._shares[key] = share

        future = self._running[key] = self._worker.submit(work, priority, advanced)
        try:
            return await asyncio.wrap_future(future), together
        except asyncio.CancelledError:
            raise ModelError("given up") from None  # nobody waits for it any more
        finally:
            del self._running[key]
            self._shares.pop(key, None)

    async def share(self, key: int) -> float:
        """Return how much of a pair pass is done."""
        return self._shares.get(key, 0.0)

    async def give_up(self, key: int) -> None:
        """Stop a work after the slice that is running."""
        if key in self._running:
            self._running[key].cancel()


class Forgotten(RuntimeError):  # noqa: N818 - not a fault: it is asked again
    """A session was not heard of for so long that its requests were dropped."""


@dataclass(eq=False, slots=True)
class Seat:
    """A replica, and what it is at.

    It gets nothing to do before it has answered: Ray keeps calls for an actor whose machine died
    until there is room for it elsewhere, perhaps for ever.
    """

    replica: Any
    is_there: bool = False
    is_awaited: bool = False
    clicks: bool = False
    running: dict[int, list[Job]] = field(default_factory=dict)

    @property
    def others(self) -> int:
        """Works other than clicks that it has."""
        return len(self.running) - self.clicks


class Dispatcher:
    """Holds the queue of a shared model, and gives its replicas work.

    Parameters
    ----------
    replicas : list of str
        Names of their actors, so that a dispatcher that is started again finds them.
    """

    def __init__(self, replicas: list[str]) -> None:
        self._seats = [Seat(ray.get_actor(name, namespace=NAMESPACE)) for name in replicas]
        self._queue = FairQueue()
        self._keys = itertools.count()
        self._heard: dict[str, float] = {}
        self._together: dict[int, int] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._sweeper: asyncio.Task[None] | None = None
        self._waited: deque[float] = deque(maxlen=REMEMBERED)
        self._counts = {"clicks": 0, "others": 0, "withdrawn": 0, "batches": 0, "losses": 0}

    # What notebooks ask

    async def describe(self) -> tuple[Description, int]:
        """Return what the model is, and how many replicas there are."""
        return await self._any("describe"), len(self._seats)

    async def ask_model(self, method: str, *arguments: Any) -> Any:
        """Call a method of the model that computes nothing."""
        return await self._any("ask_model", method, *arguments)

    async def ask(self, session: str, number: int, priority: Priority, work: Work) -> Array | None:
        """Wait for a turn and for the answer; None if it was withdrawn.

        Raises
        ------
        Forgotten
            If the session was not heard of meanwhile; ask again.
        ModelError
            As the model gives it, or if three replicas were lost over this work.
        """
        self._hear(session)
        self._await_replicas()
        future = asyncio.get_running_loop().create_future()
        self._queue.add(Job(session, number, priority, work, future, time.monotonic()))
        self._give_work()
        answer: Array | None = await future
        return answer

    async def withdraw(self, session: str, number: int) -> None:
        """Give up a request; where it runs already, after the slice in hand."""
        self._hear(session)
        self._drop(session, number)

    async def look(self, session: str) -> tuple[int, dict[int, float]]:
        """Say that the session lives.

        Returns
        -------
        int
            Interactive requests of others that come before its next.
        dict of int to float
            Its pair passes that run, by number: the share that is done.
        """
        self._hear(session)
        shares = {}
        for seat in self._seats:
            for key, jobs in list(seat.running.items()):
                if jobs[0].session == session and isinstance(jobs[0].work, PairPass):
                    try:
                        shares[jobs[0].number] = await seat.replica.share.remote(key)
                    except RayActorError:
                        continue  # it will begin anew elsewhere
        return self._queue.ahead_of(session), shares

    async def figures(self) -> dict[str, float]:
        """Return what there is to tell of the queue.

        ``clicks_p50`` and ``clicks_p95`` are seconds from the request to the answer, of the last
        thousand; ``clicks``, ``others``, ``withdrawn``, ``batches`` (of clicks) and ``losses`` (of
        replicas) count from the start.
        """
        waited = np.array(self._waited or [0.0])
        return {
            "replicas": sum(seat.is_there for seat in self._seats),
            "sessions": len(self._heard),
            "clicks_waiting": self._queue.count(Priority.INTERACTIVE),
            "others_waiting": len(self._queue) - self._queue.count(Priority.INTERACTIVE),
            "running": sum(len(seat.running) for seat in self._seats),
            "clicks_p50": float(np.quantile(waited, 0.5)),
            "clicks_p95": float(np.quantile(waited, 0.95)),
            **self._counts,
        }

    # Giving work

    def _give_work(self) -> None:
        """Let every replica have what it can take, the least busy first."""
        for seat in self._free("clicks"):
            jobs = self._queue.take_clicks(self._most)
            if not jobs:
                break
            seat.clicks = True
            self._begin(seat, jobs)
        # One each before a second one for any.
        for limit in range(1, SCANS_AT_ONCE + 1):
            for seat in self._free("others"):
                if seat.others < limit and (job := self._queue.take_other()):
                    self._begin(seat, [job])

    def _free(self, kind: str) -> list[Seat]:
        there = [seat for seat in self._seats if seat.is_there]
        if kind == "clicks":
            return sorted((s for s in there if not s.clicks), key=lambda s: s.others)
        return sorted(there, key=lambda s: s.others)

    def _begin(self, seat: Seat, jobs: list[Job]) -> None:
        key = next(self._keys)
        seat.running[key] = jobs
        self._spawn(self._run(seat, key, jobs))

    async def _run(self, seat: Seat, key: int, jobs: list[Job]) -> None:
        works: Any = [job.work for job in jobs]
        work = works[0] if len(works) == 1 else join(works)
        clicks = jobs[0].priority is Priority.INTERACTIVE
        try:
            values, together = await seat.replica.compute.remote(key, work, jobs[0].priority)
        except RayActorError:
            self._lost(seat, jobs)
        except Exception as error:
            self._failed(jobs, error.cause if isinstance(error, RayTaskError) else error)
        else:
            for job, answer in zip(jobs, split(values, works), strict=True):
                self._answer(job, answer)
            if isinstance(work, Predictions):
                self._together[len(work.contexts[0].sequence)] = together
            self._counts["batches"] += clicks
        finally:
            del seat.running[key]
            seat.clicks = seat.clicks and not clicks
            self._give_work()

    def _most(self, work: Predictions) -> int:
        """Return how many contexts may share a batch: one, until a replica has told."""
        return self._together.get(len(work.contexts[0].sequence), 1)

    def _answer(self, job: Job, values: Array) -> None:
        if job.future.done():
            return
        job.future.set_result(values)
        clicked = job.priority is Priority.INTERACTIVE
        self._counts["clicks" if clicked else "others"] += 1
        if clicked:
            self._waited.append(time.monotonic() - job.since)

    def _failed(self, jobs: list[Job], error: BaseException) -> None:
        """Let each of a batch fail by itself, so that nobody fails for another's request."""
        for job in jobs:
            if job.future.done():
                continue
            if len(jobs) > 1:
                job.alone = True
                self._queue.put_back(job)
            else:
                job.future.set_exception(error)

    def _lost(self, seat: Seat, jobs: list[Job]) -> None:
        """Let others do what a lost replica was at, and wait for it to come back."""
        if seat.is_there:
            seat.is_there = False
            self._counts["losses"] += 1
            self._await_replicas()
        for job in reversed(jobs):
            job.losses += 1
            job.alone = True
            if job.future.done():
                continue
            if job.losses < MOST_LOSSES:
                self._queue.put_back(job)
            else:
                job.future.set_exception(
                    ModelError(
                        f"{MOST_LOSSES} replicas of the shared model were lost over this request, "
                        "perhaps for want of memory: see the log of plmwidgets serve"
                    )
                )

    def _await_replicas(self) -> None:
        for seat in self._seats:
            if not (seat.is_there or seat.is_awaited):
                seat.is_awaited = True
                self._spawn(self._await(seat))

    async def _await(self, seat: Seat) -> None:
        while not seat.is_there:
            try:
                await seat.replica.describe.remote()
                seat.is_there = True
            except ActorDiedError:  # for good
                self._seats.remove(seat)
                break
            except RayActorError:
                await asyncio.sleep(RETRY_SECONDS)
        seat.is_awaited = False
        if not self._seats:
            for job in [job for session in list(self._heard) for job in self._take_all(session)]:
                job.future.set_exception(ModelError(NOBODY_LEFT))
        self._give_work()

    async def _any(self, method: str, *arguments: Any) -> Any:
        """Ask any replica that is there."""
        self._await_replicas()
        while self._seats:
            for seat in self._seats:
                if seat.is_there:
                    try:
                        return await getattr(seat.replica, method).remote(*arguments)
                    except RayActorError:
                        self._lost(seat, [])
                    except RayTaskError as error:
                        raise error.cause from None
            await asyncio.sleep(RETRY_SECONDS)
        raise ModelError(NOBODY_LEFT)

    # Who is there, and who has gone

    def _hear(self, session: str) -> None:
        self._heard[session] = time.monotonic()
        if self._sweeper is None:
            self._sweeper = asyncio.create_task(self._sweep())

    async def _sweep(self) -> None:
        """Drop what a notebook asked for that was killed since."""
        while True:
            await asyncio.sleep(LEASE_SECONDS / 4)
            silent = time.monotonic() - LEASE_SECONDS
            for session in [one for one, heard in self._heard.items() if heard < silent]:
                del self._heard[session]
                self._drop(session)

    def _drop(self, session: str, number: int | None = None) -> None:
        for job in self._queue.withdraw(session, number):
            self._end(job, number)
        for seat in self._seats:
            for key, jobs in seat.running.items():
                mine = [job for job in jobs if job.session == session]
                for job in mine:
                    if number in (None, job.number) and not job.future.done():
                        self._end(job, number)
                if mine and all(job.future.done() for job in jobs):
                    self._spawn(self._give_up(seat, key))

    def _end(self, job: Job, number: int | None) -> None:
        if number is None:
            job.future.set_exception(Forgotten())
        else:
            job.future.set_result(None)
        self._counts["withdrawn"] += 1

    def _take_all(self, session: str) -> list[Job]:
        return [job for job in self._queue.withdraw(session) if not job.future.done()]

    async def _give_up(self, seat: Seat, key: int) -> None:
        with suppress(RayActorError):  # it is gone, and the work with it
            await seat.replica.give_up.remote(key)

    def _spawn(self, coroutine: Any) -> None:
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


NOBODY_LEFT: Final = (
    "no replica of the shared model is left: start it again with plmwidgets serve; a scan that "
    "has a store goes on from there"
)

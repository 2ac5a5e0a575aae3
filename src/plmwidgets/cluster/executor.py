"""Workers behind any executor of the kind of ``concurrent.futures``."""

import itertools
import os
import threading
from concurrent.futures import Executor, Future
from functools import partial
from typing import Any

from plmwidgets.cluster.fair_queue import FairQueue, Job
from plmwidgets.cluster.link import Answer
from plmwidgets.cluster.work import Description, Work, Worker
from plmwidgets.pending import Array, resolve
from plmwidgets.service import Priority

# What a process of the executor does

_workers: dict[str, Worker] = {}
_loading = threading.Lock()


def _worker(name: str) -> Worker:
    """Return this process's worker; the first task loads the model."""
    with _loading:
        if name not in _workers:
            _workers[name] = Worker(name)
        return _workers[name]


def _describe(name: str) -> Description:
    return Description.of(_worker(name).model)


def _ask_model(name: str, method: str, *arguments: Any) -> Any:
    return getattr(_worker(name).model, method)(*arguments)


def _compute(name: str, work: Work, priority: Priority) -> Array:
    return _worker(name).submit(work, priority).result()


class ExecutorLink:
    """Gives an executor as many tasks at a time as it has workers; see `Link`.

    The queue is here, so that a click is the next task whatever waits. An executor cannot be told
    to stop: a task that is withdrawn while it runs goes on to its end.

    Parameters
    ----------
    name : str
        As for `load_model`; it is loaded once in every process of the executor.
    executor : Executor
        Where it does not say how many workers it has, it gets a task for every core here.
    """

    ahead = 0  # nobody else asks

    def __init__(self, name: str, executor: Executor) -> None:
        self._name = name
        self._executor = executor
        self._lock = threading.Lock()
        self._queue = FairQueue()
        self._numbers = itertools.count()
        self._running = 0
        self.lanes = int(getattr(executor, "_max_workers", None) or os.cpu_count() or 1)
        self.description: Description = executor.submit(_describe, name).result()

    def ask_model(self, method: str, *arguments: Any) -> Any:
        """Call a method of the model that computes nothing, and wait."""
        return self._executor.submit(_ask_model, self._name, method, *arguments).result()

    def ask(self, work: Work, priority: Priority) -> Answer:
        """Let a work wait for its turn; returns at once."""
        answer = Answer()
        job = Job("", next(self._numbers), priority, work, answer)
        answer.add_done_callback(lambda _: self._withdraw(job))
        with self._lock:
            self._queue.add(job)
        self._give_work()
        return answer

    def close(self) -> None:
        """Withdraw all that waits."""
        with self._lock:
            waiting = self._queue.withdraw("")
        for job in waiting:
            job.future.cancel()

    def _withdraw(self, job: Job) -> None:
        with self._lock:
            self._queue.withdraw(job.session, job.number)

    def _give_work(self) -> None:
        while True:
            with self._lock:
                if self._running == self.lanes:
                    return
                # Executors may be processes, for which a batch of clicks has no advantage.
                job = next(iter(self._queue.take_clicks(lambda _: 1)), None)
                job = job or self._queue.take_other()
                if job is None:
                    return
                self._running += 1
            try:
                task = self._executor.submit(_compute, self._name, job.work, job.priority)
            except RuntimeError as error:  # it is shut down, or its processes were lost
                self._ended(job, error=error)
            else:
                task.add_done_callback(partial(self._done, job))

    def _done(self, job: Job, task: "Future[Array]") -> None:
        error = task.exception()
        if error is None:
            self._ended(job, values=task.result())
        else:
            self._ended(job, error=error)
        self._give_work()

    def _ended(self, job: Job, **outcome: Any) -> None:
        with self._lock:
            self._running -= 1
        if not job.future.done():
            resolve(job.future, **outcome)

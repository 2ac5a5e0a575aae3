"""One worker a model: every view and every scan asks it, and a click never waits for a scan.

`ModelService` owns the only thread that touches a model. Requests carry a priority; work is cut
into slices of about 50 ms and the most urgent request is looked up anew before each slice; a slice
ends early, between two steps of the model, when a more urgent request comes: an interactive request
waits for one step at most, however long a scan runs in the background.

A model may compute on a device that works on while Python does other things (the capability
``"asynchronous"``). Of its background work, one batch may be in flight, all of it queued on the
device: its values land, are checked and given to whoever asked, after the slice that queues what
comes next, so that the device always has something to do. What a person waits for lands at once,
behind the few steps that are queued by then.
"""

import atexit
import heapq
import itertools
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Generator, Hashable, Sequence
from concurrent.futures import Future
from enum import IntEnum
from weakref import WeakSet, WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

from plmwidgets.batch_size import SLICE_SECONDS
from plmwidgets.batches import Batches
from plmwidgets.faults import (
    check_finite,
    device_failure,
    is_device_error,
    is_out_of_memory,
    memory_failure,
)
from plmwidgets.models.masked_lm import (
    Context,
    MaskedLM,
    ModelIdentity,
    default_precision,
)
from plmwidgets.pending import (
    Array,
    Batch,
    Request,
    Steps,
    close,
    drop,
    free_frames,
    resolve,
)

CACHE_BYTES = 128 * 2**20
IDLE_SECONDS = 10.0

Entry = tuple[int, int, Request | Steps]
"""What the queue holds, sorted: priority, order of arrival, request."""


class Priority(IntEnum):
    """How urgent a request is; the smaller runs first."""

    INTERACTIVE = 0
    VISIBLE = 1
    BACKGROUND = 2


class ModelService:
    """Runs a model's requests in one thread, most urgent first.

    Use `service_for` to get the one service of a model in this process.

    Parameters
    ----------
    model : MaskedLM
        Touched by the service's thread alone from now on.
    cache_bytes : int, optional
        What predictions of whole proteins may take that are kept to be given again.

    Attributes
    ----------
    lanes : int
        How many requests it computes at a time, so that a scan can keep that many ready.
    """

    lanes = 1

    @property
    def ahead(self) -> int:
        """How many requests of other notebooks come before the next one of this."""
        return 0

    def __init__(self, model: MaskedLM, cache_bytes: int = CACHE_BYTES) -> None:
        self.model = model
        self._most_bytes = cache_bytes
        self._wake = threading.Condition()
        self._queue: list[Entry] = []
        self._order = itertools.count()
        self._latest: dict[Hashable, Future[Array]] = {}
        self._cache: OrderedDict[Context, Array] = OrderedDict()
        self._cache_bytes = 0
        self._batches = Batches(model)
        self._landing: tuple[Request, Batch] | None = None  # the worker's own
        self._thread: threading.Thread | None = None
        self._closed = False
        _services.add(self)

    def __repr__(self) -> str:
        return f"ModelService({self.model.name}, {len(self._queue)} requests waiting)"

    def submit(
        self,
        contexts: Sequence[Context],
        positions: NDArray[np.int64] | None = None,
        *,
        priority: Priority = Priority.INTERACTIVE,
        client: Hashable = None,
        on_part: Callable[[int, int, Array], None] | None = None,
        precision: str | None = None,
        batch: int | None = None,
    ) -> "Future[Array]":
        """Ask for log-probabilities; returns at once.

        Parameters
        ----------
        contexts : sequence of Context
            n contexts of equal length L.
        positions : ndarray of int64, shape (n, k), optional
            Wanted positions of each context; all by default.
        priority : Priority
        client : hashable, optional
            Who asks. A newer request of the same client cancels its older ones that have not
            finished: only the newest counts for a view.
        on_part : callable, optional
            Called in the worker thread as ``on_part(start, stop, values)`` after each slice; must
            be quick.
        precision : str, optional
            One that the model offers; its default otherwise.
        batch : int, optional
            Contexts in a batch; what the model prefers, or what is learnt, by default. Fewer once
            a device had no memory for so many.

        Returns
        -------
        Future of ndarray, shape (n, k, 20) or (n, L, 20)
            Natural-log probabilities, read-only. Cancelling it stops the work after the slice
            that is running; what fails, fails this request alone.
        """
        if not contexts:
            raise ValueError("ask for at least one context")
        if precision == default_precision(self.model):
            precision = None  # so that it shares what was learnt and remembered
        request = Request(contexts, positions, precision, on_part, batch)
        with self._wake:
            if self._closed:
                raise RuntimeError("this model service is closed")
            older = None
            if client is not None:
                older = self._latest.get(client)
                self._latest[client] = request.future
            whole = positions is None and precision is None
            cached = self._from_cache(contexts) if whole else None
            if cached is None:
                self._enqueue(request, priority)
        # Callbacks run outside the lock: they may call back into the service.
        if older is not None:
            older.cancel()
        if client is not None:
            request.future.add_done_callback(lambda done: self._forget_client(client, done))
        if cached is not None:
            if on_part is not None:
                on_part(0, len(contexts), cached)
            resolve(request.future, cached)  # unless a newer request has cancelled it already
        return request.future

    def submit_steps(
        self,
        steps: Generator[float, None, Array],
        *,
        priority: Priority = Priority.BACKGROUND,
        on_step: Callable[[float], None] | None = None,
    ) -> "Future[Array]":
        """Run a longer computation on the model between other requests; returns at once.

        Parameters
        ----------
        steps : generator
            Each step should take at most some tens of milliseconds. It yields the share of the
            work that is done and returns the result. It is closed when cancelled.
        priority : Priority
        on_step : callable, optional
            Called in the worker thread with the share, after each slice; must be quick.

        Returns
        -------
        Future of ndarray
        """
        request = Steps(steps, on_step)
        with self._wake:
            if self._closed:
                raise RuntimeError("this model service is closed")
            self._enqueue(request, priority)
        return request.future

    def log_probabilities(
        self, contexts: Sequence[Context], positions: NDArray[np.int64] | None = None
    ) -> Array:
        """Submit interactively and wait for the answer (never call it from the worker)."""
        return self.submit(contexts, positions).result()

    def close(self) -> None:
        """End the worker after its current slice; what still waits is cancelled."""
        with self._wake:
            self._closed = True
            thread = self._thread
            waiting = [request for *_, request in self._queue]
            self._queue.clear()
            self._wake.notify()
        for request in waiting:
            drop(request)
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout=5)

    # The worker

    def _enqueue(self, request: Request | Steps, priority: Priority) -> None:
        heapq.heappush(self._queue, (priority, next(self._order), request))
        self._ensure_worker()
        self._wake.notify()

    def _ensure_worker(self) -> None:
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(
                target=self._work, name=f"plmwidgets-{self.model.name}", daemon=True
            )
            self._thread.start()

    def _work(self) -> None:
        # The thread ends when idle, so that a service nobody refers to frees its model.
        while True:
            with self._wake:
                while not (self._queue or self._landing or self._closed):
                    if not self._wake.wait(IDLE_SECONDS) and not self._queue:
                        break
                if not self._queue and self._landing is None:
                    self._thread = None
                    return
                entry = heapq.heappop(self._queue) if self._queue else None
            landing, self._landing = self._landing, None
            error = None if entry is None else self._serve(entry)
            free_frames(error)  # of `_serve` too, which has ended
            if landing is not None:
                failure = self._land(*landing)
                free_frames(failure)
                self._fail(landing[0], failure)
                del failure
            if entry is not None:
                self._fail(entry[2], error)
            # Or an idle worker, or whoever keeps the error, would hold all that these requests did.
            del entry, landing, error

    def _serve(self, entry: Entry) -> Exception | None:
        """Work on a request for one slice; return its failure, if it failed."""
        request = entry[2]
        if request.future.done():  # cancelled, or an earlier batch of it failed
            drop(request)
            return None
        try:
            if isinstance(request, Steps):
                finished = self._run_steps(request, entry)
            else:
                finished = self._run_slice(request, entry)
        except Exception as error:  # it belongs to whoever asked, and fails that alone
            return error
        if finished:
            return None
        with self._wake:
            closed = self._closed
            if not closed:
                heapq.heappush(self._queue, entry)
        if closed:
            drop(request)
        return None

    def _land(self, request: Request, batch: Batch) -> Exception | None:
        """Take the values of a batch that was in flight; return its failure, if it failed."""
        if request.future.done():  # nobody waits for them any more
            close(batch.steps)
            return None
        try:
            while batch.values is None:
                batch.step()
            self._deliver(request, batch)
        except Exception as error:
            if not is_out_of_memory(error):
                return error
            failure = memory_failure(self.model, error, "free some of it, and ask again")
            failure.__cause__ = error
            return failure
        return None

    def _fail(self, request: Request | Steps, error: Exception | None) -> None:
        if error is None:
            return
        failure = self._explained(error)
        if isinstance(request, Steps):
            close(request.steps)
        if not request.future.done():  # another batch of it may have failed before
            resolve(request.future, error=failure)

    def _explained(self, error: Exception) -> Exception:
        if not is_device_error(error):
            return error
        # A model that is loaded again must not be given to the worker of this one.
        _forget(self)
        failure = device_failure(self.model, error)
        failure.__cause__ = error
        return failure

    def _is_overtaken(self, entry: Entry) -> bool:
        """Whether something more urgent has come since this was taken from the queue."""
        with self._wake:
            return bool(self._queue) and self._queue[0] < entry

    def _run_steps(self, request: Steps, entry: Entry) -> bool:
        """Take steps for one slice; return whether that was the end."""
        began = time.perf_counter()
        while True:
            try:
                share = next(request.steps)
            except StopIteration as end:
                resolve(request.future, end.value)
                return True
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                raise memory_failure(
                    self.model,
                    error,
                    "use a smaller model or a shorter sequence; for a superposed scan, allow it "
                    "less (memory=... bytes) or use method='exact'",
                ) from error
            if time.perf_counter() - began >= SLICE_SECONDS or self._is_overtaken(entry):
                break
        if request.on_step is not None:
            request.on_step(share)
        return False

    def _run_slice(self, request: Request, entry: Entry) -> bool:
        """Compute for one slice of time; return whether no more is to be asked of the model."""
        batch = request.batch or self._batches.next(request)
        # A person waits for all that is more urgent.
        flies = "asynchronous" in self.model.capabilities and entry[0] == Priority.BACKGROUND
        began = time.perf_counter()
        while True:
            try:
                share = batch.step()
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                self._batches.give_way(request, error)
                return False
            if batch.values is not None or (flies and share == 1):
                break
            full = time.perf_counter() - began + batch.longest >= SLICE_SECONDS
            if full or self._is_overtaken(entry):
                return False
        request.batch = None
        if flies:
            self._landing = (request, batch)
        else:
            self._deliver(request, batch)
        return request.begun == len(request.contexts)

    def _deliver(self, request: Request, batch: Batch) -> None:
        """Give the values of a batch to whoever asked."""
        values, contexts = batch.values, request.contexts[batch.start : batch.stop]
        assert values is not None
        check_finite(self.model, contexts, values, request.precision)
        self._batches.learn(request, batch)
        request.parts.append(values)
        if request.on_part is not None:
            request.on_part(batch.start, batch.stop, values)
        if batch.stop == len(request.contexts):
            self._finish(request)

    def _finish(self, request: Request) -> None:
        values = request.parts[0] if len(request.parts) == 1 else np.concatenate(request.parts)
        values.flags.writeable = False
        if request.positions is None and request.precision is None:
            with self._wake:
                for context, rows in zip(request.contexts, values, strict=True):
                    self._remember(context, rows)
        resolve(request.future, values)

    def _forget_client(self, client: Hashable, done: "Future[Array]") -> None:
        with self._wake:
            if self._latest.get(client) is done:
                del self._latest[client]

    # The cache of whole predictions; both methods run under the lock

    def _from_cache(self, contexts: Sequence[Context]) -> Array | None:
        if any(context not in self._cache for context in contexts):
            return None
        for context in contexts:
            self._cache.move_to_end(context)
        values = np.stack([self._cache[context] for context in contexts])
        values.flags.writeable = False
        return values

    def _remember(self, context: Context, rows: Array) -> None:
        if context in self._cache or rows.nbytes > self._most_bytes:
            return
        self._cache[context] = rows.copy()
        self._cache_bytes += rows.nbytes
        while self._cache_bytes > self._most_bytes:
            self._cache_bytes -= self._cache.popitem(last=False)[1].nbytes


_services: "WeakSet[ModelService]" = WeakSet()
_by_identity: "WeakValueDictionary[ModelIdentity, ModelService]" = WeakValueDictionary()
_registry_lock = threading.Lock()


def service_for(model: MaskedLM) -> ModelService:
    """Return the service of this model: one for the same checkpoint, device and dtype."""
    with _registry_lock:
        service = _by_identity.get(model.identity)
        if service is None or service._closed:
            remote = "remote" in model.capabilities
            service = model.open_service() if remote else ModelService(model)  # type: ignore[attr-defined]
            _by_identity[model.identity] = service
        return service


def _forget(service: ModelService) -> None:
    with _registry_lock:
        if _by_identity.get(service.model.identity) is service:
            del _by_identity[service.model.identity]


@atexit.register
def _close_all() -> None:
    # A daemon thread inside a native call while the interpreter goes down can crash the process.
    for service in list(_services):
        service.close()

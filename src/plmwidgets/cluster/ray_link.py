"""A notebook's way to a model on a Ray cluster."""

import itertools
import queue
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from plmwidgets.cluster.link import Answer
from plmwidgets.cluster.ray_cluster import NAMESPACE, answers, join
from plmwidgets.cluster.work import Work
from plmwidgets.models.masked_lm import ModelError
from plmwidgets.pending import resolve
from plmwidgets.service import Priority

LOOK_SECONDS: Final = 0.5
IDLE_SECONDS: Final = 10.0
SILENT_SECONDS: Final = 5.0


class RayLink:
    """Asks the dispatcher of a shared model; see `Link`.

    Answers come in a thread of the link's own, never in Ray's, which must not be held up.

    Parameters
    ----------
    name : str
        Of the shared model.

    Raises
    ------
    ModelError
        If there is no cluster, or no such model on it.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.ahead = 0
        self._ray = join()
        self._session = uuid.uuid4().hex
        self._numbers = itertools.count()
        self._pending: dict[int, tuple[Answer, Work, Priority]] = {}
        self._events: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._address = self._ray.get_runtime_context().gcs_address
        self._heard = 0.0
        self._dispatcher = self._find()
        self.description, self.lanes = self._get("describe")

    def ask_model(self, method: str, *arguments: Any) -> Any:
        """Call a method of the model that computes nothing, and wait."""
        return self._get("ask_model", method, *arguments)

    def ask(self, work: Work, priority: Priority) -> Answer:
        """Send a work; returns at once."""
        answer, number = Answer(), next(self._numbers)
        with self._lock:
            self._pending[number] = answer, work, priority
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._work, name=f"plmwidgets-ray-{self.name}", daemon=True
                )
                self._thread.start()
        answer.add_done_callback(lambda done: self._settled(number, done))
        self._send(number)
        return answer

    def close(self) -> None:
        """Withdraw all that is asked."""
        for answer, *_ in list(self._pending.values()):
            answer.cancel()

    # To the dispatcher

    def _find(self) -> Any:
        if not answers(self._address):  # Ray would wait for ever for it to come back
            raise self._cluster_gone()
        try:
            return self._ray.get_actor(self.name, namespace=NAMESPACE)
        except ValueError as error:
            raise ModelError(
                f"the Ray cluster holds no model {self.name!r}: start it with  "
                f"plmwidgets serve --model {self.name}"
            ) from error

    def _get(self, method: str, *arguments: Any) -> Any:
        errors = self._ray.exceptions
        ref = getattr(self._dispatcher, method).remote(*arguments)
        while True:
            try:
                return self._ray.get(ref, timeout=SILENT_SECONDS)
            except errors.GetTimeoutError:
                if not answers(self._address):
                    raise self._cluster_gone() from None
            except errors.RayTaskError as error:
                raise error.cause from None
            except errors.RayActorError:
                self._dispatcher = self._find()  # served anew since
                ref = getattr(self._dispatcher, method).remote(*arguments)

    def _send(self, number: int) -> None:
        with self._lock:
            if number not in self._pending:
                return
            _, work, priority = self._pending[number]
        ref = self._dispatcher.ask.remote(self._session, number, priority, work)
        # What Ray calls back must be quick: the rest is for the link's thread.
        ref.future().add_done_callback(
            lambda got: self._events.put(lambda: self._arrived(number, got))
        )

    def _settled(self, number: int, answer: Any) -> None:
        with self._lock:
            self._pending.pop(number, None)
            if not self._pending:
                self.ahead = 0
        if answer.cancelled():
            self._dispatcher.withdraw.remote(self._session, number)

    # The link's thread

    def _work(self) -> None:
        looked = idle_since = self._heard = time.monotonic()
        while True:
            with suppress(queue.Empty):
                self._events.get(timeout=LOOK_SECONDS)()
            now = time.monotonic()
            with self._lock:
                if self._pending:
                    idle_since = now
                elif now - idle_since > IDLE_SECONDS:
                    self._thread = None
                    return
            if not self._pending:
                self._heard = now
            elif now - self._heard > SILENT_SECONDS and not answers(self._address):
                self._cluster_ended()
            elif now - looked > LOOK_SECONDS:
                looked = now
                future = self._dispatcher.look.remote(self._session).future()
                future.add_done_callback(lambda got: self._events.put(lambda: self._looked(got)))

    def _cluster_ended(self) -> None:
        """Fail what is asked: Ray would wait for ever for the cluster to come back."""
        for answer, *_ in list(self._pending.values()):
            resolve(answer, error=self._cluster_gone())

    def _cluster_gone(self) -> ModelError:
        return ModelError(
            f"the Ray cluster that held {self.name} has ended: start it again with  plmwidgets "
            f"serve --model {self.name}  and restart this notebook's kernel; a scan that has a "
            "store goes on from there"
        )

    def _arrived(self, number: int, got: Any) -> None:
        self._heard = time.monotonic()
        with self._lock:
            answer = self._pending.get(number, (None,))[0]
        if answer is None:  # withdrawn meanwhile
            return
        error = got.exception()
        if error is None:
            if got.result() is not None:
                resolve(answer, got.result())
            return
        cause = getattr(error, "cause", error)
        if type(cause).__name__ == "Forgotten":  # this process slept for long
            self._send(number)
        elif isinstance(error, self._ray.exceptions.RayActorError):
            self._served_anew(number, answer)
        else:
            resolve(answer, error=cause)

    def _served_anew(self, number: int, answer: Answer) -> None:
        """Ask again if somebody has started the model again, and fail otherwise."""
        try:
            self._dispatcher = self._find()
        except ModelError:
            resolve(
                answer,
                error=ModelError(
                    f"the shared model {self.name} has ended: start it again with  plmwidgets "
                    f"serve --model {self.name} ; a scan that has a store goes on from there"
                ),
            )
        else:
            self._send(number)

    def _looked(self, got: Any) -> None:
        self._heard = time.monotonic()
        if got.exception() is not None:
            return  # the answers will tell
        self.ahead, shares = got.result()
        for number, share in shares.items():
            if number in self._pending:
                self._pending[number][0].share = share

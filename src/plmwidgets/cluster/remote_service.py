"""The service of a model that is elsewhere."""

import threading
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING, Any

from plmwidgets.cluster.link import Link
from plmwidgets.cluster.work import Predictions
from plmwidgets.pending import Request, Steps, drop, resolve
from plmwidgets.service import ModelService, Priority

if TYPE_CHECKING:
    from plmwidgets.cluster.remote_lm import RemoteMaskedLM


class RemoteService(ModelService):
    """Gives requests to a link, where a `ModelService` has a queue and a thread.

    Answers are remembered here as there. A request is answered whole: `on_part` is called once.

    Parameters
    ----------
    model : RemoteMaskedLM
    link : Link
    """

    def __init__(self, model: "RemoteMaskedLM", link: Link) -> None:
        super().__init__(model)
        self.lanes = link.lanes
        self._link = link

    def __repr__(self) -> str:
        return f"RemoteService({self.model!r})"

    @property
    def ahead(self) -> int:
        """How many requests of other notebooks come before the next one of this."""
        return self._link.ahead

    def close(self) -> None:
        """Withdraw all that is asked."""
        super().close()
        self._link.close()

    def _enqueue(self, request: Request | Steps, priority: Priority) -> None:
        if isinstance(request, Steps):
            # They only follow what a worker does: a thread that waits holds up nobody.
            threading.Thread(target=self._follow, args=(request,), daemon=True).start()
            return
        work = Predictions(request.contexts, request.positions, request.precision, request.size)
        answer = self._link.ask(work, priority)
        # A no-op unless the request was cancelled.
        request.future.add_done_callback(lambda _: answer.cancel())
        answer.add_done_callback(lambda done: self._answered(request, done))

    def _answered(self, request: Request, answer: Any) -> None:
        if answer.cancelled() or request.future.cancelled():
            request.future.cancel()
            return
        try:
            values = answer.result()
            if request.on_part is not None:
                request.on_part(0, len(values), values)
        except Exception as error:  # it belongs to whoever asked
            resolve(request.future, error=error)
            return
        request.parts.append(values)
        self._finish(request)

    def _follow(self, request: Steps) -> None:
        try:
            while not request.future.cancelled():
                share = next(request.steps)
                if request.on_step is not None:
                    request.on_step(share)
            drop(request)
        except StopIteration as end:
            resolve(request.future, end.value)
        except CancelledError:
            request.future.cancel()
        except Exception as error:
            resolve(request.future, error=error)

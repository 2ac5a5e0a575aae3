"""The model's prediction for what is selected, kept up to date."""

import logging
import threading
import uuid
from collections import OrderedDict
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

import numpy as np
import traitlets as t
from numpy.typing import NDArray

from plmwidgets.models.masked_lm import Context, MaskedLM
from plmwidgets.protein import Protein
from plmwidgets.service import Priority, service_for
from plmwidgets.widgets.selection import Selection

MAX_VISITED = 200

NOTICED_SECONDS = 0.1
LOOK_SECONDS = 0.5
_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Prediction:
    """p(i|M) at every position.

    Attributes
    ----------
    context : Context
        The masks and substitutions it was made for.
    log_probabilities : ndarray, shape (L, 20)
        Natural logarithms.
    """

    context: Context
    log_probabilities: NDArray[np.floating[Any]]


class LivePrediction(t.HasTraits):
    """Asks the model whenever the selection's context changes; the newest context wins.

    Parameters
    ----------
    protein : Protein
    model : MaskedLM
    selection : Selection

    Attributes
    ----------
    prediction : Prediction or None
        The latest answer.
    pending : bool
        Whether a newer one is being computed.
    waiting : bool
        Whether that takes so long that a person would notice: then the views say so.
    ahead : int
        How many requests of others a shared model answers first, while it is waited for.
    error : str
        Why there is none, in plain words; empty when all is well.
    """

    prediction = t.Instance(Prediction, allow_none=True)
    pending = t.Bool(False)
    waiting = t.Bool(False)
    ahead = t.Int(0)
    error = t.Unicode()

    def __init__(self, protein: Protein, model: MaskedLM, selection: Selection) -> None:
        super().__init__()
        model.check_sequence(protein.sequence)
        self.model = model
        self.selection = selection
        self._service = service_for(model)
        self._client = uuid.uuid4().hex
        self._lock = threading.Lock()
        self._patience = threading.RLock()
        self._spell = 0  # of waiting
        self._asked: Context | None = None
        self._awaiting = False  # an answer to what was asked last
        self._answer: Prediction | BaseException | None = None
        self._visited: OrderedDict[Context, Prediction] = OrderedDict()
        self._delivering = False
        self._following = True
        selection.observe(self._selection_changed, "clock")
        self.refresh()

    @property
    def visited(self) -> tuple[Prediction, ...]:
        """The answers that came so far, one a context, the latest 200, oldest first."""
        with self._lock:
            return tuple(self._visited.values())

    def refresh(self) -> None:
        """Ask for the present context, unless that has been asked for already."""
        context = self.selection.context
        with self._lock:
            if context == self._asked:
                return
            self._asked, self._awaiting = context, True
        self._tell_pending()
        future = self._service.submit([context], priority=Priority.INTERACTIVE, client=self._client)
        future.add_done_callback(lambda done: self._arrived(context, done))

    def close(self) -> None:
        """Follow the selection no longer; the latest prediction stays."""
        with self._lock:
            following, self._following = self._following, False
            self._asked, self._awaiting = None, False
        if following:
            self.selection.unobserve(self._selection_changed, "clock")
        self._tell_pending()

    @t.observe("pending")
    def _pending_changed(self, change: Any) -> None:
        self._spell += 1
        if change["new"]:
            self._look_later(NOTICED_SECONDS, self._spell)
        else:
            self._wait()

    def _look_later(self, seconds: float, spell: int) -> None:
        timer = threading.Timer(seconds, self._look, (spell,))
        timer.daemon = True
        timer.start()

    def _look(self, spell: int) -> None:
        if spell == self._spell:
            self._wait()
            self._look_later(LOOK_SECONDS, spell)

    def _tell_pending(self) -> None:
        with self._patience:  # so that what is told last is what holds
            self.pending = self._awaiting

    def _wait(self) -> None:
        with self._patience:
            self.waiting = self.pending
            self.ahead = self._service.ahead if self.pending else 0

    def _selection_changed(self, _: Any) -> None:
        self.refresh()

    def _arrived(self, context: Context, future: "Future[NDArray[np.floating[Any]]]") -> None:
        with self._lock:
            if context != self._asked:
                return  # a newer context was asked for meanwhile
            self._awaiting = False
            if future.cancelled() or future.exception() is not None:
                self._asked = None  # the same context may be tried again
            if not future.cancelled():
                self._answer = future.exception() or self._remember(context, future.result()[0])
            if self._delivering:
                return
            self._delivering = True
        self._deliver()

    def _remember(self, context: Context, values: NDArray[np.floating[Any]]) -> Prediction:
        prediction = self._visited[context] = Prediction(context, values)
        self._visited.move_to_end(context)
        if len(self._visited) > MAX_VISITED:
            self._visited.popitem(last=False)
        return prediction

    def _deliver(self) -> None:
        # Answers come from the worker, and from the cache in the thread that asks: one thread at a
        # time hands them to the views, so that these never end with the older one. No lock is held
        # meanwhile, as what the views do with an answer may change the selection.
        while True:
            with self._lock:
                answer, self._answer = self._answer, None
                self._delivering = answer is not None
            if answer is None:
                self._tell_pending()
                return
            try:
                if isinstance(answer, Prediction):
                    self.error = ""
                    self.prediction = answer
                else:
                    self.error = f"The model could not predict this: {answer}"
            except Exception:  # of a view; the others, and the next answers, still count
                _log.exception("a view of the prediction failed")

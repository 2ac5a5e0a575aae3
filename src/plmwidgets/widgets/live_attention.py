"""The model's attention for what is selected, kept up to date."""

import threading
import time
from collections.abc import Generator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

import numpy as np
import traitlets as t
from numpy.typing import NDArray

from plmwidgets.methods.contacts.attention import Attention, attention_from, check_numbers
from plmwidgets.methods.contacts.attentive_models import attentive_model, contact_model
from plmwidgets.models.masked_lm import Context, MaskedLM
from plmwidgets.protein import Protein
from plmwidgets.service import Priority, service_for
from plmwidgets.widgets.selection import Selection

SLOW_SECONDS = 5.0
"""What takes longer is not computed at every change, but when somebody asks."""

_Maps = NDArray[np.floating[Any]]


@dataclass(frozen=True, eq=False)
class AttentionAnswer:
    """What a model said of one context.

    Attributes
    ----------
    attention : Attention
    contacts : ndarray of float32, shape (L, L), or None
        What the contact head says for the same context; None where the model has none.
    """

    attention: Attention
    contacts: NDArray[np.float32] | None


class LiveAttention(t.HasTraits):
    """Asks the model whenever the selection's context changes; the newest context wins.

    Parameters
    ----------
    protein : Protein
    model : MaskedLM
    selection : Selection
    layers : sequence of int, optional
        Which layers; all by default.

    Attributes
    ----------
    answer : AttentionAnswer or None
        The latest.
    automatic : bool
        Whether every change of the context is computed; otherwise `compute` asks for it. Turned
        off when an answer took longer than five seconds.
    stale : bool
        Whether the latest answer is of another context than the present one.
    pending : bool
        Whether an answer is being computed.
    seconds : float
        How long the latest took.
    error : str
        Why there is none, in plain words; empty when all is well.

    Raises
    ------
    ModelError, ValueError
        As `plmwidgets.attention`.
    """

    answer = t.Instance(AttentionAnswer, allow_none=True)
    automatic = t.Bool(True)
    stale = t.Bool(True)
    pending = t.Bool(False)
    error = t.Unicode()

    def __init__(
        self,
        protein: Protein,
        model: MaskedLM,
        selection: Selection,
        layers: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        attentive_model(model, len(protein), layers)
        model.check_sequence(protein.sequence)
        self.protein = protein
        self.model = model
        self.selection = selection
        self.layers = layers
        self.seconds = 0.0
        self._service = service_for(model)
        self._lock = threading.RLock()
        self._delivery = threading.Lock()
        self._asked: Context | None = None
        self._future: Future[_Maps] | None = None
        selection.observe(self._selection_changed, "clock")
        self.compute()

    def compute(self) -> None:
        """Ask for the present context, unless that is known or asked for already."""
        context = self.selection.context
        with self._lock:
            known = self._known == context
            if context == self._asked or (known and self._asked is None):
                return
            older, self._asked = self._future, context
            if older is not None:
                older.cancel()  # before the newer one comes: only the newest counts
            if known:
                self._asked = self._future = None
                self.pending = False
                return
            self.pending = True
            began = time.monotonic()
            contacts: list[NDArray[np.float32]] = []
            steps = self._steps(context, contacts)
            self._future = future = self._service.submit_steps(steps, priority=Priority.VISIBLE)
        # In a thread of its own, as the views work on it, and the model's is the model's.
        future.add_done_callback(
            lambda done: threading.Thread(
                target=self._arrived, args=(context, done, contacts, began), daemon=True
            ).start()
        )

    def close(self) -> None:
        """Follow the selection no longer; the latest answer stays."""
        self.selection.unobserve(self._selection_changed, "clock")
        with self._lock:
            self._asked = None
            if self._future is not None:
                self._future.cancel()

    def _steps(
        self, context: Context, contacts: list[NDArray[np.float32]]
    ) -> Generator[float, None, NDArray[np.float32]]:
        model = attentive_model(self.model, len(self.protein), self.layers)
        maps = yield from model.attention_steps([context], self.layers)
        if "contacts" in self.model.capabilities:
            head = contact_model(self.model)
            contacts.append((yield from head.contact_probability_steps([context])))
        return maps

    def _selection_changed(self, _: Any) -> None:
        self._judge()
        if self.automatic:
            self.compute()

    @t.observe("automatic")
    def _automatic_changed(self, change: Any) -> None:
        if change["new"]:
            self.compute()

    def _arrived(
        self,
        context: Context,
        done: "Future[_Maps]",
        contacts: list[NDArray[np.float32]],
        began: float,
    ) -> None:
        # One at a time, so that views never end with the older one. The lock is free meanwhile, as
        # a change of the selection waits for it.
        with self._delivery:
            with self._lock:
                if done is not self._future or done.cancelled():
                    return  # a newer context was asked for meanwhile
                self._asked = self._future = None
                self.seconds = time.monotonic() - began
            try:
                found = attention_from(
                    self.protein, self.model, context, self.layers, done.result()[0]
                )
                for each in contacts:
                    check_numbers(self.model, each)
            except Exception as error:
                self.error = f"The attention could not be computed: {error}"
            else:
                self.error = ""
                if self.seconds > SLOW_SECONDS:
                    self.automatic = False
                self.answer = AttentionAnswer(found, contacts[0][0] if contacts else None)
            self._judge()
            with self._lock:
                self.pending = self._asked is not None

    @property
    def _known(self) -> Context | None:
        return None if self.answer is None else self.answer.attention.context

    def _judge(self) -> None:
        with self._lock:  # so that what is told last is what holds
            self.stale = self._known != self.selection.context

"""The joint distribution of the selected pair, from one model, asked for when it is wanted."""

import threading
import uuid
from concurrent.futures import Future
from typing import Any

import numpy as np
import traitlets as t
from numpy.typing import NDArray

from plmwidgets.models.masked_lm import MaskedLM
from plmwidgets.protein import Protein
from plmwidgets.scan.joint import JointDistribution, joint_contexts, joint_from
from plmwidgets.service import Priority, service_for
from plmwidgets.widgets.selection import Selection


class LiveJoint(t.HasTraits):
    """Asks a model for the selected pair; the newest pair wins.

    Parameters
    ----------
    protein : Protein
    model : MaskedLM
    selection : Selection

    Attributes
    ----------
    joint : JointDistribution or None
        Of the selected pair; None until the model has answered.
    pending : bool
        Whether an answer is being computed.
    error : str
        Why there is none, in plain words; empty when all is well.

    Raises
    ------
    ModelError
        If the model cannot take this sequence.
    """

    joint = t.Instance(JointDistribution, allow_none=True)
    pending = t.Bool(False)
    error = t.Unicode()

    def __init__(self, protein: Protein, model: MaskedLM, selection: Selection) -> None:
        super().__init__()
        model.check_sequence(protein.sequence)
        self.protein = protein
        self.model = model
        self.selection = selection
        self._service = service_for(model)
        self._client = uuid.uuid4().hex
        self._lock = threading.RLock()
        self._asked: tuple[int, int] | None = None

    def compute(self) -> None:
        """Ask for the selected pair, unless it is known or asked for already.

        Raises
        ------
        ValueError
            If no pair is selected.
        """
        pair = self.selection.pair
        if pair is None:
            raise ValueError("no pair is selected: click a cell of the map, or select_pair(i, j)")
        with self._lock:
            if pair in (self._asked, self._known):
                return
            self._asked = pair
            self.pending = True
        contexts, wanted = joint_contexts(self.protein, *pair)
        future = self._service.submit(
            contexts, wanted, priority=Priority.VISIBLE, client=self._client
        )
        future.add_done_callback(lambda done: self._arrived(pair, done))

    def forget(self) -> None:
        """Drop what is known or asked for of another pair than the selected one."""
        pair = self.selection.pair
        with self._lock:
            if pair is not None and pair in (self._asked, self._known):
                return
            self._asked = None
            self.joint = None
            self.pending = False

    @property
    def _known(self) -> tuple[int, int] | None:
        return None if self.joint is None else (self.joint.i, self.joint.j)

    def _arrived(self, pair: tuple[int, int], done: "Future[NDArray[np.floating[Any]]]") -> None:
        # From the model's thread, or at once from this one: another pair may be selected meanwhile.
        with self._lock:
            if pair != self._asked:
                return
            self._asked = None
            if not done.cancelled():
                error = done.exception()
                if error is None:
                    self.joint = joint_from(self.protein, *pair, done.result())
                self.error = "" if error is None else f"The pair could not be computed: {error}"
            self.pending = False

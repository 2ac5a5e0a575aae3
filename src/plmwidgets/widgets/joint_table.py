"""How two residues go together: the 20 x 20 table of a pair that was chosen in the map."""

import threading
import uuid
from concurrent.futures import Future
from typing import Any

import numpy as np
import pandas as pd
import traitlets as t
from numpy.typing import NDArray

from plmwidgets.alphabet import AMINO_ACIDS, CHEMISTRY_ORDER
from plmwidgets.models import as_model
from plmwidgets.models.masked_lm import MaskedLM
from plmwidgets.protein import Protein
from plmwidgets.scan.joint import ORDERS, JointDistribution, joint_contexts, joint_from
from plmwidgets.service import Priority, service_for
from plmwidgets.widgets.selection import Selection
from plmwidgets.widgets.view import View, bundle, envelope


class JointTable(View):
    """p(a at i, b at j | all other residues) of the selected pair, as `joint` computes it.

    A new pair takes 41 passes of the model, after clicks and ahead of scans.

    Parameters
    ----------
    protein : Protein
    model : MaskedLM or str
    selection : Selection, optional
        Shared with other views; its own by default. The table follows its pair.
    automatic : bool
        Whether every new pair is computed; otherwise a button, or `compute`, asks for it.
    presenter : bool
        Larger type.

    Attributes
    ----------
    joint : JointDistribution or None
        What is shown.
    automatic : bool
    show : str
        ``"log_ratio"``, log2 of p(a, b) over the product of its margins, in bits: how much more
        often than by chance the two go together; or ``"probability"``, p(a, b).
    chain_order : str
        ``"mean"`` of both orders of the chain rule, or ``"i first"`` or ``"j first"``.
    """

    _bundle = t.Unicode(bundle("joint_table"), read_only=True).tag(sync=True)
    table = t.Any(None, read_only=True).tag(sync=True)
    pending = t.Bool(False).tag(sync=True)
    automatic = t.Bool(True).tag(sync=True, page=True)
    show = t.Enum(["log_ratio", "probability"], "log_ratio").tag(sync=True, page=True)
    chain_order = t.Enum(list(ORDERS), "mean").tag(sync=True, page=True)
    letters = t.Unicode(AMINO_ACIDS, read_only=True).tag(sync=True)
    chemistry_order = t.Unicode(CHEMISTRY_ORDER, read_only=True).tag(sync=True)

    def __init__(
        self,
        protein: Protein,
        model: MaskedLM | str,
        *,
        selection: Selection | None = None,
        automatic: bool = True,
        presenter: bool = False,
    ) -> None:
        model = as_model(model)
        model.check_sequence(protein.sequence)
        self._service = service_for(model)
        self._client = uuid.uuid4().hex
        self._lock = threading.RLock()
        self._asked: tuple[int, int] | None = None
        self.joint: JointDistribution | None = None
        super().__init__(protein, selection, presenter=presenter)
        self.automatic = automatic
        self.follow(self.selection, "pair", self._pair_changed)
        self._pair_changed()

    def compute(self) -> None:
        """Ask for the table of the selected pair; returns at once.

        Raises
        ------
        ValueError
            If no pair is selected.
        """
        pair = self.selection.pair
        if pair is None:
            raise ValueError("no pair is selected: click a cell of the map, or select_pair(i, j)")
        with self._lock:
            if self._asked == pair:
                return
            self._asked = pair
            self.pending = True
        contexts, wanted = joint_contexts(self.protein, *pair)
        future = self._service.submit(
            contexts, wanted, priority=Priority.VISIBLE, client=self._client
        )
        future.add_done_callback(lambda done: self._arrived(pair, done))

    def to_pandas(self) -> pd.DataFrame:
        """Return the table that is shown, as `JointDistribution.table`.

        Raises
        ------
        RuntimeError
            If there is none yet.
        """
        if self.joint is None:
            raise RuntimeError(
                self.error or "there is no table yet: select a pair, and wait for it"
            )
        return self.joint.table(self.chain_order)

    def handle(self, kind: str, content: Any) -> None:
        """Compute the pair when the page asks for it."""
        if kind == "compute":
            self.compute()
        else:
            super().handle(kind, content)

    @t.observe("automatic")
    def _automatic_changed(self, _: Any) -> None:
        with self.guarded():
            if self.automatic and self.selection.pair is not None:
                self.compute()

    def _pair_changed(self) -> None:
        pair = self.selection.pair
        with self._lock:
            if self.joint is not None and pair == (self.joint.i, self.joint.j):
                return
            self._show(None)
            self._asked = None
            self.pending = False
        if pair is not None and self.automatic:
            self.compute()

    def _arrived(self, pair: tuple[int, int], done: "Future[NDArray[np.floating[Any]]]") -> None:
        # From the model's thread, or at once from this one: another pair may be selected meanwhile.
        with self._lock:
            if pair != self._asked:
                return
            self._asked = None
            if not done.cancelled():
                error = done.exception()
                if error is None:
                    self._show(joint_from(self.protein, *pair, done.result()))
                self.error = "" if error is None else f"The pair could not be computed: {error}"
            self.pending = False

    def _show(self, joint: JointDistribution | None) -> None:
        self.joint = joint
        if joint is None:
            self.set_trait("table", None)
            return
        tables = np.stack([joint.table(order).to_numpy() for order in ORDERS])
        self.set_trait(
            "table",
            {
                "pair": [joint.i, joint.j],
                "probabilities": envelope(tables),
                "mutual_information": [joint.mutual_information(order) for order in ORDERS],
                "disagreement": joint.disagreement,
            },
        )

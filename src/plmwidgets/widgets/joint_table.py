"""How two residues go together: the 20 x 20 table of a pair that was chosen in the map."""

import threading
from typing import Any

import numpy as np
import pandas as pd
import traitlets as t

from plmwidgets.alphabet import AMINO_ACIDS, CHEMISTRY_ORDER
from plmwidgets.models import as_model
from plmwidgets.models.masked_lm import MaskedLM
from plmwidgets.protein import Protein
from plmwidgets.scan.joint import ORDERS, JointDistribution
from plmwidgets.widgets.live_joint import LiveJoint
from plmwidgets.widgets.selection import Selection
from plmwidgets.widgets.two_models import ViewOfModels, as_shown, errors_of, names_of
from plmwidgets.widgets.view import bundle, envelope


class JointTable(ViewOfModels):
    """p(a at i, b at j | all other residues) of the selected pair, as `joint` computes it.

    A new pair takes 41 passes of the model, after clicks and ahead of scans.

    Parameters
    ----------
    protein : Protein or str
    model : MaskedLM or str
    selection : Selection, optional
        Shared with other views; its own by default. The table follows its pair.
    reference : MaskedLM or str, optional
        Another model, such as the one without an adapter. The table then shows the model's, the
        reference's, or the model's less the reference's: see `shown`. Both are asked.
    automatic : bool
        Whether every new pair is computed; otherwise a button, or `compute`, asks for it.
    presenter : bool
        Larger type.

    Attributes
    ----------
    joint, reference_joint : JointDistribution or None
        Of the selected pair, by the model and by the reference, once they have answered.
    automatic : bool
    show : str
        ``"log_ratio"``, log2 of p(a, b) over the product of its margins, in bits: how much more
        often than by chance the two go together; or ``"probability"``, p(a, b).
    chain_order : str
        ``"mean"`` of both orders of the chain rule, or ``"i first"`` or ``"j first"``.
    models : list of str
        With a reference: its name, the model's, and that of the difference, model less reference.
    shown : str
        Which of them is shown; the model, to begin with. Of a difference each number is that of
        the model less that of the reference: p, the log ratio, and the mutual information.
    """

    _bundle = t.Unicode(bundle("joint_table"), read_only=True).tag(sync=True)
    table = t.Any(None, read_only=True).tag(sync=True)
    reference_table = t.Any(None, read_only=True).tag(sync=True)
    pending = t.Bool(False).tag(sync=True)
    automatic = t.Bool(True).tag(sync=True, page=True)
    show = t.Enum(["log_ratio", "probability"], "log_ratio").tag(sync=True, page=True)
    chain_order = t.Enum(list(ORDERS), "mean").tag(sync=True, page=True)
    letters = t.Unicode(AMINO_ACIDS, read_only=True).tag(sync=True)
    chemistry_order = t.Unicode(CHEMISTRY_ORDER, read_only=True).tag(sync=True)

    def __init__(
        self,
        protein: Protein | str,
        model: MaskedLM | str,
        *,
        selection: Selection | None = None,
        reference: MaskedLM | str | None = None,
        automatic: bool = True,
        presenter: bool = False,
    ) -> None:
        model = as_model(model)
        other = None if reference is None else as_model(reference)
        names = None if other is None else names_of(model, other)
        self._drawing = threading.RLock()
        super().__init__(protein, selection, presenter=presenter)
        self._live = LiveJoint(self.protein, model, self.selection)
        self._reference = None if other is None else LiveJoint(self.protein, other, self.selection)
        if names is not None:
            self.offer_models(names)
        self.automatic = automatic
        for live in self._lives:
            self.follow(live, "joint", self._show)
            self.follow(live, "pending", self._show_state)
            self.follow(live, "error", self._show_state)
        self.follow(self.selection, "pair", self._pair_changed)
        self._pair_changed()

    @property
    def joint(self) -> JointDistribution | None:
        """That of the model."""
        return self._live.joint

    @property
    def reference_joint(self) -> JointDistribution | None:
        """That of the reference."""
        return None if self._reference is None else self._reference.joint

    def compute(self) -> None:
        """Ask for the table of the selected pair; returns at once.

        Raises
        ------
        ValueError
            If no pair is selected.
        """
        for live in self._lives:
            live.compute()

    def to_pandas(self) -> pd.DataFrame:
        """Return the table that is shown, as `JointDistribution.table`, or the difference of two.

        Raises
        ------
        RuntimeError
            If there is none yet.
        """
        joints = [live.joint for live in self.shown_of(self._lives)]
        tables = [one.table(self.chain_order) for one in joints if one is not None]
        if len(tables) < len(joints):
            raise RuntimeError(
                self.error or "there is no table yet: select a pair, and wait for it"
            )
        return as_shown(tables)

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

    @property
    def _lives(self) -> list[LiveJoint]:
        """The model's, then the reference's."""
        return [self._live] if self._reference is None else [self._live, self._reference]

    def _pair_changed(self) -> None:
        for live in self._lives:
            live.forget()
        if self.selection.pair is not None and self.automatic:
            self.compute()

    def _show(self) -> None:
        # One at a time, as two models answer in two threads.
        with self._drawing, self.hold_sync():
            self.set_trait("table", _content(self.joint))
            self.set_trait("reference_table", _content(self.reference_joint))

    def _show_state(self) -> None:
        with self._drawing, self.hold_sync():
            self.pending = any(live.pending for live in self._lives)
            self.error = errors_of(self._lives)


def _content(joint: JointDistribution | None) -> dict[str, Any] | None:
    """Return a table as the page reads it."""
    if joint is None:
        return None
    return {
        "pair": [joint.i, joint.j],
        "probabilities": envelope(np.stack([joint.table(order).to_numpy() for order in ORDERS])),
        "mutual_information": [joint.mutual_information(order) for order in ORDERS],
        "disagreement": joint.disagreement,
    }

"""How the amino acids of two residues are coupled: the block of the pair chosen in the map."""

import threading
from typing import Any

import numpy as np
import pandas as pd
import traitlets as t

from plmwidgets.alphabet import AMINO_ACIDS, CHEMISTRY_ORDER
from plmwidgets.methods.jacobian.jacobian import Jacobian
from plmwidgets.widgets.selection import Selection
from plmwidgets.widgets.throttle import Throttle
from plmwidgets.widgets.view import View, bundle, envelope


class JacobianTable(View):
    """The 20 x 20 block of the selected pair, as `Jacobian.block`.

    It is there as soon as the two residues have been substituted, also while the rest is computed.

    Parameters
    ----------
    jacobian : Jacobian
    selection : Selection, optional
        Shared with other views; its own by default. The table follows its pair.
    presenter : bool
        Larger type.
    """

    _bundle = t.Unicode(bundle("jacobian_table"), read_only=True).tag(sync=True)
    table = t.Any(None, read_only=True).tag(sync=True)
    notice = t.Unicode(read_only=True).tag(sync=True)
    letters = t.Unicode(AMINO_ACIDS, read_only=True).tag(sync=True)
    chemistry_order = t.Unicode(CHEMISTRY_ORDER, read_only=True).tag(sync=True)

    def __init__(
        self,
        jacobian: Jacobian,
        *,
        selection: Selection | None = None,
        presenter: bool = False,
    ) -> None:
        self.jacobian = jacobian
        self._lock = threading.RLock()
        self._shown: tuple[tuple[int, int] | None, bool] = (None, False)
        super().__init__(jacobian.protein, selection, presenter=presenter)
        self.follow(self.selection, "pair", self._show)
        self._at_close.append(jacobian.subscribe(Throttle(self._show, 0.2)))
        self._show()

    def to_pandas(self) -> pd.DataFrame:
        """Return the block that is shown, as `Jacobian.block`.

        Raises
        ------
        RuntimeError
            If there is none.
        """
        if self.table is None:
            raise RuntimeError(self.notice or "there is no block yet: select a pair")
        return self.jacobian.block(*self.table["pair"])

    def _show(self) -> None:
        # From a click, and from a timer while the Jacobian is computed.
        with self._lock, self.guarded(), self.hold_sync():
            pair, found = self.selection.pair, self.jacobian
            there = pair is not None and found.has_block(*pair)
            self.set_trait("notice", "" if pair is None or there else self._why_not())
            state = (pair if there else None), found.complete
            if state != self._shown:
                self.set_trait("table", self._content(*pair) if pair and there else None)
                self._shown = state

    def _why_not(self) -> str:
        if self.jacobian.method != "full":
            return (
                "A fast Jacobian hides residues and substitutes none: it has a map, but no blocks."
            )
        return "Not there yet: the two residues have still to be substituted."

    def _content(self, i: int, j: int) -> dict[str, Any]:
        score, rank = None, None
        length = len(self.protein)
        if self.jacobian.complete:
            scores = self.jacobian.contacts().to_numpy()
            score = float(scores[i, j])
            rank = 1 + int((scores[np.triu_indices(length, 1)] > score).sum())
        return {
            "pair": [i, j],
            "values": envelope(self.jacobian.block(i, j).to_numpy()),
            "score": score,
            "rank": rank,
            "pairs": length * (length - 1) // 2,
        }

"""How the amino acids of two residues are coupled: the block of the pair chosen in the map."""

from typing import Any

import numpy as np
import pandas as pd
import traitlets as t

from plmwidgets._options import result_of
from plmwidgets.alphabet import AMINO_ACIDS, CHEMISTRY_ORDER
from plmwidgets.methods.jacobian.jacobian import Jacobian
from plmwidgets.widgets.selection import Selection
from plmwidgets.widgets.throttle import Throttle
from plmwidgets.widgets.two_models import ViewOfModels, as_shown, told_apart
from plmwidgets.widgets.view import bundle, envelope


class JacobianTable(ViewOfModels):
    """The 20 x 20 block of the selected pair, as `Jacobian.block`.

    It is there as soon as the two residues have been substituted, also while the rest is computed.

    Parameters
    ----------
    jacobian : Jacobian
    reference : Jacobian, optional
        Of the same sequence by another model, such as the one without an adapter, and by the same
        method. The table then shows the model's block, the reference's, or the difference, the
        model's less the reference's: see `shown`.
    selection : Selection, optional
        Shared with other views; its own by default. The table follows its pair.
    presenter : bool
        Larger type.

    Attributes
    ----------
    models : list of str
        With a reference: its name, the model's, and that of the difference, model less reference.
    shown : str
        Which of them is shown; the model, to begin with. A difference ranks pairs by the size of
        the change of their score.

    Raises
    ------
    TypeError, ValueError
        If these are no Jacobians, or the two do not compare.
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
        reference: Jacobian | None = None,
        selection: Selection | None = None,
        presenter: bool = False,
    ) -> None:
        self.jacobian = result_of("jacobian(protein, model)", jacobian, Jacobian, "JacobianTable")
        if reference is not None:
            check_comparable(jacobian, reference)
        self.reference = reference
        self._both = [jacobian] if reference is None else [jacobian, reference]
        self._drawn: tuple[Any, ...] = ()
        self._refresh = Throttle(self._show, 0.2)
        super().__init__(jacobian.protein, selection, presenter=presenter)
        if reference is not None:
            self.offer_models(told_apart(model_of(jacobian), model_of(reference)))
        self.follow(self.selection, "pair", self._refresh.now)
        for one in self._both:
            self._at_close.append(one.subscribe(self._refresh))
        self._refresh.now()

    def to_pandas(self) -> pd.DataFrame:
        """Return the block that is shown, as `Jacobian.block`, or the difference of two.

        Raises
        ------
        RuntimeError
            If there is none.
        """
        if self.table is None:
            raise RuntimeError(self.notice or "there is no block yet: select a pair")
        return self._block(*self.table["pair"])

    @t.observe("shown")
    def _shown_changed(self, _: Any) -> None:
        self._refresh.now()

    def _show(self) -> None:
        with self.guarded(), self.hold_sync():
            pair = self.selection.pair
            parts = self.shown_of(self._both)
            late = [one for one in parts if pair is not None and not one.has_block(*pair)]
            self.set_trait("notice", self._why_not(late[0]) if late else "")
            there = None if late else pair
            done = [one.complete for one in parts]
            state = (there, self.shown, done, there and self._comparable(*there))
            if state != self._drawn:
                self.set_trait("table", None if there is None else self._content(*there))
                self._drawn = state

    def _why_not(self, late: Jacobian) -> str:
        if late.method != "full":
            return (
                "A fast Jacobian hides residues and substitutes none: it has a map, but no blocks."
            )
        whose = "" if self.reference is None else f" by {self._name_of(late)}"
        return f"Not there yet: the two residues have still to be substituted{whose}."

    def _name_of(self, one: Jacobian) -> str:
        return self.models[0 if one is self.reference else 1]

    def _comparable(self, i: int, j: int) -> list[Jacobian]:
        """Those that are coloured on one scale: both models' blocks, or a difference alone."""
        parts = self.shown_of(self._both)
        return parts if len(parts) > 1 else [one for one in self._both if one.has_block(i, j)]

    def _block(self, i: int, j: int) -> pd.DataFrame:
        blocks = [one.block(i, j) for one in self.shown_of(self._both)]
        return as_shown(blocks)

    def _content(self, i: int, j: int) -> dict[str, Any]:
        """Return the block as the page reads it."""
        parts = self.shown_of(self._both)
        block = self._block(i, j).to_numpy()
        others = [one for one in self._comparable(i, j) if one not in parts]
        sizes = [block, *(one.block(i, j).to_numpy() for one in others)]
        score, rank = None, None
        length = len(self.protein)
        if all(one.complete for one in parts):
            found = as_shown([one.contacts().to_numpy() for one in parts])
            score = float(found[i, j])
            order = found if len(parts) == 1 else np.abs(found)
            rank = 1 + int((order[np.triu_indices(length, 1)] > order[i, j]).sum())
        return {
            "pair": [i, j],
            "values": envelope(block),
            "limit": max(float(np.abs(one).max()) for one in sizes),
            "difference": len(parts) > 1,
            "score": score,
            "rank": rank,
            "pairs": length * (length - 1) // 2,
        }


def model_of(one: Jacobian) -> str:
    """Return the name of the model that a Jacobian is of."""
    return str(one.provenance.get("model", "unknown model"))


def check_comparable(jacobian: Jacobian, reference: Jacobian) -> None:
    """Raise `TypeError` or `ValueError`, saying what to do, if two Jacobians do not compare."""
    if not isinstance(reference, Jacobian):
        raise TypeError(
            f"reference= takes a Jacobian, not {type(reference).__name__}: make it with "
            "jacobian(protein, other_model)"
        )
    if reference is jacobian:
        raise ValueError("the reference is the Jacobian itself: give that of another model")
    if reference.protein.sequence != jacobian.protein.sequence:
        raise ValueError(
            f"the Jacobians are of different proteins, {jacobian.protein.name!r} and "
            f"{reference.protein.name!r}: compare those of one sequence"
        )
    if reference.method != jacobian.method:
        raise ValueError(
            f"the Jacobian is a {jacobian.method} one and the reference a {reference.method} one, "
            "whose scores do not compare: compute both by one method"
        )

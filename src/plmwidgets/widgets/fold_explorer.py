"""A page about one structure prediction: how far it is, its confidence, and the structure."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from plmwidgets._options import result_of
from plmwidgets.methods.folding.fold import Fold
from plmwidgets.widgets.pair_heatmap import PairHeatmap
from plmwidgets.widgets.scan_panel import ScanPanel
from plmwidgets.widgets.selection import Selection
from plmwidgets.widgets.sequence_strip import SequenceStrip
from plmwidgets.widgets.structure_view import StructureView
from plmwidgets.widgets.throttle import Throttle
from plmwidgets.widgets.view_grid import ViewGrid

MAP = "aligned_error"
LABEL = "Predicted aligned error"
MOST_ERROR = 31.75
"""Å: the last bin of the network's predictions."""


class FoldExplorer(ViewGrid):
    """Watch a structure being predicted, then turn it, coloured by the confidence in it.

    Parameters
    ----------
    fold : Fold
    presenter : bool
        Larger type, for a lecture or a shared screen.

    Attributes
    ----------
    fold : Fold
    selection : Selection
        Begins with the masks that the model was given. To predict with others, call
        ``fold(protein, model, explorer.selection.masked)``.
    panel : ScanPanel
    strip : SequenceStrip
        Coloured by pLDDT.
    structure : StructureView
        Coloured by pLDDT.
    heatmap : PairHeatmap
        The predicted aligned error in Å: rows are the residues aligned on.
    presenter : bool
        Assignable at any time.

    Raises
    ------
    TypeError
        If it is no `Fold`.

    Examples
    --------
    >>> import plmwidgets as plm
    >>> plm.FoldExplorer(plm.fold("MKTAYIAKQRQISFVKSHFSRQ"))  # doctest: +SKIP
    """

    def __init__(self, fold: Fold, *, presenter: bool = False) -> None:
        self._stop: Callable[[], None] = lambda: None  # `close` may come before all is made
        self.fold = result_of("fold(protein, model)", fold, Fold, "FoldExplorer")
        self.selection = Selection(fold.protein)
        self.selection.masked = set(fold.masked)
        self.panel = ScanPanel(fold, selection=self.selection)
        self.strip = SequenceStrip(fold, selection=self.selection)
        self.structure = StructureView(fold, selection=self.selection)
        nothing = np.full((len(fold), len(fold)), np.nan)
        self.heatmap = PairHeatmap(
            fold.protein, maps={MAP: nothing}, upper=MAP, lower=MAP, selection=self.selection
        )
        self._draw(nothing)
        self._filled = False
        refresh = Throttle(self._fill)
        self._stop = fold.subscribe(refresh)
        refresh.now()
        super().__init__(
            (self.panel, self.strip, self.structure, self.heatmap),
            beside=(self.structure, self.heatmap),
            presenter=presenter,
        )

    def __repr__(self) -> str:
        return f"FoldExplorer({self.fold!r})"

    def close(self) -> None:
        """Take all views off the page; the prediction goes on."""
        self._stop()
        super().close()

    def _fill(self) -> None:
        if self.fold.complete and not self._filled:
            self._filled = True
            with self.heatmap.guarded():
                self._draw(self.fold.aligned_error)

    def _draw(self, errors: NDArray[np.float64]) -> None:
        self.heatmap.add_map(
            MAP, errors, label=LABEL, unit="Å", kind="sequential", limits=(0.0, MOST_ERROR)
        )

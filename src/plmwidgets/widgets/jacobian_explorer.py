"""The ready-made page of a categorical Jacobian: its map, the structure and the block of a pair."""

import numpy as np

from plmwidgets.methods.jacobian import Jacobian
from plmwidgets.widgets.jacobian_table import JacobianTable
from plmwidgets.widgets.pair_heatmap import PairHeatmap
from plmwidgets.widgets.scan_panel import ScanPanel
from plmwidgets.widgets.selection import Selection
from plmwidgets.widgets.structure_view import StructureView
from plmwidgets.widgets.throttle import Throttle
from plmwidgets.widgets.view_grid import ViewGrid

MAP = "jacobian"
LABEL = "Categorical Jacobian (APC)"


class JacobianExplorer(ViewGrid):
    """Watch a categorical Jacobian being computed, and look into it.

    A click on a cell of the map selects the pair: its block says which amino acids the two residues
    favour together. The map, and the strongest pairs in the structure, come when all positions are
    done, as the scores are centred over them.

    Parameters
    ----------
    jacobian : Jacobian
    presenter : bool
        Larger type, for a lecture or a shared screen.

    Attributes
    ----------
    jacobian : Jacobian
    selection : Selection
    panel : ScanPanel
    heatmap : PairHeatmap
    structure : StructureView
    table : JacobianTable
    presenter : bool
        Assignable at any time.

    Examples
    --------
    >>> from plmwidgets import JacobianExplorer, Protein, jacobian
    >>> page = JacobianExplorer(jacobian(Protein.demo(), "potts-demo"))
    >>> page.selection.select_pair(3, 58)
    """

    def __init__(self, jacobian: Jacobian, *, presenter: bool = False) -> None:
        self.jacobian = jacobian
        protein = jacobian.protein
        self.selection = Selection(protein)
        self.panel = ScanPanel(jacobian, selection=self.selection)
        nothing = np.full((len(protein), len(protein)), np.nan)
        self.heatmap = PairHeatmap(protein, maps={MAP: nothing}, selection=self.selection)
        self.heatmap.add_map(MAP, nothing, label=LABEL)
        self.structure = StructureView(protein, selection=self.selection)
        self.table = JacobianTable(jacobian, selection=self.selection)
        self._filled = False
        self._stop = jacobian.subscribe(Throttle(self._fill))
        self._fill()
        super().__init__(
            (self.panel, self.heatmap, self.structure, self.table),
            beside=(self.heatmap, self.structure),
            presenter=presenter,
        )

    def __repr__(self) -> str:
        return f"JacobianExplorer({self.jacobian!r})"

    def close(self) -> None:
        """Take all views off the page; the computation goes on."""
        self._stop()
        super().close()

    def _fill(self) -> None:
        if self._filled or not self.jacobian.complete:
            return
        with self.heatmap.guarded():
            scores = self.jacobian.contacts().to_numpy(copy=True)
            np.fill_diagonal(scores, np.nan)
            self.heatmap.add_map(MAP, scores, label=LABEL, unit="nats")
            self.structure.show_pairs(scores)
        self._filled = True

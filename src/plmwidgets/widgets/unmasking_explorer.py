"""A page about unmasking: the player, quality against passes, and what is revealed in 3D."""

import threading
from collections.abc import Iterable
from typing import Any

import numpy as np

from plmwidgets.methods.unmasking.strategy_comparison import StrategyComparison
from plmwidgets.methods.unmasking.trace import UnmaskingTrace
from plmwidgets.widgets.selection import Selection
from plmwidgets.widgets.structure_view import StructureView
from plmwidgets.widgets.unmasking_player import UnmaskingPlayer
from plmwidgets.widgets.view_grid import ViewGrid

REVEALED = "Step of revelation, first lane"


class UnmaskingExplorer(ViewGrid):
    """Play how residues are revealed, along the sequence and in 3D.

    Parameters
    ----------
    traces, comparison
        As for `UnmaskingPlayer`.
    presenter : bool
        Larger type, for a lecture or a shared screen.

    Attributes
    ----------
    player : UnmaskingPlayer
    structure : StructureView
        Coloured by the step in which the first lane revealed a residue.
    selection : Selection
    presenter : bool
        Assignable at any time.

    Examples
    --------
    >>> from plmwidgets import Protein, UnmaskingExplorer, unmask
    >>> page = UnmaskingExplorer(unmask(Protein.demo(), "demo", range(64), "entropy"))
    >>> page.player.step = 3
    """

    def __init__(
        self,
        traces: UnmaskingTrace | Iterable[UnmaskingTrace],
        *,
        comparison: StrategyComparison | None = None,
        presenter: bool = False,
    ) -> None:
        self.player = UnmaskingPlayer(traces, comparison=comparison)
        self.selection: Selection = self.player.selection
        self.structure = StructureView(self.player.protein, selection=self.selection)
        # One thread at a time draws what then holds: a fork ends in another than clicks come in.
        self._drawing = threading.RLock()
        self.player.observe(self._follow, ["step", "traces"])
        self._follow(None)
        both = (self.player, self.structure)
        super().__init__(both, beside=both, presenter=presenter)

    def __repr__(self) -> str:
        traces = "; ".join(map(repr, self.player.traces))
        return f"UnmaskingExplorer({traces})"

    def _follow(self, _: Any) -> None:
        with self.structure.guarded(), self._drawing:
            step_of = self.player.traces[0].step_of.astype(np.float64)
            shown = (step_of >= 0) & (step_of <= self.player.step)
            # The scale of the lanes, also while only the first steps are shown.
            limits = (0.0, max(1.0, *(len(trace) - 1.0 for trace in self.player.traces)))
            self.structure.colour(np.where(shown, step_of, np.nan), REVEALED, limits)

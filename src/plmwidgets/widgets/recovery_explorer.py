"""A page about one recovery: the curve, both maps on one scale, and what is shown in 3D."""

import threading
from typing import Any

import numpy as np

from plmwidgets.map_styles import robust_limits
from plmwidgets.methods.recovery.maps import Maps
from plmwidgets.methods.recovery.plan import Segment
from plmwidgets.methods.recovery.result import Recovery
from plmwidgets.models import as_model
from plmwidgets.models.masked_lm import MaskedLM
from plmwidgets.protein import Protein, as_protein
from plmwidgets.widgets.pair_heatmap import PairHeatmap
from plmwidgets.widgets.recovery_view import RecoveryView
from plmwidgets.widgets.selection import Selection
from plmwidgets.widgets.structure_view import StructureView
from plmwidgets.widgets.view_grid import ViewGrid

WHOLE, PARTIAL = "whole_sequence", "mostly_hidden"
ROLES = "Shown: 2 segment, 1 around it, 0 hidden"


class RecoveryExplorer(ViewGrid):
    """Drag a segment, slide the flank, and watch the contacts come back in the map and in 3D.

    Parameters
    ----------
    protein : Protein or str
    model : MaskedLM or str
    segment, partner, strategy, using, seeds
        See `RecoveryView`.
    presenter : bool
        Larger type, for a lecture or a shared screen.

    Attributes
    ----------
    view : RecoveryView
        ``view.recovery`` is the result.
    heatmap : PairHeatmap
        Above the diagonal the map of the whole sequence, P0; below it that of what is shown, P1.
    structure : StructureView
        Coloured by what is shown.
    selection : Selection
    presenter : bool
        Assignable at any time.

    Examples
    --------
    >>> from plmwidgets import Protein, RecoveryExplorer
    >>> explorer = RecoveryExplorer(Protein.demo(), "demo")
    >>> explorer.view.flank = 5
    """

    def __init__(
        self,
        protein: Protein | str,
        model: MaskedLM | str,
        segment: Segment | str | None = None,
        *,
        partner: Segment | str | None = None,
        strategy: str = "flanking",
        using: str = "contact-head",
        seeds: int = 10,
        presenter: bool = False,
    ) -> None:
        protein, model = as_protein(protein), as_model(model)
        self.protein = protein
        self.selection = Selection(protein)
        self.view = RecoveryView(
            protein,
            model,
            segment,
            partner=partner,
            strategy=strategy,
            using=using,
            seeds=seeds,
            selection=self.selection,
        )
        self._unknown = np.full((len(protein), len(protein)), np.nan)
        self.heatmap = PairHeatmap(
            protein,
            maps={WHOLE: self._unknown, PARTIAL: self._unknown},
            upper=WHOLE,
            lower=PARTIAL,
            selection=self.selection,
        )
        self.structure = StructureView(protein, selection=self.selection)
        self._drawn: dict[str, tuple[Any, str]] = {}
        # One thread at a time draws what then holds: maps come in others than clicks.
        self._drawing = threading.RLock()
        self.view.observe(self._follow, "current")
        self._follow(None)
        super().__init__(
            (self.view, self.heatmap, self.structure),
            beside=(self.heatmap, self.structure),
            presenter=presenter,
        )

    def __repr__(self) -> str:
        return f"RecoveryExplorer({self.view.recovery or self.view.problem})"

    def _follow(self, _: Any) -> None:
        with self._drawing:
            self._show(self.view.current)

    def _show(self, current: tuple[Recovery, int, Maps | None, Maps | None] | None) -> None:
        with self.heatmap.guarded():
            if current is None:
                self._draw(WHOLE, None, "Contacts", (0.0, 1.0))
                self._draw(PARTIAL, None, "Contacts", (0.0, 1.0))
                return
            recovery, k, whole, partial = current
            kind = "P(contact)" if recovery.using == "contact-head" else "Jacobian"
            # One scale for both: what is weak in the second map shall look weak.
            limits = (0.0, 1.0)
            if recovery.using == "jacobian" and whole is not None:
                limits = robust_limits(whole.astype(np.float64), "sequential")
            self._draw(WHOLE, whole, f"{kind}, whole sequence", limits)
            self._draw(PARTIAL, partial, f"{kind}, segment and k = {k} shown", limits)
        with self.structure.guarded():
            self.structure.colour(recovery.roles(k), ROLES)

    def _draw(self, name: str, values: Any, label: str, limits: tuple[float, float]) -> None:
        if values is None:  # a map of something else would be worse than none
            values, label = self._unknown, f"{label}: not there yet"
        drawn = self._drawn.get(name)
        if drawn is None or drawn[0] is not values or drawn[1] != label:
            self.heatmap.add_map(name, values, label=label, kind="sequential", limits=limits)
            self._drawn[name] = (values, label)

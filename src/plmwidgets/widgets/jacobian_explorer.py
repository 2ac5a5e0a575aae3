"""The ready-made page of a categorical Jacobian: its map, the structure and the block of a pair."""

import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plmwidgets._options import result_of
from plmwidgets.map_styles import robust_limits
from plmwidgets.methods.jacobian.jacobian import Jacobian
from plmwidgets.widgets.jacobian_table import JacobianTable, check_comparable, model_of
from plmwidgets.widgets.pair_heatmap import PairHeatmap
from plmwidgets.widgets.scan_panel import ScanPanel
from plmwidgets.widgets.selection import Selection
from plmwidgets.widgets.structure_view import StructureView
from plmwidgets.widgets.throttle import Throttle
from plmwidgets.widgets.two_models import ModelChoice, as_shown, told_apart
from plmwidgets.widgets.view_grid import ViewGrid

MAP, REFERENCE, DIFFERENCE = "jacobian", "reference", "difference"
IN_ORDER = (REFERENCE, MAP, DIFFERENCE)
"""As the names of `ModelChoice`."""
LABEL = "Categorical Jacobian (APC)"


class JacobianExplorer(ViewGrid):
    """Watch a categorical Jacobian being computed, and look into it.

    A click on a cell of the map selects the pair: its block says which amino acids the two residues
    favour together. The map, and the strongest pairs in the structure, come when all positions are
    done, as the scores are centred over them.

    Parameters
    ----------
    jacobian : Jacobian
    reference : Jacobian, optional
        Of the same sequence by another model, such as the one without an adapter, and by the same
        method. The map above the diagonal, the block of a pair and the pairs in the structure are
        then of the model, the reference or the difference, the model's less the reference's, by
        one choice. Of a difference the pairs are those that changed most.
    presenter : bool
        Larger type, for a lecture or a shared screen.

    Attributes
    ----------
    jacobian : Jacobian
    reference : Jacobian or None
    selection : Selection
    panel : ScanPanel
    reference_panel : ScanPanel or None
    heatmap : PairHeatmap
        With a reference, ``heatmap.upper`` and ``heatmap.lower`` are ``"jacobian"``,
        ``"reference"``, ``"difference"``, or a map of the structure.
    structure : StructureView
    table : JacobianTable
    two_models : ModelChoice or None
        With a reference: its ``shown``, one of its ``names``, is what the views show; assignable.
    presenter : bool
        Assignable at any time.

    Raises
    ------
    TypeError, ValueError
        If these are no Jacobians, or the two do not compare.

    Examples
    --------
    >>> from plmwidgets import JacobianExplorer, Protein, jacobian
    >>> page = JacobianExplorer(jacobian(Protein.demo(), "potts-demo"))
    >>> page.selection.select_pair(3, 58)
    """

    def __init__(
        self, jacobian: Jacobian, *, reference: Jacobian | None = None, presenter: bool = False
    ) -> None:
        self._stop: list[Any] = []  # first: a page that cannot be made is closed as well
        result_of("jacobian(protein, model)", jacobian, Jacobian, "JacobianExplorer")
        self._parts: dict[str, tuple[Jacobian, ...]] = {MAP: (jacobian,)}
        self.two_models: ModelChoice | None = None
        if reference is not None:
            check_comparable(jacobian, reference)
            self._parts |= {REFERENCE: (reference,), DIFFERENCE: (jacobian, reference)}
            self.two_models = ModelChoice(told_apart(model_of(jacobian), model_of(reference)))
        self.jacobian = jacobian
        self.reference = reference
        protein = jacobian.protein
        self.selection = Selection(protein)
        self.panel = ScanPanel(jacobian, selection=self.selection)
        self.reference_panel = (
            None if reference is None else ScanPanel(reference, selection=self.selection)
        )
        nothing = np.full((len(protein), len(protein)), np.nan)
        maps = dict.fromkeys(self._parts, nothing)
        self.heatmap = PairHeatmap(protein, maps=maps, selection=self.selection)
        for name in self._parts:
            self.heatmap.add_map(name, nothing, label=self._label(name))
        self.structure = StructureView(protein, selection=self.selection)
        self.table = JacobianTable(jacobian, reference=reference, selection=self.selection)
        if self.two_models is not None:
            self.table.follow_models(self.two_models)
            self.two_models.observe(self._choice_changed, "shown")
        self._filled: dict[str, NDArray[np.float64]] = {}
        self._filling = threading.RLock()
        computed = [jacobian] if reference is None else [jacobian, reference]
        self._stop += [one.subscribe(Throttle(self._fill)) for one in computed]
        self.heatmap.observe(self._upper_changed, "upper")
        self._fill()
        panels = (
            [self.panel] if self.reference_panel is None else [self.panel, self.reference_panel]
        )
        super().__init__(
            (*panels, self.heatmap, self.structure, self.table),
            beside=(self.heatmap, self.structure),
            presenter=presenter,
        )

    def __repr__(self) -> str:
        return f"JacobianExplorer({self.jacobian!r})"

    def close(self) -> None:
        """Take all views off the page; the computation goes on."""
        while self._stop:
            self._stop.pop()()
        super().close()

    def _label(self, name: str) -> str:
        if self.two_models is None:
            return LABEL
        return f"{LABEL}, {self.two_models.names[IN_ORDER.index(name)]}"

    def _fill(self) -> None:
        with self._filling, self.heatmap.guarded():
            for name, parts in self._parts.items():
                if name in self._filled or not all(one.complete for one in parts):
                    continue
                scores = [one.contacts().to_numpy(copy=True) for one in parts]
                found = as_shown(scores)
                np.fill_diagonal(found, np.nan)
                self._filled[name] = found
                self._show_maps()
                if name == self._shown():
                    self._show_pairs()

    def _show_maps(self) -> None:
        # One scale for both models, so that their maps compare; a difference has its own.
        ends = {name: robust_limits(found, "diverging") for name, found in self._filled.items()}
        shared = max(ends[name][1] for name in (MAP, REFERENCE) if name in ends)
        for name, found in self._filled.items():
            limits = ends[name] if name == DIFFERENCE else (-shared, shared)
            label = self._label(name)
            self.heatmap.add_map(
                name, found, label=label, unit="nats", kind="diverging", limits=limits
            )

    def _upper_changed(self, change: Any) -> None:
        with self.structure.guarded():
            if self.two_models is not None and change["new"] in IN_ORDER:
                self.two_models.shown = self.two_models.names[IN_ORDER.index(change["new"])]
            self._show_pairs()

    def _choice_changed(self, _: Any) -> None:
        with self.structure.guarded():
            if self.heatmap.upper in IN_ORDER:  # and not one of the structure
                self.heatmap.upper = self._shown()
            self._show_pairs()

    def _shown(self) -> str:
        """Name the map that is chosen."""
        if self.two_models is None:
            return MAP
        return IN_ORDER[self.two_models.names.index(self.two_models.shown)]

    def _show_pairs(self) -> None:
        with self._filling:  # so that what is drawn last is what is chosen
            name = self._shown()
            scores = self._filled.get(name)
            if scores is None and self.structure.pairs:  # those are of another map
                scores = np.full((len(self.jacobian.protein),) * 2, np.nan)
            if scores is not None:
                self.structure.show_pairs(np.abs(scores) if name == DIFFERENCE else scores)

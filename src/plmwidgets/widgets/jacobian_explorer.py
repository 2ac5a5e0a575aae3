"""The ready-made page of a categorical Jacobian: its map, the structure and the block of a pair."""

import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plmwidgets.methods.jacobian.jacobian import Jacobian
from plmwidgets.widgets.jacobian_table import JacobianTable
from plmwidgets.widgets.pair_heatmap import PairHeatmap
from plmwidgets.widgets.scan_panel import ScanPanel
from plmwidgets.widgets.selection import Selection
from plmwidgets.widgets.structure_view import StructureView
from plmwidgets.widgets.throttle import Throttle
from plmwidgets.widgets.view_grid import ViewGrid

MAP, REFERENCE, DIFFERENCE = "jacobian", "reference", "difference"
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
        method. The map then offers it and the difference as well, the model's scores less the
        reference's; the pairs in the structure are those of the map above the diagonal, of a
        difference those that changed most. The block of a pair is the model's.
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
    presenter : bool
        Assignable at any time.

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
        self._parts = _parts_of(jacobian, reference)
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
        self.table = JacobianTable(jacobian, selection=self.selection)
        self._filled: dict[str, NDArray[np.float64]] = {}
        self._filling = threading.Lock()
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
        if self.reference is None:
            return LABEL
        whose = [str(one.provenance.get("model", "unknown model")) for one in self._parts[name]]
        return f"{LABEL}, {' − '.join(whose)}"

    def _fill(self) -> None:
        with self._filling, self.heatmap.guarded():
            for name, parts in self._parts.items():
                if name in self._filled or not all(one.complete for one in parts):
                    continue
                scores = [one.contacts().to_numpy(copy=True) for one in parts]
                found = scores[0] if len(scores) == 1 else scores[0] - scores[1]
                np.fill_diagonal(found, np.nan)
                self._filled[name] = found
                self.heatmap.add_map(name, found, label=self._label(name), unit="nats")
                if name == self._shown():
                    self._show_pairs()

    def _upper_changed(self, _: Any) -> None:
        with self.structure.guarded():
            self._show_pairs()

    def _shown(self) -> str:
        """Name the map that the pairs are of: the model's, while one of the structure is shown."""
        return self.heatmap.upper if self.heatmap.upper in self._parts else MAP

    def _show_pairs(self) -> None:
        name = self._shown()
        if name in self._filled:
            scores = self._filled[name]
            self.structure.show_pairs(np.abs(scores) if name == DIFFERENCE else scores)


def _parts_of(jacobian: Jacobian, reference: Jacobian | None) -> dict[str, tuple[Jacobian, ...]]:
    """Return by name what each map is of: one Jacobian, or of a difference two.

    Raises
    ------
    ValueError
        If the two do not compare.
    """
    if reference is None:
        return {MAP: (jacobian,)}
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
    return {MAP: (jacobian,), REFERENCE: (reference,), DIFFERENCE: (jacobian, reference)}

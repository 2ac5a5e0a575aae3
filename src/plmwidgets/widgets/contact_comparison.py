"""Maps of contacts side by side: linked, with the structure and what one finds and another not."""

from typing import Any, Final

import numpy as np

from plmwidgets._options import result_of
from plmwidgets.map_styles import STRUCTURE
from plmwidgets.methods.contacts.evaluation import ContactEvaluation
from plmwidgets.widgets.pair_heatmap import PairHeatmap
from plmwidgets.widgets.pair_table import PairTable
from plmwidgets.widgets.selection import Selection
from plmwidgets.widgets.structure_view import StructureView
from plmwidgets.widgets.view_grid import ViewGrid

MOST: Final = 4
"""Maps that are shown at a time."""

TRUTH: Final = "known contacts"
"""Name of the map below the diagonal, where it is not the contacts of the structure."""


class ContactComparison(ViewGrid):
    """Up to four maps beside the structure, each above the diagonal and the contacts below.

    Pointing at a pair draws a crosshair in all maps, a click selects it everywhere. The table lists
    the contacts that one map finds and another misses; the structure shows the best pairs of that
    first map.

    Parameters
    ----------
    evaluation : ContactEvaluation
        What `evaluate_contacts` returns. Of more than four maps the first four are shown; each
        view offers all of them.
    selection : Selection, optional
        Shared with other views; its own by default.
    presenter : bool
        Larger type, for a lecture or a shared screen.

    Attributes
    ----------
    evaluation : ContactEvaluation
    selection : Selection
    heatmaps : tuple of PairHeatmap
    pairs : PairTable
    structure : StructureView or None
        None where the structure is not known.
    presenter : bool
        Assignable at any time.

    Raises
    ------
    TypeError
        If it is no evaluation.

    Examples
    --------
    >>> from plmwidgets import ContactComparison, Protein, evaluate_contacts
    >>> protein = Protein.demo()
    >>> near = -protein.distance_map()
    >>> page = ContactComparison(evaluate_contacts(protein, {"near": near, "far": -near}))
    >>> page.pairs.found_by = "far"
    >>> len(page.pairs.rows)
    0
    """

    def __init__(
        self,
        evaluation: ContactEvaluation,
        *,
        selection: Selection | None = None,
        presenter: bool = False,
    ) -> None:
        self.evaluation = result_of(
            "evaluate_contacts(protein, maps)", evaluation, ContactEvaluation, "ContactComparison"
        )
        protein = evaluation.protein
        self.selection = Selection(protein) if selection is None else selection
        self.heatmaps = tuple(
            _heatmap(evaluation, name, self.selection) for name in list(evaluation.maps)[:MOST]
        )
        self.pairs = PairTable(evaluation, selection=self.selection)
        self.structure = None
        if protein.has_structure:
            self.structure = StructureView(protein, selection=self.selection)
            self.structure.show_pairs(evaluation.maps[self.pairs.found_by])
            self.pairs.observe(self._best_changed, "found_by")
        space = [] if self.structure is None else [self.structure]
        views = [*self.heatmaps, *space, self.pairs]
        super().__init__(views, views, presenter)

    def __repr__(self) -> str:
        maps = ", ".join(self.evaluation.maps)
        return f"ContactComparison({self.evaluation.protein.name}: {maps})"

    def _best_changed(self, change: Any) -> None:
        if self.structure is not None:
            self.structure.show_pairs(self.evaluation.maps[change["new"]], self.structure.top_k)


def _heatmap(evaluation: ContactEvaluation, name: str, selection: Selection) -> PairHeatmap:
    """Show one map of the evaluation above the diagonal, and its truth below."""
    protein = evaluation.protein
    # What the structure says has names of its own.
    called = {name: f"{name} (map)" if name in STRUCTURE else name for name in evaluation.maps}
    maps = {called[name]: values for name, values in evaluation.maps.items()}
    view = PairHeatmap(protein, maps=maps, selection=selection, upper=called[name])
    if protein.has_structure and np.array_equal(
        evaluation.truth, protein.contact_map(), equal_nan=True
    ):
        return view
    view.add_map(TRUTH, evaluation.truth, label="Known contacts", kind="binary")
    view.lower = TRUTH
    return view

"""A ready-made page: all attention heads, the chosen one as a map, and its pairs in 3D."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from plmwidgets.models import as_model
from plmwidgets.models.masked_lm import MaskedLM
from plmwidgets.protein import Protein
from plmwidgets.scan.start import as_protein
from plmwidgets.widgets.attention_grid import AttentionGrid
from plmwidgets.widgets.pair_heatmap import PairHeatmap
from plmwidgets.widgets.selection import Selection
from plmwidgets.widgets.sequence_strip import SequenceStrip
from plmwidgets.widgets.structure_view import StructureView
from plmwidgets.widgets.view_grid import ViewGrid

HEAD, HEAD_CONTACTS, ALL_HEADS, CONTACT_HEAD = "head", "head_contacts", "all_heads", "contact_head"
LABELS = {
    HEAD: "Attention of the chosen head",
    HEAD_CONTACTS: "Chosen head, symmetric, APC",
    ALL_HEADS: "Mean of all heads, symmetric, APC",
    CONTACT_HEAD: "Contact head: probability",
}


class AttentionExplorer(ViewGrid):
    """Mask residues and watch the attention heads, and the contacts that are read from them.

    The map beside the structure shows the chosen head, as it is or as contacts, the mean of all
    heads, and, where the model has one that was trained, its contact head, all of them for the
    present masks. The pairs in 3D are the strongest of the map above the diagonal.

    Parameters
    ----------
    protein : Protein or str
        A protein, or a sequence.
    model : MaskedLM or str
        A loaded model, or what `load_model` takes, such as ``"esm2-8m"`` or ``"demo"``.
    layers : sequence of int, optional
        Which layers to show, counted from 0; all by default.
    presenter : bool
        Larger type, for a lecture or a shared screen.

    Attributes
    ----------
    selection : Selection
        What is masked, substituted and in focus; shared by all views, assignable.
    strip : SequenceStrip
    grid : AttentionGrid
        ``grid.layer`` and ``grid.head`` choose.
    heatmap : PairHeatmap
        ``heatmap.upper`` and ``heatmap.lower`` are ``"head"``, ``"head_contacts"``,
        ``"all_heads"``, ``"contact_head"``, or a map of the structure.
    structure : StructureView
    presenter : bool
        Assignable at any time.

    Raises
    ------
    ModelError, ValueError
        As `plmwidgets.attention`.

    Examples
    --------
    >>> from plmwidgets import AttentionExplorer, Protein
    >>> explorer = AttentionExplorer(Protein.demo(), "demo")
    >>> explorer.selection.masked = {3, 7}
    >>> explorer.grid.layer, explorer.grid.head = 2, 1
    """

    def __init__(
        self,
        protein: Protein | str,
        model: MaskedLM | str,
        *,
        layers: Sequence[int] | None = None,
        presenter: bool = False,
    ) -> None:
        protein, model = as_protein(protein), as_model(model)
        self.protein = protein
        self.model = model
        self.selection = Selection(protein)
        self.grid = AttentionGrid(protein, model, selection=self.selection, layers=layers)
        self.strip = SequenceStrip(protein, selection=self.selection)
        self.structure = StructureView(protein, selection=self.selection)
        offered = [HEAD_CONTACTS, HEAD, ALL_HEADS]
        offered += [CONTACT_HEAD] if "contacts" in model.capabilities else []
        unknown = np.full((len(protein), len(protein)), np.nan)
        self.heatmap = PairHeatmap(
            protein, maps=dict.fromkeys(offered, unknown), selection=self.selection
        )
        for name in offered:
            self._offer(name, unknown, LABELS[name])
        self._scores: dict[str, pd.DataFrame] = {}
        self.grid.observe(self._maps_changed, "drawn")
        self.grid.observe(self._head_changed, ["layer", "head"])
        self.heatmap.observe(self._upper_changed, "upper")
        self._maps_changed()
        beside = (self.heatmap, self.structure)
        super().__init__((self.strip, self.grid, *beside), beside, presenter)

    def __repr__(self) -> str:
        return f"AttentionExplorer({self.protein.name}, {self.model.name})"

    def _maps_changed(self, _: Any = None) -> None:
        with self.heatmap.guarded():
            self._show_maps()

    def _show_maps(self) -> None:
        found = self.grid.attention
        if found is None:
            return
        self._put(ALL_HEADS, found.contacts(), LABELS[ALL_HEADS])
        contacts = self.grid.live.contacts
        if contacts is not None:
            self._put(CONTACT_HEAD, pd.DataFrame(contacts), LABELS[CONTACT_HEAD])
        self._show_head()

    def _head_changed(self, _: Any) -> None:
        with self.heatmap.guarded():
            self._show_head()

    def _show_head(self) -> None:
        found = self.grid.attention
        if found is None:
            return
        layer, head = self.grid.layer, self.grid.head
        of = f"Layer {layer}, head {head}"
        self._put(HEAD, found.map(layer, head), f"{of}: attention of row to column")
        self._put(HEAD_CONTACTS, found.contacts(layer, head), f"{of}: symmetric, APC")
        self._show_pairs()

    def _put(self, name: str, scores: pd.DataFrame, label: str) -> None:
        values = scores.to_numpy(dtype=np.float64, copy=True)
        np.fill_diagonal(values, np.nan)  # of a residue with itself, which is no pair
        self._scores[name] = pd.DataFrame(values)
        self._offer(name, values, label)

    def _offer(self, name: str, values: Any, label: str) -> None:
        kind = "diverging" if name in (HEAD_CONTACTS, ALL_HEADS) else "sequential"
        self.heatmap.add_map(name, values, label=label, kind=kind)

    def _upper_changed(self, _: Any) -> None:
        with self.structure.guarded():
            self._show_pairs()

    def _show_pairs(self) -> None:
        # Of a map of the structure, the pairs in 3D stay those of the chosen head.
        scores = self._scores.get(self.heatmap.upper, self._scores.get(HEAD_CONTACTS))
        if scores is not None and self.protein.has_structure:
            self.structure.show_pairs(scores)

    def to_pandas(self) -> pd.DataFrame:
        """Return the tidy table of the chosen head, as `AttentionGrid.to_pandas`."""
        return self.grid.to_pandas()

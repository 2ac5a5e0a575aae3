"""A ready-made page: all attention heads, the chosen one as a map, and its pairs in 3D."""

import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from plmwidgets.map_styles import robust_limits
from plmwidgets.models import as_model
from plmwidgets.models.masked_lm import MaskedLM
from plmwidgets.protein import Protein, as_protein
from plmwidgets.widgets.attention_grid import AttentionGrid
from plmwidgets.widgets.live_attention import AttentionAnswer
from plmwidgets.widgets.pair_heatmap import PairHeatmap
from plmwidgets.widgets.selection import Selection
from plmwidgets.widgets.sequence_strip import SequenceStrip
from plmwidgets.widgets.structure_view import StructureView
from plmwidgets.widgets.two_models import ModelChoice, as_shown, names_of
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
    present masks. The pairs in 3D are the strongest of the map above the diagonal; of a difference
    those that changed most.

    Parameters
    ----------
    protein : Protein or str
        A protein, or a sequence.
    model : MaskedLM or str
        A loaded model, or what `load_model` takes, such as ``"esm2-8m"`` or ``"demo"``.
    reference : MaskedLM or str, optional
        Another model to compare with, such as the one without an adapter (which shares its
        weights). The grid, the map and the pairs in 3D are then of the model, the reference or the
        difference, the model less the reference, by one choice. The mean of all heads and the
        contact head have a difference also where the numbers of layers or heads differ; see
        `AttentionGrid`.
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
    two_models : ModelChoice or None
        With a reference: its ``shown``, one of its ``names``, is what the views show; assignable.
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
        reference: MaskedLM | str | None = None,
        layers: Sequence[int] | None = None,
        presenter: bool = False,
    ) -> None:
        protein, model = as_protein(protein), as_model(model)
        self.protein = protein
        self.model = model
        self.reference = None if reference is None else as_model(reference)
        self.selection = Selection(protein)
        self.grid = AttentionGrid(
            protein, model, reference=self.reference, selection=self.selection, layers=layers
        )
        self.strip = SequenceStrip(protein, selection=self.selection)
        self.structure = StructureView(protein, selection=self.selection)
        self.two_models = None
        if self.reference is not None:
            self.two_models = ModelChoice(names_of(model, self.reference))
            self.grid.follow_models(self.two_models)
        both = [model] if self.reference is None else [model, self.reference]
        offered = [HEAD_CONTACTS, HEAD, ALL_HEADS]
        offered += [CONTACT_HEAD] if any("contacts" in m.capabilities for m in both) else []
        self._offered = offered
        self._unknown = np.full((len(protein), len(protein)), np.nan)
        self.heatmap = PairHeatmap(
            protein, maps=dict.fromkeys(offered, self._unknown), selection=self.selection
        )
        self._scores: dict[str, NDArray[np.float64]] = {}
        # One thread at a time draws what then holds: answers come in others than clicks.
        self._drawing = threading.RLock()
        for name in offered:
            self._put(name, LABELS[name], lambda _: None)
        self.grid.observe(self._maps_changed, "drawn")
        self.grid.observe(self._head_changed, ["layer", "head"])
        self.heatmap.observe(self._upper_changed, "upper")
        self._maps_changed()
        beside = (self.heatmap, self.structure)
        super().__init__((self.strip, self.grid, *beside), beside, presenter)

    def __repr__(self) -> str:
        return f"AttentionExplorer({self.protein.name}, {self.model.name})"

    def _maps_changed(self, _: Any = None) -> None:
        with self.heatmap.guarded(), self._drawing:
            self._show_maps()

    def _show_maps(self) -> None:
        self._put(ALL_HEADS, LABELS[ALL_HEADS], lambda one: one.attention.contacts())
        if CONTACT_HEAD in self._offered:
            self._put(CONTACT_HEAD, LABELS[CONTACT_HEAD], lambda one: one.contacts)
        self._show_head()

    def _head_changed(self, _: Any) -> None:
        with self.heatmap.guarded(), self._drawing:
            self._show_head()

    def _show_head(self) -> None:
        layer, head = self.grid.layer, self.grid.head
        of = f"Layer {layer}, head {head}"
        weights, scores = f"{of}: attention of row to column", f"{of}: symmetric, APC"
        self._put(HEAD, weights, lambda one: one.attention.map(layer, head))
        self._put(HEAD_CONTACTS, scores, lambda one: one.attention.contacts(layer, head))
        self._show_pairs()

    def _put(self, name: str, label: str, part: Callable[[AttentionAnswer], Any]) -> None:
        """Offer a map of what is shown: a part of an answer, or of two the difference."""
        shown, others = self.grid.sources, self.grid.others
        if name in (HEAD, HEAD_CONTACTS) and not self.grid.head_by_head:
            shown, others = shown if len(shown) == 1 else (), []
        maps = [_off_diagonal(part(one)) for one in shown]
        known = [values for values in maps if values is not None]
        diverging = len(shown) > 1 or name in (HEAD_CONTACTS, ALL_HEADS)
        kind = "diverging" if diverging else "sequential"
        values: NDArray[np.float64] = self._unknown
        limits = None
        if known and len(known) == len(maps):
            values = as_shown(known)
            # One scale for both models, so that their maps compare; a difference has its own.
            compared = [values, *(_off_diagonal(part(one)) for one in others)]
            ends = [robust_limits(each, kind) for each in compared if each is not None]
            limits = min(low for low, _ in ends), max(high for _, high in ends)
        if self.reference is not None:
            nothing = self.grid.sources and values is self._unknown
            label += f"{', none' if nothing else ''}, {self.grid.shown}"
        self._scores[name] = np.abs(values) if len(shown) > 1 else values
        self.heatmap.add_map(name, values, label=label, kind=kind, limits=limits)

    def _upper_changed(self, _: Any) -> None:
        with self.structure.guarded(), self._drawing:
            self._show_pairs()

    def _show_pairs(self) -> None:
        if self.protein.has_structure:
            # Of a map of the structure, the pairs in 3D stay those of the chosen head.
            name = self.heatmap.upper if self.heatmap.upper in self._scores else HEAD_CONTACTS
            self.structure.show_pairs(self._scores[name])

    def to_pandas(self) -> pd.DataFrame:
        """Return the tidy table of the chosen head, as `AttentionGrid.to_pandas`."""
        return self.grid.to_pandas()


def _off_diagonal(scores: Any) -> NDArray[np.float64] | None:
    """Return a map without what a residue has to do with itself, which is no pair."""
    if scores is None:
        return None
    values = np.array(scores, dtype=np.float64)
    np.fill_diagonal(values, np.nan)
    return values

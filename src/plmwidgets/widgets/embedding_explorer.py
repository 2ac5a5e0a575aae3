"""The page of embeddings: sequences or residues in two dimensions, the strip and 3D, linked."""

from typing import Any

import pandas as pd

from plmwidgets.methods.embeddings.embed import embed
from plmwidgets.methods.embeddings.input import Proteins, proteins_of
from plmwidgets.methods.embeddings.result import Embeddings
from plmwidgets.models.masked_lm import MaskedLM
from plmwidgets.protein import Protein
from plmwidgets.widgets.colouring import CHEMISTRY
from plmwidgets.widgets.embedding_plot import Colours, EmbeddingPlot
from plmwidgets.widgets.selection import Selection
from plmwidgets.widgets.sequence_strip import SequenceStrip
from plmwidgets.widgets.structure_view import StructureView
from plmwidgets.widgets.view import View
from plmwidgets.widgets.view_grid import ViewGrid


class EmbeddingExplorer(ViewGrid):
    """See what a model makes of the residues of a protein, or of the sequences of a file.

    Of one protein: its residues in two dimensions, on the strip and in 3D; what is pointed at, in
    focus or masked in one is so in all, and they have the same colours. Of several: the means of
    the sequences, and, once one is clicked, its residues in the same way (in marimo, once the page
    is shown again). Masks are marks here: the embeddings stay what they are.

    Parameters
    ----------
    proteins : Embeddings, Protein, str, path, or iterable of Protein or str
        What was embedded, or what to embed, as for `embed`.
    model : MaskedLM or str, optional
        A loaded model, or what `load_model` takes; not with embeddings.
    colours : mapping of str to array_like, or DataFrame, optional
        What else to colour by: see `EmbeddingPlot`.
    presenter : bool
        Larger type, for a lecture or a shared screen.

    Attributes
    ----------
    embeddings : Embeddings
        Of one protein in all layers, of several in the last, unless they were given.
    sequences : EmbeddingPlot or None
        Of several proteins; ``sequences.chosen`` opens one.
    residues : EmbeddingPlot or None
        Of the protein that is open.
    strip : SequenceStrip or None
    structure : StructureView or None
        Where the protein has one.
    selection : Selection or None
    presenter : bool
        Assignable at any time.

    Raises
    ------
    TypeError
        If there is neither a model nor embeddings, or both.
    ModelError, ValueError, FileNotFoundError
        As `embed`.

    Examples
    --------
    >>> from plmwidgets import EmbeddingExplorer, Protein
    >>> explorer = EmbeddingExplorer(Protein.demo(), "demo")
    >>> explorer.residues.layer = 1
    """

    def __init__(
        self,
        proteins: Embeddings | Proteins,
        model: MaskedLM | str | None = None,
        *,
        colours: Colours | None = None,
        presenter: bool = False,
    ) -> None:
        if isinstance(proteins, Embeddings) != (model is None):
            raise TypeError(
                "give embeddings alone, such as EmbeddingExplorer(embed(...)), or proteins with "
                "the model to embed them by"
            )
        if isinstance(proteins, Embeddings):
            self.embeddings = proteins
        else:
            assert model is not None
            found = proteins_of(proteins)
            self.embeddings = embed(found, model, layers="all" if len(found) == 1 else None)
        self.sequences: EmbeddingPlot | None = None
        self.residues: EmbeddingPlot | None = None
        self.strip: SequenceStrip | None = None
        self.structure: StructureView | None = None
        self.selection: Selection | None = None
        several = len(self.embeddings) > 1 or not self.embeddings.has_residues
        if several:
            self.sequences = EmbeddingPlot(self.embeddings, colours=colours)
            self.sequences.observe(self._chosen, "chosen")
            super().__init__((self.sequences,), (), presenter)
        else:
            opened, beside = self._open(self.embeddings.proteins[0], 0, colours)
            super().__init__(opened, beside, presenter)

    def __repr__(self) -> str:
        return f"EmbeddingExplorer({self.embeddings!r})"

    def to_pandas(self) -> pd.DataFrame:
        """Return the points that are shown, of sequences where there are several.

        Raises
        ------
        RuntimeError
            If there is nothing yet.
        """
        shown = self.sequences or self.residues
        assert shown is not None
        return shown.to_pandas()

    def _chosen(self, change: Any) -> None:
        assert self.sequences is not None
        with self.sequences.guarded():
            index = change["new"]
            if index < 0:
                return
            before = [view for view in self.children if view is not self.sequences]
            opened, beside = self._open(self.embeddings.proteins[index], index, None)
            self.arrange((self.sequences, *opened), (self.sequences, *beside[:1]))
            for view in before:
                view.close()

    def _open(
        self, protein: Protein, index: int, colours: Colours | None
    ) -> tuple[list[View], list[View]]:
        """Make the views of a protein, and those of them that share a line."""
        self.selection = Selection(protein)
        self.selection.masked = self.embeddings.masked
        shared: dict[str, Any] = {"selection": self.selection}
        self.strip = SequenceStrip(protein, **shared)
        has_structure = protein.structure is not None
        self.structure = StructureView(protein, **shared) if has_structure else None
        self.residues = None
        if self.embeddings.has_residues:
            self.residues = EmbeddingPlot(self.embeddings, index, colours=colours, **shared)
            self.residues.observe(self._recoloured, "colour_by")
            self._recoloured(None)
        beside: list[View] = [view for view in (self.residues, self.structure) if view is not None]
        return [*beside, self.strip], beside if len(beside) > 1 or self.sequences else []

    def _recoloured(self, _: Any) -> None:
        """Give strip and structure the colours of the residues."""
        residues = self.residues
        assert residues is not None
        with residues.guarded():
            colours = residues.colours
            for view in (self.strip, self.structure):
                if view is None:
                    continue
                if colours is None:
                    view.colour_by = CHEMISTRY
                elif residues.colour_by in view.fixed:
                    view.colour_by = residues.colour_by
                else:
                    view.colour(colours.values, colours.label, classes=colours.classes)

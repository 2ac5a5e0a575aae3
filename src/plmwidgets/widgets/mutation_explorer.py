"""The page of mutation scores: heat map, sequence, structure and an experiment, linked."""

from collections.abc import Callable
from typing import Any

import pandas as pd

from plmwidgets.methods.known import Scan
from plmwidgets.methods.mutations.deep_mutational_scan import DeepMutationalScan
from plmwidgets.methods.mutations.scores import SCORE_CONTEXTS, MutationScores, prepare_scores
from plmwidgets.models import as_model
from plmwidgets.models.masked_lm import MaskedLM
from plmwidgets.protein import Protein, as_protein
from plmwidgets.widgets.mutation_heatmap import MutationHeatmap
from plmwidgets.widgets.scatter_plot import ScatterPlot
from plmwidgets.widgets.selection import Selection
from plmwidgets.widgets.sequence_strip import SequenceStrip
from plmwidgets.widgets.structure_view import StructureView
from plmwidgets.widgets.throttle import Throttle
from plmwidgets.widgets.two_models import check_reference
from plmwidgets.widgets.view_grid import ViewGrid


class MutationExplorer(ViewGrid):
    """Every substitution scored by a model, on sequence and structure, beside an experiment.

    Masked and wild-type scores are computed at once, in the background; mutant scores, 19 passes a
    residue, when they are chosen and started in the heat map. Sequence and structure are coloured
    by the mean LLR of each residue, in the context that the heat map shows.

    Parameters
    ----------
    protein : Protein or str
        A protein, or a sequence.
    model : MaskedLM or str
        A loaded model, or what `load_model` takes.
    dms : DeepMutationalScan, optional
        An experiment on this protein: see `load_dms`.
    scan : SingleScan or PairScan, optional
        Of this protein by this model: masked scores are read from it.
    reference : MaskedLM or str, optional
        Another model to compare with, such as the one without an adapter: the heat map offers its
        scores and the difference as well, the model's less the reference's, and sequence and
        structure follow what it shows. The experiment is drawn against the scores of one model.
    presenter : bool
        Larger type, for a lecture or a shared screen.

    Attributes
    ----------
    scores : dict of str to MutationScores
        By context.
    reference_scores : dict of str to MutationScores
        The same of the reference; empty without one.
    selection : Selection
    heatmap : MutationHeatmap
    strip : SequenceStrip
    structure : StructureView
    scatter : ScatterPlot or None
    presenter : bool
        Assignable at any time.
    """

    def __init__(
        self,
        protein: Protein | str,
        model: MaskedLM | str,
        dms: DeepMutationalScan | None = None,
        *,
        scan: Scan | None = None,
        reference: MaskedLM | str | None = None,
        presenter: bool = False,
    ) -> None:
        self._unfollow: list[Callable[[], None]] = []  # first: one that fails is closed as well
        protein, model = as_protein(protein), as_model(model)
        self.reference = None if reference is None else as_model(reference)
        if self.reference is not None:
            check_reference(model, self.reference)
        self.protein = protein
        self.model = model
        self.dms = dms
        self.scores: dict[str, MutationScores] = {
            context: prepare_scores(
                protein, model, context, scan=scan if context == "masked" else None
            )
            for context in SCORE_CONTEXTS
        }
        self.reference_scores: dict[str, MutationScores] = {
            context: prepare_scores(protein, self.reference, context)
            for context in (() if self.reference is None else SCORE_CONTEXTS)
        }
        self.selection = Selection(protein)
        shared: dict[str, Any] = {"selection": self.selection}
        self.heatmap = MutationHeatmap(
            self.scores.values(), dms, reference=self.reference_scores.values(), **shared
        )
        self.strip = SequenceStrip(protein, **shared)
        self.structure = StructureView(protein, **shared)
        self.scatter = None if dms is None else ScatterPlot(dms, self.scores["masked"], **shared)
        self._show_scatter()
        views = [self.heatmap, self.strip, self.structure]
        beside = [] if self.scatter is None else [self.structure, self.scatter]
        super().__init__([*views, *beside[1:]], beside, presenter)
        self._coloured_by = ""
        self._recolour = Throttle(self._colour, 0.5)
        computed = [*self.scores.values(), *self.reference_scores.values()]
        self._unfollow += [scores.subscribe(self._recolour) for scores in computed]
        self.heatmap.observe(self._shown_changed, "show")
        self._recolour.now()
        for scores in computed:
            if scores.context != "mutant" and scores.progress is not None:
                scores.start()

    def __repr__(self) -> str:
        return f"MutationExplorer({self.protein.name}, {self.model.name})"

    def to_pandas(self) -> pd.DataFrame:
        """Return the scores that the heat map shows, as `MutationScores.to_pandas`."""
        return self.heatmap.to_pandas()

    def _show_scatter(self) -> None:
        """Draw the scores that the heat map shows; a difference does not compare with what is."""
        parts = self.heatmap.shown_scores()
        if self.scatter is not None and len(parts) == 1:
            label = (
                None if self.reference is None else dict(self.heatmap.options)[self.heatmap.show]
            )
            self.scatter.show_scores(parts[0], label=label)

    def _shown_changed(self, _: Any) -> None:
        with self.heatmap.guarded():
            self._recolour.now()
            self._show_scatter()

    def _colour(self) -> None:
        """Colour by the scores that are shown; where a person chose other colours, these stay."""
        shown = self.heatmap.shown_means()
        if shown is None:
            return
        mean, label = shown
        before, self._coloured_by = self._coloured_by, label
        for view in (self.strip, self.structure):
            follows = not before or view.colour_by == before
            view.colour(mean, label, choose=follows and label != before)

    def close(self) -> None:
        """Take all views off the page; scores that are being computed go on."""
        for stop in self._unfollow:
            stop()
        self._unfollow.clear()
        super().close()

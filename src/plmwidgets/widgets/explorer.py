"""The ready-made page: all views of a protein and a model, linked."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import pandas as pd
from numpy.typing import ArrayLike

from plmwidgets.models import as_model
from plmwidgets.models.masked_lm import MaskedLM
from plmwidgets.protein import Protein, as_protein
from plmwidgets.scan.start import prepare_pairs
from plmwidgets.widgets.distributions import Distributions
from plmwidgets.widgets.joint_table import JointTable
from plmwidgets.widgets.live import LivePrediction
from plmwidgets.widgets.pair_heatmap import PairHeatmap
from plmwidgets.widgets.scan_panel import ScanPanel
from plmwidgets.widgets.selection import Selection
from plmwidgets.widgets.sequence_strip import SequenceStrip
from plmwidgets.widgets.structure_view import StructureView
from plmwidgets.widgets.two_models import TwoModels, check_reference
from plmwidgets.widgets.view_grid import ViewGrid


class Explorer(ViewGrid):
    """Mask residues, watch the distributions, scan all pairs, see the map beside the structure.

    Parameters
    ----------
    protein : Protein or str
        A protein, or a sequence.
    model : MaskedLM or str
        A loaded model, or what `load_model` takes, such as ``"esm2-8m"`` or ``"demo"``.
    store : path or URL, optional
        What keeps the scan: the same call in a new session shows what it holds and goes on. With
        a reference there are two scans, which the cache keeps: then there is none to give.
    cache : bool
        Without a store, keep the scan in the cache folder of this computer, so that a notebook
        that is opened again shows its map at once; ``plmwidgets cache`` lists, sizes and clears
        it. Where nothing can be kept there, a warning says so and the scan is in memory alone. So
        is that of a model of your own, unless its identity names its weights (see
        `ModelIdentity`).
    method, precision
        Of the scan: see `scan_pairs`.
    reference : MaskedLM or str, optional
        Another model to compare with, such as the one without an adapter (which shares its
        weights), or another size. The sequence, the structure, the profile of the whole protein,
        the upper half of the pair map and the table of a pair then show the model, the reference
        or the difference, the model less the reference, by one choice. A panel of its own scans
        it.
    presenter : bool
        Larger type, for a lecture or a shared screen.

    Attributes
    ----------
    scan : PairScan
        Not started yet: press Start in the panel, or call ``explorer.scan.start()``.
    selection : Selection
        What is masked, substituted and in focus; shared by all views, assignable.
    live : LivePrediction
    strip : SequenceStrip
    distributions : Distributions
    heatmap : PairHeatmap
    structure : StructureView
    joint : JointTable
    panel : ScanPanel
    reference : MaskedLM or None
    reference_scan : PairScan or None
        As `scan`, of the reference.
    reference_panel : ScanPanel or None
    two_models : TwoModels or None
        Its ``shown``, one of its ``names``, is what the views show; assignable.
    recorded : list of masks
        The contexts that `to_html` was asked for.
    presenter : bool
        Assignable at any time.

    Examples
    --------
    >>> from plmwidgets import Explorer, Protein
    >>> explorer = Explorer(Protein.demo(), "demo")
    >>> explorer.selection.masked = {3, 7}
    >>> len(explorer.distributions.to_pandas())
    64

    Two models of one protein:

    >>> explorer = Explorer(Protein.demo(), "demo", reference="potts-demo")
    >>> explorer.two_models.names
    ('potts-demo', 'demo', 'demo − potts-demo')
    >>> explorer.two_models.shown = "demo − potts-demo"
    """

    def __init__(
        self,
        protein: Protein | str,
        model: MaskedLM | str,
        store: str | os.PathLike[str] | None = None,
        *,
        cache: bool = True,
        method: Literal["exact", "superposed"] = "exact",
        precision: str | None = None,
        reference: MaskedLM | str | None = None,
        presenter: bool = False,
    ) -> None:
        protein, model = as_protein(protein), as_model(model)
        self.protein = protein
        self.model = model
        self.reference = None if reference is None else as_model(reference)
        if self.reference is not None:
            check_reference(model, self.reference)
            if store is not None:
                raise ValueError(
                    "a store keeps the scan of one model, and with a reference there are two: "
                    "leave store= away, and the cache keeps both"
                )
        self.scan = prepare_pairs(
            protein, model, store, method=method, precision=precision, cache=cache
        )
        self.reference_scan = (
            None
            if self.reference is None
            else prepare_pairs(
                protein, self.reference, method=method, precision=precision, cache=cache
            )
        )
        self.selection = Selection(protein)
        self.live = LivePrediction(protein, model, self.selection)
        self.two_models = self._two_models()
        shared: dict[str, Any] = {
            "selection": self.selection,
            "live": self.live,
            "two_models": self.two_models,
        }
        # First, so that of all views it hears first of a prediction.
        self.distributions = Distributions(protein, **shared)
        self.strip = SequenceStrip(protein, scan=self.scan, **shared)
        self.heatmap = self._heatmap()
        self.structure = StructureView(protein, scan=self.scan, **shared)
        self.joint = JointTable(protein, model, reference=self.reference, selection=self.selection)
        if self.two_models is not None:
            self.joint.follow_models(self.two_models)
        self.panel = ScanPanel(self.scan, selection=self.selection)
        self.reference_panel = (
            None
            if self.reference_scan is None
            else ScanPanel(self.reference_scan, selection=self.selection)
        )
        self.recorded: list[Iterable[int] | str] = []
        beside = (self.heatmap, self.structure)
        panels = (
            [self.panel] if self.reference_panel is None else [self.panel, self.reference_panel]
        )
        views = (self.strip, *panels, *beside, self.distributions, self.joint)
        super().__init__(views, beside, presenter)

    def _two_models(self) -> TwoModels | None:
        if self.reference is None:
            return None
        other = LivePrediction(self.protein, self.reference, self.selection)
        return TwoModels(self.live, other, self.scan, self.reference_scan)

    def _heatmap(self) -> PairHeatmap:
        if self.two_models is None or self.reference_scan is None:
            return PairHeatmap(self.scan, selection=self.selection)
        first, second, _ = self.two_models.names
        scans = {first: self.reference_scan, second: self.scan}
        heatmap = PairHeatmap(scans, difference=True, selection=self.selection)
        heatmap.follow_choice((self.two_models, "shown"))
        return heatmap

    def __repr__(self) -> str:
        return f"Explorer({self.protein.name}, {self.model.name}; {self.scan.progress})"

    def colour(self, values: ArrayLike, label: str) -> None:
        """Colour sequence and structure by numbers of your own.

        Parameters
        ----------
        values : array_like, shape (L,)
            A number a residue; NaN where unknown. With both signs the scale is about 0. A Series
            is read by its labels.
        label : str
            What they are, with the unit.

        Raises
        ------
        ValueError
            If there is not one number a residue, a Series has other labels, or there is no label.
        """
        for view in (self.strip, self.structure):
            view.colour(values, label)

    def to_pandas(self) -> pd.DataFrame:
        """Return the tidy table of the pairs scanned so far, as `PairScan.to_pandas`.

        Those of the model: the reference's are in ``explorer.reference_scan``.
        """
        return self.scan.to_pandas()

    def to_html(
        self,
        path: str | os.PathLike[str],
        *,
        contexts: Iterable[Iterable[int] | str] = (),
        singles: bool = True,
    ) -> Path:
        """Write what is known now as one file that any browser shows, offline and without a kernel.

        The page has the strip, the distributions, the pair map in all its metrics and
        normalisations, and the structure, linked as here. It knows p(i|M) for no masks, for every
        single mask, for what was looked at in this session (the latest 200 sets of masks), and,
        for the pairs scanned so far, at the two masked residues. For other masks it says that the
        notebook is needed, and so it is for a reference. Its probabilities are within 2e-5 of the
        model's. The file takes 1 MB for 64 residues and up to 25 MB for 360: it grows with the
        square of their number.

        Parameters
        ----------
        path : path
            Ends in ``.html``. A file that is there already is replaced.
        contexts : iterable of masks, optional
            More sets of masks to record, each as positions or as text: ``["3-10", {24, 39}]``.
            The page of a whole notebook (``plmwidgets page``) has them as well.
        singles : bool
            Ask the model for every single mask first: L passes, with a progress bar in a terminal.
            Without them the page knows only the masked residue of a single mask, from the scan.

        Returns
        -------
        Path
            Where the page is.

        Raises
        ------
        ValueError
            If the name ends in something else, if what is there is no file, or if masks cannot be
            read.
        FileNotFoundError
            If the folder does not exist.

        Examples
        --------
        >>> from plmwidgets import Explorer, Protein
        >>> explorer = Explorer(Protein.demo(), "demo")
        >>> explorer.to_html("lesson.html", contexts=["3-10"])  # doctest: +SKIP
        """
        # Here, as they build on the views.
        from plmwidgets.offline.page import page_of, page_path, write_page
        from plmwidgets.offline.record import record_of

        target = page_path(path)  # first: the record takes a while
        wanted = contexts if isinstance(contexts, str) else list(contexts)
        record = record_of(self, singles, wanted)
        self.recorded = [*self.recorded, *wanted]
        write_page(page_of(record), target)
        return Path(path)

    def close(self) -> None:
        """Take all views off the page; a running scan goes on."""
        if self.children:  # else it could not be opened
            self.live.close()
            if self.two_models is not None:
                self.two_models.reference.close()
        super().close()

"""The ready-made page: all views of a protein and a model, linked."""

import os
from typing import Any, Literal

import ipywidgets
import pandas as pd

from plmwidgets.models import as_model
from plmwidgets.models.masked_lm import MaskedLM
from plmwidgets.protein import Protein
from plmwidgets.scan.start import as_protein, prepare_pairs
from plmwidgets.widgets.distributions import Distributions
from plmwidgets.widgets.live import LivePrediction
from plmwidgets.widgets.pair_heatmap import PairHeatmap
from plmwidgets.widgets.scan_panel import ScanPanel
from plmwidgets.widgets.selection import Selection
from plmwidgets.widgets.sequence_strip import SequenceStrip
from plmwidgets.widgets.structure_view import StructureView


class Explorer(ipywidgets.GridBox):
    """Mask residues, watch the distributions, scan all pairs, see the map beside the structure.

    Parameters
    ----------
    protein : Protein or str
        A protein, or a sequence.
    model : MaskedLM or str
        A loaded model, or what `load_model` takes, such as ``"esm2-8m"`` or ``"demo"``.
    store : path, optional
        Folder that keeps the scan: the same call in a new session shows what it holds and goes on.
    method, precision
        Of the scan: see `scan_pairs`.

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
    panel : ScanPanel

    Examples
    --------
    >>> from plmwidgets import Explorer, Protein
    >>> explorer = Explorer(Protein.demo(), "demo")
    >>> explorer.selection.masked = {3, 7}
    >>> len(explorer.distributions.to_pandas())
    64
    """

    def __init__(
        self,
        protein: Protein | str,
        model: MaskedLM | str,
        store: str | os.PathLike[str] | None = None,
        *,
        method: Literal["exact", "superposed"] = "exact",
        precision: str | None = None,
    ) -> None:
        protein, model = as_protein(protein), as_model(model)
        self.protein = protein
        self.model = model
        self.scan = prepare_pairs(protein, model, store, method=method, precision=precision)
        self.selection = Selection(protein)
        self.live = LivePrediction(protein, model, self.selection)
        shared: dict[str, Any] = {"selection": self.selection, "live": self.live}
        self.strip = SequenceStrip(protein, scan=self.scan, **shared)
        self.distributions = Distributions(protein, **shared)
        self.heatmap = PairHeatmap(self.scan, selection=self.selection)
        self.structure = StructureView(protein, scan=self.scan, **shared)
        self.panel = ScanPanel(self.scan, selection=self.selection)
        areas = {
            "strip": self.strip,
            "panel": self.panel,
            "map": self.heatmap,
            "structure": self.structure,
            "distributions": self.distributions,
        }
        for name, view in areas.items():
            view.layout.grid_area = name
            view.layout.min_width = "0"
        super().__init__(
            children=list(areas.values()),
            layout=ipywidgets.Layout(
                grid_template_areas='"strip strip" "panel panel" "map structure" '
                '"distributions distributions"',
                grid_template_columns="minmax(0, 1fr) minmax(0, 1fr)",
                grid_gap="12px 16px",
                width="100%",
            ),
        )

    def __repr__(self) -> str:
        return f"Explorer({self.protein.name}, {self.model.name}; {self.scan.progress})"

    def _display_(self) -> Any:
        # marimo asks for this; it draws anywidgets, but no grid of ipywidgets that holds them.
        import marimo

        beside = marimo.hstack([self.heatmap, self.structure], widths="equal", gap=1)
        return marimo.vstack([self.strip, self.panel, beside, self.distributions], gap=1)

    def to_pandas(self) -> pd.DataFrame:
        """Return the tidy table of the pairs scanned so far, as `PairScan.to_pandas`."""
        return self.scan.to_pandas()

    def close(self) -> None:
        """Take all views off the page; a running scan goes on."""
        for view in self.children:
            view.close()
        if self.children:  # else it could not be opened
            self.live.close()
        super().close()

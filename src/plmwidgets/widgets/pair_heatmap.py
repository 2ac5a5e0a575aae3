"""The map of how residues depend on each other, beside contacts and distances."""

import threading
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import traitlets as t
from numpy.typing import ArrayLike, NDArray

from plmwidgets.map_styles import METRICS
from plmwidgets.protein import Protein, as_protein
from plmwidgets.scan.pair import PairScan
from plmwidgets.scan.several import Scans, protein_of, scans_by_model
from plmwidgets.widgets.normalisation import NORMALISATIONS
from plmwidgets.widgets.pair_maps import PairMaps
from plmwidgets.widgets.selection import Selection
from plmwidgets.widgets.throttle import Throttle
from plmwidgets.widgets.view import View, bundle

BYTES_A_SECOND = 8e6
# Faster looks no smoother, and takes the processor from the scan.
REDRAW_SECONDS = 0.2


class PairHeatmap(View):
    """Two square maps in one: a metric above the diagonal, another map below.

    Rows are the residues affected, columns those hidden as well. Cells fill while the scan runs;
    a click masks both residues. A rectangle drawn with Shift held down is computed first.

    Parameters
    ----------
    scan : PairScan, several, Protein or str
        Of one protein: an iterable, whose names are those of the models, or a mapping that states
        names. All are drawn on one scale; a slider goes through them, so give them by size. With a
        protein, or its sequence, alone, there are the maps of its structure and those of `maps`.
    difference : bool
        Of two scans, such as of a model without and with an adapter: offer the second less the
        first as well, as a third.
    maps : mapping of str to array_like, optional
        More maps to choose from, by name: see `add_map`.
    selection : Selection, optional
        Shared with other views; its own by default.
    upper, lower : str, optional
        What to show above and below the diagonal: one of `plmwidgets.metrics.PAIR_METRICS`, or of
        the structure ``"contacts"``, ``"inverse_ca_distance"`` (1/Å) or ``"distance"`` (CB to CB,
        Å). By default the mean JS distance above, and the contacts below where the structure is
        known.
    normalisation : str, optional
        See below.

    Attributes
    ----------
    upper, lower : str
    upper_model, lower_model : str
        Of several scans: which is shown above, and which below the diagonal. The first, to begin
        with.
    normalisation : str
        Of the scan's metrics, over the pairs computed so far: ``"none"``; ``"apc"``, the average
        product correction of the mean of both directions; or ``"separation_z"``, the z-score among
        the pairs of equal separation in the sequence. The labels say which. Contacts and distances
        stay as they are.
    colour_limits : list of two floats, or None
        Ends of the upper map's colour scale; None for limits taken from the values, which every
        change of the normalisation returns to.
    """

    _bundle = t.Unicode(bundle("pair_heatmap"), read_only=True).tag(sync=True)
    upper = t.Unicode("js_dist_avg").tag(sync=True, page=True)
    lower = t.Unicode("js_dist_avg").tag(sync=True, page=True)
    normalisation = t.Unicode("none").tag(sync=True, page=True)
    upper_model = t.Unicode().tag(sync=True, page=True)
    lower_model = t.Unicode().tag(sync=True, page=True)
    models = t.List(t.Unicode(), read_only=True).tag(sync=True)
    options: t.List[Any] = t.List(read_only=True).tag(sync=True)
    normalisations = t.List([list(item) for item in NORMALISATIONS.items()], read_only=True).tag(
        sync=True
    )
    upper_map = t.Any(None).tag(sync=True)
    lower_map = t.Any(None).tag(sync=True)
    distances = t.Any(None).tag(sync=True)
    estimated = t.Any(None).tag(sync=True)
    colour_limits = t.List(t.Float(), allow_none=True, default_value=None).tag(sync=True, page=True)
    progress = t.Dict(default_value=None, allow_none=True).tag(sync=True)
    region = t.Dict(default_value=None, allow_none=True, read_only=True).tag(sync=True)

    def __init__(
        self,
        scan: PairScan | Scans | Protein | str,
        *,
        difference: bool = False,
        maps: Mapping[str, ArrayLike] | None = None,
        selection: Selection | None = None,
        upper: str | None = None,
        lower: str | None = None,
        normalisation: str = "none",
        presenter: bool = False,
    ) -> None:
        self._scans: Mapping[str, PairScan] = {}
        if isinstance(scan, Protein | str):
            protein = as_protein(scan)
        else:
            self._scans = scans_by_model([scan] if isinstance(scan, PairScan) else scan)
            protein = protein_of(self._scans)
        self._maps = PairMaps(protein, self._scans, difference=difference)
        self._drawing = threading.RLock()
        for name, values in (maps or {}).items():
            self._maps.add(name, values, name, "", None)
        if not self._maps.styles:
            raise ValueError(
                f"there is no map of {protein.name} to show: give a scan, maps=..., or a protein "
                "with a structure"
            )
        super().__init__(protein, selection, presenter=presenter)
        self._offer()
        self.set_trait("models", self._maps.models)
        if self._scans:
            self.upper_model = self.lower_model = self.models[0]
        self.distances = self._maps.distances()
        size = 4 * len(protein) ** 2
        self._refresh = Throttle(self._show_scan, max(REDRAW_SECONDS, size / BYTES_A_SECOND))
        self.normalisation = normalisation
        own = list(maps or {})
        first = "js_dist_avg" if self._scans else (*own, "contacts")[0]
        self.upper = first if upper is None else upper
        structure = "contacts" if protein.has_structure else self.upper
        self.lower = structure if lower is None else lower
        for one in self._scans.values():
            self._at_close.append(one.subscribe(self._refresh))
        self._refresh.now()

    def add_map(
        self,
        name: str,
        values: ArrayLike,
        *,
        label: str | None = None,
        unit: str = "",
        kind: str | None = None,
        limits: tuple[float, float] | None = None,
    ) -> None:
        """Offer a map of your own; `upper` or `lower` shows it: ``heatmap.upper = name``.

        Parameters
        ----------
        name : str
            What it is called in Python; a map of yours that has it already gets the new values.
        values : array_like, shape (L, L)
            Rows are the residues affected; NaN where unknown. A DataFrame is read by its labels.
        label : str, optional
            What people read; the name by default.
        unit : str
        kind : {None, "sequential", "diverging", "binary"}
            Of the colours: from 0 up, about 0, or 0 and 1. By default by whether there is anything
            below 0.
        limits : tuple of (float, float), optional
            Ends of the colours, so that maps compare; by default taken from the values.

        Raises
        ------
        ValueError
            If the shape or the labels do not fit, the name is that of another map, or the kind is
            unknown.
        """
        with self._drawing:
            self._maps.add(name, values, label or name, unit, kind, limits=limits)
            self._offer()
        with self.guarded():
            self._show_maps(side for side in ("upper", "lower") if getattr(self, side) == name)

    def follow_choice(self, choice: tuple[t.HasTraits, str]) -> None:
        """Make the model above the diagonal that of a trait that other views share."""
        self._at_close.append(t.link(choice, (self, "upper_model")).unlink)

    def to_pandas(self) -> pd.DataFrame:
        """Return the tidy table of the scan above the diagonal, as `PairScan.to_pandas`.

        Raises
        ------
        RuntimeError
            If the maps are of no scan.
        """
        if not self._scans:
            raise RuntimeError("these maps are of no scan: take their values from where they are")
        return self._scan.to_pandas()

    def handle(self, kind: str, content: Any) -> None:
        """Compute a region first that was drawn on the map."""
        if kind == "prioritise" and self._scans:
            self._scan.prioritise(content.get("rows"), content.get("columns"))
            self._show_region()
        else:
            super().handle(kind, content)

    @t.validate("upper", "lower")
    def _validate_map(self, proposal: Any) -> str:
        name = str(proposal["value"])
        if name not in self._maps.styles:
            raise t.TraitError(
                f"no map called {name!r}: choose from {', '.join(self._maps.styles)}"
            )
        return name

    @t.validate("upper_model", "lower_model")
    def _validate_model(self, proposal: Any) -> str:
        name = str(proposal["value"])
        if name not in self._maps.models:
            known = ", ".join(self._maps.models)
            raise t.TraitError(f"no scan of a model {name!r}: choose from {known}")
        return name

    @t.validate("normalisation")
    def _validate_normalisation(self, proposal: Any) -> str:
        name = str(proposal["value"])
        if name not in NORMALISATIONS:
            raise t.TraitError(
                f"no normalisation called {name!r}: choose from {', '.join(NORMALISATIONS)}"
            )
        return name

    @t.validate("colour_limits")
    def _validate_limits(self, proposal: Any) -> list[float] | None:
        limits: list[float] | None = proposal["value"]
        if limits is not None and not (
            len(limits) == 2 and np.isfinite(limits).all() and limits[0] < limits[1]
        ):
            raise t.TraitError(
                "colour_limits are two numbers, the smaller first, or None for limits taken from "
                f"the values: not {limits!r}"
            )
        return limits

    @t.observe("upper_model", "lower_model")
    def _model_changed(self, _: Any) -> None:
        if not self.upper_map:
            return  # still being made
        with self.guarded():
            self._refresh.now()

    @t.observe("upper", "lower")
    def _map_changed(self, change: Any) -> None:
        with self.guarded():
            self._show_maps([change["name"]])

    @t.observe("normalisation")
    def _normalisation_changed(self, _: Any) -> None:
        with self.guarded(), self._drawing, self.hold_sync():
            self.set_trait("colour_limits", None)  # they were set for other values
            self._show_maps(side for side in ("upper", "lower") if getattr(self, side) in METRICS)

    def _offer(self) -> None:
        self.set_trait("options", [[name, style[0]] for name, style in self._maps.styles.items()])

    @property
    def _scan(self) -> PairScan:
        """The one above the diagonal; for a difference the one that is further behind."""
        if self.upper_model in self._scans:
            return self._scans[self.upper_model]
        return min(self._scans.values(), key=lambda scan: scan.pairs_computed)

    def _show_scan(self) -> None:
        self._show_maps(
            side
            for side in ("upper", "lower")
            if getattr(self, side) in METRICS or getattr(self, f"{side}_map") is None
        )
        if not self._scans:
            return
        self.estimated = self._maps.estimated(self.upper_model, self.lower_model)
        now = self._scan.progress
        self.progress = {
            "done": now.done,
            "total": now.total,
            "status": str(now.status),
            "text": str(now),
        }
        self._show_region()

    def _show_region(self) -> None:
        region = self._scan.prioritised
        self.set_trait(
            "region",
            None
            if region is None
            else {"rows": list(region.rows), "columns": list(region.columns)},
        )

    def _show_maps(self, sides: Iterable[str]) -> None:
        # One at a time, and the choice is read inside: a refresh that was under way when another
        # map was chosen must not put the old one back.
        with self._drawing:
            maps = {
                f"{side}_map": self._maps.map(
                    getattr(self, side), getattr(self, f"{side}_model"), self.normalisation
                )
                for side in sides
            }
            with self.hold_sync():
                for trait, content in maps.items():
                    setattr(self, trait, content)

    def content(
        self, name: str, how: str, model: str | None = None
    ) -> tuple[dict[str, Any], NDArray[np.float64]]:
        """Return a map as the page shows it: what is said of it, and its values, (L, L).

        Parameters
        ----------
        name : str
            One of `options`.
        how : str
            One of the normalisations.
        model : str, optional
            Whose; by default that above the diagonal.
        """
        return self._maps.content(name, self.upper_model if model is None else model, how)

"""The map of how residues depend on each other, beside contacts and distances."""

import threading
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
import traitlets as t
from numpy.typing import NDArray

from plmwidgets.map_styles import METRICS, STRUCTURE, robust_limits
from plmwidgets.metrics import SYMMETRIC_METRICS
from plmwidgets.protein import Protein
from plmwidgets.scan.origin import Origin
from plmwidgets.scan.pair import PairScan
from plmwidgets.widgets.normalisation import (
    NORMALISATIONS,
    MapStyle,
    applies_to,
    normalise,
    normalised_style,
)
from plmwidgets.widgets.selection import Selection
from plmwidgets.widgets.view import Throttle, View, bundle, envelope

BYTES_A_SECOND = 8e6


class PairHeatmap(View):
    """Two square maps in one: a metric above the diagonal, another map below.

    Rows are the residues affected, columns those hidden as well. Cells fill while the scan runs;
    a click masks both residues. A rectangle drawn with Shift held down is computed first.

    Parameters
    ----------
    scan : PairScan
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
    upper = t.Unicode("js_dist_avg").tag(sync=True)
    lower = t.Unicode("js_dist_avg").tag(sync=True)
    normalisation = t.Unicode("none").tag(sync=True)
    options: t.List[Any] = t.List(read_only=True).tag(sync=True)
    normalisations = t.List([list(item) for item in NORMALISATIONS.items()], read_only=True).tag(
        sync=True
    )
    upper_map = t.Any(None).tag(sync=True)
    lower_map = t.Any(None).tag(sync=True)
    distances = t.Any(None).tag(sync=True)
    estimated = t.Any(None).tag(sync=True)
    colour_limits = t.List(t.Float(), allow_none=True, default_value=None).tag(sync=True)
    progress = t.Dict(None, allow_none=True).tag(sync=True)
    region = t.Dict(None, allow_none=True, read_only=True).tag(sync=True)

    def __init__(
        self,
        scan: PairScan,
        *,
        selection: Selection | None = None,
        upper: str = "js_dist_avg",
        lower: str | None = None,
        normalisation: str = "none",
    ) -> None:
        protein = scan.protein
        self._scan = scan
        self._drawing = threading.RLock()
        self._structure = {} if protein.structure is None else _structure_maps(protein)
        super().__init__(protein, selection)
        self.set_trait("options", [[name, label[0]] for name, label in self._known().items()])
        self.distances = envelope(self._structure.get("distance"))
        size = 4 * len(protein) ** 2
        self._refresh = Throttle(self._show_scan, max(0.1, size / BYTES_A_SECOND))
        self.normalisation = normalisation
        self.upper = upper
        self.lower = ("contacts" if self._structure else upper) if lower is None else lower
        self._show_scan()
        self._at_close.append(scan.subscribe(self._refresh))

    def to_pandas(self) -> pd.DataFrame:
        """Return the tidy table of the scan, as `PairScan.to_pandas`."""
        return self._scan.to_pandas()

    def handle(self, kind: Any, content: Any) -> None:
        """Compute a region first that was drawn on the map."""
        if kind == "prioritise":
            self._scan.prioritise(content.get("rows"), content.get("columns"))
            self._show_region()
        else:
            super().handle(kind, content)

    @t.validate("upper", "lower")
    def _validate_map(self, proposal: Any) -> str:
        name = str(proposal["value"])
        if name not in self._known():
            raise t.TraitError(f"no map called {name!r}: choose from {', '.join(self._known())}")
        return name

    @t.validate("normalisation")
    def _validate_normalisation(self, proposal: Any) -> str:
        name = str(proposal["value"])
        if name not in NORMALISATIONS:
            raise t.TraitError(
                f"no normalisation called {name!r}: choose from {', '.join(NORMALISATIONS)}"
            )
        return name

    @t.observe("upper", "lower")
    def _map_changed(self, change: Any) -> None:
        with self.guarded():
            self._show_maps([change["name"]])

    @t.observe("normalisation")
    def _normalisation_changed(self, _: Any) -> None:
        with self.guarded(), self.hold_sync():
            self.set_trait("colour_limits", None)  # they were set for other values
            self._show_maps(side for side in ("upper", "lower") if getattr(self, side) in METRICS)

    def _known(self) -> dict[str, tuple[str, str, str]]:
        return METRICS | STRUCTURE if self._structure else METRICS

    def _style(self, name: str, normalisation: str) -> MapStyle:
        directed = name in METRICS and name not in SYMMETRIC_METRICS
        style = MapStyle(*self._known()[name], directed)
        return style if name in STRUCTURE else normalised_style(normalisation, name, style)

    def _show_scan(self) -> None:
        self._show_maps(
            side
            for side in ("upper", "lower")
            if getattr(self, side) in METRICS or getattr(self, f"{side}_map") is None
        )
        estimated = self._scan.origin == Origin.ESTIMATED
        self.estimated = envelope(estimated.astype(np.uint8)) if estimated.any() else None
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
            maps = {f"{side}_map": self._map(getattr(self, side)) for side in sides}
            with self.hold_sync():
                for trait, content in maps.items():
                    setattr(self, trait, content)

    def _map(self, name: str) -> dict[str, Any]:
        how = self.normalisation  # once: it may be changed meanwhile
        style = self._style(name, how)
        scanned = name in METRICS
        changed = scanned and applies_to(how, name, METRICS[name][2])
        values = self._scan.values(name) if scanned else self._structure[name]
        if changed:
            values = normalise(how, values)
        return {
            "name": name,
            **style._asdict(),
            "values": envelope(values),
            "limits": list(robust_limits(values, style.kind)),
            "scanned": scanned,
            "normalised": changed,
            # The noise is known in the metric's own values.
            "floor": None if changed else self._floor(name),
        }

    def _floor(self, name: str) -> float | None:
        """Below what a map shows the noise of the scan's arithmetic; None where unknown."""
        distance = self._scan.provenance.get("noise_floor")
        power = {"js_dist": 1, "js_dist_avg": 1, "js_div": 2, "js_div_avg": 2}.get(name)
        return None if distance is None or power is None else float(distance**power)


def _structure_maps(protein: Protein) -> dict[str, NDArray[np.float64]]:
    between = protein.distance_map("CA")
    np.fill_diagonal(between, np.nan)
    return {
        "contacts": protein.contact_map(),
        "inverse_ca_distance": 1.0 / np.where(between > 0, between, np.nan),
        "distance": protein.distance_map(),
    }

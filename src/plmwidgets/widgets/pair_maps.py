"""The maps that a pair heatmap can show: metrics of scans, of the structure, and others' own."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from plmwidgets._labels import by_residue
from plmwidgets._options import choice, flag
from plmwidgets.map_styles import METRICS, STRUCTURE, robust_limits
from plmwidgets.metrics import SYMMETRIC_METRICS
from plmwidgets.protein import Protein
from plmwidgets.scan.origin import Origin
from plmwidgets.scan.pair import PairScan
from plmwidgets.widgets.normalisation import MapStyle, applies_to, normalise, normalised_style
from plmwidgets.widgets.view import envelope


class PairMaps:
    """Looks maps up by their name and the model they are of.

    Parameters
    ----------
    protein : Protein
    scans : dict of str to PairScan
        Of its sequence, by model; there may be none.
    difference : bool
        Whether to offer, of two scans, the second less the first, as a third.

    Attributes
    ----------
    protein : Protein
    models : list of str
        Whose maps there are: the names of the scans, and ``"<second> − <first>"``.
    styles : dict of str to tuple of (str, str, str)
        Label, unit and kind of colour scale of all maps that there are, by name.
    """

    def __init__(
        self, protein: Protein, scans: Mapping[str, PairScan], *, difference: bool = False
    ) -> None:
        difference = flag("difference", difference)
        if difference and len(scans) != 2:
            raise ValueError(f"a difference is of two scans, and there are {len(scans)}")
        self.protein = protein
        self.models = [*scans, *([difference_name(*scans)] if difference else [])]
        self._scans = scans
        self._structure = _structure_maps(self.protein) if self.protein.has_structure else {}
        self._own: dict[str, NDArray[np.float64]] = {}
        self._own_limits: dict[str, tuple[float, float] | None] = {}
        self.styles: dict[str, tuple[str, str, str]] = {}
        self.styles |= METRICS if scans else {}
        self.styles |= STRUCTURE if self._structure else {}
        # Of the maps that are not shown; again when their scans have gone on.
        self._limits: dict[tuple[str, str, str], tuple[tuple[int, int], tuple[float, float]]] = {}

    def add(
        self,
        name: str,
        values: ArrayLike,
        label: str,
        unit: str,
        kind: str | None,
        *,
        limits: tuple[float, float] | None = None,
    ) -> None:
        """Take a map of somebody's own; see `PairHeatmap.add_map`."""
        values = by_residue(values, self.protein, f"the map {name!r}")
        numbers = np.asarray(values, dtype=np.float64)
        length = len(self.protein)
        if numbers.shape != (length, length):
            raise ValueError(
                f"a map of {self.protein.name} has shape ({length}, {length}), not {numbers.shape}"
            )
        if name in self.styles and name not in self._own:
            raise ValueError(f"{name!r} is the name of another map: choose another one")
        if kind is None:
            kind = "diverging" if (numbers < 0).any() else "sequential"
        kind = choice("kind", kind, ("sequential", "diverging", "binary"))
        self._own[name] = numbers
        self._own_limits[name] = limits
        self.styles[name] = (label, unit, kind)

    def distances(self) -> dict[str, Any] | None:
        """Return the distances between CB in Å as the page reads them; None where unknown."""
        return envelope(self._structure.get("distance"))

    def estimated(self, upper: str, lower: str) -> dict[str, Any] | None:
        """Return which pairs are estimated, of one model above the diagonal, of another below."""
        if not self._scans:
            return None
        there = self._estimated(upper)
        if lower != upper:
            there = np.triu(there) | np.tril(self._estimated(lower))
        return envelope(there.astype(np.uint8)) if there.any() else None

    def _estimated(self, model: str) -> NDArray[np.bool_]:
        parts = [self._scans[model]] if model in self._scans else self._scans.values()
        found: NDArray[np.bool_] = np.any([s.origin == Origin.ESTIMATED for s in parts], axis=0)
        return found

    def map(self, name: str, model: str, normalisation: str) -> dict[str, Any]:
        """Return a map as the page reads it; the parameters are those of `content`."""
        content, values = self.content(name, model, normalisation)
        return {**content, "values": envelope(values)}

    def content(
        self, name: str, model: str, normalisation: str
    ) -> tuple[dict[str, Any], NDArray[np.float64]]:
        """Return what is said of a map, and its values, (L, L).

        Parameters
        ----------
        name : str
            A key of `styles`.
        model : str
            One of `models`; a map of the structure has none.
        normalisation : str
            One of `NORMALISATIONS`; a map of the structure, or somebody's own, stays as it is.
        """
        # Without a scan, somebody's own map may have the name of a metric.
        scanned = name in METRICS and name not in self._own
        directed = scanned and name not in SYMMETRIC_METRICS
        if name in self._own:
            directed = not _is_symmetric(self._own[name])
        style = MapStyle(*self.styles[name], directed)
        if not scanned:
            values = self._own[name] if name in self._own else self._structure[name]
            limits = self._own_limits.get(name) or robust_limits(values, style.kind)
            changed, floor, model = False, None, ""
        else:
            style = normalised_style(normalisation, name, style)
            if model not in self._scans:
                style = style._replace(kind="diverging")
            values = self._values(name, model, normalisation)
            limits = self._shared_limits(name, normalisation, style.kind, values, model)
            changed = applies_to(normalisation, name, METRICS[name][2])
            # The noise is known in the metric's own values.
            floor = None if changed else self._floor(name, model)
            if len(self._scans) > 1:
                style = style._replace(label=f"{style.label}, {model}")
        content = {
            "name": name,
            "model": model,
            **style._asdict(),
            "limits": list(limits),
            "scanned": scanned,
            "normalised": changed,
            "floor": floor,
        }
        return content, values

    def _values(self, name: str, model: str, normalisation: str) -> NDArray[np.float64]:
        if model not in self._scans:
            first, second = (self._values(name, scan, normalisation) for scan in self._scans)
            return second - first
        values = self._scans[model].values(name)
        if applies_to(normalisation, name, METRICS[name][2]):
            values = normalise(normalisation, values)
        return values

    def _shared_limits(
        self, name: str, normalisation: str, kind: str, own: NDArray[np.float64], model: str
    ) -> tuple[float, float]:
        """Return one scale for all models, so that their maps compare; `own` is of `model`.

        A difference has a scale of its own.
        """
        ends = [robust_limits(own, kind)]
        if model not in self._scans:
            return ends[0]
        for other, scan in self._scans.items():
            if other == model or not scan.pairs_computed:
                continue
            key, found = (name, other, normalisation), (scan.pairs_computed, scan.pairs_estimated)
            if key not in self._limits or self._limits[key][0] != found:
                self._limits[key] = (found, robust_limits(self._values(*key), kind))
            ends.append(self._limits[key][1])
        return min(low for low, _ in ends), max(high for _, high in ends)

    def _floor(self, name: str, model: str) -> float | None:
        """Below what a map shows the noise of the scan's arithmetic; None where unknown."""
        if model not in self._scans:
            return None
        distance = self._scans[model].provenance.get("noise_floor")
        power = {"js_dist": 1, "js_dist_avg": 1, "js_div": 2, "js_div_avg": 2}.get(name)
        return None if distance is None or power is None else float(distance**power)


def difference_name(first: str, second: str) -> str:
    """Name the second model less the first."""
    return f"{second} − {first}"


def _is_symmetric(values: NDArray[np.float64]) -> bool:
    return np.allclose(values, values.T, rtol=1e-5, atol=1e-8, equal_nan=True)


def _structure_maps(protein: Protein) -> dict[str, NDArray[np.float64]]:
    between = protein.distance_map("CA")
    np.fill_diagonal(between, np.nan)
    return {
        "contacts": protein.contact_map(),
        "inverse_ca_distance": 1.0 / np.where(between > 0, between, np.nan),
        "distance": protein.distance_map(),
    }

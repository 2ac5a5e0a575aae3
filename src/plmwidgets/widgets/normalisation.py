"""Corrections of a map for display: what they do to its values, its label and its scale."""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from plmwidgets.metrics import SYMMETRIC_METRICS, apc, separation_zscore

# name: what the view calls it
NORMALISATIONS: Final = {
    "none": "Not normalised",
    "apc": "APC",
    "separation_z": "z-score by separation",
}


class MapStyle(NamedTuple):
    """How a map is called and coloured.

    Attributes
    ----------
    label, unit : str
    kind : str
        Of colour scale: see `plmwidgets.map_styles.robust_limits`.
    directed : bool
        Whether (i, j) and (j, i) may differ.
    """

    label: str
    unit: str
    kind: str
    directed: bool


def applies_to(normalisation: str, metric: str, kind: str) -> bool:
    """Tell whether a normalisation makes sense for a metric of the scan.

    Yes and no have no deviation from a mean; and the order residual of (j, i) is minus that of
    (i, j), so that nothing is left of it in a symmetric map, the only one that APC is made for.
    """
    if normalisation == "none" or kind == "binary":
        return False
    return not (normalisation == "apc" and metric == "order_residual")


def normalised_style(normalisation: str, metric: str, style: MapStyle) -> MapStyle:
    """Return what a metric's map is called, and how it is coloured, once it is normalised.

    Parameters
    ----------
    normalisation : str
        One of `NORMALISATIONS`. Where it does not apply the label says so.
    metric : str
        One of `plmwidgets.metrics.PAIR_METRICS`.
    style : MapStyle
        Of the map as it is.
    """
    if normalisation == "none":
        return style
    if not applies_to(normalisation, metric, style.kind):
        return style._replace(label=f"{style.label}, not normalised")
    if normalisation == "separation_z":
        label = f"{style.label}, z-score by separation"
        return MapStyle(label, "", "diverging", style.directed)
    label = style.label
    if metric not in SYMMETRIC_METRICS:
        label = f"{label.removesuffix(' (directed)')} (mean)"
    return MapStyle(f"{label}, APC", style.unit, "diverging", False)


def normalise(normalisation: str, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Normalise the map of a metric that the normalisation applies to.

    Parameters
    ----------
    normalisation : str
        ``"apc"``: the average product correction of the mean of both directions;
        ``"separation_z"``: the z-score among the pairs of equal |i - j|. Both are taken over the
        pairs that there are.
    values : ndarray, shape (L, L)
        NaN where missing.

    Returns
    -------
    ndarray of float64, shape (L, L)
    """
    if normalisation == "separation_z":
        return separation_zscore(values)
    return apc(0.5 * (values + values.T))

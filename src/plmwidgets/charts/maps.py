"""Maps over pairs of residues."""

import math
from typing import Any, Final

import altair as alt
import numpy as np
from numpy.typing import NDArray

from plmwidgets.charts.parts import as_text, linked, title_of
from plmwidgets.map_styles import METRICS, STRUCTURE, robust_limits
from plmwidgets.metrics import SYMMETRIC_METRICS, check_pair_metric
from plmwidgets.protein import Protein
from plmwidgets.scan.pair import PairScan
from plmwidgets.scan.several import Scans, model_of, protein_of, scans_by_model

_MAPS: Final = METRICS | STRUCTURE
CONTACT: Final = "#3f85c0"
CROSSHAIR: Final = "#e8590c"
_BINARY: Final = ["#c9d3dc", "#2f6f9f"]
_SCHEMES: Final = {"sequential": "viridis", "diverging": "purpleorange", "distance": "cividis"}
_TRIVIAL: Final = 3  # residues closer in sequence touch in any fold
_DIGITS: Final = 5


def pair_map(scan: PairScan, metric: str = "js_dist_avg", lower: str | None = None) -> Any:
    """Draw a metric above the diagonal and another map below it.

    Rows are the residues affected, columns those hidden as well. The scale of a metric that has a
    sign is centred on 0; cells beyond the 99.5th percentile of the size have the colour of its end.
    Values are rounded to five significant digits. Every cell is drawn: up to some 400 residues a
    browser does that within seconds; beyond them `PairHeatmap` serves better.

    Parameters
    ----------
    scan : PairScan
        Finished or not: what is not computed stays empty.
    metric : str
        One of `plmwidgets.metrics.PAIR_METRICS`, whose units and ranges `pair_matrix` states.
    lower : str, optional
        What to show below the diagonal: a metric as well, ``"contacts"`` (CB < 8 Å, at
        ``|i - j| >= 3``), ``"distance"`` (CB to CB, Å) or ``"inverse_ca_distance"`` (1/Å, as in the
        published figure). By default the contacts, and without a structure the metric.

    Returns
    -------
    altair.LayerChart

    Raises
    ------
    ValueError
        If there is no map of that name, or it needs the structure and there is none.
    """
    check_pair_metric(metric)
    protein = scan.protein
    if lower is None:
        lower = "contacts" if protein.has_structure else metric
    below = "" if lower == metric else f"; below the diagonal: {_label(lower)}"
    pixels = max(1, round(480 / len(protein)))
    return _panel(scan, protein, metric, lower, pixels=pixels).properties(
        title=title_of(f"{protein.name}: {_label(metric)}", f"model {model_of(scan)}{below}")
    )


def js_against_contacts(scan: PairScan) -> Any:
    """Draw the mean JS distance (0 to 1) above the diagonal and the contacts (CB < 8 Å) below.

    Parameters
    ----------
    scan : PairScan
        Of a protein with a structure.

    Returns
    -------
    altair.LayerChart

    Raises
    ------
    ValueError
        If the structure is not known.
    """
    return pair_map(scan, "js_dist_avg", "contacts")


def model_maps(scans: Scans, metric: str = "js_dist_avg") -> Any:
    """Draw the maps of several models side by side, on one colour scale.

    Pointing at a cell of the metric draws a crosshair at the same pair in all of them. Below the
    diagonal of a metric that is the same for (i, j) and (j, i) are the contacts, where they are
    known.

    Parameters
    ----------
    scans : iterable of PairScan, or mapping of str to PairScan
        Of one protein.
    metric : str
        One of `plmwidgets.metrics.PAIR_METRICS`.

    Returns
    -------
    altair.ConcatChart

    Raises
    ------
    ValueError
        If there is no metric of that name, no scan, or the scans do not go together.
    """
    check_pair_metric(metric)
    named = scans_by_model(scans)
    protein = protein_of(named)
    with_contacts = protein.has_structure and metric in SYMMETRIC_METRICS
    lower = "contacts" if with_contacts else metric
    values = np.concatenate([scan.values(metric).ravel() for scan in named.values()])
    limits = robust_limits(values, METRICS[metric][2])
    across = 2 if len(named) in (2, 4) else 3
    pixels = max(1, round((320 if across == 2 else 240) / len(protein)))
    crosshair = alt.selection_point(
        name="crosshair", fields=["i", "j"], on="pointerover", clear="pointerout", empty=False
    )
    panels = [
        _panel(
            scan, protein, metric, lower, pixels=pixels, limits=limits, crosshair=crosshair
        ).properties(title=alt.Title(as_text(name), anchor="start"))
        for name, scan in named.items()
    ]
    below = f"; below the diagonal: {_label(lower)}" if with_contacts else ""
    title = title_of(f"{protein.name}: {_label(metric)}", f"one colour scale for all{below}")
    return linked(panels, across, title)


def _label(name: str) -> str:
    if name not in _MAPS:
        raise ValueError(f"there is no map {name!r}: choose from {', '.join(_MAPS)}")
    label, unit, _ = _MAPS[name]
    return f"{label} ({unit})" if unit else label


def _values(scan: PairScan, protein: Protein, name: str) -> NDArray[np.float64]:
    """Return the numbers of a map, shape (L, L); NaN where nothing is drawn."""
    if name in METRICS:
        return scan.values(name)
    if name == "distance":
        return protein.distance_map()
    if name == "inverse_ca_distance":
        distance = protein.distance_map("CA")
        np.fill_diagonal(distance, np.nan)
        return 1.0 / distance
    index = np.arange(len(protein))
    drawn = (protein.contact_map() == 1) & (abs(index[:, None] - index) >= _TRIVIAL)
    return np.where(drawn, 1.0, np.nan)


def _panel(
    scan: PairScan,
    protein: Protein,
    metric: str,
    lower: str,
    *,
    pixels: int,
    limits: tuple[float, float] | None = None,
    crosshair: Any = None,
) -> Any:
    """Draw one map of `pixels` a residue; with a selection of (i, j), lines cross at its pair."""
    labels = alt.param(value=[as_text(label) for label in protein.residue_labels])
    axes = _axes(protein, labels)
    shown = {metric: _values(scan, protein, metric)}
    if lower != metric:
        above = np.triu(np.ones((len(protein), len(protein)), dtype=np.bool_), 1)
        shown[metric] = np.where(above, shown[metric], np.nan)
        shown[lower] = np.where(above.T, _values(scan, protein, lower), np.nan)
    layers = []
    for name, values in shown.items():
        layer = _cells(name, values, limits if name == metric else None, labels).encode(**axes)
        layers.append(layer if crosshair is None else layer.add_params(crosshair))
    if crosshair is not None:
        layers += _crossing(len(protein), crosshair, axes)
    side = pixels * len(protein)
    panel = alt.layer(*layers).add_params(labels)
    if lower not in (metric, "contacts"):
        panel = panel.resolve_scale(color="independent")
    return panel.properties(width=side, height=side)


def _cells(
    name: str, values: NDArray[np.float64], limits: tuple[float, float] | None, labels: Any
) -> Any:
    """Draw a cell for every number that is not NaN."""
    # A list a row, taken apart in the browser: far fewer bytes than one record a cell.
    rows = [
        {"i": i, "value": [_rounded(value) for value in row]}
        for i, row in enumerate(values.tolist())
    ]
    return (
        alt.Chart(alt.InlineData(values=rows))
        .transform_flatten(["value"])
        .transform_window(column="row_number()", groupby=["i"])
        .transform_filter("isValid(datum.value)")
        .transform_calculate(
            j="datum.column - 1",
            residue_i=f"{labels.name}[datum.i]",
            residue_j=f"{labels.name}[datum.column - 1]",
        )
        .mark_rect()
        .encode(
            color=_colour(name, values, limits),
            tooltip=[
                alt.Tooltip("residue_i:N", title="affected"),
                alt.Tooltip("residue_j:N", title="hidden as well"),
                alt.Tooltip("value:Q", title=_label(name), format=".3~f"),
            ],
        )
    )


def _rounded(value: float) -> float | None:
    return float(f"{value:.{_DIGITS}g}") if math.isfinite(value) else None


def _colour(name: str, values: NDArray[np.float64], limits: tuple[float, float] | None) -> Any:
    if name == "contacts":
        return alt.value(CONTACT)
    kind = _MAPS[name][2]
    if kind == "binary":
        return alt.Color(
            "value:O",
            title=_label(name),
            scale=alt.Scale(domain=[0, 1], range=_BINARY),
            legend=alt.Legend(labelExpr="datum.value == 1 ? 'yes' : 'no'"),
        )
    # Another scheme than that of the metric above the diagonal.
    scheme = "magma" if name == "inverse_ca_distance" else _SCHEMES[kind]
    # As in the views: purple above 0, orange below.
    reverse = kind == "diverging"
    low, high = robust_limits(values, kind) if limits is None else limits
    return alt.Color(
        "value:Q",
        title=_label(name),
        scale=alt.Scale(domain=[low, high], clamp=True, scheme=scheme, reverse=reverse),
        legend=alt.Legend(tickCount=5, titleLimit=0),
    )


def _crossing(length: int, crosshair: Any, axes: dict[str, Any]) -> list[Any]:
    """Draw lines through the row and the column that the selection holds."""
    chosen = crosshair.name
    base = alt.Chart(alt.InlineData(values=[{"i": k, "j": k} for k in range(length)]))
    return [
        base.transform_filter(f"{chosen}.{field} && {chosen}.{field}[0] === datum.{field}")
        .mark_rule(color=CROSSHAIR)
        .encode(**{channel: axes[channel]})
        for channel, field in (("x", "j"), ("y", "i"))
    ]


def _axes(protein: Protein, labels: Any) -> dict[str, Any]:
    """Label round residue numbers, few enough not to overlap."""
    numbers = [number for number, _ in protein.numbers]
    step = next(s for s in (5, 10, 20, 50, 100, 200, 500) if len(protein) <= 9 * s or s == 500)
    axis = alt.Axis(
        values=[k for k, number in enumerate(numbers) if number % step == 0],
        labelExpr=f"slice({labels.name}[datum.value], 1)",
        labelAngle=0,
        grid=False,
        ticks=True,
    )
    scale = alt.Scale(domain=list(range(len(protein))), paddingInner=0)
    return {
        "x": alt.X("j:O", title="residue hidden as well", axis=axis, scale=scale),
        "y": alt.Y("i:O", title="residue affected", axis=axis, scale=scale),
    }

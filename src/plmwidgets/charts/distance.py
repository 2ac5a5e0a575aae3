"""How dependence falls off with distance."""

from typing import Any, Final

import altair as alt
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from plmwidgets.charts.parts import ACCENT, BAR, inline, title_of
from plmwidgets.scan.pair import PairScan
from plmwidgets.scan.several import model_of

CONTACT: Final = 8.0  # Å
_DOTS: Final = 4000  # more would hide each other
_BINS: Final = 60


def js_against_distance(scan: PairScan, min_separation: int = 6) -> Any:
    """Draw the mean JS distance of every pair against its distance in the structure.

    Up to 4,000 pairs are dots; more are counted in rectangles.

    Parameters
    ----------
    scan : PairScan
        Of a protein with a structure.
    min_separation : int
        Pairs with ``|i - j|`` below it are left out, as neighbours in sequence depend on each other
        and are close in any fold; 1 shows all.

    Returns
    -------
    altair.LayerChart
        x: CB to CB, Å, with a line at the 8 Å of a contact; y: ``js_dist_avg``, 0 to 1.

    Raises
    ------
    ValueError
        If the structure is not known, or no pair that it shows is computed.
    """
    protein = scan.protein
    distance, js = protein.distance_map(), scan.values("js_dist_avg")
    i, j = np.triu_indices(len(protein), max(min_separation, 1))
    known = np.isfinite(distance[i, j]) & np.isfinite(js[i, j])
    i, j = i[known], j[known]
    if not len(i):
        raise ValueError(
            f"no pair at |i - j| >= {min_separation} is computed and seen in the structure: wait "
            "for the scan with scan.wait(), or choose a smaller min_separation"
        )
    if len(i) <= _DOTS:
        labels = np.array(protein.residue_labels, dtype=object)
        table = pd.DataFrame(
            {"i": labels[i], "j": labels[j], "distance": distance[i, j], "js": js[i, j]}
        )
        shown = _dots(table)
    else:
        shown = _density(distance[i, j], js[i, j])
    line = alt.Chart(alt.InlineData(values=[{"at": CONTACT, "text": "contact: 8 Å"}])).encode(
        x="at:Q"
    )
    text = line.mark_text(color=ACCENT, align="left", dx=5, baseline="top").encode(
        text="text:N", y=alt.value(3)
    )
    rule = line.mark_rule(color=ACCENT, strokeDash=[4, 3], strokeWidth=1.5)
    return alt.layer(shown, rule, text).properties(
        width=480,
        height=300,
        title=title_of(
            "Mean JS distance against distance in the structure",
            f"{protein.name}, model {model_of(scan)}, |i - j| >= {min_separation}",
        ),
    )


def _axes(x: str, y: str) -> dict[str, Any]:
    return {
        "x": alt.X(x, title="CB distance (Å)", scale=alt.Scale(nice=True, domainMin=0)),
        "y": alt.Y(y, title="mean JS distance", scale=alt.Scale(domainMin=0)),
    }


def _dots(table: pd.DataFrame) -> Any:
    return (
        alt.Chart(inline(table))
        .mark_circle(size=22, opacity=0.7, color=BAR)
        .encode(
            **_axes("distance:Q", "js:Q"),
            tooltip=[
                "i:N",
                "j:N",
                alt.Tooltip("distance:Q", title="CB distance (Å)", format=".1f"),
                alt.Tooltip("js:Q", title="mean JS distance", format=".3f"),
            ],
        )
    )


def _density(distance: NDArray[np.float64], js: NDArray[np.float64]) -> Any:
    counts, right, up = np.histogram2d(distance, js, _BINS)
    a, b = np.nonzero(counts)
    table = pd.DataFrame(
        {
            "distance": right[a],
            "distance_to": right[a + 1],
            "js": up[b],
            "js_to": up[b + 1],
            "pairs": counts[a, b].astype(int),
        }
    )
    return (
        alt.Chart(inline(table))
        .mark_rect()
        .encode(
            **_axes("distance:Q", "js:Q"),
            x2="distance_to:Q",
            y2="js_to:Q",
            color=alt.Color(
                "pairs:Q", title="pairs", scale=alt.Scale(type="log", scheme="viridis")
            ),
            tooltip=[
                alt.Tooltip("distance:Q", title="CB distance from (Å)", format=".1f"),
                alt.Tooltip("js:Q", title="mean JS distance from", format=".3f"),
                alt.Tooltip("pairs:Q", format=","),
            ],
        )
    )

"""How well maps find contacts."""

from typing import Any, Final

import altair as alt
import numpy as np
import pandas as pd

from plmwidgets.charts.parts import MUTED, as_text, inline, linked, title_of

_POINTS: Final = 300  # of a curve: more cannot be told apart
_DASHES: Final = [4, 3]
_SIDE: Final = 300


def contact_curves(
    by_rank: pd.DataFrame, curve: pd.DataFrame, share: float, title: str, subtitle: str
) -> Any:
    """Draw the precision of the best pairs, and precision against recall; a colour a map.

    A click on a map in the legend singles it out in both panels.

    Parameters
    ----------
    by_rank, curve : DataFrame
        Of `ContactEvaluation.by_rank` and `ContactEvaluation.curve`.
    share : float
        Of contacts among all pairs, 0 to 1: what chance would find. A dashed line.
    title, subtitle : str

    Returns
    -------
    altair.ConcatChart
        On the left a dotted line shows what the best map of all would reach.
    """
    names = [as_text(name) for name in by_rank["map"].unique()]
    chosen = alt.selection_point(name="maps", fields=["map"], bind="legend")
    look = {
        "color": alt.Color("map:N", title="map", sort=None, scale=alt.Scale(domain=names)),
        "opacity": alt.when(chosen).then(alt.value(1.0)).otherwise(alt.value(0.15)),
    }
    panels = [_by_rank(by_rank, look, chosen, share), _recall(curve, look, share)]
    return linked(panels, 2, title_of(title, f"{subtitle}; dashed: by chance"))


def _by_rank(table: pd.DataFrame, look: dict[str, Any], chosen: Any, share: float) -> Any:
    base = alt.Chart(inline(table)).encode(
        x=alt.X(
            "share:Q",
            title="best pairs, as a share of L",
            scale=alt.Scale(domain=[0, 1]),
            axis=alt.Axis(tickCount=5),
        )
    )
    lines = base.mark_line(point=alt.OverlayMarkDef(size=40)).encode(
        y=_precision("precision:Q"),
        tooltip=[
            "map:N",
            alt.Tooltip("pairs:Q", title="best pairs"),
            alt.Tooltip("precision:Q", format=".3f"),
            alt.Tooltip("best_possible:Q", title="best possible", format=".3f"),
        ],
        **look,
    )
    best = base.mark_line(color=MUTED, strokeDash=[1, 3]).encode(y="mean(best_possible):Q")
    panel = alt.layer(_chance(share), best, lines.add_params(chosen))
    return _sized(panel, "Precision of the best pairs (dotted: best possible)")


def _recall(table: pd.DataFrame, look: dict[str, Any], share: float) -> Any:
    thinned = pd.concat([_thinned(part) for _, part in table.groupby("map", sort=False)])
    lines = (
        alt.Chart(inline(thinned))
        .mark_line(interpolate="step-before")
        .encode(
            x=alt.X(
                "recall:Q",
                title="recall: share of the contacts found",
                scale=alt.Scale(domain=[0, 1]),
                axis=alt.Axis(tickCount=5),
            ),
            y=_precision("precision:Q"),
            order="pairs:Q",
            tooltip=[
                "map:N",
                alt.Tooltip("pairs:Q", title="best pairs"),
                alt.Tooltip("recall:Q", format=".3f"),
                alt.Tooltip("precision:Q", format=".3f"),
            ],
            **look,
        )
    )
    return _sized(alt.layer(_chance(share), lines), "Precision against recall")


def _thinned(curve: pd.DataFrame) -> pd.DataFrame:
    """Leave so many steps of a curve, those of even recall; nothing after the last contact."""
    finds = np.flatnonzero(np.diff(curve["recall"].to_numpy(), prepend=0.0) > 0)
    if len(finds) > _POINTS:
        finds = finds[np.linspace(0, len(finds) - 1, _POINTS).round().astype(int)]
    return curve.iloc[finds]


def _precision(field: str) -> Any:
    return alt.Y(field, title="precision", scale=alt.Scale(domain=[0, 1]))


def _chance(share: float) -> Any:
    line = alt.Chart(alt.InlineData(values=[{"share of contacts": share}]))
    return line.mark_rule(color=MUTED, strokeDash=_DASHES).encode(
        y="share of contacts:Q", tooltip=[alt.Tooltip("share of contacts:Q", format=".3f")]
    )


def _sized(panel: Any, title: str) -> Any:
    heading = alt.Title(title, anchor="start")
    return panel.properties(width=_SIDE, height=_SIDE, title=heading)
